"""Chat templates for base models that come without one: `chatml`, `gemma`, `plain`, or a file of one's own (Jinja)."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from dyag_core.errors import UsageError

BUILT_IN = ("chatml", "gemma", "plain")


_MARKS = {"en": ("Question:", "Answer:"), "fr": ("Question :", "Réponse :")}


def untrained_template(lang: str) -> str:
    """`plain` in the words of a language and without a token behind an answer: for a model that nothing taught a chat.

    A blank line ends an answer.
    """
    question, answer = _MARKS[lang]
    words = template_text("plain").replace("Question:", question).replace("Answer:", answer)
    return words.replace(" + eos_token", "")


def template_text(given: str) -> str:
    """The template that `given` means: a built-in's name, a file's path, or the text itself, as a preset may hold it.

    Raises:
        UsageError: there is no such file, or it can't be read.
    """
    if given in BUILT_IN:
        return files(__name__).joinpath(f"{given}.jinja").read_text(encoding="utf-8")
    if "{{" in given or "{%" in given:
        return given
    try:
        return Path(given).expanduser().read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise UsageError(f"--chat-template {given}: no such file", f"known: {', '.join(BUILT_IN)}, or FILE") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--chat-template {given}: can't be read: {error}", "give a Jinja file in UTF-8") from error
