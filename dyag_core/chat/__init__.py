"""Chats: rows and questions as messages, the prompts around them, templates that make tokens of them."""

from dyag_core.chat.template import TrainingIds, training_ids

__all__ = ["TrainingIds", "training_ids"]
