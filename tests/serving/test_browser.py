"""The page in a real Chromium: asking, sources, votes, keyboard, two widths, two languages, and 40 hostile texts."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from dyag_core import Session
from dyag_core.artifacts import to_json
from dyag_core.serving.server import Server
from dyag_core.testing.samples import comparison
from tests.serving.conftest import Messages, Parrot, question

pytest.importorskip("websockets")
from tests.serving.browser import Browser, chromium

READY = "document.querySelector('main')?.hidden === false && document.querySelectorAll('[name=arm]').length > 0"
DONE = "document.querySelector('#columns article') && !document.querySelector('[aria-busy=true]')"
HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<img src=http://attacker.example/?q=1>",
    "![](http://attacker.example/?q=1)",
    "[click](javascript:alert(1))",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<iframe src=javascript:alert(1)>",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "<body onload=alert(1)>",
    "<a href=javascript:alert(1)>x</a>",
    "<details open ontoggle=alert(1)>",
    "<video><source onerror=alert(1)></video>",
    "<audio src=http://attacker.example/a onerror=alert(1)>",
    "<link rel=stylesheet href=http://attacker.example/a.css>",
    "<style>@import 'http://attacker.example/a.css'</style>",
    "<style>*{background:url(http://attacker.example/)}</style>",
    "<div style=background:url(http://attacker.example/)>",
    "<meta http-equiv=refresh content='0;url=http://attacker.example/'>",
    "<base href=http://attacker.example/>",
    "<form action=http://attacker.example/><input name=q></form>",
    "<object data=http://attacker.example/></object>",
    "<embed src=http://attacker.example/>",
    "<math><mi//xlink:href='javascript:alert(1)'>",
    "</textarea><script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "--><script>alert(1)</script>",
    '"><script>alert(1)</script>',
    "' onmouseover='alert(1)",
    '" autofocus onfocus="alert(1)',
    "javascript:alert(1)",
    "${alert(1)}",
    "{{constructor.constructor('alert(1)')()}}",
    "{% raw %}{{ 7*7 }}{% endraw %}",
    "`<img src=x onerror=alert(1)>`",
    "```\n<img src=x onerror=alert(1)>\n```",
    "**<img src=x onerror=alert(1)>**",
    "- <img src=x onerror=alert(1)>\n1. <script>alert(1)</script>",
    "\u202e<img src=x onerror=alert(1)>\u0000",
]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with chromium(tmp_path_factory.mktemp("profile")) as endpoint:
        if endpoint is None:
            pytest.skip("no Chromium on this machine")
        found = Browser(endpoint)
        yield found
        found.close()


@pytest.fixture(scope="module")
def site(folder: Path, _parrot: Parrot, _log: Messages, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a report and a file for votes."""
    place = tmp_path_factory.mktemp("site")
    measured = comparison(place / "measured")
    (place / "report.json").write_text(to_json(measured.model_dump(mode="json")), "utf-8")
    (place / "report.html").write_text("<title>The report</title>", "utf-8")
    session = Session(plugins=[_parrot], progress=_log)
    votes = place / "votes.sqlite"
    with session.serve(folder, engine="parrot", port=0, report=place / "report.json", votes=votes) as server:
        server.votes_file = votes  # type: ignore[attr-defined]
        yield server


def asked(browser: Browser, text: str, *, arms: str = "base,rag,finetuned,hybrid", mode: str = "open") -> None:
    """Choose arms and mode, and ask with the keyboard."""
    browser.run(
        f"window.chosen = {json.dumps(arms.split(','))};"
        "for (const box of document.querySelectorAll('[name=arm]')) box.checked = chosen.includes(box.value);"
        f"document.querySelector('[name=mode][value={mode}]').checked = true; question.value = '';"
        "question.focus()"
    )
    browser.type(text)
    browser.press("Enter", 13)


def untouched(browser: Browser, site: Server) -> None:
    """Nobody else was asked for anything, nothing was blocked, no dialog came up."""
    assert [url for url in browser.requests if not url.startswith((site.url, "blob:", "about:"))] == []
    assert browser.dialogs == []
    assert browser.run("window.violations ?? []") == []


def test_arms_side_by_side_with_their_sources(browser: Browser, site: Server, tmp_path: Path) -> None:
    browser.look()
    browser.open(site.url, READY)
    asked(browser, "Which licence has 7zip, LGPL?")
    browser.until(DONE)
    texts = browser.run("[...document.querySelectorAll('article .text')].map(e => e.textContent)")
    assert texts == [f"{who} says: Which licence has 7zip, LGPL?" for who in ("base", "base", "tuned", "tuned")]
    assert browser.run("[...document.querySelectorAll('article')].map(a => a.querySelectorAll('details').length)") == [
        0,
        3,
        0,
        3,
    ]
    assert browser.run("document.querySelector('article details').open")
    assert "LGPL-2.0-only" in browser.run("document.querySelector('article .passage').textContent")
    lefts = browser.run("[...document.querySelectorAll('article')].map(a => a.getBoundingClientRect().left)")
    assert lefts == sorted(set(lefts))  # beside each other
    assert "answer complete" in browser.run("document.querySelector('[role=log]').textContent")
    assert "95" in browser.run("recommendation.textContent")
    assert browser.run("document.getElementById('report').getAttribute('href')") == "/report"
    browser.picture(tmp_path / "page.png")
    assert (tmp_path / "page.png").stat().st_size > 10_000
    untouched(browser, site)


def test_words_that_the_answer_took_are_marked(browser: Browser, site: Server) -> None:
    browser.look()
    browser.open(site.url, READY)
    script = """(async () => {
        const { AnswerView } = await import('/answer.js');
        const view = new AnswerView('x', '', 'fr');
        const sources = [{ id: 'a', title: 'A', score: 1, passage: 'Élève déposé : la LICENCE est GPL-3.0.' }];
        const dyag = { seconds: 1, first_token_seconds: 1, k: 1 };
        view.finish({ text: 'deposé GPL-3.0', sources, dyag, usage: { total_tokens: 1 } }, 'licence ?', false);
        return [...view.element.querySelectorAll('mark')].map(mark => mark.textContent);
    })()"""
    assert browser.run(script) == ["déposé", "3", "0"]


def test_a_long_passage_is_opened_where_the_answer_took_its_words(browser: Browser, site: Server) -> None:
    browser.look()
    browser.open(site.url, READY)
    script = """(async () => {
        const { AnswerView } = await import('/answer.js');
        const view = new AnswerView('x', '', 'en');
        const sources = [{ id: 'a', title: 'A', score: 1, passage: 'other line\\n'.repeat(99) + 'the answer is GIMP' }];
        document.getElementById('columns').replaceChildren(view.element);
        view.finish({ text: 'GIMP', sources, dyag: { seconds: 1, k: 1 }, usage: { total_tokens: 1 } }, '?', false);
        await new Promise(done => setTimeout(done, 300));
        const [box, mark] = ['.passage', 'mark'].map(name => document.querySelector(name).getBoundingClientRect());
        return mark.top >= box.top && mark.bottom <= box.bottom;
    })()"""
    assert browser.run(script) is True


@pytest.mark.parametrize("lang", ["fr-FR", "en-GB", "de-DE"])
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_two_languages_two_widths_two_schemes(
    browser: Browser, site: Server, lang: str, width: int, scheme: str, tmp_path: Path
) -> None:
    browser.look(width=width, lang=lang, scheme=scheme)
    browser.open(site.url, READY)
    asked(browser, "licence of 7zip?", arms="rag")
    browser.until(DONE)
    spoken = "fr" if lang.startswith("fr") else "en"
    assert browser.run("document.documentElement.lang") == spoken
    assert browser.run("send.textContent") == {"fr": "Demander", "en": "Ask"}[spoken]
    assert browser.run("document.documentElement.scrollWidth <= innerWidth")  # nothing to scroll sideways
    luminous = browser.run("getComputedStyle(document.querySelector('mark, body')).colorScheme")
    assert luminous == "light dark"
    night = browser.run("matchMedia('(prefers-color-scheme: dark)').matches")
    assert night == (scheme == "dark")
    beside = browser.run(
        "document.querySelector('.sources').getBoundingClientRect().left >"
        " document.querySelector('.text').getBoundingClientRect().left + 100"
    )
    assert beside == (width == 1280)  # on a wide screen the sources open beside the answer
    untouched(browser, site)


def test_the_keyboard_is_enough(browser: Browser, site: Server) -> None:
    browser.look()
    browser.open(site.url, READY)
    assert browser.run("document.activeElement.id") == "question"
    asked(browser, "slow " * 60, arms="base")
    browser.until("document.querySelector('article .text')?.textContent.includes('says')")
    browser.press("Escape", 27)
    browser.until(DONE)
    assert browser.run("document.querySelector('.state').textContent") == "stopped"
    seen = []
    browser.run("document.querySelector('.skip').focus()")
    for _ in range(12):
        browser.press("Tab", 9)
        seen.append(browser.run("document.activeElement.id || document.activeElement.name || ''"))
    assert [name for name in seen if name in ("language", "report", "question", "arm", "mode", "send")][:6] == [
        "language",
        "report",
        "question",
        "arm",
        "arm",
        "arm",
    ]
    untouched(browser, site)


def test_a_blind_vote(browser: Browser, site: Server) -> None:
    browser.look()
    browser.open(site.url, READY)
    asked(browser, "licence of 7zip?", arms="base,rag,hybrid", mode="blind")
    browser.until("!document.getElementById('vote').hidden")
    shown = browser.run("document.getElementById('answers').textContent")
    assert not any(word in shown for word in ("base:", "rag:", "hybrid:", "tokens", "source"))
    browser.run("document.querySelector('#vote [value=right]').focus()")
    browser.press(" ", 32)
    browser.run("document.querySelector('#vote label > input:not([type=radio])').focus()")
    browser.type("LGPL-2.0-only")
    browser.press("Enter", 13)
    browser.until("document.querySelector('#vote [role=status]').textContent.startsWith('Saved')")
    left, right, choice, expected = (
        sqlite3.connect(site.votes_file)  # type: ignore[attr-defined]
        .execute("SELECT left_arm, right_arm, choice, expected_answer FROM votes ORDER BY number DESC")
        .fetchone()
    )
    assert (choice, expected) == ("right", "LGPL-2.0-only")
    assert {left, right} <= {"base", "rag", "hybrid"}
    named = browser.run("[...document.querySelectorAll('article h3')].map(e => e.textContent.split(':')[0])")
    assert named == [left, right]
    untouched(browser, site)


def test_questions_with_a_right_answer_are_saved_for_evaluate(browser: Browser, site: Server) -> None:
    browser.look()
    browser.open(site.url, READY)
    browser.run(
        "window.saved = null; URL.createObjectURL = blob => { blob.text().then(text => window.saved = text);"
        " return 'blob:x' }; HTMLAnchorElement.prototype.click = () => {}"
    )
    for text, right in (("one?", "1"), ("two?", ""), ("three?", "3")):
        asked(browser, text, arms="base")
        browser.until(f"document.querySelector('#columns .text')?.textContent.includes('{text}') && {DONE}")
        browser.until("document.querySelector('#vote input')")
        browser.run("document.querySelector('#vote input').focus()")
        browser.type(right)
    browser.run("document.getElementById('export').click()")
    browser.until("window.saved !== null")
    assert [json.loads(line) for line in browser.run("window.saved").splitlines()] == [
        {"question": "one?", "expected_answer": "1"},
        {"question": "three?", "expected_answer": "3"},
    ]


@pytest.fixture(scope="module")
def hostile(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A server whose documents, titles and ids are the hostile texts; answers repeat the question."""
    place = tmp_path_factory.mktemp("hostile")
    rows = [
        {
            "id": f"{text}{n}",
            "content": f"licence number{n} {text}",
            "metadata": {"id": f"{n}{text}", "title": text, "url": text},
        }
        for n, text in enumerate(HOSTILE)
    ]
    (place / "documents.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    index = Session().index(place / "documents.jsonl", output=place / "documents.index")
    parrot = Parrot()
    parrot.context_length = 100_000
    with Session(plugins=[parrot]).serve(folder, engine="parrot", port=0, index=index.folder, k=5) as server:
        yield server


def test_hostile_texts_stay_texts(browser: Browser, hostile: Server) -> None:
    browser.look()
    browser.open(hostile.url, READY)
    assert len(HOSTILE) == 40
    for start in range(0, 40, 8):
        texts = HOSTILE[start : start + 8]
        browser.run("document.getElementById('columns').replaceChildren()")
        wanted = "\n".join([" ".join(f"number{start + n}" for n in range(8)), *texts])
        browser.run(
            f"question.value = {json.dumps(wanted)};"
            "for (const box of document.querySelectorAll('[name=arm]')) box.checked = box.value === 'rag';"
            "document.getElementById('ask').requestSubmit()"
        )
        browser.until(DONE)
        assert browser.run("document.querySelectorAll('#columns details').length") == 5
        tags = browser.run("[...new Set([...document.querySelectorAll('main *')].map(e => e.localName))]")
        assert not {"script", "img", "svg", "iframe", "style", "object", "embed", "video", "audio", "math"} & set(tags)
        untouched(browser, hostile)
    for source in httpx2.post(
        f"{hostile.url}/v1/chat/completions",
        json=question("licence " + " ".join(f"number{n}" for n in range(40)), "rag:k=40"),
    ).json()["dyag"]["sources"]:
        browser.open(source["url"], "document.querySelector('.passage')")
        assert browser.run("document.querySelectorAll('script, img, svg, iframe, style, object, embed').length") == 0
        assert [href for href in browser.run("[...document.links].map(a => a.protocol)") if "script" in href] == []
        untouched(browser, hostile)
