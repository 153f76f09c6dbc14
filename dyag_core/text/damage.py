"""Damage that text takes on its way: read in a wrong encoding, or copied with characters that nobody sees."""

from __future__ import annotations

import re

#: What stands for bytes that could not be decoded: what they were is lost.
LOST = "\ufffd"

# Soft hyphen, zero-width space, word joiner and their kin, byte-order mark. Joiners and direction marks (U+200C to
# U+200F) belong to Arabic, Persian, Indic scripts and emoji, so they count between Latin characters only.
_INVISIBLE = re.compile(
    "[\u00ad\u180e\u200b\u2060-\u2064\ufeff]|(?<![^\0-\u024f\u200b-\u200f])[\u200c-\u200f]+(?![^\0-\u024f\u200b-\u200f])"
)


def decoded_again(text: str) -> str:
    """`text` with mojibake put right ("dÃ©jÃ " is "déjà"), by ftfy (Speer 2019, doi:10.5281/zenodo.2591652).

    Text that shows no sign of it stays as it is.
    """
    if text.isascii():
        return text
    import ftfy

    return ftfy.fix_encoding(text)


def without_invisible(text: str) -> str:
    """`text` without zero-width characters, but for those that a script or an emoji needs."""
    return text if text.isascii() else _INVISIBLE.sub("", text)


def is_damaged(text: str) -> bool:
    """Whether there is any of it in `text`."""
    return LOST in text or without_invisible(text) != text or decoded_again(text) != text
