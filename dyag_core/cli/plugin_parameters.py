"""Parameters that speak of plugins: their names, completed from metadata; their options, listed by `--help`.

A plugin's own `Options` model is the one declaration behind all of it.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

import click

from dyag_core.plugin import discovery
from dyag_core.plugin.families import normalise_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from click.core import ParameterSource
    from click.shell_completion import CompletionItem

#: How the options of a family's plugins are written; the other families' plugins take none on the command line.
_WRITTEN = {
    **dict.fromkeys(("generators", "trainers", "engines", "retrievers", "exporters"), "-o {key}=..."),
    "metrics": "-m {name}.{key}=...",
    "reporters": "-r {name}.{key}=...",
}
_ARGUMENTS = "dyag.arguments"


def complete_names(family: str, incomplete: str) -> list[CompletionItem]:
    """Names of a family's plugins that begin with `incomplete`; no plugin is imported."""
    from click.shell_completion import CompletionItem

    wanted = normalise_name(incomplete)
    return [
        CompletionItem(entry.name, help=f"{entry.distribution} {entry.version}")
        for entry in discovery.entries(family)
        if normalise_name(entry.name).startswith(wanted)
    ]


class PluginName(click.Option):
    """An option that takes the name of a plugin of `family`."""

    def __init__(self, *arguments: Any, family: str, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.family = family

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The family's names."""
        return complete_names(self.family, incomplete)


class PluginOptions(click.Option):
    """`KEY=VALUE` pairs for a plugin, merged key by key: flag over DYAG_* over ./dyag.toml over the user's own file."""

    def consume_value(self, ctx: click.Context, opts: Mapping[str, Any]) -> tuple[Any, ParameterSource]:
        """The pairs of every source, the strongest last: where a key comes twice, the last one counts."""
        value, source = super().consume_value(ctx, opts)
        given = (ctx.lookup_default(str(self.name)), self.value_from_envvar(ctx), opts.get(str(self.name)))
        pairs = [pair for several in given if isinstance(several, list | tuple) for pair in several]
        return pairs or value, source

    def value_from_envvar(self, ctx: click.Context) -> list[str] | None:
        """The variable's words, as a shell would split them: DYAG_FINETUNE_OPTION="rank=4 alpha=8"."""
        text = self.resolve_envvar_value(ctx)
        return shlex.split(text) if text else None


class StageCommand(click.Command):
    """A command that runs a stage, and with it code of others: what that prints doesn't mix with the result."""

    def invoke(self, ctx: click.Context) -> Any:
        """As click does; what is printed meanwhile goes to stderr."""
        from dyag_core.cli.terminal import results_alone

        with results_alone():
            return super().invoke(ctx)


class PluginCommand(StageCommand):
    """A command whose `--help` lists the options of the plugins that it is given, too."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does. `--help` comes before the other options are read, so the words are kept for it."""
        ctx.meta[_ARGUMENTS] = list(args)
        return super().parse_args(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The command's options, then those of each plugin that was named. A default plugin isn't imported for it."""
        super().format_options(ctx, formatter)
        named = list(self._named(ctx))
        for family, name in named:
            _write_options(formatter, family, name)
        if not named:
            words = [p.opts[0] for p in self.params if isinstance(p, PluginName) and p.family in _WRITTEN]
            with formatter.indentation():
                formatter.write_paragraph()
                formatter.write_text(f"With a plugin named ({', '.join(words)}), --help lists its own options, too.")

    def _named(self, ctx: click.Context) -> Iterator[tuple[str, str]]:
        given, _rest, _order = self.make_parser(ctx).parse_args(list(ctx.meta.get(_ARGUMENTS, ())))
        for parameter in self.params:
            if isinstance(parameter, PluginName) and parameter.family in _WRITTEN:
                value, source = parameter.consume_value(ctx, given)
                if source is not click.core.ParameterSource.DEFAULT and value:
                    for name in [value] if isinstance(value, str) else value:
                        yield parameter.family, name


def _write_options(formatter: click.HelpFormatter, family: str, name: str) -> None:
    from dyag_core.plugin import options

    entry = discovery.find(family, name)
    rows = []
    for field in options.describe(options.options_model(discovery.load(entry))):
        default = "required" if field["required"] else f"default: {field['default']}"
        key = _WRITTEN[family].format(name=entry.name, key=field["name"])
        rows.append((key, f"{field['description']}  [{field['type']}; {default}]"))
    with formatter.section(f"Options of {family.rstrip('s')} {entry.name}, from {entry.release}"):
        if rows:
            formatter.write_dl(rows, col_max=34)
        else:
            formatter.write_text("none")
