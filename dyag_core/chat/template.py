"""From messages to token ids, the same way in training and in answering.

One function renders prompts for both, so the ids a model was trained on are the ids it is asked with. Text inside
messages is data: a document that contains `<|im_start|>system` becomes ordinary characters, never a control token.
transformers' `sanitize_control_tokens` does the same since 5.2x; ours holds for every supported version (an older one
takes the unknown argument for a template variable and ignores it) and for control tokens not marked as special.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dyag_core.errors import GateError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dyag_core.records import Message

#: The label that torch's cross-entropy ignores.
IGNORED = -100

# Llama 3.2's template writes today's date into every prompt: the prefix that was trained on would be another one
# tomorrow. This is the date that the Llama 3 templates themselves fall back to.
# Models that think aloud before they answer are asked, and trained, to answer at once.
_TEMPLATE_VARIABLES = {"date_string": "26 Jul 2024", "enable_thinking": False}
#: An answer and a question that no template writes by itself, to find out what stands behind them.
_PROBE, _NEXT = "zqxj", "jqvz"

# Private-use characters that stand around a control token found in content while the template is rendered.
_OPEN, _CLOSE = "\uf5a0", "\uf5a1"
_MARKED = re.compile(f"{_OPEN}([^{_OPEN}{_CLOSE}]*){_CLOSE}")


@dataclass(frozen=True)
class TrainingIds:
    """Token ids of one example and its labels; both have length L, labels are -100 on everything but answers."""

    input_ids: list[int]
    labels: list[int]

    @property
    def trained_tokens(self) -> int:
        """How many tokens carry loss."""
        return sum(label != IGNORED for label in self.labels)


def prompt_ids(tokenizer: Any, messages: Sequence[Message]) -> list[int]:
    """Ids of a prompt, ending where the answer begins."""
    return _encode(tokenizer, _render(tokenizer, messages, answer_next=True))


def training_ids(tokenizer: Any, messages: Sequence[Message]) -> TrainingIds:
    """Ids and labels of an example: loss on every assistant turn up to and including its end-of-turn token.

    The mask comes from rendering the prompt alone and with its answer, so it holds for templates without
    `{% generation %}` marks. Raises GateError where the prompt is not a prefix of the whole (the model would be
    trained on a context that it never meets when it answers), and where the trained part doesn't hold the answer.
    """
    ids: list[int] = []
    labels: list[int] = []
    ends = end_of_turn_ids(tokenizer)
    for turn, message in enumerate(messages):
        if message.role != "assistant":
            continue
        prompt_text = _render(tokenizer, messages[:turn], answer_next=True)
        prompt = _encode(tokenizer, prompt_text)
        whole_text = _render(tokenizer, messages[: turn + 1], answer_next=False)
        if not whole_text.startswith(prompt_text) or prompt[: len(ids)] != ids:
            raise GateError(
                "the chat template renders the prompt differently with and without its answer",
                "the trained context would differ from the one met when answering; use a template that renders "
                "both alike",
            )
        whole = _encode(tokenizer, whole_text)
        if whole[: len(prompt)] == prompt:
            answer = whole[len(prompt) :]
        else:  # the answer's first characters merged with the prompt's last ones ("\n" + "\n"): keep them apart
            answer = _encode(tokenizer, whole_text[len(prompt_text) :])
        # Text behind the end-of-turn token (a newline in ChatML) is never generated, so it is never trained.
        last = next((i for i, token in enumerate(answer) if token in ends), len(answer) - 1)
        answer = answer[: last + 1]
        _check_holds(tokenizer, answer, message.content)
        labels += [IGNORED] * (len(prompt) - len(labels)) + answer
        ids = prompt + answer
    return TrainingIds(ids, labels)


def _check_holds(tokenizer: Any, ids: Sequence[int], answer: str) -> None:
    """Refuse to train on something else than the answer (a header, a tag for thoughts); white space doesn't count."""
    wanted = "".join(answer.split())
    if wanted not in "".join(tokenizer.decode(ids, skip_special_tokens=False).split()):
        spelt = "".join(tokenizer.decode(_encode(tokenizer, answer), skip_special_tokens=False).split())
        if spelt == wanted:  # else the tokenizer has no token for something in it, whatever the template does
            raise GateError(
                f"the chat template doesn't write the answer as it stands: {answer[:60]!r}",
                "the model would learn something else; use a template that keeps answers whole",
            )


def end_of_turn_ids(tokenizer: Any) -> frozenset[int]:
    """The ids that end an assistant turn: the first control token that the template writes behind an answer, and eos.

    Found by rendering a probe, because `eos_token` alone is wrong for several chat models (Llama 3 ends a turn with
    `<|eot_id|>`, Phi 3 with `<|end|>`). What stands between the prompt and the answer is none: Qwen 3 writes `<think>`
    there, gpt-oss a channel.
    """
    cached: frozenset[int] | None = getattr(tokenizer, "_dyag_end_of_turn", None)
    if cached is not None:
        return cached
    probe = [{"role": "user", "content": "a"}, {"role": "assistant", "content": _PROBE}]
    behind = _encode(tokenizer, _apply(tokenizer, probe, answer_next=False).rpartition(_PROBE)[2])
    control = set(tokenizer.all_special_ids) | set(tokenizer.added_tokens_decoder)
    ends = [token for token in behind if token in control][:1]
    if tokenizer.eos_token_id is not None:
        ends.append(tokenizer.eos_token_id)
    for stop in stop_texts(tokenizer):  # a token that begins the next turn ends this one, too
        ends += [token for token in _encode(tokenizer, stop)[:1] if token in control]
    found = frozenset(ends)
    tokenizer._dyag_end_of_turn = found
    return found


def stop_texts(tokenizer: Any) -> tuple[str, ...]:
    """Where an answer ends as text, for a template that was given to a model; () for a model with its own.

    A model that was never trained on a template seldom ends a turn with its token: it spells the token, or begins the
    next turn. Both are what the template writes between an answer and the next question. Where it writes no token there
    but a blank line, that ends an answer, and so does the mark before the next.
    """
    if not getattr(tokenizer, "_dyag_template_given", False):
        return ()
    chat = [{"role": "user", "content": "a"}, {"role": "assistant", "content": _PROBE}]
    text = _apply(tokenizer, [*chat, {"role": "user", "content": _NEXT}], answer_next=True)
    between, _, mark = text.rpartition(_PROBE)[2].partition(_NEXT)
    ends = [token for token in control_tokens(tokenizer) if token in between]
    if not ends:
        ends = ["\n\n", mark] if between.startswith("\n\n") else [between.rstrip()]
        return tuple(end for end in ends if end)
    end = min(ends, key=between.index)
    following = between.partition(end)[2].rstrip()
    if following.strip().startswith(control_tokens(tokenizer)):  # a token says enough, wherever it stands
        following = following.strip()
    return tuple(stop for stop in (end, following) if stop.strip())


def takes_system(tokenizer: Any) -> bool:
    """Whether the chat template has a place for a system turn. Gemma's refuses one; others leave it out unsaid."""
    cached: bool | None = getattr(tokenizer, "_dyag_takes_system", None)
    if cached is None:
        chat = [{"role": "system", "content": _PROBE}, {"role": "user", "content": "a"}]
        try:
            cached = _PROBE in _apply(tokenizer, chat, answer_next=True)
        except GateError:
            cached = False
        tokenizer._dyag_takes_system = cached
    return cached


def _seated(tokenizer: Any, messages: Sequence[Message]) -> list[tuple[str, str]]:
    """(role, content) of each turn; a system turn that the template has no place for begins the first user turn."""
    turns = [(message.role, message.content) for message in messages]
    if len(turns) > 1 and turns[0][0] == "system" and turns[1][0] == "user" and not takes_system(tokenizer):
        turns[:2] = [("user", f"{turns[0][1]}\n\n{turns[1][1]}")]
    return [(str(role), content) for role, content in turns]


def control_tokens(tokenizer: Any) -> tuple[str, ...]:
    """The tokens that no content may produce, longest first: the special ones and those that the template writes.

    Added tokens that are neither are vocabulary (a domain's own words) and stay usable in content.
    """
    template = str(getattr(tokenizer, "chat_template", None) or "")
    found = {
        token.content
        for token in tokenizer.added_tokens_decoder.values()
        if token.content.strip() and (token.special or token.content in template)
    }
    return tuple(sorted(found, key=lambda token: (-len(token), token)))


def _render(tokenizer: Any, messages: Sequence[Message], *, answer_next: bool) -> str:
    """The chat as text, with control tokens in content marked for `_encode`."""
    known = control_tokens(tokenizer)
    pattern = re.compile("|".join(map(re.escape, known))) if known else None
    chat = []
    for role, written in _seated(tokenizer, messages):
        content = written.replace(_OPEN, "").replace(_CLOSE, "")
        if pattern is not None:
            content = pattern.sub(f"{_OPEN}\\g<0>{_CLOSE}", content)
        chat.append({"role": role, "content": content})
    return _apply(tokenizer, chat, answer_next=answer_next)


def _apply(tokenizer: Any, chat: list[dict[str, str]], *, answer_next: bool) -> str:
    from jinja2 import TemplateError

    variables = {"tokenize": False, "add_generation_prompt": answer_next, **_TEMPLATE_VARIABLES}
    try:
        return str(tokenizer.apply_chat_template(chat, **variables))
    except TemplateError as error:
        raise GateError(
            f"the chat template refuses this chat: {error}",
            "choose a base model whose template takes a user's turns and answers as plain texts",
        ) from error


def _encode(tokenizer: Any, text: str) -> list[int]:
    """Ids of rendered text; what stands between marks is spelt out, everything else may hold control tokens.

    No special token is added: the template writes BOS where the model wants one.
    """
    ids: list[int] = []
    for i, piece in enumerate(_MARKED.split(text)):
        # Between marks: letter by letter no control token can match, whatever flags it carries in the tokenizer.
        # Elsewhere: a template that cuts content in the middle of a mark leaves a lone one, which keeps pieces apart.
        parts = list(piece) if i % 2 else re.split(f"[{_OPEN}{_CLOSE}]", piece)
        for part in parts:
            if part:
                ids += tokenizer(part, add_special_tokens=False)["input_ids"]
    return ids
