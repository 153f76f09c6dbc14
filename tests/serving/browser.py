"""A Chromium driven through its DevTools protocol: the system's own, headless, or one that listens already.

`DYAG_TEST_BROWSER=http://127.0.0.1:9222` names one that was started with `--remote-debugging-port=9222`.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx2
from websockets.sync.client import connect

#: Every violation of the page's policy is noted, from its first line on.
_WATCH = "addEventListener('securitypolicyviolation', e => (window.violations ??= []).push(e.blockedURI), true)"


class Browser:
    """One page. `requests` are the addresses that it asked for, `dialogs` what it asked of its user."""

    def __init__(self, endpoint: str) -> None:
        targets = httpx2.get(f"{endpoint}/json/list").json()
        address = next(target["webSocketDebuggerUrl"] for target in targets if target["type"] == "page")
        self._stack = ExitStack()
        self._line = self._stack.enter_context(connect(address, max_size=None, close_timeout=0.2))
        self._number = 0
        self.requests: list[str] = []
        self.dialogs: list[str] = []
        for domain in ("Page", "Runtime", "Network"):
            self._do(f"{domain}.enable")
        self._do("Page.addScriptToEvaluateOnNewDocument", source=_WATCH)

    def look(self, *, width: int = 1280, lang: str = "en-GB", scheme: str = "light") -> None:
        """As on a screen that wide, for somebody who reads `lang`, by day or night."""
        self._do("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        agent = self.run("navigator.userAgent")
        self._do("Emulation.setUserAgentOverride", userAgent=agent, acceptLanguage=lang)
        self._do("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def open(self, url: str, ready: str = "document.readyState === 'complete'") -> None:
        """Go there, and wait until `ready` holds."""
        self.run("window.before = true")
        self.requests.clear()
        self.dialogs.clear()
        self._do("Page.navigate", url=url)
        self.until(f"!window.before && {ready}")

    def run(self, script: str) -> Any:
        """The value of an expression in the page."""
        found = self._do("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True, userGesture=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def until(self, condition: str, seconds: float = 15) -> None:
        """Wait until a condition holds in the page."""
        deadline = time.monotonic() + seconds
        while not self.run(f"!!({condition})"):
            assert time.monotonic() < deadline, condition
            time.sleep(0.02)

    def type(self, text: str) -> None:
        """Write where the focus is."""
        self._do("Input.insertText", text=text)

    def press(self, key: str, code: int) -> None:
        """Press a key, with its Windows code."""
        text = {"text": "\r"} if key == "Enter" else {"text": " "} if key == " " else {}
        for kind in ("keyDown", "keyUp"):
            more = text if kind == "keyDown" else {}
            self._do("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **more)

    def picture(self, file: Path) -> None:
        """What is to be seen, as a PNG."""
        file.write_bytes(base64.b64decode(self._do("Page.captureScreenshot")["data"]))

    def close(self) -> None:
        """Hang up."""
        self._stack.close()

    def _do(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        self._line.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while True:
            told = json.loads(self._line.recv(timeout=20))
            if told.get("id") == self._number:
                assert "error" not in told, told
                return dict(told["result"])
            if told.get("method") == "Network.requestWillBeSent":
                self.requests.append(told["params"]["request"]["url"])
            elif told.get("method") == "Page.javascriptDialogOpening":
                self.dialogs.append(told["params"]["message"])
                self._line.send(
                    json.dumps({"id": 0, "method": "Page.handleJavaScriptDialog", "params": {"accept": True}})
                )


@contextmanager
def chromium(profile: Path) -> Iterator[str | None]:
    """The address of a browser's DevTools; None where this machine has no Chromium."""
    if named := os.environ.get("DYAG_TEST_BROWSER"):
        yield named
        return
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
    program = next(filter(None, map(shutil.which, names)), None)
    if program is None:
        yield None
        return
    # no sandbox: a container's root has none to give, and the page is our own
    flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--remote-debugging-port=0"]
    process = subprocess.Popen(
        [program, *flags, f"--user-data-dir={profile}", "about:blank"], stderr=subprocess.DEVNULL
    )
    try:
        port = profile / "DevToolsActivePort"
        deadline = time.monotonic() + 30
        while not (port.is_file() and port.read_text()) and time.monotonic() < deadline:
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port.read_text().split()[0]}"
    finally:
        process.terminate()
        process.wait()
