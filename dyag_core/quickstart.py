"""The whole chain in one call: documents -> training data -> fine-tuning -> four arms -> report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dyag_core.records import Decoding

if TYPE_CHECKING:
    from pathlib import Path

    from dyag_core.records.comparison import ComparisonFiles
    from dyag_core.session import Session

#: Few facts each of a dozen applications, in several wordings: what a small model can learn in minutes, and enough
#: test questions for a recommendation. Comparisons, dialogues and yes/no questions would take rows from the facts.
FACTS = {"facts": 4, "wordings": 6, "derived": 0, "compared": 0, "dialogues": 0}
SPLIT = (70.0, 8.0, 22.0)


def quickstart(
    session: Session,
    folder: Path,
    *,
    documents: Path | None = None,
    base_model: str = "smollm2:135m",
    count: int = 280,
    epochs: float = 4,
) -> ComparisonFiles:
    """Run every stage into `folder`, on `documents` or the sample catalogue in the session's language.

    Every stage resumes by itself, so a stopped quickstart goes on where it was.
    """
    source = documents or sample_catalogue(session.lang or "en")
    say = session.progress.message
    say(f"1/5  training data from {source.name}")
    data = session.generate(
        source, method="augmented", count=count, split=SPLIT, output=folder / "training.jsonl", options=FACTS
    )
    for line in data.summary_lines():
        say(f"     {line}")
    say(f"2/5  fine-tuning {base_model}")
    assert data.train is not None
    assert data.test is not None
    model = session.finetune(data.train, base_model=base_model, epochs=epochs, output=folder / "model")
    for line in model.summary_lines():
        say(f"     {line}")
    say("3/5  search index")
    index = session.index(source, output=folder / "documents.index")
    say("4/5  the same questions to base, rag, finetuned and hybrid")
    decoding = Decoding(max_new_tokens=48)  # answers are a few words; a model that rambles is wrong by then
    runs = session.evaluate(data.test, model=model, index=index, k=1, output=folder / "results", decoding=decoding)
    say("5/5  report")
    return session.compare(runs, output=folder / "report")


def sample_catalogue(lang: str) -> Path:
    """The catalogue of an invented agency that ships with DYAG."""
    from dyag_samples import catalogue

    return catalogue(lang)
