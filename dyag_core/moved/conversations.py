"""Moved to `dyag_core.api`."""

from dyag_core.api import Conversation, read_conversations

__all__ = ["Conversation", "read_conversations"]
