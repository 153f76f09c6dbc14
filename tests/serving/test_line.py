"""Many at once, clients that leave, time that runs out, and the end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest

from dyag_core import UsageError
from dyag_core.serving.server import Server
from tests.serving.conftest import Parrot, events, question

CHAT = "/v1/chat/completions"


def until(holds: Callable[[], bool], seconds: float = 5) -> None:
    deadline = time.monotonic() + seconds
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert holds()


def test_64_at_once_lose_nothing_and_answer_as_one_at_a_time(http: httpx2.Client, parrot: Parrot) -> None:
    arms = ("base", "rag", "finetuned", "hybrid")

    def ask(n: int) -> str:
        response = http.post(CHAT, json=question(f"slow number {n}?", arms[n % 4], stream=n % 3 == 0))
        if n % 3:
            return str(response.json()["choices"][0]["message"]["content"])
        return "".join(e["choices"][0]["delta"].get("content", "") for e in events(response.text)[:-1])

    with ThreadPoolExecutor(64) as pool:
        said = list(pool.map(ask, range(64)))
    assert said == [f"{('base', 'tuned')[n % 4 > 1]} says: slow number {n}?" for n in range(64)]
    assert parrot.most == parrot.concurrent


def test_who_comes_when_the_line_is_full_is_told_when_to_come_again(
    start: Callable[..., Server], parrot: Parrot
) -> None:
    server = start(queue=2)
    with httpx2.Client(base_url=server.url) as client, ThreadPoolExecutor(12) as pool:
        found = list(pool.map(lambda n: client.post(CHAT, json=question(f"slow {n}")), range(12)))
    assert sorted(response.status_code for response in found) == [200] * 6 + [429] * 6
    refused = next(response for response in found if response.status_code == 429)
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert refused.json()["error"]["type"] == "rate_limit_error"
    openai = pytest.importorskip("openai")
    with (
        openai.OpenAI(base_url=f"{server.url}/v1", api_key="x", max_retries=4) as client,
        ThreadPoolExecutor(8) as pool,
    ):
        asking = {"model": "base", "messages": [{"role": "user", "content": "slow?"}]}
        said = list(pool.map(lambda _: client.chat.completions.create(**asking), range(8)))
    assert len(said) == 8


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_leaves_ends_its_answer(
    server: Server, parrot: Parrot, http: httpx2.Client, stream: bool
) -> None:
    with pytest.raises(httpx2.TimeoutException):
        httpx2.post(server.url + CHAT, json=question("slow " * 100, stream=False), timeout=0.4)
    if stream:
        with httpx2.stream("POST", server.url + CHAT, json=question("slow " * 100, stream=True)) as response:
            next(response.iter_bytes())
    until(lambda: parrot.stopped == 1 + stream)
    assert parrot.writing == 0
    until(lambda: 'dyag_answers_total{arm="base",outcome="left"}' in http.get("/metrics").text)


def test_a_client_that_leaves_the_line_takes_no_turn(start: Callable[..., Server], parrot: Parrot) -> None:
    server = start()
    with ThreadPoolExecutor(4) as pool:
        busy = [pool.submit(httpx2.post, server.url + CHAT, json=question("slow " * 20)) for _ in range(4)]
        until(lambda: parrot.writing == 4)
        with pytest.raises(httpx2.TimeoutException):
            httpx2.post(server.url + CHAT, json=question("impatient"), timeout=0.2)
        assert all(one.result().status_code == 200 for one in busy)
    assert not any("impatient" in prompt[-1].content for prompt in parrot.prompts)


def test_a_request_has_so_much_time(start: Callable[..., Server], parrot: Parrot) -> None:
    server = start(timeout=0.5)
    found = httpx2.post(server.url + CHAT, json=question("slow " * 100)).json()
    assert found["choices"][0]["finish_reason"] == "length"
    assert found["choices"][0]["message"]["content"].startswith("base says: slow slow")
    assert found["dyag"]["time_ran_out"] is True
    until(lambda: parrot.stopped == 1)
    with httpx2.Client(base_url=server.url) as client, ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda n: client.post(CHAT, json=question("slow " * 100)), range(6)))
    late = [response for response in found if response.status_code == 503]
    assert len(late) == 2  # their turn never came
    assert late[0].json()["error"] | {"message": ""} == {
        "message": "",
        "type": "unavailable_error",
        "param": None,
        "code": "timeout",
    }


def test_closing_lets_running_answers_end_and_frees_the_models(start: Callable[..., Server], parrot: Parrot) -> None:
    server = start()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(httpx2.post, server.url + CHAT, json=question("slow " * 20))
        until(lambda: parrot.writing == 1)
        assert parrot.closed == 0
        server.close()
        assert running.result().json()["choices"][0]["finish_reason"] == "stop"
    assert parrot.closed == 2
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(server.url + "/health")


def test_a_port_that_is_taken_is_said_before_anything_is_loaded(start: Callable[..., Server], parrot: Parrot) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(UsageError, match="can't be listened on"):
            start(port=taken.getsockname()[1])
    assert not parrot.opened


def test_while_the_models_load_the_server_says_so(folder: Path, parrot: Parrot, log: Any) -> None:
    """Health is 503, as load balancers and llama-server have it, and turns 200."""
    from dyag_core import Session, hookimpl

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    seen: list[Any] = []

    class Slow(Parrot):
        @hookimpl
        def dyag_open_engine(self, base_path: str, adapter: Path | None) -> Any:
            seen.append(httpx2.get(f"http://127.0.0.1:{port}/health"))
            seen.append(httpx2.post(f"http://127.0.0.1:{port}{CHAT}", json=question("x")))
            return Parrot.dyag_open_engine(self, base_path, adapter)

    with Session(plugins=[Slow()], progress=log).serve(folder, engine="parrot", port=port) as server:
        assert [response.status_code for response in seen] == [503] * 4
        assert seen[0].json()["error"]["type"] == "unavailable_error"
        assert httpx2.get(server.url + "/health").status_code == 200


def test_sigterm_ends_the_command_when_answers_have_ended(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "parrots-1.0.dist-info").mkdir()
    (tmp_path / "parrots-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: parrots\nVersion: 1.0\n")
    points = "[dyag.engines]\nparrot = tests.serving.conftest:Parrot\n"
    (tmp_path / "parrots-1.0.dist-info" / "entry_points.txt").write_text(points)
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "dyag_core.cli", "serve", str(folder), "--engine", "parrot", "--port", "0"]
    told = os.environ | {"PYTHONPATH": os.pathsep.join((str(tmp_path), str(root)))}
    with subprocess.Popen(command, env=told, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        lines: list[str] = []
        while not any("/v1" in line for line in lines):
            lines.append(process.stderr.readline())
            assert lines[-1], textwrap.indent("".join(lines), "  ")
        url = next(line for line in lines if "/v1" in line).split("/v1")[0]
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(httpx2.post, url + CHAT, json=question("slow " * 20))
            time.sleep(0.4)
            process.send_signal(signal.SIGTERM)
            assert running.result().json()["choices"][0]["finish_reason"] == "stop"
        assert process.wait(10) == 143
        assert "Traceback" not in process.stderr.read()
