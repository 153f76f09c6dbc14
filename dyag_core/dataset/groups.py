"""Documents that belong together (two versions of a product, a page and its translation) by a metadata field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dyag_core.errors import UsageError
from dyag_core.text.normalise import fold

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dyag_core.records import Document

_SHOWN = 12


def _in_one_form(value: Any) -> str:
    """Without case, accents and needless spaces; 3, 3.0 and " 3 " are one value."""
    whole = isinstance(value, float) and value.is_integer()
    return " ".join(fold(str(int(value) if whole else value)).split())


class Groups:
    """Which group a document is in. One without the field, and every one where there is no field, is its own group.

    Values are compared without case and accents. With a field, what is kept grows by some 200 bytes a document.
    """

    def __init__(self, field: str | None) -> None:
        self._field = field
        self._names: dict[str, None] = {}
        self._groups: dict[str, str] = {}

    def watch(self, documents: Iterable[Document]) -> Iterator[Document]:
        """Pass documents on and note their groups."""
        for document in documents:
            if self._field:
                self._names |= dict.fromkeys(document.metadata)
                value = document.metadata.get(self._field)
                if value not in (None, ""):
                    self._groups.setdefault(document.id, f"{self._field}\x1f{_in_one_form(value)}")
            yield document

    def of(self, document: str) -> str:
        """The group of a document id."""
        return self._groups.get(document, document)

    def check(self) -> None:
        """Raises UsageError where no document had the field; names those that there are."""
        if not self._field or self._groups:
            return
        known = sorted(self._names)
        shown = ", ".join(known[:_SHOWN]) + (", ..." if len(known) > _SHOWN else "")
        raise UsageError(
            f"--group-by: no document has a metadata field {self._field!r}; there are: {shown or 'none at all'}",
            "choose one of them, or leave out --group-by",
        )
