"""Whether a chat template that was given fits a model: it renders, keeps what is said, and its tokens are there."""

from __future__ import annotations

import re
from typing import Any

from dyag_core.chat.template import control_tokens, end_of_turn_ids, prompt_ids, stop_texts, training_ids
from dyag_core.errors import DyagError, UsageError
from dyag_core.records import Message

#: What control tokens look like: <|im_start|>, <start_of_turn>, </s>, [INST].
_MARK = re.compile(r"<\|[^|<>\s]{1,40}\|>|</?[A-Za-z_]{1,30}>|\[/?[A-Z_]{2,20}\]")
_ASKED, _ANSWERED = "Quelle est la licence ?", "La licence est MIT."
_SHOWN = 12


def refuse_unfit(tokenizer: Any, name: str, *, built_in: bool) -> list[str]:
    """What looks like a control token in the template and is none of the tokenizer's, where it fits all the same.

    Args:
        tokenizer: with the template, as `load_tokenizer` makes it.
        name: what the user called the template.
        built_in: whether it is one of DYAG's own: its marks are tokens, or it isn't the model's template.

    Raises:
        UsageError: it doesn't render a chat, leaves something out, or has no token at the end of a turn; names it.
    """
    asked, answered = Message(role="user", content=_ASKED), Message(role="assistant", content=_ANSWERED)
    try:
        prompt = tokenizer.decode(prompt_ids(tokenizer, [asked]))
        ids = training_ids(tokenizer, [asked, answered, asked, answered])
        stop_texts(tokenizer)
    except DyagError as error:
        raise _unfit(name, error.message, error.hint) from error
    except Exception as error:  # a template may fail in any way that Python knows
        raise _unfit(name, f"it can't be rendered: {type(error).__name__}: {error}", "correct the file") from error
    if _bare(_ASKED) not in _bare(prompt):
        raise _unfit(name, "it leaves the question out", "it must write messages[...]['content'] of every turn")
    missing = _missing(tokenizer)
    trained = [label for label in ids.labels if label in end_of_turn_ids(tokenizer)]
    if missing and (built_in or len(trained) < 2):
        raise _unfit(name, f"the tokenizer has no token {', '.join(missing)}", _remedy(tokenizer))
    if len(trained) < 2:
        raise _unfit(
            name, "no token of the tokenizer stands behind an answer, so that nothing ends it", _remedy(tokenizer)
        )
    return missing


def _missing(tokenizer: Any) -> list[str]:
    chat = [{"role": role, "content": "a"} for role in ("user", "assistant", "user")]
    text = str(tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True))
    known = tokenizer.get_vocab()
    return [mark for mark in dict.fromkeys(_MARK.findall(text)) if mark not in known]


def _remedy(tokenizer: Any) -> str:
    there = sorted(set(control_tokens(tokenizer)) | set(tokenizer.all_special_tokens))
    shown = ", ".join(there[:_SHOWN]) + (", ..." if len(there) > _SHOWN else "")
    return (
        f"give a template made of its tokens ({shown or 'it has none'}); {{{{ eos_token }}}} behind an answer will do"
    )


def _unfit(name: str, why: str, remedy: str | None) -> UsageError:
    return UsageError(f"--chat-template {name}: {why}", remedy)


def _bare(text: str) -> str:
    return "".join(text.split())
