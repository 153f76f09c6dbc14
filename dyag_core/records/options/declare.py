"""How an option of a stage is declared: type, default, range, help, and what its flag on the command line needs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from dyag_core.errors import UsageError
from dyag_core.records.base import problems


def option(
    default: Any,
    help: str,
    *,
    flags: tuple[str, ...] = (),
    metavar: str | None = None,
    family: str | None = None,
    flag_value: str | None = None,
    ge: float | None = None,
    gt: float | None = None,
    le: float | None = None,
    lt: float | None = None,
) -> Any:
    """A field of a stage's options.

    Args:
        default: `...` where the option must be given.
        flags: how it is written on the command line, where that isn't --NAME.
        metavar: what the flag takes, where its type doesn't say it.
        family: of the plugins that it names, or whose options it holds.
        flag_value: what the flag means where it stands alone.
        ge, gt, le, lt: the range of a number.
    """
    spelt = {"flags": flags, "metavar": metavar, "family": family, "flag_value": flag_value}
    told: Any = {key: value for key, value in spelt.items() if value}
    return Field(default, description=help, json_schema_extra={"flag": told}, ge=ge, gt=gt, le=le, lt=lt)


def plugin_options(kind: str) -> Any:
    """The options of the one plugin of a kind that a stage takes: `-o KEY=VALUE`."""
    help = f"Option of the {kind}, may be repeated; see: dyag plugins show."
    return option(None, help, flags=("-o", "--option"), metavar="KEY=VALUE")


def chat_template() -> Any:
    """The chat template of a base model that comes without one."""
    help = "Chat template of a base model that has none; a fine-tuned model keeps the one it was trained with."
    return option(None, help, metavar="chatml|gemma|plain|FILE")


def metric_options() -> Any:
    """The options of metrics: `-m METRIC.KEY=VALUE`."""
    help = "Option of a metric, may be repeated; see: dyag plugins show metrics NAME."
    return option(None, help, flags=("-m", "--metric-option"), metavar="METRIC.KEY=VALUE", family="metrics")


class StageOptions(BaseModel):
    """The options of one stage, checked. Numbers are finite."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, validate_default=True)

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Self:
        """Those of the names in `given` that are options of the stage, as a method of `Session` was given them.

        Raises:
            UsageError: a value doesn't fit; says which option, how, and what the option is for.
        """
        try:
            return cls(**{name: given[name] for name in cls.model_fields if name in given})
        except ValidationError as error:
            name = str(error.errors()[0]["loc"][0])
            raise UsageError(problems(error), f"{name}: {cls.model_fields[name].description}") from error


class DocumentOptions(StageOptions):
    """Options of a stage that reads documents: what these call their fields."""

    fields: Mapping[str, str] | None = option(
        None,
        "The documents call NAME (content, title, id, document, or any field) FIELD; may be repeated.",
        flags=("--map",),
        metavar="NAME=FIELD",
    )
    title: str | None = option(None, "The field or column that names a document.", metavar="FIELD")

    @property
    def names(self) -> dict[str, str] | None:
        """What the user said of fields, by the name that DYAG gives them."""
        return {**(self.fields or {}), **({"title": self.title} if self.title else {})} or None


def _folder(value: Any) -> Any:
    return getattr(value, "folder", value)


#: A folder, or a record of something that stands in one: a trained model, an index.
Folder = Annotated[Path, BeforeValidator(_folder)]
#: Options of a plugin by key, and those of several plugins by name and key.
PluginOptions = Mapping[str, Any]
OptionsByPlugin = Mapping[str, Mapping[str, Any]]
