"""What the server gives the page and people: files, passages, the report, votes, the way in with a token."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from dyag_core import UsageError
from dyag_core.artifacts import to_json
from dyag_core.serving.pages import FILES
from dyag_core.serving.server import Server
from dyag_core.testing.samples import comparison
from tests.serving.conftest import question

STATIC = sorted(FILES)
TOKEN = "a-token-of-some-length"


@pytest.mark.parametrize("path", STATIC)
def test_the_page_asks_nobody_else_and_has_nothing_inline(http: httpx2.Client, path: str) -> None:
    response = http.get(path)
    assert response.status_code == 200
    kind = {"": "text/html", "css": "text/css", "js": "text/javascript"}[path.rpartition(".")[2].strip("/")]
    assert response.headers["content-type"].startswith(kind)
    policy = response.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy
    text = response.text
    assert "//" not in re.sub(r"^\s*//.*$|\s// .*$", "", text, flags=re.MULTILINE)  # comments of JavaScript alone
    assert not re.search(r"\bon[a-z]+=\"|<style|style=|javascript:|innerHTML|outerHTML|insertAdjacentHTML|eval\(", text)
    for named in re.findall(r'(?:src|href)="(/[^"]+)"|from "\./([^"]+)"', text):
        place = named[0] or f"/{named[1]}"
        assert place in FILES or place == "/report"


def test_both_languages_say_the_same_things() -> None:
    text = FILES["/texts.js"].read_text("utf-8")
    english, french = text.split("  fr: {")
    keys = [re.findall(r"^    (\w+):", part, re.MULTILINE) for part in (english, french)]
    assert keys[0] == keys[1]
    used = set(re.findall(r'data-text="(\w+)"', FILES["/"].read_text("utf-8")))
    for name in ("/page.js", "/answer.js", "/vote.js"):
        used |= set(re.findall(r'\bsay\("(\w+)"', FILES[name].read_text("utf-8")))
    assert used <= set(keys[0])


def test_every_control_of_the_page_has_a_name() -> None:
    html = FILES["/"].read_text("utf-8")
    for name in re.findall(r'<(?:textarea|input)[^>]* id="(\w+)"', html):
        assert f'<label for="{name}"' in html
    assert html.count("<fieldset") == html.count("<legend")
    assert 'role="log"' in html
    assert 'role="status"' in html


def test_what_the_page_is_told(http: httpx2.Client) -> None:
    about = http.get("/api/about").json()
    assert about["arms"] == ["base", "rag", "finetuned", "hybrid"]
    assert about["lang"] == "en"
    assert about["index"]["passages"] == 3
    assert about["index"]["date"] > 1_700_000_000
    assert (about["recommendation"], about["report"], about["votes"]) == (None, False, False)


def test_a_passage_opens_where_an_answer_links_to_it(http: httpx2.Client) -> None:
    found = http.post("/v1/chat/completions", json=question("odd ends licence?", "rag:k=3")).json()
    [odd] = [one for one in found["dyag"]["sources"] if "Odd" in one["passage"]]
    assert odd["id"].startswith("../<b>odd")
    page = http.get(odd["url"], headers={"Accept-Language": "fr-FR,fr;q=0.9"})
    assert page.status_code == 200
    assert '<html lang="fr">' in page.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.text
    assert not re.search(r"<script|<b>|<i>", page.text)
    assert http.get("/passage?id=../../etc/passwd").status_code == 404
    assert http.get("/passage").status_code == 404


@pytest.fixture
def report(tmp_path: Path) -> Path:
    measured = comparison(tmp_path / "measured")
    (tmp_path / "report.json").write_text(to_json(measured.model_dump(mode="json")), "utf-8")
    (tmp_path / "report.html").write_text("<title>The report</title><script>1</script>", "utf-8")
    return tmp_path / "report.json"


def test_the_report_is_one_click_away_and_runs_apart(start: Callable[..., Server], report: Path) -> None:
    server = start(report=report)
    about = httpx2.get(server.url + "/api/about").json()
    measured = comparison(report.parent / "again")
    assert about["recommendation"] == measured.recommendations[0].text
    assert about["leader"] == measured.leader
    assert about["report"] is True
    page = httpx2.get(server.url + "/report")
    assert "The report" in page.text
    policy = page.headers["content-security-policy"]
    assert policy.startswith("sandbox allow-scripts")
    assert "default-src 'none'" in policy
    assert "connect-src" not in policy
    with pytest.raises(UsageError, match="not a comparison"):
        start(report=_written(report.parent / "other.json", "{}"))


def _written(path: Path, text: str) -> Path:
    path.write_text(text, "utf-8")
    return path


def vote(**changed: Any) -> dict[str, Any]:
    sides = {"left": {"arm": "rag", "answer": "LGPL"}, "right": {"arm": "finetuned", "answer": "GPL"}}
    return {"question": "Which licence?", **sides, "choice": "left", "right_answer": "LGPL-2.0"} | changed


def test_a_vote_that_is_acknowledged_is_on_the_disk(start: Callable[..., Server], tmp_path: Path) -> None:
    file = tmp_path / "votes.sqlite"
    server = start(votes=file)
    assert httpx2.get(server.url + "/api/about").json()["votes"] is True
    kept = httpx2.post(server.url + "/api/votes", json=vote())
    assert (kept.status_code, kept.json()) == (201, {"status": "kept", "votes": 1})
    # read by another connection while the server is open: what a kill would leave
    rows = sqlite3.connect(file).execute("SELECT question, left_arm, right_arm, choice, expected_answer FROM votes")
    assert rows.fetchall() == [("Which licence?", "rag", "finetuned", "left", "LGPL-2.0")]
    for bad in (
        vote(choice="best"),
        vote(question=""),
        vote(left={"arm": "finetuned", "answer": "x"}),
        vote(left={"arm": "oracle", "answer": "x"}),
        {},
    ):
        refused = httpx2.post(server.url + "/api/votes", json=bad)
        assert (refused.status_code, refused.json()["error"]["code"]) == (400, "invalid_value")
    evil = httpx2.post(server.url + "/api/votes", json=vote(), headers={"Origin": "http://evil.example"})
    assert evil.status_code == 403
    assert sqlite3.connect(file).execute("SELECT count(*) FROM votes").fetchone() == (1,)


def test_a_file_that_holds_no_votes_is_left_alone(start: Callable[..., Server], tmp_path: Path) -> None:
    other = _written(tmp_path / "notes.txt", "not a database, and long enough to be read as one" * 50)
    before = other.read_bytes()
    with pytest.raises(UsageError, match="votes can't be kept there"):
        start(votes=other)
    assert other.read_bytes() == before


def test_without_a_file_no_votes_are_taken(http: httpx2.Client) -> None:
    assert http.post("/api/votes", json=vote()).status_code == 404


def test_the_page_gets_in_with_the_token(start: Callable[..., Server], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DYAG_SERVE_TOKEN", TOKEN)
    server = start()
    with httpx2.Client(base_url=server.url) as browser:
        assert browser.get("/").status_code == 200
        assert browser.get("/api/about").status_code == 401
        assert browser.post("/login", json={"token": "wrong"}).status_code == 401
        assert browser.post("/login", json={"token": 7}).status_code == 401
        entered = browser.post("/login", json={"token": TOKEN})
        cookie = entered.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert TOKEN not in cookie
        assert browser.get("/api/about").status_code == 200
        assert browser.get("/passage?id=nothing").status_code == 404
        assert browser.post("/v1/chat/completions", json=question("x")).status_code == 200
