"""An exported GGUF file as another program uses it: chats as texts, through the file's own template and tokenizer.

llama.cpp's own HTTP server answers, which is inside xllamacpp: what it says here, it says in LM Studio or Ollama too.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from dyag_core import Decoding, DyagError, Message, Reply
from dyag_plugins.engines.llamacpp.server import Server


class ServedFile:
    """A GGUF file behind llama.cpp's server; as an engine it answers one chat after the other, greedily."""

    def __init__(self, path: Path, context: int, stops: Sequence[str]) -> None:
        """Open `path`; `stops` are the texts that a client has to end answers at, beside the file's own tokens."""
        self._server = Server(path, context)
        self._stops = list(stops)
        self.context_length = context

    def answer(self, prompts: Sequence[Sequence[Message]], decoding: Decoding) -> Iterator[tuple[int, Reply]]:
        """Answer each prompt; what the server refuses becomes a reply with its error."""
        for index, prompt in enumerate(prompts):
            request = {"messages": _chat(prompt), "max_tokens": decoding.max_new_tokens, "temperature": 0}
            request |= {"samplers": ["top_k"], "top_k": 1, "cache_prompt": True}
            request |= {"stop": self._stops} if self._stops else {}
            started = time.perf_counter()
            found = self._server.post("/v1/chat/completions", request)
            yield index, _reply(found, time.perf_counter() - started)

    def rendered(self, prompts: Sequence[Sequence[Message]]) -> list[list[int]]:
        """The token ids that the server makes of each chat, ending where the answer begins."""
        ids = []
        for prompt in prompts:
            text = self._post("/apply-template", {"messages": _chat(prompt)})["prompt"]
            found = self._post("/tokenize", {"content": text, "add_special": True, "parse_special": True})
            ids.append([int(token) for token in found["tokens"]])
        return ids

    def count_tokens(self, prompt: Sequence[Message]) -> int:
        """Length of the rendered prompt in tokens."""
        return len(self.rendered([prompt])[0])

    def close(self) -> None:
        """Free the model's memory."""
        self._server.close()

    def _post(self, route: str, body: dict[str, Any]) -> dict[str, Any]:
        found = self._server.post(route, body)
        if "error" in found:
            raise DyagError(f"llama.cpp refuses the prompt: {found['error'].get('message', found['error'])}")
        return found


def _chat(prompt: Sequence[Message]) -> list[dict[str, str]]:
    return [{"role": message.role, "content": message.content} for message in prompt]


def _reply(found: dict[str, Any], seconds: float) -> Reply:
    if "error" in found:
        return Reply(text="", seconds=seconds, error=f"llama.cpp: {found['error'].get('message', found['error'])}")
    choice = found["choices"][0]
    message, usage = choice["message"], found["usage"]
    return Reply(
        text=((message.get("reasoning_content") or "") + (message.get("content") or "")).strip(),
        prompt_tokens=usage["prompt_tokens"],
        completion_tokens=usage["completion_tokens"],
        seconds=seconds,
        truncated=choice["finish_reason"] == "length",
    )
