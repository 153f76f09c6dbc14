"""What an answer stands on, as clients get it: standard annotations, the passages whole, or text under the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dyag_core.records import Chunk, Hit

_HEADING = {"en": "Sources:", "fr": "Sources :"}


def title_of(chunk: Chunk) -> str:
    """What a passage's document is called."""
    named = next((chunk.metadata[key] for key in ("title", "document", "id") if chunk.metadata.get(key)), chunk.id)
    return str(named)


def document_url(chunk: Chunk) -> str | None:
    """Where the document itself stands on the web, if its metadata tell."""
    url = chunk.metadata.get("url")
    return url if isinstance(url, str) and url.startswith(("http://", "https://")) else None


def sources(hits: Sequence[Hit], address: str) -> list[dict[str, Any]]:
    """The passages in a prompt, best first. `address` is this server's as the client wrote it: links open here."""
    return [
        {
            "id": hit.chunk.id,
            "title": title_of(hit.chunk),
            "url": f"{address}/passage?id={quote(hit.chunk.id, safe='')}",
            "score": round(hit.score, 4),
            "passage": hit.chunk.text,
        }
        for hit in hits
    ]


def citations(found: Sequence[dict[str, Any]], length: int) -> list[dict[str, Any]]:
    """The sources as OpenAI's API has them. DYAG doesn't know which words rest on which: each stands for the whole."""
    return [
        {
            "type": "url_citation",
            "url_citation": {"url": one["url"], "title": one["title"], "start_index": 0, "end_index": length},
        }
        for one in found
    ]


def as_text(found: Sequence[dict[str, Any]], lang: str) -> str:
    """The sources as they stand under an answer; "" where there are none."""
    if not found:
        return ""
    lines = [f"[{number}] {one['title']} {one['url']}" for number, one in enumerate(found, 1)]
    return "\n\n" + "\n".join([_HEADING.get(lang, _HEADING["en"]), *lines])
