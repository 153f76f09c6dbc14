"""Moved to `dyag_core.api`."""

from dyag_core.api import plain

__all__ = ["plain"]
