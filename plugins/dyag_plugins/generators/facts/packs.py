"""Packs: what labels mean and how they are asked about, as data: `rules/fr.yaml`, `rules/en.yaml`, a user's own."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from string import Formatter
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator

from dyag_core import UsageError
from dyag_core.api import fold, nearest

#: What a template may hold: the phrase's words, the subject's, and what is empty where nothing is given for it.
OF_THE_PHRASE = tuple(
    "noun bare which label its it_is is what that_one the_same which_ones of_noun of_bare a_bare".split()
)
OF_THE_SUBJECT = ("subject", "of_subject", "that_subject", "possessive")
GIVEN = tuple(
    "value chunk proposed noun_other bare_other which_other value_other subject_other of_subject_other".split()
)
PLACEHOLDERS = frozenset((*OF_THE_PHRASE, *OF_THE_SUBJECT, *GIVEN))


def _checked(template: str) -> str:
    try:
        names = {name for _, name, _, _ in Formatter().parse(template) if name is not None}
    except ValueError as error:
        raise ValueError(f"{template!r}: {error}") from error
    for name in names - PLACEHOLDERS:
        raise ValueError(f"{template!r} holds the unknown placeholder {{{name}}}. {nearest(name, PLACEHOLDERS)}")
    return template


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern, re.MULTILINE)
    except re.error as error:
        raise ValueError(f"{pattern!r} is no regular expression: {error}") from error


Gender = Literal["m", "f", "mp", "fp"]


class Kind(BaseModel, extra="forbid"):
    """Labels that mean one thing, and particular ways to ask about it.

    `canonical` is the plain question. A `broad` kind ("description") is asked about in its own `questions` alone, and
    is never compared; an `implied` one is never asked of a document that lacks it. `asks` types its facts. Where `fits`
    is given, `questions` are asked only of a value in which this regular expression is found; in which `holds` isn't
    found is no value of it at all (an email address without "@"). `checks` are yes/no
    questions, `choices` choose between two documents. `told_by` are words, or their beginnings, with which a text
    tells it without its label ("gratuit" tells a price).
    """

    labels: list[str]
    noun: str | None = None
    gender: Gender | None = None
    canonical: str | None = None
    questions: list[str] = Field(default_factory=list)
    answer: str | None = None
    broad: bool = False
    implied: bool = False
    asks: Literal["what", "who", "where", "when", "how many"] | None = None
    fits: str | None = None
    holds: str | None = None
    checks: list[str] = Field(default_factory=list)
    choices: list[str] = Field(default_factory=list)
    told_by: list[str] = Field(default_factory=list)

    @field_validator("questions", "checks", "choices")
    @classmethod
    def _questions(cls, templates: list[str]) -> list[str]:
        return [_checked(template) for template in templates]

    @field_validator("canonical", "answer")
    @classmethod
    def _one(cls, template: str | None) -> str | None:
        return _checked(template) if template else template

    @field_validator("fits", "holds")
    @classmethod
    def _fits(cls, pattern: str | None) -> str | None:
        return _compiled(pattern).pattern if pattern else pattern


class Pattern(BaseModel, extra="forbid"):
    """A regular expression whose group `value` is a fact's value; `attribute` names it (or the group `label` "
    "does)."""

    pattern: str
    attribute: str | None = None

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        if "value" not in _compiled(pattern).groupindex:
            raise ValueError(f"{pattern!r} has no group (?P<value>...)")
        return pattern


class Rewording(BaseModel, extra="forbid"):
    """Other words for a question that a document asks itself; groups of `pattern` are placeholders of `questions`."""

    pattern: str
    questions: list[str]

    @model_validator(mode="after")
    def _fits(self) -> Rewording:
        groups = _compiled(self.pattern).groupindex
        for question in self.questions:
            for _, name, _, _ in Formatter().parse(question):
                if name is not None and name not in groups:
                    raise ValueError(f"{question!r} holds {{{name}}}, which {self.pattern!r} has no group of")
        return self


class Absent(BaseModel, extra="forbid"):
    """A noun phrase that documents seldom tell about, and words that show that one does."""

    noun: str
    gender: Gender | None = None
    words: list[str] = Field(default_factory=list)


class Pack(BaseModel, extra="forbid"):
    """Everything that a language, or a user, says about asking."""

    missing: list[str] = Field(default_factory=list)
    nothing: list[str] = Field(default_factory=list)
    skipped: list[str] = Field(default_factory=list)
    nouns: dict[Gender, list[str]] = Field(default_factory=dict)
    endings: dict[Gender, list[str]] = Field(default_factory=dict)
    adjectives: list[str] = Field(default_factory=list)
    no_elision: list[str] = Field(default_factory=list)
    numbered: list[str] = Field(default_factory=list)
    amounts: list[str] = Field(default_factory=list)
    asks: dict[str, list[str]] = Field(default_factory=dict)
    frames: list[str] = Field(default_factory=list)
    label_frames: list[str] = Field(default_factory=list)
    polite: list[str] = Field(default_factory=list)
    abbreviations: dict[str, Annotated[list[str], Field(min_length=1)]] = Field(default_factory=dict)
    yes_values: list[str] = Field(default_factory=list)
    no_values: list[str] = Field(default_factory=list)
    yes: str = ""
    no: str = ""
    noun_questions: list[str] = Field(default_factory=list)
    adjective_questions: list[str] = Field(default_factory=list)
    neutral_questions: list[str] = Field(default_factory=list)
    verb_questions: list[str] = Field(default_factory=list)
    modal_questions: list[str] = Field(default_factory=list)
    question_frames: list[str] = Field(default_factory=list)
    predicates: list[str] = Field(default_factory=list)
    invariable: list[str] = Field(default_factory=list)
    verbs: list[str] = Field(default_factory=list)
    counted: list[str] = Field(default_factory=list)
    uncounted: list[str] = Field(default_factory=list)
    never_had: list[str] = Field(default_factory=list)
    called: list[str] = Field(default_factory=list)
    measured: list[str] = Field(default_factory=list)
    bookkeeping: list[str] = Field(default_factory=list)
    common: dict[Literal["m", "f"], list[str]] = Field(default_factory=dict)
    spelt: dict[str, str] = Field(default_factory=dict)
    checks: list[str] = Field(default_factory=list)
    part_checks: list[str] = Field(default_factory=list)
    counts: list[str] = Field(default_factory=list)
    combined: list[str] = Field(default_factory=list)
    combined_answer: str = ""
    same: list[str] = Field(default_factory=list)
    same_yes: str = ""
    same_no: str = ""
    choices: list[str] = Field(default_factory=list)
    follow: list[str] = Field(default_factory=list)
    follow_other: list[str] = Field(default_factory=list)
    follow_count: list[str] = Field(default_factory=list)
    answer: str = ""
    label_answer: str = ""
    source: str = ""
    kinds: list[Kind] = Field(default_factory=list)
    absent: list[Absent] = Field(default_factory=list)
    patterns: list[Pattern] = Field(default_factory=list)
    vague: list[str] = Field(default_factory=list)
    attributes: list[str] = Field(default_factory=list)
    columns: list[str] = Field(default_factory=list)
    definitions: list[str] = Field(default_factory=list)
    options: list[str] = Field(default_factory=list)
    rewordings: list[Rewording] = Field(default_factory=list)

    @field_validator(
        "definitions", "options", "frames", "label_frames", "noun_questions", "adjective_questions",
        "neutral_questions", "verb_questions", "modal_questions", "question_frames", "checks", "part_checks",
        "counts", "combined", "same", "choices", "follow", "follow_other", "follow_count",
    )  # fmt: skip
    @classmethod
    def _templates(cls, templates: list[str]) -> list[str]:
        return [_checked(template) for template in templates]

    @field_validator("yes", "no", "combined_answer", "same_yes", "same_no", "answer", "label_answer", "source")
    @classmethod
    def _template(cls, template: str) -> str:
        return _checked(template)

    @field_validator("polite")
    @classmethod
    def _polite(cls, templates: list[str]) -> list[str]:
        for template in templates:
            if template.count("{question}") != 1 or template.count("{") != 1:
                raise ValueError(f"{template!r} must hold {{question}} once and no other placeholder")
        return templates

    @property
    def heads(self) -> dict[str, str]:
        """What the first word of a label asks for ("author": "who"), by that word, folded."""
        return {fold(head): asks for asks, heads in self.asks.items() for head in heads}

    def under(self, own: Pack) -> Pack:
        """This pack with a user's `own` before it: lists are put in front, single templates are replaced."""
        merged: dict[str, Any] = {}
        for name in Pack.model_fields:
            mine, theirs = getattr(self, name), getattr(own, name)
            if isinstance(mine, list):
                merged[name] = [*theirs, *mine]
            elif isinstance(mine, dict):
                merged[name] = {**mine, **theirs} if name == "spelt" else _joined(theirs, mine)
            else:
                merged[name] = theirs or mine
        return Pack.model_construct(**merged)


def folded(words: Iterable[str]) -> frozenset[str]:
    """Words in the form in which words of labels are looked up."""
    return frozenset(map(fold, words))


def _joined(first: dict[Any, list[str]], then: dict[Any, list[str]]) -> dict[Any, list[str]]:
    return {key: [*first.get(key, []), *then.get(key, [])] for key in {**then, **first}}


@lru_cache(maxsize=8)
def load_pack(lang: str, rules: Path | None = None) -> Pack:
    """The pack of a language with the user's own rules before it.

    Raises:
        UsageError: the user's file is missing, is no YAML, or says something that isn't understood.
    """
    text = files("dyag_plugins.generators").joinpath("rules", f"{lang}.yaml").read_text("utf-8")
    built_in = Pack.model_validate(_yaml(text))
    return built_in.under(_own_rules(rules)) if rules else built_in


#: libyaml's, ten times as fast, where PyYAML was built with it.
_Loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


def _yaml(text: str) -> Any:
    """YAML whose scalars all stay texts: `no`, `null` and `1.0` are words here."""
    return yaml.load(text, Loader=_Loader)


def _own_rules(path: Path) -> Pack:
    try:
        content = _yaml(path.read_text("utf-8")) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UsageError(f"{path}: can't be read as YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise UsageError(f"{path}: holds a {type(content).__name__}, keys like kinds: and patterns: were expected")
    try:
        return Pack.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        unknown = first["type"] == "extra_forbidden"
        known = Pack.model_fields if len(first["loc"]) == 1 else Kind.model_fields
        hint = nearest(str(first["loc"][-1]), known) if unknown else None
        raise UsageError(f"{path}: {where}: {'unknown key' if unknown else first['msg']}", hint) from error


@lru_cache(maxsize=65536)
def label_key(label: str) -> str:
    """A label in the form in which labels are compared."""
    return " ".join(re.findall(r"\w+", fold(label.replace("_", " "))))


_SEPARATORS = re.compile(r"[\W_]+")
#: Of the letters of Latin-1, those that are none of a word become spaces: thirty times faster than the expression.
_LATIN = bytes(code if chr(code).isalnum() else ord(" ") for code in range(256))


def as_words(folded: str) -> str:
    """A folded text as its words between single spaces, without the s or x of a plural: labels are looked for in "
    "it."""
    try:
        spaced = folded.encode("latin-1").translate(_LATIN).decode("latin-1")
    except UnicodeEncodeError:
        spaced = _SEPARATORS.sub(" ", folded)
    return f" {' '.join(spaced.split())} ".replace("s ", " ").replace("x ", " ")
