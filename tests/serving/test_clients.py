"""The programs that people have: OpenAI's own client, `llm`, LangChain, and DYAG's engine for such servers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from dyag_core.serving.server import Server
from tests.serving.conftest import Parrot

openai = pytest.importorskip("openai")


@pytest.fixture
def client(server: Server, parrot: Parrot) -> Iterator[Any]:
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0) as client:
        yield client


def ask(client: Any, text: str, model: str = "base", **more: Any) -> Any:
    return client.chat.completions.create(model=model, messages=[{"role": "user", "content": text}], **more)


def test_openai_lists_asks_and_streams(client: Any) -> None:
    assert [model.id for model in client.models.list()] == ["base", "rag", "finetuned", "hybrid"]
    assert client.models.retrieve("rag").owned_by == "dyag"
    found = ask(client, "licence of 7zip?", "hybrid:k=1")
    message = found.choices[0].message
    assert message.content == "tuned says: licence of 7zip?"
    assert message.annotations[0].url_citation.url.startswith("http://127.0.0.1")
    assert found.usage.total_tokens == found.usage.prompt_tokens + found.usage.completion_tokens
    assert found.dyag["sources"][0]["passage"]
    chunks = list(ask(client, "licence of 7zip?", "rag", stream=True, stream_options={"include_usage": True}))
    assert chunks[-1].usage.completion_tokens == 5
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "base says: licence of 7zip?"
    [cited] = [
        c.choices[0].delta.annotations for c in chunks if c.choices and hasattr(c.choices[0].delta, "annotations")
    ]
    assert cited[0]["type"] == "url_citation"


def test_openai_without_blocking(server: Server) -> None:
    async def several() -> list[str]:
        async with openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key="none") as client:
            whole = [ask(client, f"number {n}?") for n in range(5)]
            stream = await ask(client, "streamed?", stream=True)
            pieces = [chunk.choices[0].delta.content or "" async for chunk in stream]
            return [*(found.choices[0].message.content for found in await asyncio.gather(*whole)), "".join(pieces)]

    assert asyncio.run(several()) == [*(f"base says: number {n}?" for n in range(5)), "base says: streamed?"]


def test_openai_knows_the_errors_by_their_classes(client: Any) -> None:
    with pytest.raises(openai.NotFoundError) as missing:
        ask(client, "x", "gpt-4")
    assert missing.value.code == "model_not_found"
    with pytest.raises(openai.BadRequestError) as unfit:
        ask(client, "x", n=2)
    assert unfit.value.param == "n"
    with pytest.raises(openai.InternalServerError):
        ask(client, "fail")
    with pytest.raises(openai.APIError, match="the server failed"):
        list(ask(client, "break the stream", stream=True))


def test_llm_asks_through_an_extra_models_file(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLM_USER_PATH", str(tmp_path))
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    models = f"- model_id: ours\n  model_name: rag+sources\n  api_base: {server.url}/v1\n"
    (tmp_path / "extra-openai-models.yaml").write_text(models, "utf-8")
    command = pytest.importorskip("llm.cli").cli
    for more in ([], ["--no-stream"]):
        done = CliRunner().invoke(command, ["-m", "ours", *more, "--usage", "--no-log", "licence of 7zip?"])
        assert done.exception is None, done.output
        assert done.stdout.startswith("base says: licence of 7zip?\n\nSources:\n[1] 7zip"), done.stdout
        assert "7 input, 5 output" in done.stderr


def test_langchain(server: Server) -> None:
    lang = pytest.importorskip("langchain_openai")
    chat = lang.ChatOpenAI(base_url=f"{server.url}/v1", api_key="none", model="finetuned", max_tokens=4, temperature=0)
    found = chat.invoke("one two three four")
    assert found.content == "tuned says: one two"
    assert found.response_metadata["finish_reason"] == "length"
    assert found.usage_metadata["output_tokens"] == 4
    assert "".join(piece.content for piece in chat.stream("one two three")) == "tuned says: one two"


def test_dyags_own_engine_evaluates_the_served_arms(server: Server, tmp_path: Path) -> None:
    """One arm behind the server is one model: what `dyag evaluate` gets is what the arm says."""
    from dyag_core import Session

    questions = tmp_path / "q.jsonl"
    rows = [{"question": f"licence of {name}?", "expected_answer": "x"} for name in ("7zip", "ansible")]
    questions.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    files = Session(tmp_path).evaluate(
        questions,
        arms=("base",),
        base_model="hybrid",
        engine="openai",
        engine_options={"base_url": f"{server.url}/v1"},
    )
    answers = [item["generated_answer"] for item in files.evaluations["base"].results]
    assert answers == ["tuned says: licence of 7zip?", "tuned says: licence of ansible?"]
