"""What a model writes around its answer: reasoning blocks and control tokens.

Models that reason write `<think>...</think>` before the answer (Qwen3, DeepSeek-R1, GLM), or an `analysis` channel
before the `final` one (gpt-oss). Scores are for the answer alone; files keep the whole reply.
"""

from __future__ import annotations

import re

_BLOCK = re.compile(
    r"<(think|thinking|thought|reasoning|reflection)>.*?</\1>"
    r"|\[THINK\].*?\[/THINK\]"
    r"|<\|channel\|>(?:analysis|commentary).*?(?=<\|channel\|>|<\|start\|>|\Z)",
    re.DOTALL | re.IGNORECASE,
)
#: Templates that open the block in the prompt: the reply holds its end alone.
_HEADLESS = re.compile(r"\A.*</(?:think|thinking|thought|reasoning)>", re.DOTALL | re.IGNORECASE)
#: A block that the length limit cut: no answer follows.
_ENDLESS = re.compile(r"<(?:think|thinking|thought|reasoning|reflection)>.*\Z|\[THINK\].*\Z", re.DOTALL | re.IGNORECASE)
_CONTROL = re.compile(
    r"<\|channel\|>\s*final|<\|start\|>\s*assistant|<\|(?:im_start|start_header_id)\|>\s*assistant"
    r"|<\|[\w▁-]+\|>|</?s>|<(?:eos|bos|pad|unk)>|<(?:end|start)_of_turn>|<｜[\w▁]+｜>|\[/?INST\]"
)


def without_reasoning(reply: str) -> str:
    """The answer in a reply, without reasoning and control tokens: "" where the reply ended before any answer."""
    if not any(mark in reply for mark in "<["):
        return reply
    answer = _ENDLESS.sub("", _HEADLESS.sub("", _BLOCK.sub("", reply)))
    return _CONTROL.sub(" ", answer).strip()


def reasons(reply: str) -> bool:
    """Whether a reply holds a reasoning block, whole or cut."""
    return bool(_BLOCK.search(reply) or _HEADLESS.search(reply) or _ENDLESS.search(reply))
