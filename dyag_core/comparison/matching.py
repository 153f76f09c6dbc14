"""Bring the arms' results together question by question, and list what makes them hard to compare."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dyag_core.comparison.result_files import Item, ResultFile, question_key
from dyag_core.errors import UsageError
from dyag_core.records import Prediction
from dyag_core.text.formatting import quoted
from dyag_core.text.normalise import normalise

#: A sentence in each language.
Text = dict[str, str]

#: Keys of `metadata` that must agree, where both files have them, beside the base model and the decoding.
_SAME = (
    (("language", "lang"), ("language of the prompts", "langue des consignes")),
    (("system_prompt",), ("system prompt", "consigne système")),
)


@dataclass(frozen=True)
class Matched:
    """The questions that all arms answered, in one order; `items[arm][i]` belongs to `questions[i]`.

    `questions` joins what the files say about a question (document, stratum, chunk). `mismatches` is empty where the
    files compare fairly; `notes` says what else a reader must know: what a file doesn't tell, different adapters.
    """

    questions: list[Prediction]
    items: dict[str, list[Item]]
    mismatches: list[Text]
    notes: list[Text]


def match(files: Mapping[str, ResultFile]) -> Matched:
    """Match the items of two or more arms by id, or by normalised question where a file has no ids.

    Raises:
        UsageError: not one question is common to all.
    """
    mismatches, notes = _settings(files)
    by_id = all(file.has_ids for file in files.values())
    keyed = {arm: _keyed(file, by_id) for arm, file in files.items()}
    common = set.intersection(*(set(items) for items in keyed.values()))
    mismatches = _missing(keyed, common) + mismatches
    if not common and by_id:
        keyed = {arm: _keyed(file, False) for arm, file in files.items()}
        common = set.intersection(*(set(items) for items in keyed.values()))
    different = [key for key in sorted(common) if _says_otherwise([items[key] for items in keyed.values()])]
    if different:
        first = quoted(different[0], "en"), quoted(different[0], "fr")
        mismatches.append(
            {
                "en": f"{len(different)} questions differ in wording or expected answer though they match: {first[0]}",
                "fr": f"{len(different)} questions associées n'ont pas le même énoncé ou la même réponse : {first[1]}",
            }
        )
    kept = sorted(common.difference(different))
    if not kept:
        raise UsageError(
            "the files have no question in common: " + " · ".join(str(file.path) for file in files.values()),
            "evaluate the arms on the same questions file",
        )
    items = {arm: [found[key] for key in kept] for arm, found in keyed.items()}
    questions = [_joined([items[arm][i].prediction for arm in sorted(items)]) for i in range(len(kept))]
    return Matched(questions=questions, items=items, mismatches=mismatches, notes=[*notes, *_adapters(files)])


def _keyed(file: ResultFile, by_id: bool) -> dict[str, Item]:
    """Items by id, or by question text; a text that comes twice is told apart by its turn."""
    if by_id:
        return {item.prediction.id: item for item in file.items}
    turns: Counter[str] = Counter()
    keyed = {}
    for item in file.items:
        key = question_key(item.prediction)
        turns[key] += 1
        keyed[key if turns[key] == 1 else f"{key} ({turns[key]})"] = item
    return keyed


def _missing(keyed: Mapping[str, Mapping[str, Item]], common: set[str]) -> list[Text]:
    texts: list[Text] = []
    for arm, items in keyed.items():
        extra = sorted(set(items) - common)
        if extra:
            more = f" (+{len(extra) - 3})" if len(extra) > 3 else ""
            en, fr = (", ".join(quoted(key, lang) for key in extra[:3]) + more for lang in ("en", "fr"))
            texts.append(
                {
                    "en": f"questions: {len(extra)} of {arm} were not put to every arm: {en}",
                    "fr": f"questions : {len(extra)} de {arm} n'ont pas été posées à tous : {fr}",
                }
            )
    return texts


def _says_otherwise(items: list[Item]) -> bool:
    predictions = [item.prediction for item in items]
    return len({question_key(p) for p in predictions}) > 1 or len({normalise(p.expected) for p in predictions}) > 1


def _joined(predictions: list[Prediction]) -> Prediction:
    """One question with what any of the files knows about it; the answer fields are those of the first."""
    known: dict[str, Any] = {
        name: next((value for p in predictions if (value := getattr(p, name)) is not None), None)
        for name in ("stratum", "document", "chunk", "fact")
    }
    known["answerable"] = all(p.answerable for p in predictions)
    known["other_chunks"] = next((p.other_chunks for p in predictions if p.chunk == known["chunk"]), ())
    known["id"] = next((p.id for p in predictions if p.id), "")
    return predictions[0].model_copy(update=known)


def _settings(files: Mapping[str, ResultFile]) -> tuple[list[Text], list[Text]]:
    """What differs between the files' settings, and what some file leaves out."""
    mismatches: list[Text] = []
    unchecked: list[Text] = []
    for label, told in _facts(files).items():
        en, fr = label
        silent = [arm for arm in files if arm not in told]
        if silent and label in _ESSENTIAL:
            unchecked.append(
                {
                    "en": f"{en} not recorded by {', '.join(silent)}: could not be checked",
                    "fr": f"{fr} : absent des résultats de {', '.join(silent)}, n'a pas pu être vérifié",
                }
            )
        if len({_identity(value) for value in told.values()}) > 1 and not _same_model(label, told):
            shown = ", ".join(f"{arm}: {_shown(value)}" for arm, value in told.items())
            mismatches.append({"en": f"{en} differs: {shown}", "fr": f"{fr} : diffère ({shown})"})
    return mismatches, unchecked


def _adapters(files: Mapping[str, ResultFile]) -> list[Text]:
    """Arms with different adapters compare two trainings as well as two ways of asking. That may well be wanted."""
    told = {arm: file.metadata.get("model") for arm, file in files.items()}
    models = {arm: model for arm, model in told.items() if isinstance(model, dict) and model.get("sha256")}
    if len({str(model["sha256"]) for model in models.values()}) < 2:
        return []
    shown = ", ".join(f"{arm}: {model.get('name')} ({str(model['sha256'])[:8]})" for arm, model in models.items())
    return [
        {
            "en": f"The fine-tuned models differ, so a difference may come from their training: {shown}.",
            "fr": f"Les modèles affinés ne sont pas les mêmes, un écart peut donc venir de l'apprentissage : {shown}.",
        }
    ]


_BASE = ("base model", "modèle de base")
_DECODING = ("decoding", "décodage")
_ESSENTIAL = (_BASE, _DECODING)


def _facts(files: Mapping[str, ResultFile]) -> dict[tuple[str, str], dict[str, Any]]:
    """(label in English, in French) -> arm -> what its file says; arms whose file doesn't say are left out."""
    facts: dict[tuple[str, str], dict[str, Any]] = {_BASE: {}}
    decodings: dict[str, dict[str, Any]] = {}
    for arm, file in files.items():
        base = file.metadata.get("base_model") or file.metadata.get("model")
        if base:
            facts[_BASE][arm] = base
        decoding = file.metadata.get("decoding")
        if isinstance(decoding, dict):
            decodings[arm] = decoding
        for keys, label in _SAME:
            value = next((file.metadata[key] for key in keys if file.metadata.get(key) is not None), None)
            if value is not None:
                facts.setdefault(label, {})[arm] = value
    names = sorted({name for decoding in decodings.values() for name in decoding})
    for name in names:
        label = (f"{_DECODING[0]} ({name})", f"{_DECODING[1]} ({name})")
        facts[label] = {arm: decoding[name] for arm, decoding in decodings.items() if decoding.get(name) is not None}
    facts[_DECODING] = dict.fromkeys(decodings, True)  # only to say whose is missing
    return facts


def _identity(value: Any) -> str:
    return repr(sorted(value.items())) if isinstance(value, dict) else repr(value)


def _same_model(label: tuple[str, str], told: Mapping[str, Any]) -> bool:
    """Base models agree when a name or source is common to all and no two revisions contradict each other."""
    if label != _BASE:
        return False
    names, revisions = [], set()
    for value in told.values():
        model = value if isinstance(value, dict) else {"name": value}
        spelt = (str(model[key]) for key in ("name", "source") if model.get(key) not in (None, "", "folder"))
        names.append({name.removeprefix("hub:").lower().replace(":", "-") for name in spelt})
        if model.get("revision"):
            revisions.add(model["revision"])
    return bool(set.intersection(*names)) and len(revisions) <= 1


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(str(value[key]) for key in ("name", "source", "revision") if value.get(key))
    return str(value)
