"""The keys of the files that a small run writes: what docs/reference/files.md shows of them."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dyag_core import Decoding, Message, Reply, Session, hookimpl
from dyag_samples import catalogue

#: Under these keys stand names (of metrics, of strata).
_BY_NAME = {"metrics.summaries", "metrics.strata", "metrics.strata.NAME", "results[].metrics"}
#: What stands under these depends on the plugins chosen, or on the documents.
_OPEN = {"options", "rejected", "rejected_examples", "set_aside", "by_method"}


class Parrot:
    """An engine that gives one answer to everything: the run needs no model."""

    name = "parrot"
    remote = True
    context_length = 4096

    @hookimpl
    def dyag_open_engine(self) -> Parrot:
        """It is its own engine."""
        return self

    def answer(self, prompts: Sequence[Sequence[Message]], decoding: Decoding) -> Iterator[tuple[int, Reply]]:
        """The same reply to every prompt."""
        yield from ((number, Reply(text="GPL-3.0-only")) for number in range(len(prompts)))

    def stream(self, prompt: Sequence[Message], decoding: Decoding) -> Generator[str, None, Reply]:
        """The same reply again."""
        yield "GPL-3.0-only"
        return Reply(text="GPL-3.0-only")

    def count_tokens(self, prompt: Sequence[Message]) -> int:
        """Words, for want of tokens."""
        return sum(len(message.content.split()) for message in prompt)

    def close(self) -> None:
        """Nothing to free."""


@dataclass(frozen=True)
class Written:
    """A file of the run: the section of the page it belongs to, its name, and its keys with the types found there."""

    section: str
    name: str
    keys: dict[str, str]


def shapes() -> list[Written]:
    """Make training data and results of the sample catalogue, and look at the files."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        session = Session(folder, plugins=[Parrot()])
        documents = catalogue("en")
        data = session.generate(documents, method="augmented", count=60, split=True)
        assert data.train is not None
        assert data.test is not None
        index = session.index(documents, output=folder / "documents.index")
        session.evaluate(data.test, arms=("rag",), base_model="any", index=index, engine="parrot", limit=4)
        rows = [json.loads(line) for line in data.train.read_text(encoding="utf-8").splitlines()]
        return [
            Written("Training rows", data.train.name, _keys(rows)),
            Written("Results", "results.json", _keys([_read(folder / "results.json")])),
            Written("Manifests", data.manifest.name, _keys([_read(data.manifest)])),
        ]


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _keys(objects: list[dict[str, Any]]) -> dict[str, str]:
    """`a.b[].c` -> the JSON types that stand there in any of `objects`."""
    found: dict[str, set[str]] = {}
    for each in objects:
        _collect("", each, found)
    return {key: " or ".join(sorted(kinds, key=lambda kind: (kind == "null", kind))) for key, kinds in found.items()}


def _collect(place: str, value: Any, found: dict[str, set[str]]) -> None:
    if isinstance(value, dict) and value and place.split(".")[-1] not in _OPEN:
        for key, inner in value.items():
            shown = "NAME" if place in _BY_NAME else key
            _collect(f"{place}.{shown}" if place else shown, inner, found)
    elif isinstance(value, list) and value:
        for inner in value:
            _collect(f"{place}[]", inner, found)
    else:
        found.setdefault(place, set()).add(_KIND[type(value)])


_KIND = {
    str: "text",
    bool: "true or false",
    int: "number",
    float: "number",
    type(None): "null",
    list: "list",
    dict: "object",
}
