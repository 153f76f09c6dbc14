"""What earlier documents told: asked for where it is missing, and forgotten before it fills the memory."""

from __future__ import annotations

import gc
import json
import random
from pathlib import Path

from dyag_core import Document, Session
from dyag_core.normalise import fold
from dyag_core.records import Chunk
from dyag_core.run import Run
from dyag_plugins.generators.rule import Asking, RuleOptions
from dyag_plugins.generators.wording import Phrase

LETTERS = "abcdefghijklmnopqrstuvwxyz"


def test_what_is_asked_for_in_vain_is_told_by_others_and_not_by_the_document(tmp_path: Path) -> None:
    labels = [f"Rubrique {a}{b}" for a in LETTERS for b in LETTERS[:20]]
    rng = random.Random(2)
    told = {f"d{n}": rng.sample(labels, 30) for n in range(120)}
    source = tmp_path / "documents.jsonl"
    with source.open("w", encoding="utf-8") as handle:
        for n, (document, some) in enumerate(told.items()):
            lines = "\n".join(f"- {label}: valeur {n} de {label[-2:]}" for label in some)
            aside = f"Voir aussi la {labels[n % 7].lower()}."  # named, though nothing is told under it
            row = {"id": f"c{n}", "content": f"# Outil {n}\n\n{aside}\n\n{lines}", "metadata": {"id": document}}
            handle.write(json.dumps(row, ensure_ascii=False) + "\n")
    made = Session(tmp_path, lang="fr").generate(source, method="rule")
    rows = [json.loads(line)["meta"] for line in made.output.read_text("utf-8").splitlines()]
    texts = {row["metadata"]["id"]: fold(row["content"]) for row in map(json.loads, source.open(encoding="utf-8"))}
    unanswerable = [row for row in rows if not row["answerable"]]
    assert 0.12 < len(unanswerable) / len(rows) < 0.18
    known = {fold(label) for label in labels}
    asked = [(row["document"], fold(row["attribute"])) for row in unanswerable]
    others = [attribute for document, attribute in asked if attribute in known]
    assert len(others) > 0.9 * len(asked)
    assert not [attribute for document, attribute in asked if attribute in texts[document]]
    assert len(set(others)) > 200  # of 520: not the first ones again and again


def test_a_new_label_in_every_document_does_not_fill_the_memory(tmp_path: Path) -> None:
    asking = Asking(RuleOptions(unanswerable=0.5), Run(stage="generate", folder=tmp_path, plugins=None, lang="fr"))

    def phrases_after(first: int, last: int) -> int:
        for n in range(first, last):
            chunk = Chunk(id=f"c{n}", text=f"# Outil {n // 2}\n\n- Rubrique {n // 2}: valeur {n}")  # told twice
            assert asking.asks(Document(id=f"d{n}", title=f"Outil {n}", chunks=(chunk,)))
        return sum(isinstance(thing, Phrase) for thing in gc.get_objects())

    assert phrases_after(0, 5_000) > 2_000
    full = phrases_after(5_000, 15_000)
    assert phrases_after(15_000, 18_000) == full
