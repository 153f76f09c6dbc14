"""Moved to `dyag_core.api`."""

from dyag_core.api import fold, tokens

__all__ = ["fold", "tokens"]
