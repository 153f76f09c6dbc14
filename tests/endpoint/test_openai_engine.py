"""The engine for OpenAI-compatible servers against a real socket that fails in every way we know of."""

from __future__ import annotations

import json
import random
import socket
import threading
import time

import pytest

from dyag_core import Decoding, DyagError, EndpointError, Message, Session, UsageError
from dyag_core.plugin.host import Plugins
from dyag_core.plugin.run import Run

KEY = "sk-topsecret-0123456789"


@pytest.fixture
def open_engine(server, tmp_path, heard):
    def opened(**options):
        plugins = Plugins()
        options = {"base_url": server.url, "retry_wait": 0.01, "timeout": 10, **options}
        chosen = plugins.choose("engines", "openai", options)
        run = Run(stage="evaluate", folder=tmp_path, plugins=plugins, progress=heard)
        return plugins.engine(chosen, "some-model", None, run)

    return opened


def impatient(fault):
    return {"timeout": 0.3} if fault in ("stalls", "drips") else {}


def prompts(count):
    return [(Message(role="user", content=f"question {n}"),) for n in range(count)]


def answers(engine, count, decoding=None):
    found = dict(engine.answer(prompts(count), decoding or Decoding()))
    assert sorted(found) == list(range(count))
    return [found[n] for n in range(count)]


def test_every_prompt_gets_its_own_reply(server, open_engine):
    server.replies = lambda body: "re: " + body["messages"][-1]["content"]
    server.delay = 0.02
    replies = answers(open_engine(concurrency=4), 12, Decoding(max_new_tokens=7))
    assert [reply.text for reply in replies] == [f"re: question {n}" for n in range(12)]
    assert {(reply.prompt_tokens, reply.completion_tokens, reply.error) for reply in replies} == {(100, 20, None)}
    assert server.most == 4
    assert server.hits[0] == {
        "model": "some-model",
        "messages": server.hits[0]["messages"],
        "temperature": 0.0,
        "max_tokens": 7,
    }
    assert server.seen_paths == {"/v1/chat/completions"}
    assert server.seen_keys == {f"Bearer {KEY}"}


RETRIED = {
    "busy": "HTTP 429: slow down",
    "error_500": "HTTP 500: boom",
    "error_502": "HTTP 502",
    "error_503": "HTTP 503: overloaded",
    "hangs_up": "broke off",
    "stalls": "no answer within 0.3 seconds",
    "drips": "no answer within 0.3 seconds",
    "cut": "broke off",
    "web_page": "is a web page: is base_url right",
    "no_choices": "no choices",
    "error_200": "no choices: loading, Bearer ***",
    "no_text": "has no text",
    "bad_utf8": "not UTF-8",
    "deep": "no JSON",
    "huge": "more than 8 MB",
    "packed": "was not asked for",
}
NOT_RETRIED = {
    "busy_until_tomorrow": "come back in 86400 seconds",
    "refused_key": "HTTP 401",
    "missing": "HTTP 404",
    "elsewhere": "redirects to",
    "too_long": "HTTP 400: the prompt is too long",
    "all_thought": "all tokens were used up",
}


@pytest.mark.parametrize("fault", RETRIED)
def test_a_fault_that_passes_is_asked_again_and_one_that_stays_costs_one_reply(server, open_engine, fault):
    server.behaves = lambda number, body: fault if number == 1 or "question 1" in str(body["messages"]) else "good"
    replies = answers(open_engine(concurrency=1, max_attempts=3, **impatient(fault)), 3)
    assert [reply.text for reply in replies] == ["MIT", "", "MIT"]
    assert [reply.error for reply in replies[::2]] == [None, None]
    assert RETRIED[fault] in replies[1].error
    assert "(3 attempts)" in replies[1].error
    assert list(server.asked().values()) == [2, 3, 1]


@pytest.mark.parametrize("fault", NOT_RETRIED)
def test_what_asking_again_cannot_mend_is_not_asked_again(server, another_server, open_engine, fault):
    server.other = another_server.url
    server.behaves = lambda number, body: fault if body["messages"][-1]["content"] == "question 1" else "good"
    replies = answers(open_engine(concurrency=1), 3)
    assert NOT_RETRIED[fault] in replies[1].error
    assert [reply.error for reply in replies[::2]] == [None, None]
    assert list(server.asked().values()) == [1, 1, 1]
    assert another_server.hits == []


@pytest.mark.parametrize("fault", ["refused_key", "missing", "elsewhere"])
def test_a_wrong_key_name_or_address_stops_at_once(server, open_engine, fault):
    server.behaves = lambda number, body: fault
    with pytest.raises(EndpointError) as caught:
        answers(open_engine(concurrency=2), 50)
    assert len(server.hits) <= 2
    assert KEY not in caught.value.message + caught.value.hint


@pytest.mark.parametrize(
    ("fault", "most", "code"), [("error_503", 20 + 4, 4), ("too_long", 20 + 4, 1), ("busy", 20 * 2 + 8, 4)]
)
def test_twenty_failures_in_a_row_stop(server, open_engine, fault, most, code):
    """Exit 4 says that the same command may do later, which a refused prompt doesn't."""
    server.behaves = lambda number, body: fault
    with pytest.raises(DyagError, match="20 times in a row") as caught:
        answers(open_engine(concurrency=4, max_attempts=2), 200)
    assert caught.value.exit_code == code
    assert 20 <= len(server.hits) <= most


def test_nobody_listens(open_engine):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    with pytest.raises(EndpointError, match="no connection"):
        answers(open_engine(base_url=url), 30)
    with pytest.raises(EndpointError, match="answered nothing: no connection"):  # too few to fail twenty times
        answers(open_engine(base_url=url, max_attempts=2), 3)


def test_retry_after_is_kept_by_all_workers(server, open_engine):
    server.behaves = lambda number, body: "busy_wait" if number == 1 else "good"
    times = []
    server.replies = lambda body: times.append(time.monotonic()) or "MIT"
    started = time.monotonic()
    answers(open_engine(concurrency=1), 2)
    assert times[0] - started >= 1
    assert len(server.hits) == 3


def test_requests_per_minute(server, open_engine):
    started = time.monotonic()
    answers(open_engine(concurrency=8, requests_per_minute=1200), 11)
    assert time.monotonic() - started >= 10 * 60 / 1200


def test_finish_reason_length_and_half_characters(server, open_engine):
    server.behaves = lambda number, body: "cut_short" if number == 1 else "surrogate"
    cut, half = answers(open_engine(concurrency=1), 2)
    assert (cut.text, cut.truncated, half.text, half.truncated) == ("MIT", True, "caf?", False)


def test_a_schema_is_refused_once_and_remembered(server, open_engine, heard):
    server.behaves = lambda number, body: "no_schema"
    answers(open_engine(concurrency=4), 12, Decoding(json_schema={"type": "object"}))
    assert len(server.hits) == 13
    assert sum("response_format" in body for body in server.hits) == 1
    assert [line for line in heard.lines if "no JSON schema" in line] == heard.lines
    assert len(heard.lines) == 1


def test_a_schema_is_used_where_the_server_takes_it(server, open_engine):
    answers(open_engine(), 12, Decoding(json_schema={"type": "object"}))
    assert all(body["response_format"]["json_schema"]["schema"] == {"type": "object"} for body in server.hits)
    assert len(server.hits) == 12


def test_newer_models_want_another_name_for_the_limit(server, open_engine):
    server.behaves = lambda number, body: "new_limit"
    answers(open_engine(concurrency=1), 3)
    assert ["max_completion_tokens" in body for body in server.hits] == [False, True, True, True]
    assert not any({"max_tokens", "max_completion_tokens"} <= body.keys() for body in server.hits)


def streamed(engine):
    pieces, shown = engine.stream(prompts(1)[0], Decoding()), []
    while True:
        try:
            shown.append(next(pieces))
        except StopIteration as end:
            return shown, end.value


def test_streaming(server, open_engine):
    server.replies = lambda body: "a b c"
    shown, reply = streamed(open_engine())
    assert shown == ["a ", "b ", "c "]
    assert (reply.text, reply.completion_tokens, reply.error) == ("a b c ", 20, None)


def test_a_stream_that_breaks_off_says_so(server, open_engine):
    server.behaves = lambda number, body: "error_503" if number == 1 else "stream_cut"
    shown, reply = streamed(open_engine())
    assert (shown, reply.text, reply.error) == (["MIT "], "MIT ", "the answer broke off before its end")
    assert len(server.hits) == 2


def test_the_soak(server, open_engine):
    """A thousand prompts, one request in ten fails: none is lost, none is asked more often than it failed."""
    chance, faults = random.Random(7), [*RETRIED]
    for slow in ("stalls", "drips", "huge"):
        faults.remove(slow)
    behaviours = [chance.choice(faults) if chance.random() < 0.1 else "good" for _ in range(3000)]
    server.behaves = lambda number, body: behaviours[number]
    server.replies = lambda body: "re: " + body["messages"][-1]["content"]
    replies = answers(open_engine(concurrency=16, max_attempts=8, timeout=10), 1000)
    assert [reply.text for reply in replies] == [f"re: question {n}" for n in range(1000)]
    failed = sum(behaviour != "good" for behaviour in behaviours[1 : len(server.hits) + 1])
    assert failed > 80
    assert len(server.hits) == 1000 + failed


def test_the_caller_may_stop_early(server, open_engine):
    """No more than `concurrency` replies are on their way when the caller goes."""
    stream = open_engine(concurrency=4).answer(prompts(100), Decoding())
    taken = [next(stream) for _ in range(10)]
    stream.close()
    time.sleep(0.1)
    assert len(taken) == 10
    assert len(server.hits) <= 10 + 4
    deadline = time.monotonic() + 2
    while any(thread.name == "dyag-openai" for thread in threading.enumerate()):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_addresses_that_hold_more_than_an_address(open_engine):
    for url in ("http://me:hunter2@localhost/v1", "http://localhost/v1?key=hunter2", "localhost:8000", "ftp://x/v1"):
        with pytest.raises(UsageError) as caught:
            open_engine(base_url=url)
        assert "hunter2" not in str(caught.value)


def test_the_key_may_stand_in_a_file(server, open_engine, tmp_path):
    (tmp_path / "key").write_text("from-a-file\n", encoding="utf-8")
    answers(open_engine(api_key_file=str(tmp_path / "key")), 1)
    assert server.seen_keys == {"Bearer from-a-file"}
    with pytest.raises(UsageError, match="can't be read"):
        open_engine(api_key_file=str(tmp_path / "none"))


def test_no_key_no_header(server, open_engine, monkeypatch):
    monkeypatch.delenv("DYAG_OPENAI_API_KEY")
    answers(open_engine(), 1)
    assert server.seen_keys == {None}


def test_evaluate_asks_the_server_and_writes_no_key(server, tmp_path, heard):
    questions = tmp_path / "q.jsonl"
    rows = [{"question": f"Which licence has tool {n}?", "expected_answer": "MIT"} for n in range(4)]
    questions.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    (tmp_path / "secret").write_text(KEY, encoding="utf-8")
    server.behaves = lambda number, body: "missing" if number == 3 else "good"
    options = {"base_url": server.url, "concurrency": 1, "api_key_file": str(tmp_path / "secret")}
    made = Session(tmp_path / "out", progress=heard).evaluate(
        questions, arms=["base"], base_model="some-model", engine="openai", engine_options=options
    )
    (tmp_path / "secret").unlink()
    evaluation = made.evaluations["base"]
    assert [result["generated_answer"] for result in evaluation.results] == ["MIT", "MIT", "", "MIT"]
    assert evaluation.metrics["errors"] == 1
    assert evaluation.metadata["base_model"] == {"name": "some-model", "source": "server:some-model", "revision": None}
    written = [path.read_text(encoding="utf-8") for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) >= 3
    assert KEY not in "".join(written + heard.lines)
    assert str(tmp_path) not in "".join(written)


def test_an_adapter_is_refused(server, tmp_path):
    (tmp_path / "q.jsonl").write_text('{"question": "a", "expected_answer": "b"}', encoding="utf-8")
    with pytest.raises(UsageError, match="can't apply the adapter"):
        Session(tmp_path).evaluate(
            tmp_path / "q.jsonl",
            arms=["finetuned"],
            model=tmp_path,
            engine="openai",
            engine_options={"base_url": server.url},
        )
