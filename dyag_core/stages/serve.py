"""Stage `serve`: load the arms once and answer whoever asks over HTTP, until somebody ends it."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

from dyag_core.errors import UsageError
from dyag_core.evaluation.arm_models import Models
from dyag_core.extras import need_libraries
from dyag_core.plugin.run import Run
from dyag_core.progress import SilentProgress
from dyag_core.records import Decoding
from dyag_core.retrieval.index import open_index
from dyag_core.serving.folder import Found, found_in
from dyag_core.stages.watch import Watch

if TYPE_CHECKING:
    from dyag_core.plugin.host import Plugins
    from dyag_core.progress import Progress
    from dyag_core.records.options import ServeOptions
    from dyag_core.serving.server import Server

#: The environment's word for the token: it is no option, so that it never stands in a list of processes.
TOKEN = "DYAG_SERVE_TOKEN"
_SHORTEST_TOKEN = 16
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
#: Seconds that answers get to come to their end when the server is asked to.
_GRACE = 20
#: What the extra "serve" brings.
_LIBRARIES = SimpleNamespace(requires=("starlette", "uvicorn", "prometheus_client"))


def serve(
    given: ServeOptions, *, folder: Path | None, plugins: Plugins, seed: int = 42, progress: Progress | None = None
) -> Server:
    """A server that answers. It listens before the models are loaded, and says so to whoever asks meanwhile.

    Raises:
        UsageError: nothing to serve, an address that can't be had, or one that others reach and no token.
    """
    progress = progress or SilentProgress()
    need_libraries("dyag serve", _LIBRARIES)
    from dyag_core.serving.app import build_app
    from dyag_core.serving.arms import arms_allowed, open_arms
    from dyag_core.serving.kept import Kept
    from dyag_core.serving.report import read_report
    from dyag_core.serving.server import Server
    from dyag_core.serving.state import State
    from dyag_core.serving.votes import Votes

    token = _token(given)
    found = Found(given.model, given.index, given.report)
    if folder is not None:
        found = found_in(folder, found)
    model, index = found.model, found.index
    arms = arms_allowed(given.arms, finetuned=model is not None, retrieval=index is not None)
    decoding = given.decoding or Decoding()
    run = Run(stage="serve", folder=folder or Path(), plugins=plugins, seed=seed, progress=progress)
    chosen = plugins.choose("engines", given.engine, given.engine_options)
    models = Models.resolve(
        model if any(arm.finetuned for arm in arms.values()) else None,
        given.base_model,
        plugins,
        progress,
        remote=chosen.remote,
        chat_template=given.chat_template,
    )
    measured = read_report(found.report) if found.report is not None else None
    state = State(progress.message, decoding, given.queue, given.timeout, measured)
    hosts = (given.host, *(given.allow_host or ()))
    app = build_app(state, hosts=hosts, token=token, log_content=given.log_content)
    with ExitStack() as opening, plugins.stage(run) as done:
        server = opening.enter_context(Server(app, given.host, given.port, _GRACE))
        loaded = opening.enter_context(ExitStack())
        if given.votes is not None:
            state.votes = Votes(given.votes)
            loaded.callback(state.votes.close)
        if given.keep is not None:
            state.kept = Kept(given.keep)
            loaded.callback(state.kept.close)
        opened = open_index(index, plugins=plugins, run=run) if index is not None else None
        k = {name: given.k or (measured.k if measured else {}).get(name, 3) for name in arms}
        served = open_arms(arms, chosen, models, opened, k, plugins, run)
        loaded.callback(served.close)
        if given.watch:
            if index is None:
                raise UsageError(
                    "--watch needs an index to keep up with its documents", "give --index, or leave it out"
                )
            loaded.callback(Watch(index, served, plugins, run).close)
        state.load(served)
        server.answers_as(arms, loaded.pop_all().close)
        opening.pop_all()
        done.result = server
    return server


def _token(given: ServeOptions) -> str | None:
    """The token, from its file or the environment. UsageError: it is too short, or missing where others can ask."""
    token = os.environ.get(TOKEN)
    if given.token_file is not None:
        if not given.token_file.is_file():
            raise UsageError(f"{given.token_file}: no such file", "write the token into it, and nothing else")
        token = given.token_file.read_text(encoding="utf-8")
    token = token.strip() if token else None
    if token is not None and (len(token) < _SHORTEST_TOKEN or not token.isascii()):
        raise UsageError(
            f"the token needs {_SHORTEST_TOKEN} plain characters or more",
            "python -c 'import secrets; print(secrets.token_urlsafe())' makes one",
        )
    if token is None and given.host not in _LOOPBACK:
        raise UsageError(
            f"--host {given.host} lets other machines ask, and read the passages: that needs a token",
            f"set {TOKEN}, or give --token-file FILE; without either, only this machine: --host 127.0.0.1",
        )
    return token
