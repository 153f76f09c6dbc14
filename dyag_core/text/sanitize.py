"""Text from models and files, made harmless for terminals and reports."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any

# ECMA-48: operating system commands and their kin end at BEL or ST; control sequences at a final byte; then any other
# escape. The same with the one-byte C1 introducers. An unfinished sequence is cut where the line ends.
_ESCAPES = re.compile(
    r"(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)?"
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"
    r"|\x1b[ -/]*[0-~]?"
)
# Control characters but tab and newline; marks that reorder text; halves of surrogate pairs, which UTF-8 can't write.
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff]")
_SURROGATES = re.compile(r"[\ud800-\udfff]")


def plain(text: str) -> str:
    """`text` without terminal escapes (ANSI, OSC), control characters and marks that reorder text; CRLF becomes LF."""
    text = _ESCAPES.sub("", text.replace("\r\n", "\n"))
    return _SURROGATES.sub("\ufffd", _CONTROLS.sub("", text))


def csp_hash(text: str) -> str:
    """How a page's content-security policy names a style or a script of its own, instead of 'unsafe-inline'."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode('utf-8')).digest()).decode('ascii')}'"


def writable(text: str) -> str:
    """`text` without halves of surrogate pairs, which JSON and file names can carry and UTF-8 can't."""
    return text.encode("utf-8", "replace").decode("utf-8")


def plain_value(value: Any) -> Any:
    """A JSON value with every string in it (keys too) made plain."""
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, dict):
        return {plain(str(key)): plain_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain_value(item) for item in value]
    return value


def bytes_text(count: int) -> str:
    """Bytes for people: "3.2 GB", "140 MB"."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
