"""The roles of a chat, and the names that other tools give them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dyag_core.records.example import Role

_ROLES: dict[str, Role] = {
    "system": "system", "developer": "system",
    "user": "user", "human": "user", "prompter": "user",
    "assistant": "assistant", "gpt": "assistant", "chatgpt": "assistant", "bot": "assistant", "model": "assistant",
    "ai": "assistant",
}  # fmt: skip


def role_of(name: Any) -> Role | None:
    """The role that `name` means, whatever its capitals and the spaces around it; None where it is no known one."""
    return _ROLES.get(name.strip().casefold()) if isinstance(name, str) else None
