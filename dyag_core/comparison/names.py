"""How arms, metrics, strata, problems and numbers are called in English and French: one wording for all reports."""

from __future__ import annotations

from dyag_core.plugin.metric_descriptions import description_by_name
from dyag_core.records import MetricDescription
from dyag_core.text.formatting import quoted

_ARMS = {
    "en": {"base": "base", "rag": "RAG", "finetuned": "fine-tuned", "hybrid": "hybrid", "oracle": "oracle"},
    "fr": {"base": "base", "rag": "RAG", "finetuned": "affiné", "hybrid": "hybride", "oracle": "oracle"},
}
_ARM_PHRASES = {
    "en": {
        "base": "the base model",
        "rag": "RAG",
        "finetuned": "the fine-tuned model",
        "hybrid": "hybrid (fine-tuned with RAG)",
        "oracle": "the oracle",
    },
    "fr": {
        "base": "le modèle de base",
        "rag": "le RAG",
        "finetuned": "le modèle affiné",
        "hybrid": "l'hybride (modèle affiné avec RAG)",
        "oracle": "l'oracle",
    },
}
_STRATA = {
    "en": {
        "recall": "recall: trained facts, new wording",
        "unseen": "unseen: documents never trained on",
        "unanswerable": "unanswerable: the documents do not say",
        "unlabelled": "without a stratum",
    },
    "fr": {
        "recall": "rappel : faits appris, autre formulation",
        "unseen": "inédit : documents jamais appris",
        "unanswerable": "sans réponse dans les documents",
        "unlabelled": "sans strate",
    },
}
_STRATUM_PHRASES = {
    "en": {
        "recall": "on trained facts asked in new words",
        "unseen": "on documents that training never saw",
        "unanswerable": "on questions that the documents do not answer",
        "unlabelled": "on questions without a stratum",
    },
    "fr": {
        "recall": "sur les faits appris, demandés autrement",
        "unseen": "sur les documents jamais vus à l'entraînement",
        "unanswerable": "sur les questions sans réponse dans les documents",
        "unlabelled": "sur les questions sans strate",
    },
}
_UNITS = {
    "en": {"rate": "points", "words": "words", "seconds": "seconds"},
    "fr": {"rate": "points", "words": "mots", "seconds": "secondes"},
}


def arm_name(arm: str, lang: str) -> str:
    """Short, for tables."""
    return _ARMS[lang].get(arm, arm)


def arm_phrase(arm: str, lang: str) -> str:
    """With its article, for sentences."""
    return _ARM_PHRASES[lang].get(arm) or quoted(arm, lang)


def arm_against(arm: str, lang: str) -> str:
    """Behind "against" in English; in French behind "face", with its preposition: "au RAG", "à l'hybride"."""
    phrase = arm_phrase(arm, lang)
    if lang == "fr":
        return "au " + phrase.removeprefix("le ") if phrase.startswith("le ") else f"à {phrase}"
    return phrase


def metric_name(metric: str | MetricDescription, lang: str) -> str:
    """A metric's title, lower case and without article.

    Take its description from the comparison (`comparison.metric(name)`), which has the titles of metrics that are not
    installed, too; of a bare name, the installed metric is asked.
    """
    said = _described(metric)
    return said.title.get(lang) or said.title.get("en") or said.name


def metric_phrase(metric: MetricDescription, lang: str) -> str:
    """For sentences; with its article in French."""
    if lang in metric.phrase:
        return metric.phrase[lang]
    name = metric_name(metric, lang)
    return f"la métrique {quoted(name, lang)}" if lang == "fr" else name


def metric_meaning(metric: str | MetricDescription, lang: str) -> str | None:
    """What a metric counts, in one line; None for one that doesn't say."""
    meaning = _described(metric).meaning
    return meaning.get(lang) or meaning.get("en")


def _described(metric: str | MetricDescription) -> MetricDescription:
    return metric if isinstance(metric, MetricDescription) else description_by_name(metric)


def stratum_name(stratum: str, lang: str) -> str:
    """For headings and tables."""
    return _STRATA[lang].get(stratum, stratum)


def stratum_phrase(stratum: str, lang: str) -> str:
    """For the beginning or middle of a sentence."""
    other = {"en": f"on stratum {quoted(stratum, lang)}", "fr": f"sur la strate {quoted(stratum, lang)}"}
    return _STRATUM_PHRASES[lang].get(stratum) or other[lang]


def unit_name(unit: str, lang: str, metric: MetricDescription | None = None) -> str:
    """The unit of a difference: points for rates, else the word of its metric."""
    word = metric.unit_title.get(lang) or metric.unit_title.get("en") if metric and metric.unit == unit else None
    return word or _UNITS[lang].get(unit, unit)
