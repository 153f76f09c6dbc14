"""Generator `cloze`: sentences of the document with one word left out, to be filled in.

It shows what a generator is made of: documents that stream, chance that depends on the seed and the document alone,
and an example that names its document and its chunk.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice

from pydantic import BaseModel, Field

from dyag_core import Chunk, Document, Example, Run, hookimpl
from dyag_core.text.sentences import sentences

_ASK = {"en": "Which word is missing? “{sentence}”", "fr": "Quel mot manque ? « {sentence} »"}
_GAP = "_____"
#: Letters of a sentence; what is longer is a list or a table that lost its lines.
_LONGEST = 300


class ClozeOptions(BaseModel, extra="forbid"):
    """Which words are left out, and how many sentences are taken."""

    shortest: int = Field(6, ge=2, description="letters that a word must have to be left out")
    sentences: int = Field(3, ge=1, description="at most so many sentences of a chunk")


class ClozeGenerator:
    """Sentences with a gap, a few of each chunk."""

    dyag_api = 1
    Options = ClozeOptions

    @hookimpl
    def dyag_generate(self, documents: Iterable[Document], options: ClozeOptions, run: Run) -> Iterator[Example]:
        """One example a sentence that has a word long enough."""
        word = re.compile(rf"[^\W\d_]{{{options.shortest},}}")
        for document in documents:
            for chunk in document.chunks:
                chance = run.random("cloze", document.id, chunk.id)
                for sentence in islice(_sentences(chunk), options.sentences):
                    words = [found for found in word.finditer(sentence) if sentence.count(found[0]) == 1]
                    if not words:
                        run.reject("no word to leave out", sentence)
                        continue
                    left_out = chance.choice(words)
                    gapped = f"{sentence[: left_out.start()]}{_GAP}{sentence[left_out.end() :]}"
                    question = _ASK[run.lang].format(sentence=gapped)
                    yield Example(question=question, answer=left_out[0], document=document, chunk=chunk)


def _sentences(chunk: Chunk) -> Iterator[str]:
    """Whole sentences of a chunk, line by line."""
    for line in chunk.text.splitlines():
        for sentence in map(str.strip, sentences(line)):
            if sentence.endswith((".", "!", "?")) and len(sentence) <= _LONGEST:
                yield sentence
