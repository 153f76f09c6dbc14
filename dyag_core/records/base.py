"""The common ground of all records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, ValidationError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

#: Version of every file format that DYAG writes. Raised when a reader of the older format would misread the new one.
SCHEMA_VERSION = "3.0"


class Record(BaseModel):
    """An immutable, validated value. Unknown fields are errors, so that a misspelt one is never lost in silence."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def problems(error: ValidationError) -> str:
    """Which field is wrong, and how, in one line."""
    return "; ".join(map(_problem, error.errors(include_url=False)))


def _problem(found: ErrorDetails) -> str:
    said = f"{'.'.join(map(str, found['loc'])) or 'options'}: {found['msg']}"
    return said if found["type"] == "missing" else f"{said} (got {found['input']!r:.100})"
