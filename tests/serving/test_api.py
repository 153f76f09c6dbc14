"""The API to the letter: what is answered, in which order, and what is refused and how."""

from __future__ import annotations

import json
import time
from typing import Any

import httpx2
import pytest

from tests.serving.conftest import Messages, Parrot, events, question

CHAT = "/v1/chat/completions"


def test_the_arms_are_models(http: httpx2.Client) -> None:
    listed = http.get("/v1/models").json()
    assert listed["object"] == "list"
    assert [model["id"] for model in listed["data"]] == ["base", "rag", "finetuned", "hybrid"]
    assert {"id", "object", "created", "owned_by"} == listed["data"][0].keys()
    assert http.get("/v1/models/hybrid:k=2").json()["id"] == "hybrid:k=2"
    assert http.get("/health").json() == {"status": "ok", "models": ["base", "rag", "finetuned", "hybrid"]}


def test_a_whole_answer(http: httpx2.Client, parrot: Parrot) -> None:
    found = http.post(CHAT, json=question("what is it?", seed=3, user="me", frequency_penalty=1)).json()
    [choice] = found["choices"]
    assert choice["message"] == {"role": "assistant", "content": "base says: what is it?", "refusal": None}
    assert (choice["index"], choice["finish_reason"], choice["logprobs"]) == (0, "stop", None)
    assert (found["object"], found["model"]) == ("chat.completion", "base")
    assert found["usage"] == {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}
    assert found["dyag"]["ignored"] == ["frequency_penalty", "user"]
    assert parrot.decodings[0].temperature == 0


@pytest.mark.parametrize("usage", [True, False])
def test_a_stream_comes_in_the_order_that_clients_rely_on(http: httpx2.Client, usage: bool) -> None:
    options = {"stream": True} | ({"stream_options": {"include_usage": True}} if usage else {})
    response = http.post(CHAT, json=question("licence of 7zip?", "rag", **options))
    assert response.headers["content-type"].startswith("text/event-stream")
    *chunks, done = events(response.text)
    assert done == "[DONE]"
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert len({chunk["id"] for chunk in chunks}) == 1
    if usage:
        last = chunks.pop()
        assert last["choices"] == []
        assert last["usage"]["total_tokens"] == last["usage"]["prompt_tokens"] + last["usage"]["completion_tokens"]
    assert not any("usage" in chunk for chunk in chunks)
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    assert deltas[0] == {"role": "assistant", "content": "", "refusal": None}
    assert "".join(delta["content"] for delta in deltas[1:-2]) == "base says: licence of 7zip?"
    assert len(deltas) > 5
    assert deltas[-2].keys() == {"annotations"}
    assert deltas[-1] == {}
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks] == [None] * (len(chunks) - 1) + ["stop"]
    assert chunks[-1]["dyag"]["sources"][0]["id"].startswith("7zip")


def test_sources_are_annotations_and_passages_and_open_here(http: httpx2.Client) -> None:
    found = http.post(CHAT, json=question("licence of 7zip?", "hybrid:k=2")).json()
    cited = found["choices"][0]["message"]["annotations"]
    assert [one["type"] for one in cited] == ["url_citation"] * 2
    first, told = cited[0]["url_citation"], found["dyag"]["sources"]
    assert first["url"] == told[0]["url"] == f"{http.base_url}/passage?id={told[0]['id']}".replace("#", "%23")
    assert "LGPL-2.0-only" in told[0]["passage"]
    assert told[0]["score"] > told[1]["score"]
    assert (first["start_index"], first["end_index"]) == (0, len(found["choices"][0]["message"]["content"]))
    assert "annotations" not in http.post(CHAT, json=question("what?", "finetuned")).json()["choices"][0]["message"]


def test_sources_as_text_for_clients_that_show_neither(http: httpx2.Client) -> None:
    text = http.post(CHAT, json=question("licence of 7zip?", "rag+sources:k=1")).json()["choices"][0]["message"][
        "content"
    ]
    answer, _, below = text.partition("\n\nSources:\n")
    assert answer == "base says: licence of 7zip?"
    assert below.startswith("[1] ")
    assert "/passage?id=7zip" in below
    streamed = events(http.post(CHAT, json=question("licence of 7zip?", "rag+sources:k=1", stream=True)).text)
    assert "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in streamed[:-1]) == text


def test_the_passages_stand_in_the_prompt_and_the_arms_differ_in_nothing_else(
    http: httpx2.Client, parrot: Parrot
) -> None:
    said = [
        http.post(CHAT, json=question("licence of 7zip?", arm)).json() for arm in ("base", "rag", "finetuned", "hybrid")
    ]
    assert [one["choices"][0]["message"]["content"].split()[0] for one in said] == ["base", "base", "tuned", "tuned"]
    systems = {prompt[0].content for prompt in parrot.prompts}
    assert systems == {"Answer briefly. If you do not know, say so."}
    assert ["LGPL" in prompt[-1].content for prompt in parrot.prompts] == [False, True, False, True]


def test_the_clients_own_system_turns_and_parts_of_content(http: httpx2.Client, parrot: Parrot) -> None:
    turns = [
        {"role": "system", "content": "Be kind."},
        {"role": "developer", "content": [{"type": "text", "text": "Be short."}]},
        {"role": "user", "content": "one"},
        {"role": "user", "content": [{"type": "text", "text": "two"}, {"type": "text", "text": "three"}]},
        {"role": "assistant", "content": None},
        {"role": "user", "content": "four", "name": "eve"},
    ]
    assert http.post(CHAT, json={"model": "base", "messages": turns}).status_code == 200
    assert [(turn.role, turn.content) for turn in parrot.prompts[0]] == [
        ("system", "Be kind.\n\nBe short."),
        ("user", "one\n\ntwo\nthree"),
        ("assistant", ""),
        ("user", "four"),
    ]


def test_limits_and_sampling_are_passed_on(http: httpx2.Client, parrot: Parrot) -> None:
    found = http.post(CHAT, json=question("a b c d", max_completion_tokens=3, max_tokens=99)).json()
    assert found["choices"][0]["finish_reason"] == "length"
    assert found["choices"][0]["message"]["content"] == "base says: a"
    http.post(CHAT, json=question("a", max_tokens=7, temperature=1.5, top_p=0, seed=9, n=1))
    second = parrot.decodings[1]
    assert (second.max_new_tokens, second.temperature, second.seed) == (7, 1.5, 9)
    assert 0 < second.top_p < 0.001
    assert http.post(CHAT, json=question("a", max_tokens=10**6)).status_code == 200  # clamped by the engine
    for _ in range(2):
        http.post(CHAT, json=question("a", temperature=1))
    assert parrot.decodings[-1].seed != parrot.decodings[-2].seed


@pytest.mark.parametrize("stop", ["three", ["xx", "three"], [" three four"]])
def test_an_answer_ends_before_its_stop(http: httpx2.Client, parrot: Parrot, stop: Any) -> None:
    found = http.post(CHAT, json=question("one two three four five six", stop=stop)).json()
    assert found["choices"][0]["message"]["content"].rstrip() == "base says: one two"
    assert found["choices"][0]["finish_reason"] == "stop"
    streamed = events(http.post(CHAT, json=question("one two three four five six", stop=stop, stream=True)).text)
    text = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in streamed[:-1])
    assert text == found["choices"][0]["message"]["content"]


def test_reasoning_is_not_part_of_the_answer(http: httpx2.Client) -> None:
    for stream in (False, True):
        body = http.post(CHAT, json=question("think of it", stream=stream)).text
        assert "me see" not in body
        assert "think>" not in body


REFUSED = [
    (question("x", "gpt-4"), 404, "model_not_found", None),
    (question("x", "base:k=2"), 404, "model_not_found", None),
    (question("x", "finetuned+sources"), 404, "model_not_found", None),
    (question("x", "rag:k=0"), 404, "model_not_found", None),
    (question("x", "oracle"), 404, "model_not_found", None),
    (question("x", n=2), 400, "invalid_value", "n"),
    (question("x", temperature=3), 400, "invalid_value", "temperature"),
    (question("x", top_p=-1), 400, "invalid_value", "top_p"),
    (question("x", max_tokens=0), 400, "invalid_value", "max_tokens"),
    (question("x", logprobs=True), 400, "invalid_value", "logprobs"),
    (question("x", stop=["a"] * 5), 400, "invalid_value", "stop"),
    (question("x", seed="abc"), 400, "invalid_value", "seed"),
    ({"model": "base", "messages": []}, 400, "invalid_value", "messages"),
    ({"model": "base"}, 400, "invalid_value", "messages"),
    ({"messages": [{"role": "user", "content": "x"}]}, 400, "invalid_value", "model"),
    ({"model": "base", "messages": [{"role": "tool", "content": "x"}]}, 400, "invalid_value", "messages[0].role"),
    ({"model": "base", "messages": [{"role": "assistant", "content": "x"}]}, 400, None, "messages"),
    (question(" "), 400, None, "messages"),
    (question("word " * 500), 400, "context_length_exceeded", "messages"),
]


@pytest.mark.parametrize(("body", "status", "code", "param"), REFUSED)
@pytest.mark.parametrize("stream", [False, True])
def test_what_does_not_fit_is_refused_as_openai_does(
    http: httpx2.Client, body: dict[str, Any], status: int, code: str | None, param: str | None, stream: bool
) -> None:
    response = http.post(CHAT, json=body | {"stream": stream})
    error = response.json()["error"]
    assert (response.status_code, error["code"], error["param"]) == (status, code, param)
    assert error["type"] == "invalid_request_error"
    assert error["message"]
    assert error.keys() == {"message", "type", "param", "code"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[1]",
        b'"x"',
        b"[" * 100_000,
        b'{"model": NaN}',
        b'{"model": "\xff"}',
        b'{"model": "\\ud800"}',
        b'{"seed": ' + b"9" * 5000 + b"}",
    ],
)
def test_a_body_that_is_no_json_object(http: httpx2.Client, body: bytes) -> None:
    response = http.post(CHAT, content=body)
    assert response.status_code == 400
    assert response.json()["error"]["code"] == "invalid_json"


def test_unknown_places_and_methods_have_the_same_shape(http: httpx2.Client) -> None:
    for status, response in ((404, http.get("/v2/nothing")), (405, http.get(CHAT)), (405, http.options("/v1/models"))):
        assert response.status_code == status
        assert response.json()["error"]["type"] == "invalid_request_error"
    assert http.head("/health").status_code == 200


@pytest.mark.parametrize("how", ["fail now", "refuse this"])
@pytest.mark.parametrize("stream", [False, True])
def test_an_engine_that_fails_tells_the_log_and_not_the_client(
    http: httpx2.Client, log: Messages, how: str, stream: bool
) -> None:
    response = http.post(CHAT, json=question(how, stream=stream))
    assert response.status_code == 500
    assert response.json()["error"]["type"] == "server_error"
    assert not any(word in response.text for word in ("secret", "sk-12345", "10.0.0.1", "Traceback", "RuntimeError"))
    assert any("secret" in line or "sk-12345" in line for line in log.lines)


def test_a_fault_after_the_first_words_is_told_in_the_stream(http: httpx2.Client) -> None:
    *chunks, last = events(http.post(CHAT, json=question("break it soon", stream=True)).text)
    assert last["error"]["type"] == "server_error"
    assert chunks[1]["choices"][0]["delta"]["content"] == "base"
    assert not any(chunk["choices"][0]["finish_reason"] for chunk in chunks)


def figure(text: str, name: str) -> float:
    return next((float(line[len(name) :]) for line in text.splitlines() if line.startswith(name + " ")), 0.0)


def test_figures_for_prometheus_and_a_log_without_contents(http: httpx2.Client, log: Messages) -> None:
    before = http.get("/metrics").text
    http.post(CHAT, json=question("a secret question", "rag"))
    http.post(CHAT, json=question("fail", "base"))
    text = http.get("/metrics").text
    for line, more in (
        ('dyag_answers_total{arm="rag",outcome="answered"}', 1),
        ('dyag_answers_total{arm="base",outcome="failed"}', 1),
        ('dyag_tokens_total{arm="rag",kind="completion"}', 5),
        ('dyag_answer_seconds_count{arm="rag"}', 1),
        ('dyag_http_requests_total{status="500"}', 1),
        ("dyag_requests_waiting", 0),
        ("dyag_requests_running", 0),
    ):
        assert figure(text, line) - figure(before, line) == more, line
    deadline = time.monotonic() + 5
    while not any(" rag answered 7+5 tokens" in line for line in log.lines) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert any("POST /v1/chat/completions 200" in line and " rag answered 7+5 tokens" in line for line in log.lines)
    assert not any("secret question" in line for line in log.lines)


def test_contents_are_logged_only_when_asked(start: Any, log: Messages) -> None:
    server = start(log_content=True)
    httpx2.post(server.url + CHAT, json=question("my \x1b[31m words"))
    time.sleep(0.1)
    [line] = [line for line in log.lines if "my " in line]
    assert json.loads(line[line.index("{") :]) == {
        "question": "my \x1b[31m words",
        "answer": "base says: my \x1b[31m words",
    }
    assert "\x1b" not in line
