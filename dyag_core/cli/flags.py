"""A field of a pydantic model as an option of the command line: the options of a stage, and those of a plugin.

What the field itself doesn't say (a short name, what the value is called) stands under "flag" in its
`json_schema_extra`; see `dyag_core.records.options.declare.option`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo


def declared(field: FieldInfo) -> dict[str, Any]:
    """What the field says about its flag."""
    extra = field.json_schema_extra
    told = extra.get("flag") if isinstance(extra, dict) else None
    return dict(told) if isinstance(told, Mapping) else {}


def spellings(name: str, field: FieldInfo) -> tuple[str, ...]:
    """How the flag is written; the last spelling is the long one. `--NAME/--no-NAME` for what is on by default."""
    long = f"--{name.replace('_', '-')}"
    return tuple(declared(field).get("flags", ())) or (
        f"{long}/--no-{name.replace('_', '-')}" if field.default is True else long,
    )


def parameter_name(name: str, field: FieldInfo) -> str:
    """What click, `dyag.toml` and the environment call it: its longest spelling, without dashes in front."""
    longest = max(declared(field).get("flags", ()), key=len, default=name)
    return str(longest).lstrip("-").replace("-", "_")


def attributes(field: FieldInfo) -> dict[str, Any]:
    """What `click.option` is told about a field: the type of its value, its default, its help."""
    told = declared(field)
    kinds = list(_kinds(field.annotation))
    found: dict[str, Any] = {"help": field.description or "", "type": _type(kinds, field)}
    if field.is_required():
        found["required"] = True
    elif kinds == [bool]:
        return {"help": found["help"], "is_flag": True}
    elif holds_options(field) or (Sequence in kinds and "family" in told):
        found["multiple"] = True
    elif field.default is not None and field.default is not False:
        found |= {"default": _default(field.default, kinds), "show_default": True}
    if "flag_value" in told:
        found |= {"is_flag": False, "flag_value": told["flag_value"]}
    if "metavar" in told:
        found["metavar"] = told["metavar"]
    return found


def holds_options(field: FieldInfo) -> bool:
    """Whether the field holds options of plugins, which are written KEY=VALUE."""
    return Mapping in _kinds(field.annotation)


def _default(value: Any, kinds: Sequence[Any]) -> Any:
    if kinds == [float]:
        return float(value)
    return value if isinstance(value, str | int) else ",".join(value)


def _kinds(annotation: Any) -> Iterator[Any]:
    """The types that a value may have: of `int | None` int, of a mapping Mapping, of a literal its values."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _kinds(get_args(annotation)[0])
    elif origin is Literal:
        yield from get_args(annotation)
    elif isinstance(origin, type) and issubclass(origin, Mapping):
        yield Mapping
    elif isinstance(origin, type) and issubclass(origin, Sequence):
        yield Sequence
    elif origin is not None:
        for part in get_args(annotation):
            yield from _kinds(part)
    elif annotation is not type(None):
        yield annotation


def _type(kinds: Sequence[Any], field: FieldInfo) -> click.ParamType[Any] | None:
    words = [kind for kind in kinds if isinstance(kind, str)]
    if words and len(words) == len(kinds):
        return click.Choice(words)
    limits = _limits(field)
    if int in kinds:
        return _Whole(words, **limits) if words else click.IntRange(**limits) if limits else click.INT
    if kinds == [float]:
        return _Finite(**limits) if limits else click.FLOAT
    return click.Path(path_type=Path) if kinds == [Path] else None


def _limits(field: FieldInfo) -> dict[str, Any]:
    """The range of a number, as click's ranges take it."""
    inner = [note for part in get_args(field.annotation) for note in getattr(part, "__metadata__", ())]
    notes = [each for note in (*field.metadata, *inner) for each in (note, *getattr(note, "metadata", ()))]
    limits: dict[str, Any] = {}
    for sign, end in (("ge", "min"), ("gt", "min"), ("le", "max"), ("lt", "max")):
        for note in notes:
            if (limit := getattr(note, sign, None)) is not None:
                limits[end] = limit
                limits |= {f"{end}_open": True} if sign in ("gt", "lt") else {}
    return limits


class _Whole(click.IntRange):
    """A number, or one of a few words."""

    def __init__(self, words: Sequence[str], **limits: Any) -> None:
        super().__init__(**limits)
        self._words = words

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """As click does, but for the words."""
        return value if value in self._words else super().convert(value, param, ctx)


class _Finite(click.FloatRange):
    """A range in which "nan" is no number."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """As click does."""
        number: float = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{number} is not in the range {self._describe_range()}.", param, ctx)
        return number
