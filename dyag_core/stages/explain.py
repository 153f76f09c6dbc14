"""Stage explain: how a generator makes its questions about one document. Nothing is written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dyag_core.dataset.filters import Screen
from dyag_core.documents import read_documents
from dyag_core.documents.notices import Notices
from dyag_core.errors import UsageError, nearest
from dyag_core.plugin.run import Run
from dyag_core.records import ExplainedRow, Explanation
from dyag_core.text.language import check_language, in_their_languages
from dyag_core.text.normalise import fold

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dyag_core.artifacts import BadLine
    from dyag_core.plugin.host import Plugins
    from dyag_core.progress import Progress
    from dyag_core.records import Document, Example
    from dyag_core.records.options import GenerateOptions


def explain(
    given: GenerateOptions,
    *,
    source: Path,
    document: str,
    seed: int = 42,
    lang: str | None = None,
    plugins: Plugins,
    progress: Progress,
) -> Explanation:
    """Every question that a method makes about one document of `source`, with how it was made.

    The documents before it are read too: what they tell decides what is missed in this one.

    Args:
        document: its id or its title, without regard to case and accents.

    Raises:
        UsageError: no such document, or a method that can't explain.
    """
    check_language(lang)
    chosen = plugins.choose("generators", given.method, given.options)

    def tell(line: BadLine) -> None:
        progress.message(f"warning: line {line.line}: {line.reason}")

    read = read_documents(source, tell, strict=given.strict, fields=given.names, on_notice=Notices(progress).add)
    lang, read = in_their_languages(read, lang)
    run = Run(stage="explain", folder=Path(), plugins=plugins, seed=seed, lang=lang, progress=progress)
    screen = Screen()
    until = _Until(read, document, source)
    rows: list[ExplainedRow] = []
    with plugins.stage(run) as done:
        for example in plugins.explain(chosen, screen.watch(until.documents()), run):
            if until.is_past(example.document):
                break
            refused = screen.reason(example)
            if until.found is not None and example.document == until.found.id:
                rows.append(_row(example, refused))
        wanted = until.last()
        made = Explanation(document=wanted.id, title=wanted.title, method=chosen.name, lang=lang, rows=tuple(rows))
        done.result = made
    return made


class _Until:
    """Documents, as far as a generator looks ahead of the one that is looked for."""

    def __init__(self, documents: Iterator[Document], wanted: str, source: Path) -> None:
        self._documents, self._wanted, self._source = documents, wanted, source
        self._titles: dict[str, None] = {}
        self._past: set[str] = set()
        self.found: Document | None = None

    def documents(self) -> Iterator[Document]:
        """Each document; the first that is wanted is noted."""
        key = fold(self._wanted)
        for document in self._documents:
            self._titles.setdefault(document.title)
            if self.found is None and key in (fold(document.id), fold(document.title)):
                self.found = document
            elif self.found is not None and document.id != self.found.id:
                self._past.add(document.id)
            yield document

    def is_past(self, document: str) -> bool:
        """Whether that document stands behind the one that is wanted."""
        return document in self._past

    def last(self) -> Document:
        """The wanted document. UsageError: there is none."""
        if self.found is None:
            raise UsageError(
                f"{self._source}: no document has the id or the title {self._wanted!r}",
                nearest(self._wanted, self._titles),
            )
        return self.found


def _row(example: Example, refused: str | None) -> ExplainedRow:
    meta, fact = example.meta, example.fact
    return ExplainedRow(
        where=str(meta.get("where", example.chunk or "")),
        rule=str(meta.get("rule", "")),
        attribute=fact.attribute if fact else "",
        value=fact.value if fact else None,
        kind=str(meta.get("kind", "")),
        template=str(meta.get("template", "")),
        history=tuple(turn.content for turn in example.history),
        question=example.question,
        answer=example.answer,
        refused=refused,
    )
