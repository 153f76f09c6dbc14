"""Bytes as text: which encoding a file is in, and text in one form (NFC, no ligatures, no invisible signs)."""

from __future__ import annotations

import codecs
import html
import re
import tempfile
import unicodedata
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from dyag_core.errors import UsageError
from dyag_core.text.damage import decoded_again, without_invisible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_BLOCK = 1 << 20
#: UTF-32's mark begins with that of UTF-16, so it is looked for first.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
#: One-byte encodings that French and English are found in: Windows, its euro-less forerunner, DOS, old Macs.
_ONE_BYTE = ("cp1252", "iso8859-15", "cp850", "mac-roman")
_WESTERN = frozenset("àâäáãåæçèéêëìîïíñòôöóõøœùûüúßÀÂÄÉÈÊËÎÏÇÔÖÙÛÜŒÆÁÍÓÚÑ€£°²³§«»’‘“”–—…©®™·•×")
#: So many of the signs beyond ASCII must be usual ones, or the bytes are no text.
_USUAL = 0.9

_LIGATURES = {code: unicodedata.normalize("NFKC", chr(code)) for code in range(0xFB00, 0xFB07)}
_LIGATURE = re.compile("[\ufb00-\ufb06]")
#: What UTF-8 looks like that was read as Windows-1252; without any, nobody need look closer.
_SUSPECT = re.compile("[ÂÃ]|â€")
_BAD_BYTE = re.compile("[\udc80-\udcff]")
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")
#: "GÄnÄa": no capital stands behind a small letter; the encoding is another.
_CAPITAL_INSIDE = re.compile("(?<=[a-zß-ÿ])[À-Þ]")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z]{2,31}\d?);")


def encoding_of(raw: bytes) -> str | None:
    """The encoding of a whole text: by its mark, else UTF-8, UTF-16 without a mark, a one-byte one; None for no text.

    UTF-8 with a few bad bytes among good ones is UTF-8: only those places are wrong.
    """
    return _encoding(lambda: iter([raw]))


def decoded(raw: bytes) -> tuple[str, str]:
    """(a text with "\\n" for every line end, its encoding). UnicodeDecodeError: it is none, or UTF-8 with bad bytes."""
    encoding = encoding_of(raw) or "utf-8"
    return raw.decode(encoding).removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n"), encoding


@contextmanager
def as_utf8(path: Path, tell: Callable[[str], None]) -> Iterator[Path]:
    """`path`, or a copy in UTF-8 of it for as long as it is read; `tell` hears which encoding it was in.

    Raises:
        UsageError: it is UTF-16 that can't be decoded.
    """
    encoding = _encoding(lambda: _blocks(path))
    if encoding in (None, "utf-8"):
        yield path
        return
    assert encoding is not None
    tell(f"{path.name}: read as {encoding_name(encoding)}, it is not UTF-8")
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / path.name
        try:
            with (
                path.open("r", encoding=encoding, newline="") as source,
                copy.open("w", encoding="utf-8", newline="") as target,
            ):
                while block := source.read(_BLOCK):
                    target.write(block)
        except UnicodeError as error:
            raise UsageError(f"{path}: broken {encoding_name(encoding)} text: {error}", "save it as UTF-8") from error
        yield copy


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as handle:
        while block := handle.read(_BLOCK):
            yield block


def encoding_name(encoding: str) -> str:
    """An encoding as people call it."""
    return {"cp1252": "Windows-1252", "mac-roman": "Mac Roman", "cp850": "DOS (code page 850)"}.get(
        encoding, encoding.upper().removesuffix("-LE").removesuffix("-BE")
    )


def one_form(text: str) -> str:
    """`text` in Unicode's composed form (NFC), ligatures as letters, without invisible signs, decoded once.

    "Ã©" is "é" that a program decoded twice; it is put right.
    """
    if text.isascii():
        return text
    if _LIGATURE.search(text):
        text = text.translate(_LIGATURES)
    if not unicodedata.is_normalized("NFC", text):
        text = unicodedata.normalize("NFC", text)
    if _SUSPECT.search(text):
        text = decoded_again(text)
    return without_invisible(text)


def cell_text(text: str) -> str:
    """The text of a cell or a field in one form: HTML's entities, which exports from web pages hold, are resolved."""
    text = one_form(text)
    return _ENTITY.sub(lambda entity: html.unescape(entity[0]), text) if "&" in text else text


def _encoding(blocks: Callable[[], Iterator[bytes]]) -> str | None:
    """As `encoding_of`, for a file in blocks, which are read again where it isn't UTF-8."""
    first = next(blocks(), b"")
    for mark, encoding in _MARKS:
        if first.startswith(mark):
            return encoding
    if (found := _zero_sides(first)) is not None:
        return found
    strict = codecs.getincrementaldecoder("utf-8")()
    try:
        for block in blocks():
            strict.decode(block)
        strict.decode(b"", final=True)
    except UnicodeDecodeError:
        return _not_quite_utf8(blocks())
    return "utf-8"


def _not_quite_utf8(blocks: Iterator[bytes]) -> str | None:
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    good = bad = 0
    high = bytearray()
    for block in blocks:
        text = decoder.decode(block)
        wrong = len(_BAD_BYTE.findall(text))
        bad += wrong
        good += len(_BEYOND_ASCII.findall(text)) - wrong
        if wrong and len(high) < _BLOCK:
            high += block
    return "utf-8" if good >= bad else _one_byte(bytes(high))


def _zero_sides(raw: bytes) -> str | None:
    """UTF-16 without a mark: in Western text every second byte is zero."""
    start = raw[:4096]
    pairs = len(start) // 2
    zeros = (start[0::2].count(0), start[1::2].count(0))
    if pairs < 4 or max(zeros) < 0.7 * pairs or min(zeros) > 0.05 * pairs:
        return None
    return "utf-16-le" if zeros[1] > zeros[0] else "utf-16-be"


def _one_byte(raw: bytes) -> str | None:
    """The one-byte encoding in which most signs beyond ASCII are usual ones; None where too few are."""
    best, share = None, _USUAL
    for encoding in _ONE_BYTE:
        text = raw.decode(encoding, "replace")
        beyond = _BEYOND_ASCII.findall(text)
        usual = sum(sign in _WESTERN or (sign == "\xa0" and encoding == "cp1252") for sign in beyond)
        usual -= len(_CAPITAL_INSIDE.findall(text))
        if usual / len(beyond) > share or (best is None and usual / len(beyond) >= share):
            best, share = encoding, usual / len(beyond)
    return best
