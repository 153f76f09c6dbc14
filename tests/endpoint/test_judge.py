"""The metric judge against a real server: two orders, unjudged answers, people's labels, and a run that is cut off."""

from __future__ import annotations

import json

import pytest

from dyag_core import EndpointError, Prediction, Session, UsageError
from dyag_core.artifacts import read_json
from dyag_core.plugin.host import Plugins
from dyag_core.plugin.run import Run
from dyag_plugins.metrics.judge_labels import agreement, read_labels

RIGHT, WRONG = "the licence MIT", "Apache"


def is_judged(body):
    return "mark" in body["messages"][0]["content"] or "corriges" in body["messages"][0]["content"]


def subject(body):
    """Which question a request is about."""
    return int("".join(filter(str.isdigit, body["messages"][-1]["content"].splitlines()[0])))


def expected_first(body):
    asked = body["messages"][-1]["content"]
    return asked.index("Expected answer") < asked.index("Answer to be marked")


@pytest.fixture
def questions(tmp_path):
    rows = [
        {"id": f"q{n}", "question": f"Which licence has Tool{n}?", "expected_answer": "MIT", "document": f"d{n}"}
        for n in range(40)
    ]
    path = tmp_path / "questions.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return path


@pytest.fixture
def evaluate(server, questions, tmp_path):
    """Two arms' worth of answers and verdicts from one server; `verdict(body, number)` is the judge."""

    def evaluated(verdict, answer=lambda number: RIGHT if number % 2 else WRONG, name="results.json", **options):
        def replies(body):
            return verdict(body, subject(body)) if is_judged(body) else answer(subject(body))

        server.replies = replies
        settings = {"base_url": server.url, "retry_wait": 0.01}
        options = {"model": "big", "base_url": server.url, "engine_options": {"retry_wait": 0.01}, **options}
        made = Session(tmp_path, lang="en").evaluate(
            questions,
            arms=["base"],
            base_model="m",
            engine="openai",
            engine_options=settings,
            metrics=["judge"],
            metric_options={"judge": options},
            output=tmp_path / name,
        )
        return made.evaluations["base"]

    return evaluated


def honest(body, number):
    return "Yes." if RIGHT in body["messages"][-1]["content"] else "no"


def judged(server):
    return [body for body in server.hits if is_judged(body)]


def test_each_answer_is_judged_in_both_orders(server, evaluate):
    found = evaluate(honest)
    assert found.metrics["summaries"]["judge"]["mean"] == 50.0
    assert found.metrics["summaries"]["judge"]["unjudged"] == 0
    assert [item["metrics"]["judge"] for item in found.results] == [0.0, 1.0] * 20
    assert len(judged(server)) == 80
    assert sum(map(expected_first, judged(server))) == 40
    assert max(server.asked().values()) == 1
    assert all(body["temperature"] == 0 for body in judged(server))
    assert all("Tool" in body["messages"][-1]["content"] for body in judged(server))


def test_what_needs_no_judge_is_not_asked_about(server, evaluate):
    found = evaluate(honest, answer=lambda number: "mit." if number < 30 else "MIT License" if number < 39 else " ")
    assert len(judged(server)) == 18
    assert [item["metrics"]["judge"] for item in found.results] == [1.0] * 30 + [0.0] * 10


def test_an_answer_without_a_verdict_is_unjudged_and_stays_in_the_mean(server, evaluate):
    """Ten verdicts turn round with the order, ten never come, and the server fails on five prompts."""

    def verdict(body, number):
        if number < 10:
            return "yes" if expected_first(body) else "no"
        return "perhaps" if number < 20 else "yes"

    server.behaves = lambda _, body: "too_long" if is_judged(body) and subject(body) >= 35 else "good"
    found = evaluate(verdict)
    summary = found.metrics["summaries"]["judge"]
    assert (summary["n"], summary["unjudged"], summary["mean"]) == (40, 25, 37.5)
    assert found.metrics["details"]["judge"]["unjudged"] == {
        "the judge gave no reply": 5,
        "the judge gave no verdict": 10,
        "the two orders disagree": 10,
    }
    assert [item["id"] for item in found.results if item["unjudged"] == ["judge"]] == [
        f"q{n}" for n in [*range(20), *range(35, 40)]
    ]
    again = [body for body in judged(server) if 10 <= subject(body) < 20]
    assert sorted({body["temperature"] for body in again}) == [0, 0.7]  # asked once more, sampled
    assert len(again) == 40
    assert "NaN" not in json.dumps(found.model_dump(mode="json"))


def test_unjudged_answers_and_the_judge_s_agreement_stand_in_the_report(server, evaluate, questions, tmp_path):
    """Compared from the files, in both languages; nobody is asked again."""
    labels = tmp_path / "labels.csv"
    labels.write_text("id,label\n" + "".join(f"q{n},{n % 2}\n" for n in range(30)) + "q1,0\nnobody,1\n", "utf-8")

    def verdict(body, number):
        return "hm" if number == 39 else honest(body, number)

    evaluate(verdict, labels=labels, name="one.json")
    evaluate(honest, answer=lambda number: RIGHT, name="two.json")
    asked = len(server.hits)
    for lang, sentences in {
        "en": ("gave no verdict, counted as wrong: 1 of 40", "add 2.5 points at most", "on 96.8% of the labelled",
               "(31); Cohen's kappa 0.936", "nobody has checked judge"),
        "fr": ("comptées comme fausses : 1 sur 40", "ajouteraient 2,5 points", "sur 96,8 % des réponses étiquetées",
               "(31) ; kappa de Cohen : 0,936", "verdicts jamais comparés"),
    }.items():  # fmt: skip
        made = Session(tmp_path, lang=lang).compare(
            {"base": tmp_path / "one.json", "rag": tmp_path / "two.json"}, force=True, output=tmp_path / lang
        )
        told = " ".join(r.text[lang] for r in made.comparison.recommendations if r.kind == "warning")
        for text in (told, made.files["markdown"].read_text("utf-8").replace("\\", ""), _shown(made.files["html"])):
            assert all(sentence in text.replace("\u202f", " ").replace("\xa0", " ") for sentence in sentences), text
    assert len(server.hits) == asked
    arm = read_json(tmp_path / "en.json")["arms"][0]
    assert arm["metrics"]["judge"]["unjudged"] == 1
    assert arm["details"]["judge"]["labelled"] == 31


def _shown(page):
    import html

    return html.unescape(page.read_text("utf-8"))


def test_stored_answers_are_judged_by_compare(server, evaluate, questions, tmp_path):
    evaluate(honest, name="one.json")
    data = read_json(tmp_path / "one.json")
    for item in data["results"]:
        del item["metrics"]["judge"]
    for name in ("one.json", "two.json"):  # as a run without the metric leaves them
        (tmp_path / name).write_text(json.dumps(data), "utf-8")
    server.hits.clear()
    options = {"judge": {"model": "big", "base_url": server.url}}
    for _ in range(2):
        made = Session(tmp_path, lang="en").compare(
            {"base": tmp_path / "one.json", "rag": tmp_path / "two.json"}, metrics=["judge"], metric_options=options
        )
    assert made.comparison.arm("base").metrics["judge"].mean == 50.0
    assert len(judged(server)) == 80  # both arms gave the same answers, and the second run knew them all


def test_a_server_that_goes_away_costs_nothing_twice(server, evaluate):
    server.behaves = lambda number, body: "good" if number <= 70 else "error_503"
    with pytest.raises(EndpointError):
        evaluate(honest)
    server.behaves = lambda number, body: "good"
    before = len(server.hits)
    found = evaluate(honest)
    assert found.metrics["summaries"]["judge"]["mean"] == 50.0
    assert len(server.hits) - before <= 120 - 70 + 8  # but for those on their way when it went, nothing is asked twice
    whole = evaluate(honest, name="whole.json")
    assert [item["metrics"] for item in whole.results] == [item["metrics"] for item in found.results]


def test_the_budget_leaves_answers_unjudged_and_says_so(server, evaluate, capsys):
    found = evaluate(honest, max_tokens_total=3000)
    reasons = found.metrics["details"]["judge"]["unjudged"]
    assert list(reasons) == ["the budget was spent"]
    assert 0 < reasons["the budget was spent"] < 40
    assert 120 * len(judged(server)) <= 3000
    assert found.metrics["summaries"]["judge"]["unjudged"] == reasons["the budget was spent"]


def test_own_prompts_and_thinking_models(server, evaluate, tmp_path):
    own = tmp_path / "own.yaml"
    own.write_text(
        'system: You mark.\nuser: "$question $$ {$first} {$second}"\nexpected: "want $text"\nanswer: "got $text"\n',
        "utf-8",
    )
    found = evaluate(lambda body, number: "<think>no no no</think>\n**Yes**", prompts=own, max_new_tokens=500)
    assert found.metrics["summaries"]["judge"]["mean"] == 100.0
    assert {body["messages"][-1]["content"] for body in judged(server) if subject(body) == 1} == {
        f"Which licence has Tool1? $ {{want MIT}} {{got {RIGHT}}}",
        f"Which licence has Tool1? $ {{got {RIGHT}}} {{want MIT}}",
    }
    own.write_text("system: x\nuser: $nobody\nexpected: x\nanswer: x\n", "utf-8")
    with pytest.raises(UsageError, match="no usable prompts"):
        evaluate(honest, prompts=own)


PRICES = {"price_in": "1000", "price_out": "1000"}
#: Option -> a value (and what it needs), and what is seen of it: something that the default doesn't show.
SEEN = {
    "model": ({"model": "other"}, lambda server, found: server.hits[0]["model"] == "other"),
    "base_url": ({}, lambda server, found: server.hits != []),
    "engine_options": ({"engine_options": "{concurrency: 1}"}, lambda server, found: server.most == 1),
    "max_cost": ({**PRICES, "max_cost": "0.01"}, lambda server, found: not server.hits and len(found.unjudged) == 4),
    "price_in": (
        {"price_in": "1000", "price_out": "0", "max_cost": "0.01"}, lambda server, found: not server.hits,
    ),
    "price_out": (
        {"price_in": "0", "price_out": "1000", "max_cost": "0.01"}, lambda server, found: not server.hits,
    ),
    "max_tokens_total": ({"max_tokens_total": "20"}, lambda server, found: not server.hits),
    "max_new_tokens": ({"max_new_tokens": "7"}, lambda server, found: server.hits[0]["max_tokens"] == 7),
    "retries": ({"retries": "0"}, lambda server, found: len(server.hits) == 8 and len(found.unjudged) == 4),
}  # fmt: skip


@pytest.mark.parametrize("option", SEEN)
def test_every_option_is_read(server, tmp_path, option):
    server.replies, server.delay = (lambda body: "hm"), 0.02
    asked = [Prediction(id=str(n), question=f"Tool{n}?", expected="MIT", answer=RIGHT) for n in range(4)]
    given, seen = SEEN[option]

    def scored(options):
        server.hits.clear()
        server.most = 0
        plugins = Plugins()
        chosen = plugins.choose("metrics", "judge", {"model": "m", "base_url": server.url, **options})
        folder = tmp_path / str(len(options))
        return plugins.score(chosen, asked, Run(stage="evaluate", folder=folder, plugins=plugins))

    assert seen(server, scored(given))
    assert option == "base_url" or not seen(server, scored({}))


def test_no_option_is_left_out(tmp_path):
    own = {"prompts", "labels"}  # above
    plugins = Plugins()
    chosen = plugins.choose("metrics", "judge", {"engine": "ollama"})
    assert set(type(chosen.options).model_fields) == {*SEEN, *own, "engine"}
    asked = [Prediction(id="1", question="?", expected="x", answer="y")]
    with pytest.raises(UsageError, match="no engine is named 'ollama'"):
        plugins.score(chosen, asked, Run(stage="evaluate", folder=tmp_path, plugins=plugins))


def test_french_questions_are_judged_in_french(server, tmp_path):
    server.replies = lambda body: "Oui, c'est juste."
    asked = [
        Prediction(id="1", question="Quelle est la licence de 7zip ?", expected="MIT", answer="la licence MIT du MIT")
    ]
    plugins = Plugins()
    chosen = plugins.choose("metrics", "judge", {"model": "m", "base_url": server.url})
    found = plugins.score(chosen, asked, Run(stage="evaluate", folder=tmp_path, plugins=plugins))
    assert found.items == [1.0]
    assert all("Réponse attendue : MIT" in body["messages"][-1]["content"] for body in server.hits)


@pytest.mark.parametrize(
    ("options", "words"),
    [({"labels": "nowhere.csv"}, "labels"), ({"modle": "m"}, "model"), ({"max_cost": "3"}, "needs price_in")],
)
def test_bad_options_are_refused_before_anything_is_asked(options, words):
    with pytest.raises(UsageError) as caught:
        Plugins().choose("metrics", "judge", options)
    assert words in f"{caught.value.message} {caught.value.hint}"


def test_agreement_by_hand(tmp_path):
    """20 both yes, 15 both no, 5 only the judge, 10 only the person: 35 of 50, kappa 0.4 (Cohen 1960's formula)."""
    verdicts = [True] * 20 + [False] * 15 + [True] * 5 + [False] * 10
    people = ["yes"] * 20 + ["Non"] * 15 + ["faux"] * 5 + ["1"] * 10
    asked = [Prediction(id=str(n), question="?", expected="x", answer="a  b") for n in range(50)]
    path = tmp_path / "labels.jsonl"
    rows = [{"id": n, "label": label, "answer": "a b"} for n, label in enumerate(people)]
    rows += [{"id": 0, "label": 0, "answer": "another arm's answer"}]
    path.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    labels = read_labels(path)
    assert agreement(asked, verdicts, labels) == {"labelled": 50, "agreement": 70.0, "kappa": 0.4}
    assert agreement(asked, [None, *verdicts[1:]], labels)["agreement"] == 68.0
    assert agreement(asked, verdicts, []) == {"labelled": 0, "agreement": None, "kappa": None}
    assert agreement(asked[:20], verdicts[:20], labels)["kappa"] is None  # both always say yes


@pytest.mark.parametrize("text", ["", '{"id": 1, "label": "maybe"}', '{"label": 1}', "{no json"])
def test_labels_that_cannot_be_used(tmp_path, text):
    path = tmp_path / "labels.jsonl"
    path.write_text(text, "utf-8")
    with pytest.raises(UsageError, match=r"labels\.jsonl"):
        read_labels(path)
