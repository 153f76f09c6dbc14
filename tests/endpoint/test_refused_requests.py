"""What a server refuses or holds back: asked in other words where that helps, else told with what it said."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from dyag_core.cli.root import main


@pytest.fixture
def typed(capsys):
    """A `dyag` command: its exit code and what it said."""

    def run(*arguments):
        with pytest.raises(SystemExit) as ended:
            main([*arguments])
        return SimpleNamespace(code=ended.value.code, stderr=capsys.readouterr().err)

    return run


@pytest.fixture
def asked(server, typed, tmp_path, monkeypatch):
    """`dyag evaluate` of so many questions against the server, as a command; returns its run and its results file."""
    monkeypatch.chdir(tmp_path)

    def evaluated(count, *options):
        rows = [{"question": f"Which licence has tool {n}?", "expected_answer": "MIT"} for n in range(count)]
        (tmp_path / "q.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
        done = typed(
            *("evaluate", "q.jsonl", "--arms", "base", "--base-model", "some-model", "--engine", "openai"),
            *("-o", f"base_url={server.url}", "-o", "retry_wait=0.01", *options, "--output", "r.json", "--json"),
        )
        file = tmp_path / "r.json"
        return done, json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None

    return evaluated


@pytest.fixture
def queried(server, typed, tmp_path, monkeypatch):
    """`dyag query-rag` against the server."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs.jsonl").write_text('{"id": "alba", "content": "Alba is under MIT."}\n', encoding="utf-8")
    assert typed("index-rag", "docs.jsonl", "--output", "index").code == 0

    def ask():
        options = ("-o", f"base_url={server.url}", "-o", "retry_wait=0.01", "-o", "max_attempts=2")
        return typed(
            "query-rag", "Which licence?", "--index", "index", "--engine", "openai", *options, "--base-model", "m"
        )

    return ask


@pytest.mark.parametrize(("refusal", "parameter"), [("new_limit", "max_tokens"), ("no_temperature", "temperature")])
def test_the_first_request_finds_out_how_the_server_wants_to_be_asked(server, asked, refusal, parameter):
    server.delay = 0.05
    server.behaves = lambda number, body: refusal
    done, written = asked(24, "-o", "concurrency=8")
    assert done.code == 0
    assert written["metrics"]["errors"] == 0
    assert [parameter in body for body in server.hits] == [True] + [False] * 24
    assert server.most > 1  # the others go side by side
    assert done.stderr.count("takes no temperature") == (refusal == "no_temperature")


def test_a_key_of_one_letter_hides_no_words_of_what_the_server_says(server, asked, monkeypatch):
    monkeypatch.setenv("DYAG_OPENAI_API_KEY", "x")
    server.behaves = lambda number, body: "new_limit"
    done, written = asked(2)
    assert (done.code, written["metrics"]["errors"]) == (0, 0)


def test_a_request_that_was_under_way_when_another_was_refused_is_reworded_too(server, asked):
    """A server that changes its mind refuses several at once: each of them is sent anew."""
    server.delay = 0.02
    server.behaves = lambda number, body: "good" if number <= 8 else "new_limit"
    done, written = asked(24, "-o", "concurrency=8")
    assert (done.code, written["metrics"]["errors"]) == (0, 0)
    assert set(server.asked().values()) <= {1, 2}


def test_a_system_turn_that_the_server_refuses_begins_the_user_turn_from_then_on(server, asked):
    server.delay = 0.02
    server.behaves = lambda number, body: "no_system"
    done, written = asked(12, "-o", "concurrency=4")
    assert (done.code, written["metrics"]["errors"]) == (0, 0)
    assert done.stderr.count("takes no system turn (HTTP 400: System role not supported)") == 1
    first, *others = [body["messages"] for body in server.hits]
    assert [turn["role"] for turn in first] == ["system", "user"]
    assert len(others) == 12
    for turns in others:
        assert [turn["role"] for turn in turns] == ["user"]
        system, question = turns[0]["content"].split("\n\n", 1)
        assert system == first[0]["content"]
        assert question.startswith("Which licence has tool ")


def test_a_streamed_answer_of_a_server_without_system_turns(server, queried):
    server.behaves = lambda number, body: "no_system"
    assert queried().code == 0
    assert [turn["role"] for turn in server.hits[-1]["messages"]] == ["user"]


@pytest.mark.parametrize("said", ["The operating system is out of memory", "no such file system"])
def test_a_refusal_about_something_else_leaves_the_system_turn(server, asked, said, monkeypatch):
    refusal = {"error": {"message": said}}
    monkeypatch.setattr(server.RequestHandlerClass, "too_long", lambda self, _: self.send(400, refusal))
    server.behaves = lambda number, body: "too_long"
    done, _ = asked(2)
    assert said in done.stderr
    assert all(body["messages"][0]["role"] == "system" for body in server.hits)


def test_the_text_of_an_answer_in_parts(server, asked):
    server.behaves = lambda number, body: "parts"
    done, written = asked(1)
    assert done.code == 0
    assert written["results"][0]["generated_answer"] == "MIT"


def test_thoughts_that_come_apart_from_the_answer_are_kept_and_counted(server, asked):
    server.behaves = lambda number, body: "thinks_apart" if number == 1 else "good"
    done, written = asked(3)
    assert done.code == 0
    thoughts = [result.get("reasoning") for result in written["results"]]
    assert sorted(thoughts, key=str) == ["It is about a licence.", None, None]
    assert {result["generated_answer"] for result in written["results"]} == {"MIT"}
    assert (written["metrics"]["reasoned"], written["metrics"]["success_rate"]) == (1, 100.0)


HELD_BACK = {
    "filtered": ("content filter held the answer back", "its filter lets pass"),
    "refuses": ("the model refused to answer: I cannot help with that.", ""),
    "calls_a_tool": ("called a tool instead of answering", "switch tools off"),
    "too_long": ("HTTP 400: the prompt is too long", "lower -k"),
    "context_exceeded": ("maximum context length is 20 tokens", "-o context_length=N"),
    "no_text": ("the answer has no text (5 attempts)", "is it a chat model?"),
}


@pytest.mark.parametrize("fault", HELD_BACK)
def test_where_every_question_fails_the_command_fails_with_what_the_server_said(server, asked, fault):
    said, remedy = HELD_BACK[fault]
    server.behaves = lambda number, body: fault
    done, written = asked(3)
    assert done.code == 1
    assert "every question failed (3), the first with: " in done.stderr
    assert said in done.stderr
    assert remedy in done.stderr
    assert "is the server up" not in done.stderr
    assert all(said in result["error"] for result in written["results"])


@pytest.mark.parametrize("fault", HELD_BACK)
def test_where_one_question_fails_the_others_count(server, asked, fault):
    server.behaves = lambda number, body: fault if "tool 1" in str(body["messages"]) else "good"
    done, written = asked(3)
    assert done.code == 0
    assert [result["error"] is None for result in written["results"]] == [True, False, True]
    assert HELD_BACK[fault][0] in written["results"][1]["error"]


def test_the_arm_that_answered_is_not_asked_again_when_another_was_silent(server, asked, typed, tmp_path):
    (tmp_path / "docs.jsonl").write_text(
        '{"id": "alba", "content": "Every tool has a licence: Alba is under MIT."}\n', encoding="utf-8"
    )
    assert typed("index-rag", "docs.jsonl", "--output", "index").code == 0
    server.behaves = lambda number, body: "context_exceeded" if "Alba is" in str(body["messages"]) else "good"
    done, _ = asked(3, "--arms", "base,rag", "--index", "index")
    assert done.code == 1
    assert "rag: every question failed (3)" in done.stderr
    assert (tmp_path / "r_base.json").is_file()
    server.hits.clear()
    server.behaves = lambda number, body: "good"
    done, _ = asked(3, "--arms", "base,rag", "--index", "index")
    assert done.code == 0
    assert len(server.hits) == 3  # those of rag


def test_a_spent_quota_ends_the_run_at_once_and_keeps_what_was_answered(server, asked):
    server.behaves = lambda number, body: "good" if number <= 5 else "quota_spent"
    done, written = asked(30, "-o", "concurrency=1")
    assert (done.code, written) == (4, None)
    assert "quota is used up: HTTP 429: You exceeded your current quota" in done.stderr
    assert len(server.hits) == 6
    server.behaves = lambda number, body: "good"
    done, written = asked(30, "-o", "concurrency=1")
    assert (done.code, written["metrics"]["errors"], len(server.hits)) == (0, 0, 6 + 25)


STREAMS = {
    "stream_cut": (1, "the answer broke off before its end", "ask again"),
    "stream_error": (1, "the server broke off: server out of memory", "ask again"),
    "context_exceeded": (1, "maximum context length is 20 tokens", "lower -k"),
    "error_503": (4, "HTTP 503: overloaded", "when it is well"),
    "quota_spent": (4, "quota is used up", "has quota again"),
}


@pytest.mark.parametrize("fault", STREAMS)
def test_one_question_says_what_happened_to_its_stream(server, queried, fault):
    code, said, remedy = STREAMS[fault]
    server.behaves = lambda number, body: fault
    done = queried()
    assert done.code == code
    assert said in done.stderr
    assert remedy in done.stderr
    assert "ask something shorter" not in done.stderr
    assert "base_url its address" not in done.stderr
