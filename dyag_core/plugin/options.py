"""Options of plugins: one pydantic model gives validation, `-o key=value`, and what `dyag plugins show` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml
from pydantic import BaseModel, ValidationError

from dyag_core.errors import UsageError, nearest
from dyag_core.plugin.families import normalise_name
from dyag_core.records.base import problems

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pydantic.fields import FieldInfo


class NoOptions(BaseModel, extra="forbid", frozen=True):
    """The options of a plugin that declares none."""


def options_model(plugin: Any) -> type[BaseModel]:
    """The plugin's own `Options`, or a model that accepts nothing."""
    model = getattr(plugin, "Options", NoOptions)
    return model if isinstance(model, type) and issubclass(model, BaseModel) else NoOptions


def flagged(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """The options of which commands have a flag: those that their plugin marks `"flag": True`."""
    return {
        name: field
        for name, field in model.model_fields.items()
        if isinstance(field.json_schema_extra, dict) and field.json_schema_extra.get("flag")
    }


def telling(options: BaseModel) -> dict[str, Any]:
    """Options that can change the result: all but those that their plugin marks `changes_result: False`."""
    free = {
        name
        for name, field in type(options).model_fields.items()
        if isinstance(field.json_schema_extra, dict) and field.json_schema_extra.get("changes_result") is False
    }
    return options.model_dump(mode="json", exclude=free)


def parse_pairs(pairs: Iterable[str], flag: str = "-o") -> dict[str, str]:
    """`["key=value", ...]` from the command line, as `flag` takes them, as a dict; the value may itself contain "="."""
    options: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key.strip():
            raise UsageError(f"option {pair!r} has no value", f"write it as {flag} key=value")
        options[key.strip().replace("-", "_")] = value
    return options


#: Of the families of which a command takes several plugins: what one is called, the flag of its options, and one such.
_SEVERAL = {"metrics": ("metric", "-m", "acme-score.digits=3"), "reporters": ("reporter", "-r", "acme-table.digits=3")}


def parse_named_pairs(family: str, pairs: Iterable[str], names: Sequence[str] = ()) -> dict[str, dict[str, str]]:
    """`["bleu.tokenize=intl", ...]` from the command line as {"bleu": {"tokenize": "intl"}}.

    Args:
        family: "metrics" or "reporters".

    Raises:
        UsageError: a pair names no plugin; says how to write it for the first of the `names` that take part.
    """
    what, flag, example = _SEVERAL[family]
    options: dict[str, dict[str, str]] = {}
    for pair in pairs:
        place, equals, value = pair.partition("=")
        name, dot, key = place.rpartition(".")
        if not (equals and dot and name.strip() and key.strip()):
            if names:
                example = f"{names[0]}.{key or 'KEY'}={value or 'VALUE'}"
            raise UsageError(f"{what} option {pair!r} is not {what.upper()}.KEY=VALUE", f"write it as {flag} {example}")
        options.setdefault(name.strip(), {})[key.strip().replace("-", "_")] = value
    return options


def options_by_name(
    family: str, names: Iterable[str], given: Mapping[str, Mapping[str, Any]] | None
) -> dict[str, Mapping[str, Any]]:
    """The options given for each of the plugins `names`, {} where none are. `family`: "metrics" or "reporters".

    Raises:
        UsageError: options are given for a plugin that is not among them (with the nearest name).
    """
    what = _SEVERAL[family][0]
    wanted = {normalise_name(name): name for name in names}
    options: dict[str, Mapping[str, Any]] = {name: {} for name in wanted.values()}
    for name, values in (given or {}).items():
        if normalise_name(name) not in wanted:
            raise UsageError(
                f"options are given for the {what} {name!r}, which takes no part",
                f"{nearest(name, wanted)} Or add it: --{what} {name}",
            )
        options[wanted[normalise_name(name)]] = values
    return options


def validate(model: type[BaseModel], raw: Mapping[str, Any], where: str) -> BaseModel:
    """`raw` as an instance of `model`; strings that stand for lists, numbers or mappings are read as YAML.

    Raises:
        UsageError: an unknown key (with the nearest name) or a value that doesn't fit.
    """
    known = set(model.model_fields)
    for key in raw:
        if key not in known:
            raise UsageError(f"{where} has no option {key!r}", nearest(key, known))
    try:
        return model.model_validate(dict(raw))
    except ValidationError as first:
        values = {key: yaml.safe_load(value) if isinstance(value, str) else value for key, value in raw.items()}
        try:
            return model.model_validate(values)
        except ValidationError:
            raise UsageError(f"{where}: {problems(first)}", f"see: dyag plugins show {where}") from first


def describe(model: type[BaseModel]) -> list[dict[str, Any]]:
    """One row an option: name, flag (None where it has none), type, default, description."""
    properties, flags = model.model_json_schema().get("properties", {}), flagged(model)
    return [
        {
            "name": name,
            "flag": f"--{name.replace('_', '-')}" if name in flags else None,
            "type": _type_name(properties.get(name, {})),
            "default": None if field.is_required() else field.get_default(call_default_factory=True),
            "required": field.is_required(),
            "description": field.description or "",
        }
        for name, field in model.model_fields.items()
    ]


def _type_name(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if "anyOf" in schema:
        return " | ".join(_type_name(part) for part in schema["anyOf"] if part.get("type") != "null")
    return str(schema.get("const", schema.get("type", "any")))
