"""Moved to `dyag_core.api`."""

from dyag_core.api import guessed_tokens

__all__ = ["guessed_tokens"]
