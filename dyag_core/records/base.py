"""The common ground of all records."""

from pydantic import BaseModel, ConfigDict

#: Version of every file format that DYAG writes. Raised when a reader of the older format would misread the new one.
SCHEMA_VERSION = "3.0"


class Record(BaseModel):
    """An immutable, validated value. Unknown fields are errors, so that a misspelt one is never lost in silence."""

    model_config = ConfigDict(extra="forbid", frozen=True)
