"""What a chat completion holds: its text, its thoughts where the server gives them apart, or why there is no text."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from dyag_core import Reply
from dyag_core.api import plain, writable
from dyag_plugins.engines.openai.faults import Fault, error_text

_SHOWN = 200
#: Where servers put thoughts that they keep out of the answer: DeepSeek's and vLLM's name, Ollama's and OpenRouter's.
_THOUGHTS = ("reasoning_content", "reasoning")


def read_reply(body: bytes, scrub: Callable[[str], str]) -> Reply:
    """The reply that a chat completion holds. Raises Fault, saying what is wrong with it."""
    try:
        answer = json.loads(body.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise Fault("the answer is not UTF-8") from error
    except (ValueError, RecursionError) as error:
        kind = "a web page" if body.lstrip()[:1] == b"<" else "no JSON"
        raise Fault(f"the answer is {kind}: is base_url right? It mostly ends in /v1") from error
    choices = answer.get("choices") if isinstance(answer, dict) else None
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        said = short(error_text(body), scrub) if isinstance(answer, dict) else ""
        raise Fault("the answer holds no choices" + (f": {said}" if said else ""))
    message, reason = choices[0].get("message"), choices[0].get("finish_reason")
    message = message if isinstance(message, dict) else {}
    text, thoughts = text_of(message)
    refuse_unanswered(text, reason, message, scrub)
    assert text is not None
    usage = answer.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    return Reply(
        text=scrub(writable(text)).strip(),
        reasoning=scrub(writable(thoughts)).strip(),
        prompt_tokens=count(usage.get("prompt_tokens")),
        completion_tokens=count(usage.get("completion_tokens")),
        truncated=reason == "length",
    )


def text_of(message: Mapping[str, Any]) -> tuple[str | None, str]:
    """The text of a message or of a piece of one, None where it has none; and the thoughts beside it."""
    content = message.get("content")
    thoughts = next((message[name] for name in _THOUGHTS if isinstance(message.get(name), str)), "")
    if isinstance(content, list):  # parts: [{"type": "text", "text": ...}, {"type": "thinking", "thinking": ...}]
        parts = [part for part in content if isinstance(part, dict)]
        texts = [part["text"] for part in parts if isinstance(part.get("text"), str)]
        inner = [part["thinking"] for part in parts if part.get("thinking")]
        thoughts += "".join(one if isinstance(one, str) else text_of({"content": one})[0] or "" for one in inner)
        return ("".join(texts) if texts or inner else None), thoughts
    return (content if isinstance(content, str) else None), thoughts


def refuse_unanswered(
    text: str | None, reason: str | None, message: Mapping[str, Any], scrub: Callable[[str], str]
) -> None:
    """Raise the Fault that says why a completion is no answer, where it is none."""
    if reason == "content_filter":
        raise Fault(
            "the server's content filter held the answer back" if not text else "the server's content filter cut it",
            retry=False,
            status=200,
            hint="the provider decides what its filter lets pass; another model or server may answer",
        )
    if isinstance(message.get("refusal"), str) and message["refusal"].strip() and not text:
        raise Fault(f"the model refused to answer: {short(message['refusal'], scrub)}", retry=False, status=200)
    if message.get("tool_calls") and not text:
        raise Fault(
            "the model called a tool instead of answering",
            retry=False,
            status=200,
            hint="no tool was offered to it: switch tools off in the server, or take another model",
        )
    if text is None:
        if reason == "length":
            raise Fault(
                "all tokens were used up before an answer began; raise max_new_tokens",
                retry=False,
                status=200,
                hint="raise --max-new-tokens",
            )
        raise Fault("the answer has no text", status=200, hint="the server answers without text: is it a chat model?")


def short(text: str, scrub: Callable[[str], str]) -> str:
    """One line of what a server said, without the key and control characters."""
    return " ".join(plain(scrub(text)).split())[:_SHOWN]


def count(value: Any) -> int:
    """A number of tokens; 0 where a server says something else."""
    return value if isinstance(value, int) and value > 0 else 0
