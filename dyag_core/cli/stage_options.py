"""The options of a stage on the command line, from its declaration in `dyag_core.records.options`."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, get_args

import click
from pydantic import BaseModel

from dyag_core.cli.flags import attributes, declared, holds_options, parameter_name, spellings
from dyag_core.cli.plugin_parameters import PluginName, PluginOptions
from dyag_core.plugin.options import parse_named_pairs, parse_pairs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pydantic.fields import FieldInfo

    from dyag_core.records.options import StageOptions


def stage_options(
    stage: type[StageOptions], *, leave_out: tuple[str, ...] = (), **changed: dict[str, Any]
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command the flags of a stage.

    The command is called with `given`: the keywords of the stage's method of `Session`, by name. A record among the
    options (how answers are decoded, say) has a flag for each of its fields that has a description.

    Args:
        leave_out: options that this command decides by itself.
        changed: option -> what `click.option` shall be told otherwise: that it is required here, another help.
    """
    fields = {name: field for name, field in stage.model_fields.items() if name not in leave_out}

    flags = [flag for name, field in fields.items() for flag in _flags(name, field)]

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def command(**values: Any) -> Any:
            typed = {name: values.pop(parameter_name(name, field)) for name, field in flags}
            return function(given=dict(_keywords(fields, typed)), **values)

        for name, field in reversed(flags):
            click.option(*spellings(name, field), **_parameter(field) | changed.get(name, {}))(command)
        return command

    return decorate


def _flags(name: str, field: FieldInfo) -> list[tuple[str, FieldInfo]]:
    record = _record(field)
    if record is None:
        return [(name, field)]
    return [(inner, each) for inner, each in record.model_fields.items() if each.description]


def _record(field: FieldInfo) -> type[BaseModel] | None:
    kinds = (field.annotation, *get_args(field.annotation))
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)


def _parameter(field: FieldInfo) -> dict[str, Any]:
    found, family = attributes(field), declared(field).get("family")
    if holds_options(field):
        return found | {"cls": PluginOptions}
    return found | ({"cls": PluginName, "family": family} if family else {})


def _keywords(fields: Mapping[str, FieldInfo], typed: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """What was typed, as the method of `Session` takes it; a repeated option that wasn't given is left to it."""
    for name, field in fields.items():
        family, record = declared(field).get("family"), _record(field)
        if record is not None:
            yield name, record(**{inner: typed[inner] for inner, _ in _flags(name, field)})
        elif holds_options(field):
            pairs = typed[name]
            if family:
                yield name, parse_named_pairs(family, pairs, typed[family])
            else:
                yield name, parse_pairs(pairs, spellings(name, field)[0])
        elif typed[name] != ():
            yield name, typed[name]
