"""Sentence ends in French and English: cut where one ends, never inside an abbreviation, and nothing lost."""

import pytest

from dyag_core.text.sentences import first_sentence, sentences

CASES = [
    ["Il pleut. ", "Il neige."],
    ["M. Dupont a dit oui. ", "Mme Petit aussi."],
    ["Voir p. 3 et l'art. 5 du règlement. ", "Puis la fig. 2."],
    ["« Faut-il chiffrer ? » ", "Oui. ", "La réponse est « Toujours. » ", "Fin."],
    ["« Vraiment ? » demanda-t-il. ", "Elle rit !\n", "Puis rien…\u00a0", "Plus tard, tout."],
    ["J.-P. Sartre et A. Camus écrivaient. ", "Des pommes, etc. Il en reste."],
    ["1. Ouvrez le fichier. ", "Acceptez.\n", "2. Redémarrez."],
    ["La version 19.2 est sortie en 2020. ", "Œuvre finie. ", "À voir."],
    ["Dr. Smith lives in the U.S. Government district. ", "He said “Stop.” ", "Then he left (at last.) ", "Done."],
    ["Use e.g. Python, i.e. CPython. ", "No. 5 is alive. ", "**Bold** starts. ", "[A link](x) too."],
    ["C'est de l'art. ", "Voir art. L. 221-3 et chap. IV du code. ", "Le vin est sec. ", "Non."],
    ["Is it? ", "No. ", "It is not."],
    ["no capital. here it goes on. ", "3 items remain!"],
]


@pytest.mark.parametrize("expected", CASES, ids=lambda case: case[0][:20])
def test_sentences_end_where_they_end(expected: list[str]) -> None:
    text = "".join(expected)
    assert list(sentences(text)) == expected
    assert first_sentence(text) == expected[0].strip()


def test_nothing_is_a_sentence_of_nothing() -> None:
    assert list(sentences("")) == []
    assert first_sentence("  ") == ""
