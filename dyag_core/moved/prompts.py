"""Moved to `dyag_core.api`."""

from dyag_core.api import UNKNOWN, question_messages, with_context

__all__ = ["UNKNOWN", "question_messages", "with_context"]
