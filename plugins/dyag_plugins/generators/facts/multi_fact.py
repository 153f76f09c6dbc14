"""Questions that rest on more than one fact: two attributes at once, two documents compared, short dialogues.

Each names all its facts, so a split trains on it only where all of them are trained on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dyag_core import Example, Message
from dyag_plugins.generators.facts.questions import told_apart, where_in

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator, Sequence

    from dyag_core import Document
    from dyag_plugins.generators.facts.interview import Interview
    from dyag_plugins.generators.facts.questions import Ask

#: Nobody asks for two long texts in one breath.
_LONGEST = 60
#: Documents share values where there are at most so many different ones a document.
_SHARED = 0.75
#: So many facts of a document are put together; of more, some drawn by lot: their pairs would fill the memory.
_MOST = 200


@dataclass
class MultiFactRows:
    """Makes them document by document. Shares are of all rows of a document."""

    asking: Interview
    combined: float
    compared: float
    dialogues: float

    def examples(self, document: Document, asks: Sequence[Ask], rows: int) -> Iterator[Example]:
        """Combined, compared and dialogue rows about a document whose facts gave `rows` rows."""
        alone = 1 - min(0.9, self.combined + self.compared + self.dialogues)
        short = [ask for ask in asks if _is_short(ask) and ask.fact.subject == document.title]
        for form, share in (("combined", self.combined), ("compared", self.compared), ("dialogue", self.dialogues)):
            rng = self.asking.run.random(form, document.id)
            number = int(rows * share / alone + rng.random())
            if number and form == "combined":
                yield from self._combined(document, _some(short, rng), number, rng)
            elif number and form == "compared":
                yield from self._compared(document, _some(short, rng), number, rng)
            elif number:
                yield from self._dialogues(document, _some(asks, rng), number, rng)

    def _combined(self, document: Document, short: list[Ask], number: int, rng: random.Random) -> Iterator[Example]:
        told = [ask for ask in short if ask.fact.value]
        pairs = [(one, two) for n, one in enumerate(told) for two in told[n + 1 :] if _tell_two_things(one, two)]
        for one, two in rng.sample(pairs, min(number, len(pairs))):
            template = rng.choice(self.asking.pack.combined)
            question = self._fill(template, one, two)
            if self.asking.options.answer_style == "sentence":
                answer = f"{self.asking.answer(one)} {self.asking.answer(two)}"
            else:
                answer = self._fill(self.asking.pack.combined_answer, one, two)
            yield self._example(document, one, two, question, answer, "combined", template)

    def _compared(self, document: Document, short: list[Ask], number: int, rng: random.Random) -> Iterator[Example]:
        """Is it the same, and which of the two is it? As many answers are yes as are no, where values allow."""
        pairs = [(ask, other) for ask in short if ask.fact.value for other in self._comparable(ask)]
        same = [(ask, other) for ask, other in pairs if ask.value_key == other.value_key]
        apart = [(ask, other) for ask, other in pairs if told_apart(ask.fact.value or "", other.fact.value or "")]
        asked: set[tuple[str, str]] = set()
        for _ in range(number):
            form = rng.choice(("same", "different", "which"))
            candidates = same if form == "same" else apart
            candidates = [pair for pair in candidates if (pair[0].fact.id, pair[1].fact.id) not in asked]
            if not candidates:
                continue
            # First the attribute, then the document: some attributes have far more pairs than others.
            noun = rng.choice(sorted({pair[0].phrase.noun for pair in candidates}))
            ask, other = rng.choice([pair for pair in candidates if pair[0].phrase.noun == noun])
            asked.add((ask.fact.id, other.fact.id))
            if rng.random() < 0.5 and form == "which":
                ask, other = other, ask
            pack = self.asking.pack
            if form == "which":
                particular = ask.phrase.kind.choices if ask.phrase.kind else []
                template = rng.choice(particular or pack.choices)
                answer = ask.fact.subject
                if rng.random() < 0.5:  # the right one is named first as often as second
                    question = self._fill(template, ask, other)
                else:
                    question = self.asking.words.fill(
                        template, ask.phrase, other.fact.subject, value=ask.fact.value or "", subject_other=answer
                    )
            else:
                template = rng.choice(pack.same)
                question = self._fill(template, ask, other)
                answer = self._fill(pack.same_yes if form == "same" else pack.same_no, ask, other)
            yield self._example(document, ask, other, question, answer, "compared", template)

    def _dialogues(self, document: Document, asks: Sequence[Ask], number: int, rng: random.Random) -> Iterator[Example]:
        """A second question that can be understood only after the first: another attribute, another subject."""
        plain = [ask for ask in asks if ask.is_plain and ask.fact.subject == document.title and _is_short(ask)]
        told = [ask for ask in plain if ask.fact.value]
        pack = self.asking.pack
        found = [(one, two, pack.follow) for one in told for two in plain if one is not two]
        found = rng.sample(found, min(number, len(found)))
        elsewhere = [(other, ask, pack.follow_other) for ask in told for other in self._earlier(ask)]
        elsewhere = rng.sample(elsewhere, min(number, len(elsewhere)))
        counts = [ask for ask in asks if ask.rule == "count"]
        listed = [(count, ask, pack.follow_count) for count in counts for ask in told if ask.phrase is count.phrase]
        dialogues = rng.sample([*found, *elsewhere, *listed], min(number, len(found) + len(elsewhere) + len(listed)))
        for first, second, templates in dialogues:
            template = rng.choice(templates)
            history = (
                Message(role="user", content=self.asking.fill(self.asking.canonical(first), first)),
                Message(role="assistant", content=self.asking.answer(first)),
            )
            question = self.asking.fill(template, second)
            answer = self.asking.answer(second)
            yield self._example(document, second, first, question, answer, "dialogue", template, history)

    def _earlier(self, ask: Ask) -> list[Ask]:
        """The same attribute in the documents before this one."""
        return [
            other
            for other in self.asking.told.earlier.get(ask.phrase.noun, ())
            if other.fact.document != ask.fact.document and other.subject_key != ask.subject_key and _is_short(other)
        ]

    def _comparable(self, ask: Ask) -> list[Ask]:
        """Those of `_earlier`, where documents share values at all: nobody asks whether two have one web address."""
        earlier = self._earlier(ask)
        values = {other.value_key for other in earlier}
        return earlier if len(values) <= _SHARED * len(earlier) else []

    def _fill(self, template: str, one: Ask, two: Ask) -> str:
        return self.asking.words.fill(
            template,
            one.phrase,
            one.fact.subject,
            value=one.fact.value or "",
            other=two.phrase,
            value_other=two.fact.value or "",
            subject_other=two.fact.subject,
        )

    def _example(
        self,
        document: Document,
        ask: Ask,
        other: Ask,
        question: str,
        answer: str,
        form: str,
        template: str,
        history: tuple[Message, ...] = (),
    ) -> Example:
        meta = {"kind": "which" if form == "compared" and answer == ask.fact.subject else ask.kind, "form": form}
        if form == "compared" and meta["kind"] != "which":
            meta["kind"] = "yes/no"
        if self.asking.explains:
            meta |= {"rule": form, "template": template, "where": where_in(document, ask)}
        return Example(
            question=question, answer=answer, document=document, chunk=ask.fact.chunk, fact=ask.fact,
            other_facts=(other.fact,), history=history, meta=meta,
        )  # fmt: skip


def _some(asks: Sequence[Ask], rng: random.Random) -> list[Ask]:
    return list(asks) if len(asks) <= _MOST else rng.sample(asks, _MOST)


def _is_short(ask: Ask) -> bool:
    return ask.is_plain and len(ask.fact.value or "") <= _LONGEST


def _tell_two_things(one: Ask, two: Ask) -> bool:
    return one.value_key != two.value_key and one.kind != "yes/no" != two.kind
