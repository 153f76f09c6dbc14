"""Who may ask: Host, Origin, the token, and how much."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

from dyag_core import UsageError
from dyag_core.serving.server import Server
from tests.serving.conftest import Parrot, question

CHAT = "/v1/chat/completions"
TOKEN = "a-token-of-some-length"


def raw(server: Server, head: str, body: str = "") -> tuple[int, str]:
    """The status and body of a request that no client would send."""
    place = urlsplit(server.url)
    with socket.create_connection((place.hostname, place.port), timeout=10) as line:
        line.sendall((head + "Connection: close\r\n\r\n" + body).encode("latin-1"))
        response = http.client.HTTPResponse(line)
        response.begin()
        return response.status, response.read().decode()


def port(server: Server) -> int:
    return urlsplit(server.url).port or 0


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LOCALHOST", "[::1]"])
def test_this_machines_names_pass(server: Server, name: str) -> None:
    assert raw(server, f"GET /v1/models HTTP/1.1\r\nHost: {name}:{port(server)}\r\n")[0] == 200


@pytest.mark.parametrize(
    "hosts",
    [
        "evil.example",
        "",
        "localhost.evil.example",
        "127.0.0.1.nip.io",
        "evil@127.0.0.1",
        "127.0.0.1/x",
        "[::1",
        "10.0.0.1",
    ],
)
def test_other_names_are_refused(server: Server, hosts: str) -> None:
    status, body = raw(server, f"GET /v1/models HTTP/1.1\r\nHost: {hosts}\r\n")
    assert (status, "unknown_host" in body) == (403, True)


def test_two_names_or_none_are_refused(server: Server) -> None:
    twice = f"GET /health HTTP/1.1\r\nHost: 127.0.0.1:{port(server)}\r\nHost: evil.example\r\n"
    assert raw(server, twice)[0] in (400, 403)
    assert raw(server, "GET /health HTTP/1.0\r\n")[0] == 403


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", "http://127.0.0.1.nip.io", ""])
def test_a_page_of_another_site_can_not_ask(http: httpx2.Client, parrot: Parrot, origin: str) -> None:
    response = http.post(CHAT, json=question("x"), headers={"Origin": origin})
    assert response.status_code == 403
    assert response.json()["error"]["code"] == "foreign_origin"
    assert not parrot.prompts


def test_two_origins_are_refused_and_the_pages_own_passes(server: Server, http: httpx2.Client) -> None:
    own = server.url
    assert http.post(CHAT, json=question("x"), headers={"Origin": own}).status_code == 200
    assert http.post(CHAT, json=question("x"), headers=[("Origin", own), ("Origin", own)]).status_code == 403


def test_another_address_needs_a_token(
    start: Callable[..., Server], parrot: Parrot, monkeypatch: pytest.MonkeyPatch
) -> None:
    for host in ("0.0.0.0", "::", "192.0.2.1"):
        with pytest.raises(UsageError, match="needs a token"):
            start(host=host)
    monkeypatch.setenv("DYAG_SERVE_TOKEN", "short")
    with pytest.raises(UsageError, match="16 plain characters"):
        start()
    assert not parrot.opened


@pytest.mark.parametrize("how", ["file", "environment"])
def test_a_token_is_asked_of_everybody(
    start: Callable[..., Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    if how == "file":
        (tmp_path / "token").write_text(TOKEN + "\n")
        server = start(token_file=tmp_path / "token", host="0.0.0.0", allow_host=["ours.example"])
    else:
        monkeypatch.setenv("DYAG_SERVE_TOKEN", TOKEN)
        server = start(host="0.0.0.0", allow_host=["ours.example"])
    url = f"http://127.0.0.1:{port(server)}"
    for given in ({}, {"Authorization": "Bearer no"}, {"Authorization": TOKEN}, {"Cookie": "dyag_session=" + TOKEN}):
        for path in ("/v1/models", "/metrics", "/passage?id=7zip"):
            refused = httpx2.get(url + path, headers=given)
            assert (refused.status_code, refused.json()["error"]["code"]) == (401, "invalid_api_key")
            assert TOKEN not in refused.text
    right = {"Authorization": f"Bearer {TOKEN}"}
    assert httpx2.get(url + "/v1/models", headers=right).status_code == 200
    assert httpx2.get(url + "/v1/models", headers=right | {"Host": "ours.example"}).status_code == 200
    assert httpx2.get(url + "/v1/models", headers=right | {"Host": "evil.example"}).status_code == 403
    assert httpx2.get(url + "/health").status_code == 200


def test_long_bodies_and_heads_are_refused(server: Server, http: httpx2.Client) -> None:
    assert http.post(CHAT, json=question("x" * 1_100_000)).status_code == 413
    chunks = (b" " * 100_000 for _ in range(12))
    assert http.post(CHAT, content=chunks).status_code == 413
    assert http.get("/v1/models", headers={"X": "y" * 40_000}).status_code in (400, 431)
    claimed = f"POST {CHAT} HTTP/1.1\r\nHost: 127.0.0.1:{port(server)}\r\nContent-Length: 99999999999\r\n"
    assert raw(server, claimed)[0] == 413


def test_every_response_has_the_pages_policy(http: httpx2.Client) -> None:
    for response in (http.get("/v1/models"), http.get("/nothing"), http.post(CHAT, content=b"x")):
        assert response.headers["content-security-policy"].startswith("default-src 'none'; ")
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["referrer-policy"] == "no-referrer"
        assert "server" not in response.headers
