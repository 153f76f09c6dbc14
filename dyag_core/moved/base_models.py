"""Moved to `dyag_core.api`."""

from dyag_core.api import load_tokenizer

__all__ = ["load_tokenizer"]
