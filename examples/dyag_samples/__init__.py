"""A sample catalogue to try DYAG on: forty applications of an invented public agency, in French and in English.

The Rivers and Bridges Agency (Agence des rivières et des ponts), its staff and its applications do not exist. Both
files describe the same forty applications, line by line. Values differ from one application to the next, so that a
model has to learn facts rather than a default, and most entries leave some fields out, so that some questions have no
answer.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

LANGUAGES = ("en", "fr")


def catalogue(lang: str) -> Path:
    """Path of the sample catalogue in `lang`: documents as JSON Lines, UTF-8.

    Args:
        lang: "fr" or "en".

    Raises:
        ValueError: there is no sample catalogue in that language.
    """
    if lang not in LANGUAGES:
        raise ValueError(f"no sample catalogue in {lang!r}: choose one of {', '.join(LANGUAGES)}")
    return Path(str(files(__name__) / f"catalogue.{lang}.jsonl"))
