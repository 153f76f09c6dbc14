"""HTML and Word as Markdown, through markitdown, and PDF, through pdfminer; nothing is fetched.

What markitdown leaves undone is done here: a page's own text instead of its menus, headings without their anchors,
the title style of Word and the header rows of its tables.
"""

from __future__ import annotations

import io
import re
import zipfile
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from dyag_core.documents.boilerplate import remove_boilerplate
from dyag_core.documents.pdf import pdf_text
from dyag_core.extras import missing_library

if TYPE_CHECKING:
    from pathlib import Path

#: suffix -> the libraries that read it
CONVERTED = {
    ".html": ("markitdown",),
    ".htm": ("markitdown",),
    ".docx": ("markitdown", "mammoth"),
    ".pdf": ("pdfminer",),
}
#: A Word file is a zip archive: a small one that unpacks to more than this is broken or hostile.
MAX_UNPACKED_BYTES = 512 * 1024 * 1024

_WORD_STYLES = "\n".join(
    ["p[style-name='Title'] => h1:fresh", "p[style-name='Subtitle'] => p:fresh"]
    + [f"p[style-name='heading {n}'] => h{min(n + 1, 6)}:fresh" for n in range(1, 7)]
)
_BLANK_HEADER = re.compile(r"^\|[ |]*\|\n(\|[ |:-]*-[ |:-]*\|\n)(\|.*\|)$", re.MULTILINE)


def check_installed(paths: list[Path]) -> None:
    """Raise PluginError with the command to type if a library that one of `paths` needs is missing."""
    for path in paths:
        for name in CONVERTED.get(path.suffix.lower(), ()):
            if find_spec(name) is None:
                raise missing_library(f"reading {path.name}", ModuleNotFoundError(name=name))


def to_markdown(path: Path) -> tuple[str, str]:
    """(title or "", Markdown) of a file. Raises ValueError with the reason where it can't be read."""
    suffix = path.suffix.lower()
    convert = {".docx": _word, ".pdf": _pdf}.get(suffix, _html)
    raw = path.read_bytes()
    if not raw:
        raise ValueError("is empty")
    try:
        title, text = convert(raw)
    except (MemoryError, ValueError):
        raise
    except Exception as error:
        name = type(error).__name__
        if "Password" in name:
            raise ValueError("is encrypted: save it without a password") from error
        detail = f": {error}".split("\n")[0][:120] if str(error) else ""
        raise ValueError(f"can't be read as {suffix[1:].upper()} ({name}{detail})") from error
    text = text.replace("\r\n", "\n").replace("\x00", "").strip()
    if not text:
        raise ValueError("holds no text" + (" (a scan? run it through OCR first)" if suffix == ".pdf" else ""))
    return title, text


def _html(raw: bytes) -> tuple[str, str]:
    """The main part of a page; its menus, footers and notices are left out where it says which is which."""
    from bs4 import BeautifulSoup
    from markitdown.converters import HtmlConverter

    soup = BeautifulSoup(raw, "html.parser")  # the encoding is the declared one, else UTF-8, else Windows-1252
    title = soup.title.get_text() if soup.title else ""
    body = soup.find("main") or soup.find(attrs={"role": "main"}) or soup.body or soup
    remove_boilerplate(body)
    for summary in body.find_all("summary"):  # what opens: a question, mostly
        summary.name = "strong"
        summary.wrap(soup.new_tag("p"))
    for link in body.select("h1 a, h2 a, h3 a, h4 a, h5 a, h6 a"):
        link.unwrap()  # an anchor to itself, as documentation tools write it
    return " ".join(title.split()), str(HtmlConverter().convert_string(str(body)).markdown)


def _word(raw: bytes) -> tuple[str, str]:
    from markitdown.converters import DocxConverter

    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
    except zipfile.BadZipFile as error:
        raise ValueError("is no Word file (.docx), or not a whole one") from error
    if unpacked > MAX_UNPACKED_BYTES:
        raise ValueError(f"unpacks to {unpacked // 2**20} MB, the limit is {MAX_UNPACKED_BYTES // 2**20}")
    text = str(DocxConverter().convert(io.BytesIO(raw), _stream_info(".docx"), style_map=_WORD_STYLES).markdown)
    return "", _BLANK_HEADER.sub(r"\2\n\1", text).replace("|\n\n|", "|\n|")


def _pdf(raw: bytes) -> tuple[str, str]:
    return "", pdf_text(raw)


def _stream_info(suffix: str) -> Any:
    from markitdown import StreamInfo

    return StreamInfo(extension=suffix)
