"""The shapes that plugins return and receive: anything with these methods will do, no base class is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from dyag_core.records import Decoding, Hit, Message, Reply


@runtime_checkable
class Engine(Protocol):
    """A loaded model that answers chat prompts. Close it when done: it may hold gigabytes.

    It may have an attribute `about`, a dict of small JSON values that results files keep: the device it runs on, the
    library that computes, how exact it is.

    For `dyag serve` it may have two things more. `concurrent`, a number: so many calls of `stream` may run at the same
    time, each in a thread of its own (without it, one). `with_adapter(adapter)`: another engine on the weights that are
    in memory, with that adapter applied, or None where that can't be; closing this engine closes both. Without it, a
    second copy of the base model is loaded.
    """

    #: tokens that prompt and answer share
    context_length: int

    def answer(self, prompts: Sequence[Sequence[Message]], decoding: Decoding) -> Iterator[tuple[int, Reply]]:
        """Answer every prompt; yields (index into `prompts`, reply) as replies are ready, in any order.

        A prompt that fails gives a reply with `error` set. The reply to a prompt must not depend on the others.
        """

    def stream(self, prompt: Sequence[Message], decoding: Decoding) -> Generator[str, None, Reply]:
        """Answer one prompt, yielding text as it comes; the generator's return value is the whole reply."""

    def count_tokens(self, prompt: Sequence[Message]) -> int:
        """Length of the rendered prompt in tokens."""

    def close(self) -> None:
        """Free the model's memory."""


@runtime_checkable
class Retriever(Protocol):
    """A search over an index's chunks."""

    def search(self, queries: Sequence[str], k: int) -> list[list[Hit]]:
        """The `k` best chunks for each query, best first; equal scores are ordered by chunk id."""
