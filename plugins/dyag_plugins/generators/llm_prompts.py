"""The prompts of the method llm, from editable YAML files."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

import yaml

from dyag_core import Chunk, Document, Message, UsageError
from dyag_core.api import LANGUAGES

#: Characters of a chunk that are shown to the model; small ones have 2048 tokens for everything.
SHOWN = 3000


class Prompts:
    """The turns that ask for pairs (system, an example if the file has one, the passage) and for a verdict."""

    def __init__(self, content: dict[str, Any]) -> None:
        self._system = Message(role="system", content=content["system"].strip())
        self._user = Template(content["user"].strip())
        self._example = content.get("example")
        self._judge = Template(content["judge"].strip()) if "judge" in content else None

    @classmethod
    def load(cls, lang: str, own: Path | None, *, judge: bool = False) -> Prompts:
        """The prompts of a language, or the user's own. UsageError: they can't be used."""
        source = own or files("dyag_plugins.generators").joinpath("prompts", f"{lang}.yaml")
        try:
            prompts = cls(yaml.safe_load(source.read_text(encoding="utf-8")))
            prompts._asked("", "", 1)
            prompts._shown(1)
            if judge:
                prompts._verdict_asked("", "", "")
        except (OSError, UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError) as error:
            raise UsageError(
                f"{own}: no usable prompts: {type(error).__name__}: {' '.join(str(error).split())}",
                "the keys system and user are needed, with judge=true also judge; $title, $passage, $pairs, $question "
                "and $answer are replaced, $$ is a dollar sign",
            ) from error
        return prompts

    def messages(self, document: Document, chunk: Chunk, pairs: int) -> list[Message]:
        """The prompt for one chunk."""
        return [self._system, *self._shown(pairs), self._asked(document.title, chunk.text[:SHOWN], pairs)]

    def verdict_messages(self, chunk: Chunk, question: str, answer: str) -> list[Message]:
        """Asks whether a chunk supports an answer."""
        return [Message(role="user", content=self._verdict_asked(chunk.text[:SHOWN], question, answer))]

    def example_bytes(self, pairs: int) -> int:
        """Length of a reply with so many pairs, going by the example's."""
        shown = self._example["pairs"] if self._example else [{"question": "x" * 60, "answer": "x" * 30}]
        return pairs * len(_as_reply(shown).encode()) // len(shown)

    def _shown(self, pairs: int) -> list[Message]:
        if not self._example:
            return []
        shown = self._example["pairs"][:pairs]
        asked = self._asked(self._example["title"], self._example["passage"].strip(), len(shown))
        return [asked, Message(role="assistant", content=_as_reply(shown))]

    def _asked(self, title: str, passage: str, pairs: int) -> Message:
        return Message(role="user", content=self._user.substitute(title=title, passage=passage, pairs=pairs))

    def _verdict_asked(self, passage: str, question: str, answer: str) -> str:
        if self._judge is None:
            raise KeyError("judge")
        return self._judge.substitute(passage=passage, question=question, answer=answer)


class PromptsByLanguage:
    """The prompts for each document: in its language where there are some, else in the language of the run.

    A user's own are for all of them.

    Args:
        usual: the language of the run.

    Raises:
        UsageError: they can't be used.
    """

    def __init__(self, usual: str, own: Path | None, *, judge: bool = False) -> None:
        self._own, self._judge = own, judge
        self.usual = Prompts.load(usual, own, judge=judge)
        self._loaded = {usual: self.usual}

    def of(self, document: Document) -> Prompts:
        """The prompts to ask about `document` with."""
        lang = document.lang
        if self._own or lang not in LANGUAGES:
            return self.usual
        if lang not in self._loaded:
            self._loaded[lang] = Prompts.load(lang, None, judge=self._judge)
        return self._loaded[lang]


def _as_reply(pairs: list[dict[str, str]]) -> str:
    return json.dumps({"pairs": pairs}, ensure_ascii=False)
