"""The comparison as JSON: every number that the other reports show."""

from __future__ import annotations

from pydantic import BaseModel

from dyag_core import Comparison, Report, hookimpl
from dyag_core.api import to_json


class JSONReporter:
    """PREFIX.json: the whole comparison, one document, UTF-8."""

    dyag_api = 1

    class Options(BaseModel, extra="forbid"):
        """None."""

    @hookimpl
    def dyag_report(self, comparison: Comparison) -> Report:
        """The comparison as it is, with the sentences of both languages."""
        return Report(suffix=".json", text=to_json(comparison.model_dump(mode="json"), indent=2) + "\n")
