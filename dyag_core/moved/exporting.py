"""Moved to `dyag_core.api`."""

from dyag_core.api import export_rows

__all__ = ["export_rows"]
