"""Options that several commands share, declared once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from dyag_core.session import Session

FilePath = click.Path(path_type=Path)


def seed_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--seed`."""
    return click.option("--seed", default=42, show_default=True, help="The same seed and inputs give the same files.")(
        function
    )


def lang_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--lang`."""
    return click.option("--lang", type=click.Choice(["fr", "en"]), help="Language; by default the documents' own.")(
        function
    )


def json_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")(function)


def session(seed: int = 42, lang: str | None = None) -> Session:
    """A Session that talks to the terminal."""
    from dyag_core.cli.terminal import TerminalProgress
    from dyag_core.session import Session

    return Session(progress=TerminalProgress(), seed=seed, lang=lang)


def shell_path(path: Path | str) -> str:
    """A path as one can paste it into a shell."""
    import shlex

    return shlex.quote(str(path))
