"""From messages to token ids, the same way in training and in answering.

One function renders prompts for both, so the ids a model was trained on are the ids it is asked with. Text inside
messages is data: a document that contains `<|im_start|>system` becomes ordinary characters, never a control token
(`sanitize_control_tokens` of transformers' `apply_chat_template`, off by default there).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dyag_core.errors import GateError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dyag_core.records import Message

#: The label that torch's cross-entropy ignores.
IGNORED = -100


@dataclass(frozen=True)
class TrainingIds:
    """Token ids of one example and its labels; both have length L, labels are -100 on everything but answers."""

    input_ids: list[int]
    labels: list[int]

    @property
    def trained_tokens(self) -> int:
        """How many tokens carry loss."""
        return sum(label != IGNORED for label in self.labels)


def render(tokenizer: Any, messages: Sequence[Message], *, answer_next: bool) -> list[int]:
    """Token ids of a chat under the tokenizer's own template; `answer_next` appends the assistant's header."""
    chat = [{"role": message.role, "content": message.content} for message in messages]
    encoded = tokenizer.apply_chat_template(
        chat, add_generation_prompt=answer_next, sanitize_control_tokens=True, return_dict=True
    )
    return list(encoded["input_ids"])


def prompt_ids(tokenizer: Any, messages: Sequence[Message]) -> list[int]:
    """Ids of a prompt, ending where the answer begins."""
    return render(tokenizer, messages, answer_next=True)


def training_ids(tokenizer: Any, messages: Sequence[Message]) -> TrainingIds:
    """Ids and labels of an example: loss on every assistant turn up to and including its end-of-turn token.

    The mask comes from rendering the prompt alone and with its answer, so it holds for templates without
    `{% generation %}` marks. Raises GateError where the prompt's ids are not a prefix of the whole (the model would
    be trained on a context that it never meets when it answers).
    """
    ids: list[int] = []
    labels: list[int] = []
    ends = end_of_turn_ids(tokenizer)
    for turn, message in enumerate(messages):
        if message.role != "assistant":
            continue
        prompt = prompt_ids(tokenizer, messages[:turn])
        whole = render(tokenizer, messages[: turn + 1], answer_next=False)
        if whole[: len(prompt)] != prompt or prompt[: len(ids)] != ids:
            raise GateError(
                "the chat template renders the prompt differently with and without its answer",
                "the trained context would differ from the one met when answering; use a template that renders "
                "both alike",
            )
        answer = whole[len(prompt) :]
        # Text behind the end-of-turn token (a newline in ChatML) is never generated, so it is never trained.
        last = next((i for i, token in enumerate(answer) if token in ends), len(answer) - 1)
        answer = answer[: last + 1]
        labels += [IGNORED] * (len(prompt) - len(labels)) + answer
        ids = prompt + answer
    return TrainingIds(ids, labels)


def end_of_turn_ids(tokenizer: Any) -> frozenset[int]:
    """The ids that end an assistant turn: what the template writes right after an answer, and the tokenizer's eos.

    Found by rendering a probe, because `eos_token` alone is wrong for several chat models (Llama 3 ends a turn with
    `<|eot_id|>`, Phi 3 with `<|end|>`).
    """
    cached: frozenset[int] | None = getattr(tokenizer, "_dyag_end_of_turn", None)
    if cached is not None:
        return cached
    probe = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    prompt = tokenizer.apply_chat_template(probe[:1], add_generation_prompt=True, return_dict=True)["input_ids"]
    whole = tokenizer.apply_chat_template(probe, return_dict=True)["input_ids"]
    control = set(tokenizer.all_special_ids) | set(tokenizer.added_tokens_decoder)
    ends = [token for token in whole[len(prompt) :] if token in control][:1]
    if tokenizer.eos_token_id is not None:
        ends.append(tokenizer.eos_token_id)
    found = frozenset(ends)
    tokenizer._dyag_end_of_turn = found
    return found
