"""llama.cpp's own server inside this process: what opens a GGUF file, for the engine and to test exported files."""

from __future__ import annotations

import json
import os
import secrets
import urllib.request
import weakref
from pathlib import Path
from typing import Any, ClassVar

from dyag_core import DyagError, UsageError

#: Prompt tokens read between two looks at whether to stop: a second on one slow core. More at a time was not faster.
_BATCH = 128


class Server:
    """llama.cpp with a model loaded and warm. One at a time in a process.

    It also listens on a port of this machine (xllamacpp can't do without): a random key that it tells nobody shuts it.
    """

    _all: ClassVar[weakref.WeakSet[Server]] = weakref.WeakSet()

    def __init__(self, path: Path, context: int, parallel: int = 1, threads: int | None = None) -> None:
        """Open `path` for `parallel` answers at once, of `context` tokens each; on every core it may use by default.

        Raises:
            UsageError: another one is open. DyagError: llama.cpp can't open the file.
        """
        if any(other.handle is not None for other in self._all):
            # xllamacpp's servers share global state: closing one of two was seen to hang.
            raise UsageError(
                "llama.cpp holds one model at a time in a process", "close the other engine first, or use transformers"
            )
        import xllamacpp

        self._key = secrets.token_hex(32)
        parameters = xllamacpp.CommonParams()
        parameters.model.path = str(path)
        parameters.n_parallel = parallel
        parameters.n_ctx = parallel * context
        parameters.n_batch = _BATCH
        for cores in (parameters.cpuparams, parameters.cpuparams_batch):
            cores.n_threads = threads or _cores()
        parameters.verbosity = 0
        parameters.offline = True
        parameters.ui = parameters.endpoint_slots = False
        parameters.api_keys = [self._key]
        try:
            self.handle: Any = xllamacpp.Server(parameters)
            # Closed before it has answered anything it was seen to wait for ever; and the first answer is the slow one.
            self.handle.handle_completions(
                {"prompt": [0], "max_tokens": 1, "cache_prompt": False}, lambda _chunk: False
            )
        except (RuntimeError, ValueError) as error:
            raise DyagError(
                f"llama.cpp can't open {path.name}: {error}",
                "memory may be short: -o parallel=1 -o context=2048; or use --engine transformers",
            ) from error
        self._all.add(self)

    def post(self, route: str, body: dict[str, Any]) -> dict[str, Any]:
        """What the server answers over HTTP, an error's body included."""
        request = urllib.request.Request(
            f"{self.handle.listening_address}{route}",
            json.dumps(body).encode("utf-8"),
            {"Content-Type": "application/json", "Authorization": f"Bearer {self._key}"},
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _ErrorsToo())
        with opener.open(request, timeout=600) as reply:
            found: dict[str, Any] = json.load(reply)
        return found

    def close(self) -> None:
        """Free the model's memory."""
        self.handle = None


class _ErrorsToo(urllib.request.HTTPErrorProcessor):
    """The body of an error says more than its number."""

    def http_response(self, request: Any, response: Any) -> Any:
        """Every response as it is."""
        return response


def _cores() -> int:
    """Processor cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
