"""Options that several commands share, declared once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dyag_core.cli.plugin_parameters import PluginName, PluginOptions
from dyag_core.errors import UsageError

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


def base_model_option(help: str, **keywords: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """`--base-model`."""
    return click.option("--base-model", cls=PluginName, family="base_models", help=help, **keywords)


def plugin_options(of: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """`-o key=value` for the plugin that `of` describes."""
    return click.option(
        "-o",
        "--option",
        cls=PluginOptions,
        multiple=True,
        metavar="KEY=VALUE",
        help=f"Option of the {of}, may be repeated; see: dyag plugins show.",
    )


def metric_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """`-m METRIC.KEY=VALUE`."""
    return click.option(
        "-m",
        "--metric-option",
        cls=PluginOptions,
        multiple=True,
        metavar="METRIC.KEY=VALUE",
        help="Option of a metric, may be repeated; see: dyag plugins show metrics NAME.",
    )(function)


def reporter_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """`-r REPORTER.KEY=VALUE`."""
    return click.option(
        "-r",
        "--reporter-option",
        cls=PluginOptions,
        multiple=True,
        metavar="REPORTER.KEY=VALUE",
        help="Option of a reporter, may be repeated; see: dyag plugins show reporters NAME.",
    )(function)


def engine_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--engine` and its `-o key=value`."""
    engine = click.option(
        "--engine",
        cls=PluginName,
        family="engines",
        default="transformers",
        show_default=True,
        help="Engine plugin.",
    )
    return engine(plugin_options("engine")(function))


def decoding_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--max-new-tokens`, `--temperature`, `--top-p`."""
    for option in reversed(
        [
            click.option("--max-new-tokens", default=128, show_default=True, help="The longest answer, in tokens."),
            click.option("--temperature", default=0.0, show_default=True, help="0 is greedy; above it, sampled."),
            click.option("--top-p", default=1.0, show_default=True, help="Sample from this share of probability."),
        ]
    ):
        function = option(function)
    return function


def field_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--map NAME=FIELD` and `--title FIELD`: what documents call their fields."""
    for option in reversed(
        [
            click.option(
                "--map",
                "mapped",
                multiple=True,
                metavar="NAME=FIELD",
                help="The documents call NAME (content, title, id, document, or any field) FIELD; may be repeated.",
            ),
            click.option("--title", metavar="FIELD", help="The field or column that names a document."),
        ]
    ):
        function = option(function)
    return function


def fields_of(mapped: tuple[str, ...], title: str | None) -> dict[str, str] | None:
    """What the user said of fields, by the name that DYAG gives them. UsageError: not NAME=FIELD."""
    pairs = [pair.partition("=") for pair in (*mapped, *([f"title={title}"] if title else []))]
    for name, _, field in pairs:
        if not name.strip() or not field.strip():
            raise UsageError(f"--map {name!r} is not NAME=FIELD", "write it as --map content=body")
    return {name.strip(): field.strip() for name, _, field in pairs} or None


def session(seed: int = 42, lang: str | None = None) -> Session:
    """A Session that talks to the terminal."""
    from dyag_core.cli.terminal import TerminalProgress
    from dyag_core.session import Session

    return Session(progress=TerminalProgress(), seed=seed, lang=lang)


def shell_path(path: Path | str) -> str:
    """A path as one can paste it into a shell."""
    import shlex

    return shlex.quote(str(path))
