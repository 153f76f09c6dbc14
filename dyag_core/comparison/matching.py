"""Bring the arms' results together question by question, and list what makes them hard to compare."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dyag_core.comparison.result_files import Item, ResultFile, question_key
from dyag_core.comparison.sentences import Sentence, say
from dyag_core.errors import UsageError
from dyag_core.records import Prediction
from dyag_core.text.normalise import normalise

#: What must agree beside the base model and the decoding, where both files tell it: keys of `metadata`.
_SAME = (
    (("language", "lang"), say("setting_language")),
    (("system_prompt",), say("setting_system_prompt")),
)


@dataclass(frozen=True)
class Matched:
    """The questions that all arms answered, in one order; `items[arm][i]` belongs to `questions[i]`.

    `questions` joins what the files say about a question (document, stratum, chunk). `mismatches` is empty where the
    files compare fairly; `notes` says what else a reader must know: what a file doesn't tell, different adapters.
    """

    questions: list[Prediction]
    items: dict[str, list[Item]]
    mismatches: list[Sentence]
    notes: list[Sentence]


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
        mismatches.append(say("questions_differ", n=len(different), first=different[0]))
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


def _missing(keyed: Mapping[str, Mapping[str, Item]], common: set[str]) -> list[Sentence]:
    found = []
    for arm, items in keyed.items():
        extra = sorted(set(items) - common)
        if extra:
            more = f" (+{len(extra) - 3})" if len(extra) > 3 else ""
            found.append(say("questions_missing", arm=arm, count=len(extra), questions=extra[:3], more=more))
    return found


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


def _settings(files: Mapping[str, ResultFile]) -> tuple[list[Sentence], list[Sentence]]:
    """What differs between the files' settings, and what some file leaves out."""
    mismatches, unchecked = [], []
    for setting, told in _facts(files):
        silent = [arm for arm in files if arm not in told]
        if silent and setting in (_BASE, _DECODING):
            unchecked.append(say("setting_unchecked", setting=setting, arms=silent))
        agree = _same_model(told) if setting == _BASE else len({_identity(value) for value in told.values()}) < 2
        if not agree:
            values = [f"{arm}: {_shown(value)}" for arm, value in told.items()]
            mismatches.append(say("setting_differs", setting=setting, values=values))
    return mismatches, unchecked


def _adapters(files: Mapping[str, ResultFile]) -> list[Sentence]:
    """Arms with different adapters compare two trainings as well as two ways of asking. That may well be wanted."""
    told = {arm: file.metadata.get("model") for arm, file in files.items()}
    models = {arm: model for arm, model in told.items() if isinstance(model, dict) and model.get("sha256")}
    if len({str(model["sha256"]) for model in models.values()}) < 2:
        return []
    shown = [f"{arm}: {model.get('name')} ({str(model['sha256'])[:8]})" for arm, model in models.items()]
    return [say("adapters_differ", models=shown)]


_BASE = say("setting_base_model")
_DECODING = say("setting_decoding")


def _facts(files: Mapping[str, ResultFile]) -> list[tuple[Sentence, dict[str, Any]]]:
    """Each setting, and arm -> what its file says of it; arms whose file doesn't say are left out."""
    told = {arm: file.metadata for arm, file in files.items()}
    bases = {arm: base for arm, about in told.items() if (base := about.get("base_model") or about.get("model"))}
    facts: list[tuple[Sentence, dict[str, Any]]] = [(_BASE, bases)]
    for keys, setting in _SAME:
        values = {arm: _first(about, keys) for arm, about in told.items()}
        facts.append((setting, {arm: value for arm, value in values.items() if value is not None}))
    decodings = {arm: about["decoding"] for arm, about in told.items() if isinstance(about.get("decoding"), dict)}
    for name in sorted({name for decoding in decodings.values() for name in decoding}):
        values = {arm: decoding[name] for arm, decoding in decodings.items() if decoding.get(name) is not None}
        facts.append((say("setting_decoding_option", name=name), values))
    return [*facts, (_DECODING, dict.fromkeys(decodings, True))]  # the last only to say whose is missing


def _first(about: Mapping[str, Any], keys: Sequence[str]) -> Any:
    return next((value for key in keys if (value := about.get(key)) is not None), None)


def _identity(value: Any) -> str:
    return repr(sorted(value.items())) if isinstance(value, dict) else repr(value)


def _same_model(told: Mapping[str, Any]) -> bool:
    """Base models agree when a name or source is common to all, no two revisions contradict each other, and all were
    given the same chat template, or none.
    """
    if len({_identity(value) for value in told.values()}) < 2:
        return True
    names, revisions, templates = [], set(), set()
    for value in told.values():
        model = value if isinstance(value, dict) else {"name": value}
        spelt = (str(model[key]) for key in ("name", "source") if model.get(key) not in (None, "", "folder"))
        names.append({name.removeprefix("hub:").lower().replace(":", "-") for name in spelt})
        if model.get("revision"):
            revisions.add(model["revision"])
        templates.add(model.get("chat_template"))
    return bool(set.intersection(*names)) and len(revisions) <= 1 and len(templates) <= 1


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(str(value[key]) for key in ("name", "source", "revision", "chat_template") if value.get(key))
    return str(value)
