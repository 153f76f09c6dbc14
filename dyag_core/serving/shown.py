"""An answer's text while it comes: what may be shown so far, and where it ends."""

from __future__ import annotations

from collections.abc import Sequence

from dyag_core.text.reasoning import without_reasoning

#: The longest mark that a reasoning block or a control token begins with; what may become one is held back.
_LONGEST_MARK = 24


class Shown:
    """Takes an engine's pieces and gives those that a client gets: without reasoning, up to the first of `stops`.

    What has been sent can't be taken back, so that whatever may turn out to begin a mark or a stop waits.
    """

    def __init__(self, stops: Sequence[str] = ()) -> None:
        self._stops = tuple(stops)
        self._whole = ""
        self.text = ""
        self.stopped = False

    def add(self, piece: str) -> str:
        """Text that may be sent now that `piece` has come."""
        self._whole += piece
        return self._send(self._without_beginning(without_reasoning(self._settled())))

    def end(self) -> str:
        """The rest, now that nothing more comes."""
        return "" if self.stopped else self._send(without_reasoning(self._whole))

    def _send(self, text: str) -> str:
        found = [place for stop in self._stops if (place := text.find(stop)) >= 0]
        if found:
            text, self.stopped = text[: min(found)], True
        if not text.startswith(self.text):
            return ""
        new, self.text = text[len(self.text) :], text
        return new

    def _settled(self) -> str:
        """What has come, up to a mark that has begun and not ended."""
        start = max(self._whole.rfind("<"), self._whole.rfind("["))
        open_mark = start >= 0 and len(self._whole) - start < _LONGEST_MARK
        return self._whole[:start] if open_mark and not {">", "]"} & set(self._whole[start:]) else self._whole

    def _without_beginning(self, text: str) -> str:
        if any(stop in text for stop in self._stops):
            return text
        longest = max(map(len, self._stops), default=0)
        for length in range(min(len(text), longest), 0, -1):
            if any(stop.startswith(text[-length:]) for stop in self._stops):
                return text[:-length]
        return text
