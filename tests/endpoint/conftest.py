"""A real server on a loopback socket that speaks OpenAI's chat API, and misbehaves when told to."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

KEY = "sk-topsecret-0123456789"


def completion(text="MIT", reason="stop", more=None, **usage):
    message = {"role": "assistant", "content": text} | (more or {})
    used = {"prompt_tokens": 100, "completion_tokens": 20} | usage
    return {"choices": [{"index": 0, "message": message, "finish_reason": reason}], "usage": used}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        server = self.server
        with server.lock:
            server.hits.append(body)
            server.seen_keys.add(self.headers.get("Authorization"))
            server.seen_paths.add(self.path)
            server.now += 1
            server.most = max(server.most, server.now)
            number = len(server.hits)
        try:
            with suppress(ConnectionError):
                getattr(self, server.behaves(number, body))(body)
        finally:
            with server.lock:
                server.now -= 1

    def send(self, status, content, kind="application/json", length=None, **headers):
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def good(self, body):
        time.sleep(self.server.delay)
        if body.get("stream"):
            return self.streamed(body)
        return self.send(200, completion(self.server.replies(body)))

    def streamed(self, body, end=True, last=b""):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for word in self.server.replies(body).split(" "):
            event = {"choices": [{"index": 0, "delta": {"content": f"{word} "}, "finish_reason": None}]}
            self.wfile.write(b"data: " + json.dumps(event).encode() + b"\n\n")
        self.wfile.write(last)
        if end:
            last = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": completion()["usage"]}
            self.wfile.write(b"data: " + json.dumps(last).encode() + b"\n\ndata: [DONE]\n\n")
        self.close_connection = True

    def stream_cut(self, body):
        self.streamed(body, end=False)

    def busy(self, _):
        self.send(429, {"error": {"message": "slow down"}})

    def busy_wait(self, _):
        self.send(429, {"error": {"message": "slow down"}}, Retry_After="1")

    def busy_until_tomorrow(self, _):
        self.send(429, {"error": {"message": "quota"}}, Retry_After="86400")

    def error_500(self, _):
        self.send(500, b"<html><h1>boom</h1></html>", "text/html")

    def error_502(self, _):
        self.send(502, b"")

    def error_503(self, _):
        self.send(503, {"error": "overloaded"})

    def refused_key(self, _):
        said = self.headers.get("Authorization", "")
        self.send(401, {"error": {"message": f"Incorrect API key provided: {said}"}})

    def missing(self, _):
        self.send(404, {"error": {"message": f"no such model; you sent {self.headers.get('Authorization')}"}})

    def hangs_up(self, _):
        self.close_connection = True

    def stalls(self, _):
        time.sleep(3 * self.server.patience)
        self.close_connection = True

    def drips(self, _):
        self.send(200, b'{"choices": ', length=1000)
        for _ in range(30):
            self.wfile.write(b" ")
            self.wfile.flush()
            time.sleep(self.server.patience / 5)

    def cut(self, _):
        self.send(200, json.dumps(completion()).encode()[:40], length=4000)
        self.close_connection = True

    def web_page(self, _):
        self.send(200, b"<!doctype html><title>Welcome</title>", "text/html")

    def no_choices(self, _):
        self.send(200, {"choices": []})

    def error_200(self, _):
        self.send(200, {"error": {"message": f"loading, {self.headers.get('Authorization')}"}})

    def no_text(self, _):
        self.send(200, completion(None))

    def bad_utf8(self, _):
        self.send(200, json.dumps(completion("x")).encode().replace(b'"x"', b'"\xff\xfe"'))

    def deep(self, _):
        self.send(200, b"[" * 200_000)

    def huge(self, _):
        self.send(200, b"", length=100_000_000)
        for _ in range(100):
            self.wfile.write(b" " * 1_000_000)

    def packed(self, _):
        self.send(200, b"\x1f\x8b nonsense", Content_Encoding="gzip")

    def elsewhere(self, _):
        self.send(307, b"", Location=self.server.other)

    def too_long(self, _):
        self.send(400, {"error": {"message": "the prompt is too long"}})

    def no_schema(self, body):
        if "response_format" in body:
            return self.send(400, {"error": {"message": "response_format: json_schema is not supported"}})
        return self.good(body)

    def new_limit(self, body):
        if "max_tokens" in body:
            return self.send(400, {"error": {"message": "Use 'max_completion_tokens' instead of 'max_tokens'."}})
        return self.good(body)

    def no_temperature(self, body):
        if "temperature" in body:
            error = {"message": "Unsupported value: only the default (1) is supported.", "param": "temperature"}
            return self.send(400, {"error": error})
        return self.good(body)

    def no_system(self, body):
        if body["messages"][0]["role"] == "system":
            return self.send(400, {"error": {"message": "System role not supported"}})
        return self.good(body)

    def context_exceeded(self, _):
        said = "This model's maximum context length is 20 tokens."
        self.send(400, {"error": {"message": said, "code": "context_length_exceeded"}})

    def quota_spent(self, _):
        self.send(429, {"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}})

    def parts(self, _):
        inner = [{"type": "text", "text": "a licence"}]
        content = [
            {"type": "thinking", "thinking": inner},
            {"type": "text", "text": "MI"},
            {"type": "text", "text": "T"},
        ]
        self.send(200, completion(content))

    def filtered(self, _):
        self.send(200, completion("", "content_filter"))

    def refuses(self, _):
        self.send(200, completion(None, more={"refusal": "I cannot help with that."}))

    def calls_a_tool(self, _):
        call = {"id": "x", "type": "function", "function": {"name": "f", "arguments": "{}"}}
        self.send(200, completion(None, "tool_calls", {"tool_calls": [call]}))

    def thinks_apart(self, body):
        self.send(200, completion(self.server.replies(body), more={"reasoning_content": "It is about a licence."}))

    def stream_error(self, body):
        self.streamed(body, end=False, last=b'data: {"error": {"message": "server out of memory"}}\n\n')

    def cut_short(self, body):
        self.send(200, completion(self.server.replies(body), "length"))

    def all_thought(self, _):
        self.send(200, completion(None, "length"))

    def surrogate(self, _):
        self.send(200, json.dumps(completion("x")).encode().replace(b'"x"', b'"caf\\ud83d"'))


class Server(ThreadingHTTPServer):
    """`behaves(number, body)` names the handler's method for a request; `replies(body)` gives the good ones' text."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.lock = threading.Lock()
        self.hits, self.seen_keys, self.seen_paths, self.now, self.most = [], set(), set(), 0, 0
        self.patience, self.delay, self.other = 0.3, 0.0, ""
        self.behaves = lambda number, body: "good"
        self.replies = lambda body: "MIT"
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def handle_error(self, request, client_address):
        """A client that went away is no news."""

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/v1"

    def asked(self):
        """How often each prompt (its last turn) was sent."""
        return Counter(body["messages"][-1]["content"] for body in self.hits)


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("DYAG_OPENAI_API_KEY", KEY)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    running = Server()
    yield running
    running.shutdown()
    running.server_close()


@pytest.fixture
def another_server():
    running = Server()
    yield running
    running.shutdown()
    running.server_close()


@pytest.fixture(scope="class")
def class_server():
    """A server that stays up for the tests of one class."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DYAG_OPENAI_API_KEY", KEY)
        running = Server()
        yield running
        running.shutdown()
        running.server_close()
