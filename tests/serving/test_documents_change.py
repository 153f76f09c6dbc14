"""Documents that change while they are served, and what is kept of the answers."""

from __future__ import annotations

import json
import shutil
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

from dyag_core import UsageError
from dyag_core.serving import listening
from dyag_core.serving.server import Server
from tests.serving.conftest import DOCUMENTS, Messages, Parrot, question

CHAT = "/v1/chat/completions"


@pytest.fixture
def own(folder: Path, tmp_path: Path) -> Path:
    """A copy of the folder that a test may change."""
    return Path(shutil.copytree(folder, tmp_path / "own"))


def test_changed_documents_are_served_without_a_request_lost(
    start: Callable[..., Server], own: Path, log: Messages
) -> None:
    server = start(own, watch=True)
    with httpx2.Client(base_url=server.url) as client:

        def passages() -> list[str]:
            found = client.post(CHAT, json=question("licence of GIMP?", "rag:k=4"))
            assert found.status_code == 200
            return [source["passage"] for source in found.json()["dyag"]["sources"]]

        before = client.get("/api/about").json()["index"]
        assert not any("GIMP" in text for text in passages())
        rows = [*DOCUMENTS, {"id": "gimp", "content": "# GIMP\n\nGIMP paints. Its licence is GPL-3.0-or-later."}]
        (own / "documents.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
        deadline = time.monotonic() + 15
        while not any("GIMP" in text for text in passages()) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert any("GPL-3.0-or-later" in text for text in passages())
        after = client.get("/api/about").json()["index"]
        assert (before["passages"], after["passages"]) == (3, 4)
        assert after["date"] > before["date"]
        (own / "documents.jsonl").write_text("", "utf-8")
        deadline = time.monotonic() + 15
        while not any("can't be indexed" in line for line in log.lines) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert any("GIMP" in text for text in passages())
    assert {path.name for path in own.glob("documents.index*")} == {"documents.index"}


def test_documents_that_are_gone_can_not_be_watched(start: Callable[..., Server], own: Path) -> None:
    (own / "documents.jsonl").unlink()
    with pytest.raises(UsageError, match="not there"):
        start(own, watch=True)


def test_answers_are_kept_only_when_asked_and_a_torn_line_costs_only_itself(
    start: Callable[..., Server], own: Path, parrot: Parrot
) -> None:
    file = own / "kept.jsonl"
    file.write_text('{"question": "torn', "utf-8")
    server = start(own, keep=file)
    httpx2.post(server.url + CHAT, json=question("licence of 7zip?", "hybrid:k=1"))
    server.close()
    torn, kept = file.read_text("utf-8").splitlines()
    row = json.loads(kept)
    assert torn == '{"question": "torn'
    assert (row["question"], row["answer"]) == ("licence of 7zip?", "tuned says: licence of 7zip?")
    assert (row["arm"], row["outcome"], len(row["sources"])) == ("hybrid", "answered", 1)


def test_connections_that_say_nothing_are_closed(
    start: Callable[..., Server], monkeypatch: pytest.MonkeyPatch, parrot: Parrot
) -> None:
    monkeypatch.setattr(listening, "_PATIENCE", 0.3)
    place = urlsplit(start().url)
    for sent in (b"", b"GET /health HTTP/1.1\r\nX-Slow: "):
        with socket.create_connection((place.hostname, place.port), timeout=5) as line:
            line.sendall(sent)
            assert line.recv(1000) == b""


def test_a_folder_says_what_it_lacks(start: Callable[..., Server], own: Path, tmp_path: Path) -> None:
    for place, said in ((tmp_path / "none", "no such folder"), (tmp_path / "empty", "neither a fine-tuned model nor")):
        (tmp_path / "empty").mkdir(exist_ok=True)
        with pytest.raises(UsageError, match=said):
            start(place)
    shutil.copytree(own / "documents.index", own / "other.index")
    with pytest.raises(UsageError, match=r"several indexes: documents\.index, other\.index"):
        start(own)
    assert start(own, arms=["finetuned"], index=own / "other.index").models == ("finetuned",)
    with pytest.raises(UsageError, match="oracle"):
        start(own, arms=["oracle"], index=own / "other.index")
    shutil.rmtree(own / "model")
    shutil.rmtree(own / "other.index")
    with pytest.raises(UsageError, match="no model was named"):
        start(own)
    assert not [thread.name for thread in threading.enumerate() if thread.name == "dyag-watch"]
