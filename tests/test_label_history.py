"""What earlier documents told: asked for where it is missing, and forgotten before it fills the memory."""

from __future__ import annotations

import gc
import json
import random
from pathlib import Path
from typing import Any

import pytest

from dyag_core import Document, Session
from dyag_core.plugin.run import Run
from dyag_core.records import Chunk
from dyag_core.text.normalise import fold
from dyag_plugins.generators.facts.interview import Interview, RuleOptions
from dyag_plugins.generators.facts.phrasing import Phrase

LETTERS = "abcdefghijklmnopqrstuvwxyz"


LABELS = [f"Rubrique {a}o{b}a" for a in LETTERS for b in LETTERS[:20]]  # words that can be said


@pytest.fixture
def texts(tmp_path: Path) -> dict[str, str]:
    """The folded texts of 120 documents in `documents.jsonl`, each with 30 of 520 labels."""
    rng, found = random.Random(2), {}
    with (tmp_path / "documents.jsonl").open("w", encoding="utf-8") as handle:
        for n in range(120):
            lines = "\n".join(f"- {label}: valeur {n} de {label[-2:]}" for label in rng.sample(LABELS, 30))
            aside = f"Voir aussi la {LABELS[n % 7].lower()}."  # named, though nothing is told under it
            content = f"# Outil {n}\n\n{aside}\n\n{lines}"
            found[f"d{n}"] = fold(content)
            row = {"id": f"c{n}", "content": content, "metadata": {"id": f"d{n}"}}
            handle.write(json.dumps(row, ensure_ascii=False) + "\n")
    return found


def said(number: int) -> str:
    """A word of its own for each number: a label that holds a number is never asked for."""
    return "".join("aeiouylmnr"[int(digit)] for digit in f"{number:05}")


def asked(folder: Path, **options: object) -> list[dict[str, Any]]:
    made = Session(folder, lang="fr").generate(folder / "documents.jsonl", method="rule", options=options)
    return [json.loads(line)["meta"] for line in made.output.read_text("utf-8").splitlines()]


def test_what_is_asked_for_in_vain_is_told_by_others_and_not_by_the_document(
    tmp_path: Path, texts: dict[str, str]
) -> None:
    rows = asked(tmp_path)
    unanswerable = [(row["document"], fold(row["attribute"])) for row in rows if not row["answerable"]]
    assert 0.12 < len(unanswerable) / len(rows) < 0.18
    known = set(map(fold, LABELS))
    others = [attribute for _, attribute in unanswerable if attribute in known]
    assert len(others) > 0.9 * len(unanswerable)
    assert not [attribute for document, attribute in unanswerable if attribute in texts[document]]
    assert len(set(others)) > 200  # of 520: not the first ones again and again


def test_the_attributes_that_are_wanted_are_asked_for_in_vain_too(tmp_path: Path, texts: dict[str, str]) -> None:
    wanted = LABELS[100:110]
    rows = asked(tmp_path, attributes=wanted, derived=0, unanswerable=0.3)
    assert {row["attribute"] for row in rows} == set(wanted)
    assert 0.25 < sum(not row["answerable"] for row in rows) / len(rows) < 0.35


def test_a_new_label_in_every_document_does_not_fill_the_memory(tmp_path: Path) -> None:
    asking = Interview(RuleOptions(unanswerable=0.5), Run(stage="generate", folder=tmp_path, plugins=None, lang="fr"))

    def phrases_after(first: int, last: int) -> int:
        for n in range(first, last):
            label = f"Rubrique {said(n // 2)}"  # told twice
            chunk = Chunk(id=f"c{n}", text=f"# Outil {n // 2}\n\n- {label}: valeur {n}")
            assert asking.asks(Document(id=f"d{n}", title=f"Outil {n}", chunks=(chunk,)))
        return sum(type(thing) is Phrase for thing in gc.get_objects())

    assert phrases_after(0, 5_000) > 2_000  # two documents a label
    full = phrases_after(5_000, 9_000)  # more labels than are kept
    assert phrases_after(9_000, 9_600) == full
