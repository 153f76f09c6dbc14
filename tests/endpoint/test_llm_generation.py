"""The llm method against a real server: journal, budget, judge, estimate, and what a kill costs."""

from __future__ import annotations

import functools
import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest

from dyag_core import EndpointError, GateError, Session, UsageError
from dyag_core.artifacts import read_json

KEY = "sk-topsecret-0123456789"


def subject(number):
    return f"Tool{number}"


@pytest.fixture
def source(tmp_path):
    def written(count):
        rows = [
            {"id": f"d{n}", "name": subject(n), "content": f"{subject(n)} has the licence MIT and {n} users in Paris."}
            for n in range(count)
        ]
        path = tmp_path / "documents.jsonl"
        path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
        return path

    return written


def pairs_for(body):
    """A good model: reads the subject out of the prompt and asks two things about it."""
    asked = body["messages"][-1]["content"]
    name = asked.partition('about "')[2].partition('"')[0]
    users = asked.partition(" MIT and ")[2].partition(" ")[0]
    return json.dumps(
        {
            "pairs": [
                {"question": f"Which licence has {name}?", "answer": "MIT"},
                {"question": f"How many users has {name}?", "answer": f"{users} users"},
            ]
        }
    )


@pytest.fixture
def generate(server, source, tmp_path):
    server.replies = pairs_for

    def made(count, name="x", **options):
        options = {"base_url": server.url, "model": "m", "pairs": 2, **options}
        options["engine_options"] = {"retry_wait": 0.01, "concurrency": 4} | options.get("engine_options", {})
        return Session(tmp_path, lang="en").generate(
            source(count), method="llm", output=tmp_path / f"{name}.jsonl", options=options, min_yield=0
        )

    return made


def test_each_chunk_is_asked_about_once(server, generate, tmp_path):
    made = generate(10)
    assert (made.written, made.rejected, len(server.hits)) == (20, {}, 10)
    whole = (tmp_path / "x.jsonl").read_bytes()
    generate(10)
    assert len(server.hits) == 10
    assert (tmp_path / "x.jsonl").read_bytes() == whole
    generate(10, name="y")  # another output has a journal of its own
    assert len(server.hits) == 20
    assert (tmp_path / "y.jsonl").read_bytes() == whole


def test_the_manifest_names_the_server_and_no_secret(generate, server, tmp_path):
    (tmp_path / "secret").write_text(KEY, encoding="utf-8")
    server.behaves = lambda number, body: "error_200" if subject(2) in body["messages"][-1]["content"] else "good"
    generate(6, engine_options={"api_key_file": str(tmp_path / "secret"), "max_attempts": 1})
    (tmp_path / "secret").unlink()
    plugins = {plugin["name"]: plugin for plugin in read_json(tmp_path / "x.manifest.json")["plugins"]}
    assert plugins["openai"]["options"]["base_url"] == server.url
    assert plugins["llm"]["options"]["engine"] == "openai"
    written = "".join(path.read_text(encoding="utf-8") for path in tmp_path.rglob("*") if path.is_file())
    assert "loading, Bearer ***" in written
    assert KEY not in written
    assert str(tmp_path) not in written


def test_a_failed_request_is_rejected_now_and_asked_again_later(server, generate):
    server.behaves = lambda number, body: "error_500" if subject(2) in body["messages"][-1]["content"] else "good"
    made = generate(4, retries=0, engine_options={"max_attempts": 2})
    assert made.rejected == {"the model gave no reply": 2}
    server.behaves = lambda number, body: "good"
    assert generate(4, retries=0).written == 8
    assert len(server.hits) == 4 + 1 + 1


def test_a_dead_server_stops_the_run_and_what_was_answered_is_kept(server, generate):
    server.behaves = lambda number, body: "good" if number <= 8 else "error_503"
    with pytest.raises(EndpointError, match="20 times in a row"):
        generate(40, batch=8)
    server.behaves = lambda number, body: "good"
    before = len(server.hits)
    assert generate(40, batch=8).written == 80
    assert 32 <= len(server.hits) - before <= 32 + 4  # requests on their way when the run stopped may come in late


def test_a_budget_is_never_exceeded_and_can_be_raised(server, generate, tmp_path):
    options = {"price_in": 10, "price_out": 50, "max_new_tokens": 50}  # a reply takes 100 and 20 tokens: 0.002
    with pytest.raises(GateError, match=r"the budget was spent; \d+ rows were written") as caught:
        generate(100, max_cost=0.05, **options)
    assert caught.value.exit_code == 3
    asked = len(server.hits)
    assert 15 < asked <= 25
    assert (tmp_path / "x.jsonl").read_text().count("\n") == 2 * asked
    with pytest.raises(GateError):  # the same limit again: nothing is left to spend
        generate(100, max_cost=0.05, **options)
    assert len(server.hits) == asked
    assert generate(100, max_cost=5, **options).written == 200
    assert len(server.hits) == 100
    whole = (tmp_path / "x.jsonl").read_bytes()
    generate(100, name="whole", **options)
    assert (tmp_path / "whole.jsonl").read_bytes() == whole


def test_a_limit_of_tokens(server, generate, tmp_path):
    with pytest.raises(GateError, match="budget"):
        generate(100, max_tokens_total=3000, max_new_tokens=50)
    assert 15 < len(server.hits) <= 3000 // 120
    assert read_json(tmp_path / "x.manifest.json")["written"] == 2 * len(server.hits)


def test_a_cost_limit_needs_prices(generate):
    with pytest.raises(UsageError, match="max_cost needs price_in and price_out"):
        generate(1, max_cost=1)


def test_the_estimate_asks_nothing_and_holds(server, generate, source, tmp_path):
    options = {"base_url": server.url, "model": "m", "pairs": 2, "price_in": 1, "price_out": 2}
    session = Session(tmp_path, lang="en")
    before = set(tmp_path.iterdir()) | {source(10)}
    found = session.estimate_generation(tmp_path / "documents.jsonl", options=options, output=tmp_path / "x.jsonl")
    assert set(tmp_path.iterdir()) == before
    assert server.hits == []
    assert (found.chunks, found.requests, found.rows, found.answered) == (10, 10, 20, 0)
    assert 0 < found.cost < found.most_cost
    generate(4)
    later = session.estimate_generation(source(10), options=options, output=tmp_path / "x.jsonl", count=15)
    assert (later.chunks, later.requests) == (8, 8 - later.answered)
    assert 2 <= later.answered <= 4  # of the four, by lot at least two are among the eight
    whole = session.estimate_generation(source(10), options=options, output=tmp_path / "x.jsonl")
    assert (whole.chunks, whole.requests, whole.answered) == (10, 6, 4)
    with pytest.raises(UsageError, match="asks no model"):
        session.estimate_generation(source(10), method="rule")


def test_a_judge_refuses_what_the_words_let_pass(server, generate):
    def replies(body):
        asked = body["messages"][-1]["content"]
        if "Reply with one word" not in asked:
            return pairs_for(body)
        return {"2 users": "No.", "3 users": "Hmm"}.get(asked.partition("Answer: ")[2].partition("\n")[0], "Yes.")

    server.replies = replies
    made = generate(5, judge=True)
    assert made.rejected == {"the judge finds no support in the chunk": 1, "the judge gave no verdict": 1}
    assert (made.written, len(server.hits)) == (8, 5 + 10)


def test_replies_that_think_aloud_and_prompts_of_ones_own(server, generate, tmp_path):
    server.replies = lambda body: f'<think>I could say {{"question": "no", "answer": "no"}}</think>{pairs_for(body)}'
    (tmp_path / "p.yaml").write_text('system: Ask!\nuser: about "$title" $passage $pairs\n', encoding="utf-8")
    assert generate(2, prompts=str(tmp_path / "p.yaml")).written == 4
    assert server.hits[0]["messages"][0] == {"role": "system", "content": "Ask!"}
    with pytest.raises(UsageError, match="judge"):
        generate(2, prompts=str(tmp_path / "p.yaml"), judge=True)


def command(server, tmp_path, name="x", *more):
    options = [f"base_url={server.url}", "model=m", "pairs=2", "engine_options={concurrency: 4, retry_wait: 0.01}"]
    arguments = ["generate-training", str(tmp_path / "documents.jsonl"), "--method", "llm", "--lang", "en"]
    arguments += ["--output", str(tmp_path / f"{name}.jsonl"), *more]
    return [sys.executable, "-m", "dyag_core.cli", *arguments, *(part for option in options for part in ("-o", option))]


def test_from_the_command_line(server, source, tmp_path):
    server.replies = pairs_for
    source(10)
    prices = ("-o", "price_in=1", "-o", "price_out=4", "-o", "max_new_tokens=60")
    more = (*prices, "--max-cost", "0.0015")
    estimate = subprocess.run(command(server, tmp_path, "x", "--estimate", *more), capture_output=True, text=True)
    assert (estimate.returncode, len(server.hits)) == (0, 0)
    assert "cost" in estimate.stdout
    assert "at most" in estimate.stdout
    stopped = subprocess.run(command(server, tmp_path, "x", *more), capture_output=True, text=True)
    assert stopped.returncode == 3
    assert "the budget was spent" in stopped.stderr
    assert "--max-cost" in stopped.stderr
    asked = len(server.hits)
    assert 0 < asked < 10
    server.behaves = lambda number, body: "error_503"
    down = subprocess.run(command(server, tmp_path, "x", *prices), capture_output=True, text=True)
    assert down.returncode == 4
    server.behaves = lambda number, body: "refused_key"
    refused = subprocess.run(command(server, tmp_path, "x", *prices), capture_output=True, text=True)
    assert (refused.returncode, "***" in refused.stderr, KEY in refused.stderr) == (4, True, False)
    before = len(server.hits)
    server.behaves = lambda number, body: "good"
    done = subprocess.run(command(server, tmp_path, "x", *prices), capture_output=True, text=True)
    assert done.returncode == 0
    assert len(server.hits) - before == 10 - asked


@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_killed_anywhere_it_loses_nothing_and_asks_nothing_twice(server, source, tmp_path, kills):
    """Hits <= unique prompts + kills x concurrency, and the bytes of a run that nobody killed."""
    prompts, concurrency, chance = 16 * kills, 4, random.Random(3)
    server.replies, server.delay = pairs_for, 0.005
    source(prompts)
    done = 0
    for _ in range(kills):
        goal = len(server.hits) + chance.randrange(1, 16)
        with (tmp_path / "log").open("ab") as log:
            process = subprocess.Popen(command(server, tmp_path), stdout=log, stderr=log, start_new_session=True)
        while len(server.hits) < goal and process.poll() is None:
            time.sleep(0.001)
        assert process.poll() is None, (tmp_path / "log").read_text()
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        done += 1
    assert not (tmp_path / "x.jsonl").exists()
    assert subprocess.run(command(server, tmp_path), capture_output=True).returncode == 0
    assert prompts <= len(server.hits) <= prompts + done * concurrency
    server.hits.clear()
    assert subprocess.run(command(server, tmp_path, "whole"), capture_output=True).returncode == 0
    assert (tmp_path / "x.jsonl").read_bytes() == (tmp_path / "whole.jsonl").read_bytes()
    assert len(server.hits) == prompts


def test_ctrl_c_while_the_server_hangs(server, source, tmp_path):
    server.patience = 20
    server.behaves = lambda number, body: "stalls"
    source(5)
    process = subprocess.Popen(
        command(server, tmp_path),
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        # a test run in the background of a script ignores Ctrl-C, and its children would, too
        preexec_fn=functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    while not server.hits:
        time.sleep(0.005)
    started = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.communicate()
    assert process.returncode == 130
    assert time.monotonic() - started < 5
