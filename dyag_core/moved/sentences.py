"""Moved to `dyag_core.api`."""

from dyag_core.api import sentences

__all__ = ["sentences"]
