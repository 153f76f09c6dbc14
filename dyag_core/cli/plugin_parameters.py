"""Parameters that speak of plugins: their names, completed from metadata; their options, listed by `--help`.

A plugin's own `Options` model is the one declaration behind all of it. Of a field that asks for it (`"flag": True` in
its `json_schema_extra`) the command has a flag as well, wherever that plugin is the chosen one.
"""

from __future__ import annotations

import json
import shlex
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from dyag_core.cli.terminal import results_alone
from dyag_core.errors import DyagError, UsageError, nearest
from dyag_core.plugin import discovery
from dyag_core.plugin.families import kind, normalise_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from click.core import ParameterSource
    from click.shell_completion import CompletionItem
    from pydantic import BaseModel

    from dyag_core.plugin.entry import Entry

#: How the options of a family's plugins are written; the other families' plugins take none on the command line.
_WRITTEN = {
    **dict.fromkeys(("generators", "trainers", "engines", "retrievers", "exporters"), "-o {key}=..."),
    "metrics": "-m {name}.{key}=...",
    "reporters": "-r {name}.{key}=...",
}
_ARGUMENTS = "dyag.arguments"
_OFFERED = "dyag.flags"
#: Keys of a settings file that are no option of the command itself, and where each stands.
UNKNOWN_SETTINGS = "dyag.settings"


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
        """The pairs of every source, the strongest last: where a key comes twice, the last one counts.

        A flag of the plugin's own (`--rank 4`) is one more way to write such a pair.
        """
        value, source = super().consume_value(ctx, opts)
        reads: list[Callable[[click.Option], Any]] = [
            lambda option: ctx.lookup_default(str(option.name)),
            lambda option: option.value_from_envvar(ctx),
            lambda option: opts.get(str(option.name)),
        ]
        pairs: list[str] = []
        for read in reads:
            several = read(self)
            pairs += several if isinstance(several, list | tuple) else []
            if self.name == "option":
                typed = ((flag.name, read(flag)) for flag in offered(ctx))
                pairs += [f"{name}={_text(found)}" for name, found in typed if found is not None]
        return pairs or value, source

    def value_from_envvar(self, ctx: click.Context) -> list[str] | None:
        """The variable's words, as a shell would split them: DYAG_FINETUNE_OPTION="rank=4 alpha=8"."""
        text = self.resolve_envvar_value(ctx)
        return shlex.split(text) if text else None


class PluginFlag(click.Option):
    """A flag of the chosen plugin. `PluginOptions` reads it; --help shows it among the plugin's options."""

    def get_help_record(self, ctx: click.Context) -> None:
        """It isn't one of the command's own."""


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def offered(ctx: click.Context) -> list[PluginFlag]:
    """The flags of the plugin that was chosen."""
    flags: list[PluginFlag] = ctx.meta.get(_OFFERED, [])
    return flags


class StageCommand(click.Command):
    """A command that runs a stage, and with it code of others: what that prints doesn't mix with the result."""

    def invoke(self, ctx: click.Context) -> Any:
        """As click does; what is printed meanwhile goes to stderr."""
        with results_alone():
            return super().invoke(ctx)


class NoSuchFlag(click.NoSuchOption):
    """An option that neither the command nor its plugin has; `hint` says what they do have."""

    def __init__(self, error: click.NoSuchOption, hint: str) -> None:
        super().__init__(error.option_name, ctx=error.ctx)
        self.hint = hint

    def format_message(self) -> str:
        """As the command line says it, in one text."""
        return f"no option {self.option_name}\n{self.hint}".rstrip()


class PluginCommand(StageCommand):
    """A command that has the flags of the plugin it is given, and whose `--help` lists its options, too."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does, with the plugin's flags. `--help` comes before other options, so the words are kept for it.

        Raises:
            UsageError: a key of a settings file that neither the command nor the plugin has.
            NoSuchFlag: such an option.
        """
        ctx.meta[_ARGUMENTS] = list(args)
        asks_help = any(name in args for name in ctx.help_option_names)
        entry = self._chosen(ctx, with_default=not (asks_help or ctx.resilient_parsing))
        with results_alone():  # the plugin is imported here, and may print
            ctx.meta[_OFFERED] = list(self._flags_of(entry)) if entry else []
        if asks_help:
            ctx.ignore_unknown_options = True
            return super().parse_args(ctx, args)
        known = {str(parameter.name) for parameter in self.get_params(ctx)}
        for key, where in ctx.meta.get(UNKNOWN_SETTINGS, {}).items():
            if key not in known:
                raise UsageError(f"{where}: unknown key {key!r}", nearest(key, known))
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            spelt = [name for p in self.get_params(ctx) if isinstance(p, click.Option) for name in p.opts]
            hint = f"{nearest(error.option_name, spelt)} {_accepted(error.option_name, entry)}"
            raise NoSuchFlag(error, hint.strip()) from None

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """The command's own parameters, and the flags of the chosen plugin."""
        return [*super().get_params(ctx), *offered(ctx)]

    def _chosen(self, ctx: click.Context, *, with_default: bool) -> Entry | None:
        """The plugin that the flags are those of; None where none is named, or it can't be found for completion."""
        with suppress(*((DyagError,) if ctx.resilient_parsing else ())):
            for parameter in self.params:
                if isinstance(parameter, PluginName) and _WRITTEN.get(parameter.family, "").startswith("-o"):
                    value, source = parameter.consume_value(ctx, self._words(ctx))
                    if (
                        isinstance(value, str)
                        and value
                        and (with_default or source is not click.core.ParameterSource.DEFAULT)
                    ):
                        return discovery.find(parameter.family, value)
        return None

    def _flags_of(self, entry: Entry) -> Iterator[PluginFlag]:
        """One for each option of the plugin that asks for it; what the command has already stays the command's."""
        from dyag_core.cli.flags import attributes, spellings
        from dyag_core.plugin.options import flagged

        taken = {name for parameter in self.params for name in (parameter.name, *parameter.opts)}
        for name, field in flagged(_options_of(entry)).items():
            spelt = spellings(name, field)
            if taken.isdisjoint((name, *spelt)):
                about = attributes(field) | {"required": False, "default": None, "expose_value": False}
                yield PluginFlag([*spelt, name], **about)

    def _words(self, ctx: click.Context) -> Mapping[str, Any]:
        """What was typed, by parameter; what the command itself doesn't know is passed over."""
        parser = self.make_parser(ctx)
        parser.ignore_unknown_options = True
        given: Mapping[str, Any] = parser.parse_args(list(ctx.meta.get(_ARGUMENTS, ())))[0]
        return given

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
                formatter.write_text(
                    f"With a plugin named ({', '.join(words)}), --help lists its own flags and options, too."
                )

    def _named(self, ctx: click.Context) -> Iterator[tuple[str, str]]:
        given = self._words(ctx)
        for parameter in self.params:
            if isinstance(parameter, PluginName) and parameter.family in _WRITTEN:
                value, source = parameter.consume_value(ctx, given)
                if source is not click.core.ParameterSource.DEFAULT and value:
                    for name in [value] if isinstance(value, str) else value:
                        yield parameter.family, name


def _accepted(option: str, entry: Entry | None) -> str:
    """What to type instead of an option that neither the command nor its plugin has."""
    from dyag_core.plugin.options import flagged

    if entry is None:
        return ""
    model, what = _options_of(entry), f"{kind(entry.family)} {entry.name}"
    key = option.lstrip("-").replace("-", "_")
    if key in model.model_fields:
        return f"The {what} takes it as -o {key}=..."
    flags = ", ".join(f"--{name.replace('_', '-')}" for name in flagged(model)) or "none"
    return f"Flags of the {what}: {flags}. Its options: dyag plugins show {what}"


def _options_of(entry: Entry) -> type[BaseModel]:
    from dyag_core.plugin import options

    return options.options_model(discovery.load(entry))


def _write_options(formatter: click.HelpFormatter, family: str, name: str) -> None:
    from dyag_core.plugin import options

    entry = discovery.find(family, name)
    rows = []
    for field in options.describe(options.options_model(discovery.load(entry))):
        default = "required" if field["required"] else f"default: {field['default']}"
        key = _WRITTEN[family].format(name=entry.name, key=field["name"])
        key = f"{field['flag']}, {key}" if field["flag"] else key
        rows.append((key, f"{field['description']}  [{field['type']}; {default}]"))
    with formatter.section(f"Options of {family.rstrip('s')} {entry.name}, from {entry.release}"):
        if rows:
            formatter.write_dl(rows, col_max=34)
        else:
            formatter.write_text("none")
