"""SQuAD's definition, BLEU, chrF, ROUGE-L and groundedness: published numbers and values worked by hand."""

from __future__ import annotations

import re
import string
from collections import Counter
from math import exp
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dyag_core import Prediction, Run
from dyag_core.plugin.host import Plugins
from dyag_core.text.abstention import UNKNOWN


def prediction(answer: str, expected: str = "MIT", question: str = "Q ?", **more: object) -> Prediction:
    return Prediction(id="1", question=question, expected=expected, answer=answer, **more)


def score(metric: str, *predictions: Prediction, **options: object) -> list[float | None]:
    plugins = Plugins()
    run = Run(stage="evaluate", folder=Path(), plugins=plugins)
    result = plugins.score(plugins.choose("metrics", metric, options), predictions, run)
    assert result is not None
    assert (result.name, result.unit, result.higher_is_better) == (metric, "rate", True)
    return result.items


# -- SQuAD 1.1 ---------------------------------------------------------------------------------------------------------


def words(text: str) -> list[str]:
    """By the published definition: lower case, punctuation deleted, then a, an and the, then white space."""
    bare = text.lower().translate(str.maketrans("", "", string.punctuation))
    return re.sub(r"\b(?:a|an|the)\b", " ", bare).split()


def squad(answer: str, expected: str) -> tuple[float, float]:
    """EM and F1 by the published definition."""
    said, wanted = words(answer), words(expected)
    shared = (Counter(said) & Counter(wanted)).total()
    f1 = (
        2 * (shared / len(said)) * (shared / len(wanted)) / (shared / len(said) + shared / len(wanted)) if shared else 0
    )
    return float(said == wanted), f1


@pytest.mark.parametrize(
    ("answer", "expected", "exact", "f1"),
    [
        ("The Denver Broncos!", "Denver Broncos", 1, 1.0),
        ("in Santa Clara, California.", "Santa Clara, California", 0, 6 / 7),
        ('a "golden anniversary"', "the golden anniversary", 1, 1.0),
        ("the Virgin Mary, it is said", "Saint Bernadette Soubirous", 0, 0.0),
        ("gold gold gold", "gold", 0, 0.5),  # bags: one of three, one of one
        ("an apple a day", "apple  day", 1, 1.0),
        ("U.S. Army", "US army", 1, 1.0),
        ("1,200", "1200", 1, 1.0),
        ("February 7, 2016", "February 7 2016", 1, 1.0),
    ],
)
def test_squad_worked_by_hand(answer: str, expected: str, exact: int, f1: float) -> None:
    assert squad(answer, expected) == (exact, pytest.approx(f1))
    assert score("exact_match", prediction(answer, expected)) == [exact]
    assert score("token_f1", prediction(answer, expected)) == [pytest.approx(f1)]


@pytest.mark.parametrize(
    ("answer", "expected", "squad_exact", "ours"),
    [
        ("well-known", "well known", 0, 1),  # punctuation separates here, there it vanishes
        ("Levi's Stadium", "Levis Stadium", 1, 0),
        ("version 3.5", "version 35", 1, 0),
        ("C++", "C", 1, 0),
        ("1 200,50 €", "1200.50", 0, 1),
        ("L'éditeur", "editeur", 0, 1),
        ("la licence", "licence", 0, 1),
    ],
)
def test_where_exact_match_differs_from_squad(answer: str, expected: str, squad_exact: int, ours: int) -> None:
    assert squad(answer, expected)[0] == squad_exact
    assert score("exact_match", prediction(answer, expected)) == [ours]


_WORDS = st.one_of(st.text("bcdefgh", min_size=2, max_size=3), st.sampled_from(["a", "an", "the", "The"]))
_MARKS = st.sampled_from(["", "", ",", ".", "!", '"'])
_TEXT = st.lists(st.builds(str.__add__, _WORDS, _MARKS), min_size=1, max_size=6).map(" ".join)


@settings(max_examples=10, deadline=None)
@given(st.lists(st.tuples(_TEXT, _TEXT), min_size=1, max_size=30))
def test_plain_english_words_score_as_in_squad(pairs: list[tuple[str, str]]) -> None:
    def says_something(text: str) -> bool:  # an answer of articles alone keeps them here
        return bool({*re.findall("[a-z]+", text.lower())} - {"a", "an", "the"})

    pairs = [pair for pair in pairs if all(map(says_something, pair))]
    asked = [prediction(answer, expected) for answer, expected in pairs]
    assert score("exact_match", *asked) == [squad(*pair)[0] for pair in pairs]
    assert score("token_f1", *asked) == [pytest.approx(squad(*pair)[1]) for pair in pairs]


# -- BLEU and chrF -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "expected", "bleu"),
    [
        ("MIT", "MIT", 1.0),
        # sacrebleu's own test of effective order: 1/1, brevity penalty exp(1 - 2/1)
        ("test", "a test", 0.3678794411714425),
        ("a test", "a test", 1.0),
        # words 5/5, pairs 3/4, triples 1/3, fours 0/2 smoothed to 1/4; brevity penalty exp(1 - 7/5)
        ("La licence est MIT.", "La licence de 7zip est MIT.", exp(-0.4) * (3 / 4 * 1 / 3 * 1 / 4) ** 0.25),
        # words 1/2, pairs 0/1 smoothed to 1/2: two words for one are half wrong, however right
        ("MIT License", "MIT", 0.5),
        # one word of two ("1200.50" is not "1" "200,50"), no pair of one; brevity penalty exp(1 - 3/2)
        ("1200.50 €", "1 200,50 €", exp(-0.5) * 0.5),
        ("été", "ete", 0.0),
        ("L'outil", "l'outil", 0.0),
        ("", "MIT", 0.0),
    ],
)
def test_bleu(answer: str, expected: str, bleu: float) -> None:
    assert score("bleu", prediction(answer, expected)) == [pytest.approx(bleu)]


@pytest.mark.parametrize(
    ("answer", "expected", "chrf"),
    [
        # sacrebleu's own tests of effective order
        ("a", "a", 1.0),
        ("", "reference", 0.0),
        ("a b c", "abc", 1.0),
        ("aa", "ab", 0.25),
        ("Niemand hat die Absicht, eine Mauer zu errichten", "Niemand hat die Absicht, eine Mauer zu errichten", 1.0),
        # one letter of three, no pair of two, no triple of one
        ("été", "ete", 1 / 9),
        # precision 3/10, 2/9, 1/8, recall 1; recall counts twice
        ("MIT License", "MIT", 5 * 0.2157407407 / (4 * 0.2157407407 + 1)),
    ],
)
def test_chrf(answer: str, expected: str, chrf: float) -> None:
    assert score("chrf", prediction(answer, expected)) == [pytest.approx(chrf)]


@settings(max_examples=10, deadline=None)
@given(st.lists(st.tuples(st.text(max_size=30), st.text(max_size=30)), min_size=1, max_size=20))
def test_scores_are_shares_and_those_of_sacrebleu(pairs: list[tuple[str, str]]) -> None:
    import sacrebleu

    asked = [prediction(answer, expected) for answer, expected in pairs]
    for metric, reference in (("bleu", sacrebleu.sentence_bleu), ("chrf", sacrebleu.sentence_chrf)):
        scores = score(metric, *asked)
        assert scores == [pytest.approx(reference(answer, [expected]).score / 100) for answer, expected in pairs]
        assert all(value is not None and 0 <= value <= 1 for value in scores)


# -- ROUGE-L -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "expected", "rouge_l"),
    [
        # the example of Lin 2004, articles dropped: 2 of 3 words in order, then 1 of 3
        ("police kill the gunman", "police killed the gunman", 2 / 3),
        ("the gunman kill police", "police killed the gunman", 1 / 3),
        # ete equipe demenage orleans / equipe demenage orleans en ete: 3 in order, of 4 and 5
        ("L'été, l'équipe a déménagé à Orléans.", "L'équipe a déménagé à Orléans en été", 6 / 9),
        ("L’élève naïf", "eleve naif", 1.0),
        ("1 200,50 € par jour", "1200.50 par mois", 4 / 6),
        ("Version 1.4.200 de l'éditeur", "éditeur, version 1.4.200", 4 / 7),  # version 1.4.200, of 4 and 3
        ("Москва столица", "столица Москва", 0.5),
        ("MIT", "Apache-2.0", 0.0),
        ("", "MIT", 0.0),
        ("MIT", "MIT.", 1.0),
    ],
)
def test_rouge_l(answer: str, expected: str, rouge_l: float) -> None:
    assert score("rouge_l", prediction(answer, expected)) == [pytest.approx(rouge_l)]


_LETTERS = st.lists(st.sampled_from("bcdf"), min_size=1, max_size=6)


@settings(max_examples=10, deadline=None)
@given(st.lists(st.tuples(_LETTERS, _LETTERS), min_size=1, max_size=20))
def test_rouge_l_is_the_longest_common_subsequence(pairs: list[tuple[list[str], list[str]]]) -> None:
    def longest(a: list[str], b: list[str]) -> int:
        if not a or not b:
            return 0
        if a[0] == b[0]:
            return 1 + longest(a[1:], b[1:])
        return max(longest(a[1:], b), longest(a, b[1:]))

    expected = [pytest.approx(2 * longest(one, other) / (len(one) + len(other))) for one, other in pairs]
    assert score("rouge_l", *(prediction(" ".join(one), " ".join(other)) for one, other in pairs)) == expected


@pytest.mark.parametrize("metric", ["bleu", "chrf", "rouge_l"])
def test_overlap_needs_an_expected_answer_and_an_error_is_wrong(metric: str) -> None:
    unanswerable = prediction(UNKNOWN["fr"], UNKNOWN["fr"], answerable=False)
    failed = prediction("MIT", error="out of context")
    assert score(metric, unanswerable, failed, prediction("MIT")) == [None, 0.0, 1.0]


# -- groundedness ------------------------------------------------------------------------------------------------------

PASSAGE = (
    "7zip. Licence : LGPL-2.0-only. Coût du support : 1 200,50 € par an, version 2 300 fois installée. "
    "Éditeur : l'État français. « Un outil mûr », dit Gérard Dupont (https://7-zip.example.org/)."
)


@pytest.mark.parametrize(
    ("answer", "share"),
    [
        ("1 200,50 €", 1),
        ("1200.50", 1),
        ("1,200.50 €", 1),
        ("1 200,60 €", 0),  # a number that no passage holds
        ("1,200 €", 0),
        ("installée 300 fois", 1),  # written so, though "2 300" may be read as one number
        ("LGPL-2.0-only", 1),
        ("GPL-3.0-only", 0),
        ("L'editeur est l'Etat", 1),  # accents and elision don't matter
        ("Gérard Dupont", 1),
        ("Gérard Martin", 0),
        ("« Un outil mûr »", 1),
        ("« Un outil excellent »", 0),
        ("https://www.example.org/", 0),
        ("un outil français payant et fermé", 0.5),  # outil, francais; payant, ferme
        ("support payant", 0),  # "support" only repeats the question
        ("Oui", 0),
        ("", 0),
    ],
)
def test_groundedness(answer: str, share: float) -> None:
    asked = prediction(answer, question="Combien coûte le support de 7zip ?", context=PASSAGE)
    assert score("groundedness", asked) == [pytest.approx(share)]


def test_groundedness_is_for_answers_given_from_passages() -> None:
    closed_book = prediction("MIT")
    abstaining = prediction("Je ne sais pas.", context=PASSAGE)
    failed = prediction("LGPL-2.0-only", context=PASSAGE, error="e")
    unanswerable = prediction("Gérard Martin", UNKNOWN["fr"], context=PASSAGE, answerable=False)
    assert score("groundedness", closed_book, abstaining, failed, unanswerable) == [None, None, 0.0, 0.0]
