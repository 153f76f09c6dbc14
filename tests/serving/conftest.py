"""A server on this machine: real sockets and clients, and an engine that answers at once, slowly, or not at all."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest

from dyag_core import Decoding, Message, Reply, Session, hookimpl
from dyag_core.serving.server import Server

DOCUMENTS = [
    {"id": "7zip", "content": "# 7zip\n\n7zip packs files. Its licence is LGPL-2.0-only."},
    {"id": "ansible", "content": "# Ansible\n\nAnsible deploys applications. Its licence is GPL-3.0-only."},
    {"id": "../<b>odd", "content": "# Odd & <i>ends</i>\n\nThe licence of odd ends is <script>alert(1)</script>."},
]


class Parrot:
    """An engine plugin that says what it was asked, word by word.

    A question that begins with "slow" takes its time, "fail" raises, "refuse" gives an error, "think" reasons first.
    """

    name = "parrot"
    concurrent = 4
    context_length = 400

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.forget()

    def forget(self) -> None:
        self.opened: list[Path | None] = []
        self.prompts: list[tuple[Message, ...]] = []
        self.decodings: list[Decoding] = []
        self.writing, self.most, self.stopped, self.closed = 0, 0, 0, 0

    @hookimpl
    def dyag_open_engine(self, base_path: str, adapter: Path | None) -> _Voice:
        self.opened.append(adapter)
        return _Voice(self, "tuned" if adapter else "base")


class _Voice:
    def __init__(self, parrot: Parrot, says: str) -> None:
        self._parrot, self._says = parrot, says
        self.context_length, self.concurrent = parrot.context_length, parrot.concurrent

    def answer(self, prompts: Sequence[Sequence[Message]], decoding: Decoding) -> Iterator[tuple[int, Reply]]:
        raise NotImplementedError("a server streams")

    def stream(self, prompt: Sequence[Message], decoding: Decoding) -> Generator[str, None, Reply]:
        parrot, asked = self._parrot, prompt[-1].content
        question = asked.rpartition("answer: ")[2]
        with parrot._lock:
            parrot.prompts.append(tuple(prompt))
            parrot.decodings.append(decoding)
            parrot.writing += 1
            parrot.most = max(parrot.most, parrot.writing)
        try:
            if question.startswith("fail"):
                raise RuntimeError("/secret/path/key.txt is not readable")
            if question.startswith("refuse"):
                return Reply(text="", error="http://10.0.0.1: bad key sk-12345")
            said = f"{self._says} says: {question}"
            words = said.split(" ")[: decoding.max_new_tokens]
            pieces = [word if number == 0 else f" {word}" for number, word in enumerate(words)]
            if question.startswith("think"):
                pieces = ["<thi", "nk>let me see", "</thin", "k>", *pieces]
            for number, piece in enumerate(pieces):
                time.sleep(0.05 if question.startswith("slow") else 0)
                if "break" in question and number == 2:
                    raise RuntimeError("the line broke")
                yield piece
            text = "".join(pieces)
            cut = len(said.split(" ")) > decoding.max_new_tokens
            return Reply(text=text, prompt_tokens=7, completion_tokens=len(words), truncated=cut)
        except GeneratorExit:
            parrot.stopped += 1
            raise
        finally:
            with parrot._lock:
                parrot.writing -= 1

    def count_tokens(self, prompt: Sequence[Message]) -> int:
        return sum(len(message.content.split()) for message in prompt)

    def close(self) -> None:
        self._parrot.closed += 1


class Messages:
    """Keeps what the server tells whoever runs it."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def message(self, text: str) -> None:
        self.lines.append(text)

    def task(self, description: str, total: float | None = None) -> Any:
        from dyag_core.progress import SilentProgress

        return SilentProgress().task(description, total)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Laid out as `dyag quickstart` leaves it: a model (another tool's adapter) on a base, an index."""
    root = tmp_path_factory.mktemp("served")
    base = tmp_path_factory.mktemp("base") / "nano"
    base.mkdir()
    (base / "config.json").write_text('{"model_type": "llama"}', "utf-8")
    final = root / "model" / "final"
    final.mkdir(parents=True)
    (final / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": str(base)}), "utf-8")
    (final / "adapter_model.safetensors").write_bytes(b"weights")
    source = root / "documents.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in DOCUMENTS), "utf-8")
    Session().index(source, output=root / "documents.index")
    return root


@pytest.fixture(scope="module")
def _parrot() -> Parrot:
    return Parrot()


@pytest.fixture(scope="module")
def _log() -> Messages:
    return Messages()


@pytest.fixture
def parrot(_parrot: Parrot) -> Parrot:
    """The engine, with nothing heard yet."""
    _parrot.forget()
    return _parrot


@pytest.fixture
def log(_log: Messages) -> Messages:
    """What the server told, nothing yet."""
    _log.lines.clear()
    return _log


@pytest.fixture(scope="module")
def server(folder: Path, _parrot: Parrot, _log: Messages) -> Iterator[Server]:
    """A server on the folder, for all tests of a file."""
    with Session(plugins=[_parrot], progress=_log).serve(folder, engine="parrot", port=0) as server:
        yield server


@pytest.fixture
def http(server: Server, parrot: Parrot, log: Messages) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=server.url, timeout=20) as client:
        yield client


@pytest.fixture
def start(folder: Path, parrot: Parrot, log: Messages) -> Iterator[Callable[..., Server]]:
    """`start(queue=1)`: a server of a test's own on the folder, closed at the end."""
    with ExitStack() as stack:
        yield lambda *place, **options: stack.enter_context(
            Session(plugins=[parrot], progress=log).serve(
                *(place or (folder,)), **{"engine": "parrot", "port": 0} | options
            )
        )


def question(text: str, model: str = "base", **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": text}], **more}


def events(body: str) -> list[Any]:
    """The data of a stream's events; the last is "[DONE]" or an error."""
    frames = body.split("\n\n")
    assert frames.pop() == ""
    assert all(frame.startswith("data: ") and "\n" not in frame for frame in frames)
    return [frame if (frame := each[6:]) == "[DONE]" else json.loads(frame) for each in frames]
