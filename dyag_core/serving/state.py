"""What the requests of one server share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dyag_core.records import Decoding
from dyag_core.serving.account import Account
from dyag_core.serving.errors import unavailable
from dyag_core.serving.line import Line

if TYPE_CHECKING:
    from collections.abc import Callable

    from dyag_core.serving.answered import Answered
    from dyag_core.serving.arms import ServedArms
    from dyag_core.serving.kept import Kept
    from dyag_core.serving.report import Measured
    from dyag_core.serving.votes import Votes


@dataclass(eq=False)
class State:
    """A server's arms, its waiting line and its accounts. `load` may come after the server has begun to listen.

    Args:
        log: takes a line for whoever runs the server.
        queue: requests that may wait.
        seconds: that a request may take.
        report: the comparison that the arms were measured with, where there is one.
        votes: where votes are kept; None where none are taken.
        kept: where questions and answers are kept, if at all.
    """

    log: Callable[[str], None]
    decoding: Decoding
    queue: int
    seconds: float
    report: Measured | None = None
    votes: Votes | None = None
    kept: Kept | None = None
    account: Account = field(default_factory=Account)
    _served: ServedArms | None = None
    _line: Line | None = None

    def load(self, served: ServedArms) -> None:
        """From now on requests are answered."""
        self._line = Line(served.at_once, self.queue, self.seconds)
        self.account.watch(self._line)
        self._served = served

    @property
    def ready(self) -> bool:
        """Whether the models are loaded."""
        return self._served is not None

    @property
    def served(self) -> ServedArms:
        """The arms. ApiError: they are still being loaded."""
        if self._served is None:
            raise unavailable("the models are being loaded", "loading")
        return self._served

    @property
    def line(self) -> Line:
        """The waiting line. ApiError: the models are still being loaded."""
        if self._line is None:
            raise unavailable("the models are being loaded", "loading")
        return self._line

    def fault(self, what: str) -> None:
        """Something failed that a client is told no details of."""
        self.log(f"fault: {what}")

    def answered(self, answer: Answered) -> None:
        """An answer has come to its end, or was left."""
        self.account.answered(answer)
        if self.kept is not None:
            self.kept.add(answer)
