"""HTML and Word as Markdown, through markitdown, and PDF, through pdfminer; nothing is fetched.

What markitdown leaves undone is done in `web_pages`; the title style of Word is seen to here.
"""

from __future__ import annotations

import io
import zipfile
from importlib.util import find_spec
from typing import TYPE_CHECKING

from dyag_core.documents.pdf import pdf_text
from dyag_core.documents.web_pages import own_text, page_of, simplify
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
    """The page's own text; its menus, footer, notices are left out."""
    page = page_of(raw)
    title = page.title.get_text() if page.title else ""
    body = own_text(page)
    simplify(body, page)
    return " ".join(title.split()), _markdown(str(body))


def _word(raw: bytes) -> tuple[str, str]:
    import mammoth
    from markitdown.converter_utils.docx.pre_process import pre_process_docx

    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
    except zipfile.BadZipFile as error:
        raise ValueError("is no Word file (.docx), or not a whole one") from error
    if unpacked > MAX_UNPACKED_BYTES:
        raise ValueError(f"unpacks to {unpacked // 2**20} MB, the limit is {MAX_UNPACKED_BYTES // 2**20}")
    made = mammoth.convert_to_html(pre_process_docx(io.BytesIO(raw)), style_map=_WORD_STYLES)
    page = page_of(made.value.encode("utf-8"))
    simplify(page, page, headed=True)
    return "", _markdown(str(page))


def _markdown(html: str) -> str:
    """Signs of Markdown stay as they are in the text: "nb_places" gets no backslash, which would come into answers."""
    from markitdown.converters import HtmlConverter

    converted = HtmlConverter().convert_string(html, escape_asterisks=False, escape_underscores=False)
    return str(converted.markdown)


def _pdf(raw: bytes) -> tuple[str, str]:
    return "", pdf_text(raw)
