"""BERTScore against the paper's formula written out token by token, and what it makes of odd answers."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from dyag_core import Prediction, Run, UsageError
from dyag_core.plugin.host import Plugins

PAIRS = [
    ("mail logging", "mail logging"),
    ("the mail of paris", "mail is logged here"),
    ("paris", "mail logging is here the of paris"),
    ("", "mail"),
]


def predictions(pairs=PAIRS, **fields):
    return [
        Prediction(id=str(n), question="?", answer=answer, expected=expected, **fields)
        for n, (answer, expected) in enumerate(pairs)
    ]


def score(model, asked, **options):
    plugins = Plugins()
    chosen = plugins.choose("metrics", "bertscore", {"model": str(model), **options})
    return plugins.score(chosen, asked, Run(stage="evaluate", folder=Path(), plugins=plugins)).items


def states(folder, text, layer):
    """A text's token vectors as lists of numbers, one text at a time, straight from transformers."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModel.from_pretrained(folder)
    with torch.no_grad():
        layers = model(**tokenizer(text, return_tensors="pt"), output_hidden_states=True).hidden_states
    return layers[layer][0, 1:-1].tolist()


def by_hand(answer, expected):
    """Equations of section 3 of the paper, with loops and Python's own floats."""

    def cosine(a, b):
        dot = math.fsum(x * y for x, y in zip(a, b, strict=True))
        return dot / math.sqrt(math.fsum(x * x for x in a) * math.fsum(y * y for y in b))

    recall = math.fsum(max(cosine(x, y) for y in answer) for x in expected) / len(expected)
    precision = math.fsum(max(cosine(x, y) for x in expected) for y in answer) / len(answer)
    return {"precision": precision, "recall": recall, "f1": 2 * precision * recall / (precision + recall)}


@pytest.mark.parametrize("layer", [1, None])
def test_the_formula_of_the_paper(tiny_encoder, layer):
    place = 2 if layer is None else layer
    for which in ("precision", "recall", "f1"):
        found = score(tiny_encoder, predictions()[:3], score=which, **({} if layer is None else {"layer": layer}))
        for value, (answer, expected) in zip(found, PAIRS, strict=False):
            hand = by_hand(states(tiny_encoder, answer, place), states(tiny_encoder, expected, place))
            assert value == pytest.approx(max(0.0, hand[which]), abs=1e-5)


def test_precision_and_recall_change_places_with_the_texts(tiny_encoder):
    there = score(tiny_encoder, predictions(), score="precision")
    back = score(tiny_encoder, predictions([(b, a) for a, b in PAIRS]), score="recall")
    assert there == pytest.approx(back, abs=1e-6)
    assert there[2] > score(tiny_encoder, predictions(), score="recall")[2]  # one word, found whole


def test_equal_texts_empty_texts_errors_and_unanswerable_questions(tiny_encoder):
    found = score(tiny_encoder, predictions())
    assert found[0] == pytest.approx(1)
    assert found[3] == 0
    assert all(0 <= value <= 1 for value in found)
    assert score(tiny_encoder, predictions(error="timeout")) == [0.0] * 4
    assert score(tiny_encoder, predictions(answerable=False)) == [None] * 4


def test_every_option_is_tested_here():
    chosen = Plugins().choose("metrics", "bertscore")
    assert set(type(chosen.options).model_fields) == {"model", "layer", "score"}
    assert chosen.options.model == "minilm"


def test_a_layer_that_is_not_there(tiny_encoder):
    with pytest.raises(UsageError, match="layers 0 to 2, not 3"):
        score(tiny_encoder, predictions(), layer=3)


def test_no_encoder_there(tmp_path):
    with pytest.raises(UsageError, match="no encoder"):
        score(tmp_path, predictions())
