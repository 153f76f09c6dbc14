"""What is told about the documents of a run: once on the way, and again where nothing came of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dyag_core.progress import Progress

#: So many are kept: a folder of a thousand old files says the same thing a thousand times.
_KEPT = 20


class Notices:
    """Passes what a reader has to say on to the user, and keeps it."""

    def __init__(self, progress: Progress) -> None:
        self.told: list[str] = []
        self._progress = progress

    def add(self, text: str) -> None:
        """Show a notice; of very many the first ones."""
        if len(self.told) < _KEPT:
            self.told.append(text)
            self._progress.message(f"note: {text}")
        elif len(self.told) == _KEPT:
            self.told.append("further notes on other files")
            self._progress.message("note: there are further notes, which are not shown")
