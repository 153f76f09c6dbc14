"""Write docs/reference/*.md and the picture of the architecture from the code: `make docs-reference`.

Nothing on those pages is written by hand: names, options, defaults and sentences are those of the code, so a new
option, plugin or command needs no edit here. `tests/test_docs.py` fails where the pages and the code differ.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import click
import picture
from as_markdown import code, docstring, plain, signature, table, type_of, value
from pydantic import BaseModel
from sample_run import shapes

import dyag_core
from dyag_core import api, errors, records
from dyag_core.cli.root import root
from dyag_core.evaluation.conversation import Conversation
from dyag_core.plugin import discovery, hookspecs, options
from dyag_core.plugin.entry import Entry
from dyag_core.plugin.families import COMMANDS, FAMILY_HOOKS
from dyag_core.plugin.metric_descriptions import description_of, in_words
from dyag_core.records import BaseModelPreset
from dyag_core.records.options import OF_METHOD
from dyag_core.serving.server import Server

FOLDER = Path(__file__).parent / "reference"
NOTICE = "<!-- Written by docs/generate.py from the code. Change the code, then run: make docs-reference -->"

#: The records that stand in files, in the order of the work; the page names all others after them.
IN_FILES = {
    "Documents": ("Document", "Chunk", "Fact"),
    "Training rows": ("Example", "Message"),
    "Questions": ("Question",),
    "Results": ("Evaluation", "Prediction", "Source", "MetricDescription", "MetricResult", "MetricSummary"),
    "The passport": ("Passport",),
}


def commands() -> str:
    """Every command with all its options, from click."""
    parts = [
        "# Commands",
        "Results go to stdout, everything else to stderr. What a command returns: [exit codes](exit-codes.md).",
        "A flag beats the environment, that beats `./dyag.toml`, and that the user's own settings file. In the "
        "environment, `--base-model` of `dyag finetune` is `DYAG_FINETUNE_BASE_MODEL`; in a settings file it is "
        "`base_model` in the table `[finetune]`.",
        "Where a plugin is chosen (`--method`, `--trainer`, `--engine`, `--retriever`, `--format`), its own flags are "
        "options of the command, too. [Plugins](plugins.md) names them; `--help` beside the plugin's name lists them.",
    ]
    context = click.Context(root, info_name="dyag")
    ours = {entry.name for entry in _ours(COMMANDS)}
    for name in root.list_commands(context):
        if name in ours and (command := root.get_command(context, name)):
            parts += _command(command, click.Context(command, info_name=name, parent=context), 2)
    return _page(parts)


def _command(command: click.Command, context: click.Context, level: int) -> Iterator[str]:
    yield f"{'#' * level} {context.command_path}"
    if command.help:
        yield plain(inspect.cleandoc(command.help))
    if isinstance(command, click.Group):
        for name, inner in sorted(command.commands.items()):
            yield from _command(inner, click.Context(inner, info_name=name, parent=context), level + 1)
        return
    yield f"```text\n{' '.join([context.command_path, *command.collect_usage_pieces(context)])}\n```"
    rows = [
        [", ".join(f"`{o}`" for o in (*parameter.opts, *parameter.secondary_opts)), *_option(parameter, context)]
        for parameter in command.params
        if isinstance(parameter, click.Option)
    ]
    yield table(["option", "takes", "default", "what it does"], rows)


def _option(option: click.Option, context: click.Context) -> list[str]:
    takes = "" if option.is_flag else f"`{option.make_metavar(context)}`"
    shown = option.show_default if isinstance(option.show_default, str) else None
    given = option.to_info_dict()["default"]
    if option.required:
        default = "required"
    elif shown or not (option.is_flag or option.multiple or given is None or callable(given)):
        default = f"`{shown or given}`"
    else:
        default = ""
    return [takes, default, plain(option.help or "")]


def plugins() -> str:
    """Families and built-in plugins with their options."""
    parts = [
        "# Plugins",
        "The built-in plugins of each family and their options. `dyag plugins list` shows what is installed with you, "
        "`dyag plugins show FAMILY NAME` the same as this page. An option is given as `-o KEY=VALUE`, one of a metric "
        "as `-m METRIC.KEY=VALUE`, one of a reporter as `-r REPORTER.KEY=VALUE`. Where a flag stands beside the name, "
        "`--FLAG VALUE` does the same.",
    ]
    for family, hook in FAMILY_HOOKS.items():
        parts += [
            f"## {family.replace('_', ' ').capitalize()}",
            f"Entry points `dyag.{family}`, hook [`{hook}`](hooks.md#{hook}).",
        ]
        loaded = [(entry.name, discovery.load(entry)) for entry in _ours(family)]
        presets = [plugin for _, plugin in loaded if isinstance(plugin, BaseModelPreset)]
        if presets:
            parts.append(_presets(presets))
        for name, plugin in loaded:
            if plugin not in presets:
                parts += _plugin(family, name, plugin)
    return _page(parts)


def _plugin(family: str, name: str, plugin: Any) -> Iterator[str]:
    yield f"### {family.rstrip('s').replace('_', ' ').capitalize()} {name}"
    yield docstring(plugin)
    needed = getattr(plugin, "requires", ())
    if needed:
        yield f"Needs {', '.join(f'`{library}`' for library in needed)}."
    if family == "metrics":
        yield in_words(description_of(plugin, name, name))
    rows = [
        [
            ", ".join(f"`{name}`" for name in (option["name"], option["flag"]) if name),
            code(option["type"]),
            "required" if option["required"] else value(option["default"]),
            plain(option["description"]),
        ]
        for option in options.describe(options.options_model(plugin))
    ]
    yield table(["option", "type", "default", "what it does"], rows) if rows else "No options."


def _presets(presets: list[BaseModelPreset]) -> str:
    rows = [
        [
            f"`{p.name}`",
            f"{p.parameters:.3g}",
            str(p.context_length),
            p.licence,
            "yes" if p.gated else "no",
            f"`{p.source}`",
        ]
        for p in presets
    ]
    return table(["name", "parameters", "context", "licence", "gated", "source"], rows)


def hooks() -> str:
    """The hookspecs: signatures and docstrings."""
    parts = ["# Hooks", docstring(hookspecs)]
    for name, spec in vars(hookspecs).items():
        how = getattr(spec, "dyag_spec", None)
        if how is not None:
            kind = next(
                (text for key, text in _KINDS.items() if how.get(key)), "Every plugin that takes part is called."
            )
            parts += [f"## {name}", f"```python\n{signature(name, spec)}\n```", docstring(spec), kind]
    return _page(parts)


_COLLECTED = "Every plugin that takes part is called."
_KINDS = {
    "firstresult": "One plugin is called: the chosen one.",
    "historic": "Every plugin that takes part is called, one that is registered later too.",
}


def exit_codes() -> str:
    """The table of `dyag_core.errors`, with the exception behind each code."""
    raised: dict[int, list[str]] = {}
    for name, error in inspect.getmembers(errors, inspect.isclass):
        if issubclass(error, errors.DyagError):
            raised.setdefault(error.exit_code, []).append(f"`{name}`")
    rows = [[str(code), meaning, ", ".join(raised.get(code, ()))] for code, meaning in errors.EXIT_CODES.items()]
    about = [
        f"- `{name}`: {docstring(error)}"
        for name, error in inspect.getmembers(errors, inspect.isclass)
        if issubclass(error, errors.DyagError) and error is not errors.DyagError
    ]
    return _page(
        [
            "# Exit codes",
            table(["code", "meaning", "exception in a program"], rows),
            "Every exception is a `DyagError` with a `message`, a `hint` (what to do) and an `exit_code`.",
            "\n".join(about),
            "What to do about a message: [troubleshooting](../troubleshooting.md).",
        ]
    )


def files() -> str:
    """The records behind the files, and the keys of the files that a run really wrote."""
    parts = [
        "# Records and files",
        f"Format version `{records.SCHEMA_VERSION}`. What goes in and comes out, with examples: "
        "[file formats](../file-formats.md). A record refuses a field that it doesn't know, unless it says otherwise.",
    ]
    written = shapes()
    for title, names in IN_FILES.items():
        parts.append(f"## {title}")
        for name in names:
            parts += _record(name)
        for file in [file for file in written if file.section == title]:
            parts += [f"`{file.name}`, as a run wrote it:", _keys(file.keys)]
    parts.append("## Manifests")
    for file in [file for file in written if file.section == "Manifests"]:
        parts += [f"`{file.name}`, as a run wrote it:", _keys(file.keys)]
    shown = {name for names in IN_FILES.values() for name in names}
    parts.append("## Other records")
    classes = {name for name in records.__all__ if isinstance(getattr(records, name), type)}
    for name in sorted(classes - shown - {"Record"}):
        parts += _record(name)
    return _page(parts)


def _record(name: str) -> Iterator[str]:
    record = getattr(records, name)
    yield f"### {name}"
    yield docstring(record)
    if getattr(record, "model_config", {}).get("extra") == "ignore":
        yield "Fields that it doesn't know are passed over."
    yield _fields_table(record)
    yield "\n".join(f"- `{name}`, computed: {docstring(thing).splitlines()[0]}" for name, thing in _computed(record))


def _computed(record: Any) -> Iterator[tuple[str, Any]]:
    """Public properties, which stand in no file."""
    for name, thing in vars(record).items():
        if isinstance(thing, property | cached_property) and not name.startswith("_"):
            yield name, thing


def _fields_table(record: Any) -> str:
    rows = list(_fields(record))
    return table(["field", "type", "default"], rows) if rows else ""


def _fields(record: Any) -> Iterator[list[str]]:
    annotations = {
        name: type_of(text, base) for base in record.__mro__[::-1] for name, text in _annotations(base).items()
    }
    if issubclass(record, BaseModel):
        for name, field in record.model_fields.items():
            default = field.get_default(call_default_factory=True)
            yield [f"`{name}`", annotations[name], "required" if field.is_required() else value(default)]
    elif dataclasses.is_dataclass(record):
        for field in dataclasses.fields(record):
            yield [f"`{field.name}`", annotations[field.name], _default_of(field)]
    else:  # what a protocol asks for besides methods
        yield from ([f"`{name}`", kind, "required"] for name, kind in annotations.items() if not name.startswith("_"))


def _default_of(field: dataclasses.Field[Any]) -> str:
    if field.default_factory is not dataclasses.MISSING:
        return value(field.default_factory())
    return "required" if field.default is dataclasses.MISSING else value(field.default)


def _keys(keys: dict[str, str]) -> str:
    return table(["key", "is a"], [[f"`{key}`", kind] for key, kind in keys.items()])


def python_api() -> str:
    """Session and the other public names that are no record and no error."""
    session = dyag_core.Session
    parts = [
        "# The Python API",
        "Everything here comes from `dyag_core`. The command line is written on `Session` and has no logic of its own. "
        "What methods take and return stands in [records and files](files.md), what they raise in "
        "[exit codes](exit-codes.md).",
        "## Session",
        docstring(session),
        _fields_table(session),
        *_methods("Session", session),
    ]
    known = {*records.__all__, "Session", "__version__"}
    for name in dyag_core.__all__:
        thing = getattr(dyag_core, name)
        if name not in known and inspect.isclass(thing) and not issubclass(thing, Exception):
            parts += _class(name, thing)
    parts += _class("Conversation", Conversation)
    parts += _class("Server", Server)
    parts.append(
        "## For plugins\n\nThese come from `dyag_core.api` and are part of the [plugin API](../plugin-api-policy.md), "
        "too; so are `dyag_core.records` and `dyag_core.testing` ([contract tests](../contracts.md))."
    )
    constants = [name for name in api.__all__ if not callable(getattr(api, name))]
    for name in [name for name in api.__all__ if name not in constants]:
        thing = getattr(api, name)
        if inspect.isclass(thing):
            parts += _class(f"dyag_core.api.{name}", thing, level=3)
        else:
            parts += [f"### dyag_core.api.{name}", f"```python\n{signature(name, thing)}\n```", docstring(thing)]
    parts.append(
        "### Constants\n\n" + table(["name", "value"], [[f"`{n}`", _constant(getattr(api, n))] for n in constants])
    )
    return _page(parts)


def _constant(thing: Any) -> str:
    return code(thing.pattern) if isinstance(thing, re.Pattern) else value(thing)


def _class(name: str, thing: type, level: int = 2) -> Iterator[str]:
    yield f"{'#' * level} {name}"
    yield docstring(thing)
    yield _fields_table(thing)
    yield from _methods(name, thing)


def _methods(owner: str, thing: type) -> Iterator[str]:
    for name, method in vars(thing).items():
        if inspect.isfunction(method) and not name.startswith("_"):
            yield f"### {owner}.{name}"
            yield f"```python\n{signature(name, method)}\n```"
            yield docstring(method)
            if owner == "Session" and name in OF_METHOD:
                yield _stage_options(name, method)


def _stage_options(name: str, method: Callable[..., Any]) -> str:
    """What each keyword of a stage's method is for; defaults are those of its signature."""
    keywords = inspect.signature(method).parameters
    fields = {key: field for key, field in OF_METHOD[name].model_fields.items() if key in keywords}
    return table(
        ["keyword", "what it does"], [[f"`{key}`", plain(field.description or "")] for key, field in fields.items()]
    )


def _ours(family: str) -> list[Entry]:
    """What DYAG itself brings: the pages must be the same wherever other plugins are installed."""
    return [entry for entry in discovery.entries(family) if entry.distribution == "dyag"]


def _page(parts: list[str]) -> str:
    return "\n\n".join([NOTICE, *(part for part in parts if part)]) + "\n"


def _annotations(owner: type) -> dict[str, Any]:
    return inspect.get_annotations(owner) if owner.__module__.startswith("dyag_core") else {}


def _count(number: float) -> str:
    return f"{number / 1e9:.2f} billion" if number >= 1e9 else f"{number / 1e6:.0f} million"


PAGES: dict[str, Callable[[], str]] = {
    "commands.md": commands,
    "plugins.md": plugins,
    "hooks.md": hooks,
    "files.md": files,
    "python-api.md": python_api,
    "exit-codes.md": exit_codes,
}

if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for file, page in PAGES.items():
        (FOLDER / file).write_text(page(), encoding="utf-8")
        print(FOLDER / file)
    picture.FILE.write_text(picture.svg(), encoding="utf-8")
    print(picture.FILE)
