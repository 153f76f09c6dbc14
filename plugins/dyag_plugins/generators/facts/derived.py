"""Questions made of a fact rather than found in the document: is it so (yes or no), and how many are there?

Each is a fact of its own for the split: its wordings share one answer, which is not that of the fact it is made of.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dyag_core.api import fold
from dyag_plugins.generators.facts.questions import Ask, parts_of, spoken, told_apart, with_article

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator, Mapping, Sequence

    from dyag_core.records import Fact
    from dyag_plugins.generators.facts.phrasing import Wordings

_LONGEST_CHECKED = 60
#: Nor whether a record has this number or that.
_OF_RECORDS = ("numero de ", "code ", "reference ")
#: Nobody asks whether a latitude is 46.259779, or a code 01049.
_PRECISE = re.compile(r"[-+]?\d+[.,]\d{3,}|0\d+|\d{5,}")


def derived(
    asks: Sequence[Ask],
    others: Mapping[str, Sequence[Ask]],
    words: Wordings,
    truths: Iterator[bool],
    rng: random.Random,
) -> Iterator[Ask]:
    """A question made of each of `asks` that allows one, in an order of chance.

    Args:
        others: what earlier documents say, by noun; wrong values are taken from them, and without any nothing is asked,
            so that what is asked doesn't tell the answer.
        truths: whether the next yes/no question is to be answered with yes.
    """
    for ask in rng.sample(asks, len(asks)):
        value = ask.fact.value
        if not ask.is_plain or ask.kind == "yes/no" or not value or _PRECISE.fullmatch(value):
            continue
        if (words.lang == "en" and ask.kind == "how many") or fold(ask.phrase.bare).startswith(_OF_RECORDS):
            continue
        parts = parts_of(value) if ask.phrase.plural else []
        if words.lang == "en" and "://" in value:
            continue  # nobody says "Is its website https://...?"
        if parts and rng.random() < 0.5:
            yield _count(ask, len(parts), words)
        elif parts or (len(value) <= _LONGEST_CHECKED and not ask.phrase.plural):
            check = _check(ask, parts, others.get(ask.phrase.noun, ()), words, truths, rng)
            if check is not None:
                yield check


def _count(ask: Ask, number: int, words: Wordings) -> Ask:
    fact = _derived_fact(ask.fact, "nombre" if words.lang == "fr" else "number")
    return Ask(fact, ask.phrase, "how many", "count", tuple(words.pack.counts), str(number))


def _check(
    ask: Ask, parts: list[str], others: Sequence[Ask], words: Wordings, truths: Iterator[bool], rng: random.Random
) -> Ask | None:
    value = ask.fact.value or ""
    if parts:
        own = {fold(part) for part in parts}
        theirs = [part for other in others for part in parts_of(other.fact.value or "") if fold(part) not in own]
        templates = words.pack.part_checks
    else:
        said = [text for other in others if (text := other.fact.value)]
        theirs = [text for text in said if len(text) <= _LONGEST_CHECKED and told_apart(text, value)]
        templates = [*(ask.phrase.kind.checks if ask.phrase.kind else []), *words.pack.checks]
    if not theirs:
        return None
    right = next(truths)
    proposed = rng.choice(parts or [value]) if right else rng.choice(theirs)
    answer = words.fill(
        words.pack.yes if right else words.pack.no, ask.phrase, ask.fact.subject, value=with_article(value, words.lang)
    )
    fact = _derived_fact(ask.fact, "oui/non" if words.lang == "fr" else "yes/no")
    return Ask(
        fact,
        ask.phrase,
        "yes/no",
        "check",
        tuple(templates),
        answer,
        with_article(spoken(proposed, words.lang), words.lang),
    )


def _derived_fact(fact: Fact, what: str) -> Fact:
    """Its value stays what the document says: the answer is checked against that."""
    return fact.model_copy(update={"attribute": f"{fact.attribute} ({what})"})
