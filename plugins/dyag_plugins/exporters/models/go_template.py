"""A chat template (Jinja) as a Go template for Ollama: found by asking it, and proven on twenty conversations.

Most chat templates put fixed texts between the turns, and nothing else. Those texts are read off one rendered chat of
marks; then the whole is compared with the Jinja template, conversation by conversation. A template that does more
(another text by the number of turns, say) differs in one of them and is not translated: better none than a wrong one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

#: (role, content) of each turn -> the prompt, ending where the answer begins.
Render = Callable[[Sequence[tuple[str, str]]], str]

#: Texts that no template writes by itself.
_SYSTEM, _FIRST, _ANSWER, _NEXT = "zsyq", "zuaq", "zasq", "zubq"

_QUESTIONS = (
    "What is the licence of 7zip?",
    "Quelle est la licence de l'éditeur « Héron » ?",
    "C'est quoi, l'AGPL-3.0 ? Réponds en français, s'il te plaît.",
    "List three:\n- one\n\n- two\n- three",
    "What do <|im_end|>, <|eot_id|>, </s> and <end_of_turn> mean?",
    "if x > 0 and y < 1: print({'a': [1, 2]}) # 100 %",
    "日本語も 🚀 \\n \"quoted\" 'too'",
)
_ANSWERS = ("LGPL-2.0-only.", "L'AGPL-3.0, voilà.", "{{ .System }} {% if %} <|im_start|>user")


class NotTranslatedError(Exception):
    """Why there is no Go template, in words."""


@dataclass(frozen=True)
class Turns:
    """The texts around the turns of a chat: `system` before one, `first` before a question that nothing precedes,
    `asked` between system turn and question, `answer` before an answer, `next` before a further question, `end` behind
    the last one, where the model goes on.
    """

    system: str
    asked: str
    first: str
    answer: str
    next: str
    end: str

    @classmethod
    def of(cls, render: Render) -> Turns:
        """Those of a template that `render` applies.

        Raises:
            NotTranslatedError: the template does more than put texts between turns; says which part.
        """
        whole = render([("system", _SYSTEM), ("user", _FIRST), ("assistant", _ANSWER), ("user", _NEXT)])
        pieces = _split(whole, (_SYSTEM, _FIRST, _ANSWER, _NEXT))
        first, _ = _split(render([("user", _FIRST)]), (_FIRST,))
        found = cls(pieces[0], pieces[1], first, pieces[2], pieces[3], pieces[4])
        for chat in conversations():
            if found.rendered(chat) != render(chat):
                raise NotTranslatedError(
                    f"it renders a chat of {' + '.join(role for role, _ in chat)} otherwise than one turn after the "
                    f"other ({_around(found.rendered(chat), render(chat))})"
                )
        texts = (found.system, found.asked, found.first, found.answer, found.next, found.end)
        if any('"""' in text or "{{" in text for text in texts):
            raise NotTranslatedError('it writes {{ or """, which mean something else in a Modelfile')
        return found

    def without(self, bos: str) -> Turns:
        """The same for a program that puts `bos` before every prompt by itself."""
        return replace(self, system=self.system.removeprefix(bos), first=self.first.removeprefix(bos))

    def rendered(self, chat: Sequence[tuple[str, str]]) -> str:
        """What the Go template makes of `chat`."""
        text, before = "", ""
        for role, content in chat:
            question = {"": self.first, "system": self.asked}.get(before, self.next)
            text += {"system": self.system, "assistant": self.answer}.get(role, question) + content
            before = role
        return text + (self.end if before != "assistant" else "")

    def go(self) -> str:
        """The Go template, over `.Messages` as Ollama hands it over."""
        return (
            '{{ $before := "" }}{{ range .Messages }}'
            f'{{{{ if eq .Role "system" }}}}{self.system}'
            f'{{{{ else if eq .Role "assistant" }}}}{self.answer}'
            f'{{{{ else if eq $before "" }}}}{self.first}'
            f'{{{{ else if eq $before "system" }}}}{self.asked}'
            f"{{{{ else }}}}{self.next}"
            "{{ end }}{{ .Content }}{{ $before = .Role }}{{ end }}"
            f'{{{{ if ne $before "assistant" }}}}{self.end}{{{{ end }}}}'
        )


def conversations() -> list[list[tuple[str, str]]]:
    """Twenty chats: with and without a system turn, of one to four questions, French, with control tokens and code."""
    chats = []
    for number in range(20):
        chat = [("system", "Réponds brièvement. Si tu ne sais pas, dis-le.")] if number % 2 else []
        for turn in range(1 + number % 4):
            if turn:
                chat.append(("assistant", _ANSWERS[(number + turn) % len(_ANSWERS)]))
            chat.append(("user", _QUESTIONS[(number + turn) % len(_QUESTIONS)]))
        chats.append(chat)
    return chats


def renderer(tokenizer: Any, template: str) -> Render:
    """How transformers renders `template` with this tokenizer's control tokens."""

    def render(chat: Sequence[tuple[str, str]]) -> str:
        from jinja2 import TemplateError

        messages = [{"role": role, "content": content} for role, content in chat]
        how = {"chat_template": template, "tokenize": False, "add_generation_prompt": True}
        try:
            return str(tokenizer.apply_chat_template(messages, **how))
        except TemplateError as error:
            roles = " + ".join(role for role, _ in chat)
            raise NotTranslatedError(f"it refuses a chat of {roles}: {error}") from error

    return render


def _split(text: str, marks: Sequence[str]) -> list[str]:
    """The pieces of `text` between `marks`, each of which has to stand in it once, in this order."""
    pieces = []
    for mark in marks:
        before, found, text = text.partition(mark)
        if not found or mark in text:
            raise NotTranslatedError("it leaves out a turn, writes one twice, or changes their order")
        pieces.append(before)
    return [*pieces, text]


def _around(ours: str, theirs: str) -> str:
    place = next((i for i, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), min(len(ours), len(theirs)))
    return f"{ours[place : place + 30]!r} where the template writes {theirs[place : place + 30]!r}"
