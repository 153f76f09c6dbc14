"""The sentences that a comparison says, as data: the key of a template, and the numbers and names that fill it.

The templates stand in sentences.yaml, English and French side by side. What is known about arms, metrics, strata and
units by name is written as `dyag_core.comparison.names` calls it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeAlias

from dyag_core.comparison import names
from dyag_core.records import MetricDescription
from dyag_core.text.language import LANGUAGES
from dyag_core.text.wording import Way, fill

#: What people read: language -> words.
Text = dict[str, str]

#: What fills a placeholder. An arm or a stratum is handed over as the files spell it, a metric with its description.
Part: TypeAlias = "str | float | MetricDescription | Sentence | list[str] | list[Sentence] | None"


def unit(of: str | MetricDescription, lang: str) -> str:
    """A unit by its name, or that of a metric as the metric calls it."""
    return names.unit_name(of, lang) if isinstance(of, str) else names.unit_name(of.unit, lang, of)


#: Beside those of `dyag_core.text.wording`.
WAYS: dict[str, Way] = {
    "arm": names.arm_phrase,
    "arm_name": names.arm_name,
    "arm_against": names.arm_against,
    "metric": names.metric_phrase,
    "metric_name": names.metric_name,
    "stratum": names.stratum_name,
    "stratum_phrase": names.stratum_phrase,
    "unit": unit,
}


@dataclass(frozen=True)
class Sentence:
    """The template `key`, and what fills it; a part may be a sentence itself."""

    key: str
    parts: Mapping[str, Part]

    def words(self, lang: str) -> str:
        """The sentence in one language."""
        parts = {name: _worded(part, lang) for name, part in self.parts.items()}
        return fill(templates()[self.key][lang], lang, parts, WAYS)


def say(key: str, **parts: Part) -> Sentence:
    """The sentence `key` with its parts."""
    return Sentence(key, parts)


def in_words(*sentences: Sentence) -> Text:
    """The sentences, one behind the other, in every language."""
    return {lang: " ".join(sentence.words(lang) for sentence in sentences) for lang in LANGUAGES}


@cache
def templates() -> dict[str, dict[str, str]]:
    """Every sentence by its key: language -> template."""
    import yaml

    loaded: dict[str, dict[str, str]] = yaml.safe_load(
        Path(__file__).with_name("sentences.yaml").read_text(encoding="utf-8")
    )
    return loaded


def _worded(part: Part, lang: str) -> str | float | MetricDescription | list[str] | None:
    if isinstance(part, list):
        return [each.words(lang) if isinstance(each, Sentence) else each for each in part]
    return part.words(lang) if isinstance(part, Sentence) else part
