"""Strangers' plugins through the real commands: broken, hanging, switched off, too new, counted at start-up."""

import json
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from dyag_core import (
    Decoding,
    Document,
    Example,
    Message,
    MetricResult,
    PluginError,
    Prediction,
    Reply,
    Run,
    Session,
    UsageError,
    hookimpl,
)
from dyag_core.plugin import discovery
from dyag_core.plugin.families import FAMILY_HOOKS
from dyag_core.plugin.host import Plugins
from dyag_core.records.evaluation import EvaluationFiles

Command = Callable[..., subprocess.CompletedProcess[str]]


def distribution(site: Path, name: str, entry_points: str, **modules: str) -> None:
    """What pip leaves of an installed distribution: its modules, and a folder with its metadata."""
    info = site / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(textwrap.dedent(entry_points))
    for module, source in modules.items():
        (site / f"{module}.py").write_text(textwrap.dedent(source), encoding="utf-8")


SOUND = """
    from dyag_core import MetricResult, hookimpl
    @hookimpl
    def dyag_score(predictions):
        return MetricResult(name="sound", items=[1.0 for _ in predictions])
"""
BROKEN = {
    "sound": SOUND,
    "exits": "import sys; sys.exit(3)",
    "leaves": "import os; os._exit(0)",
    "crashes": "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)",
    "dawdles": "import time; time.sleep(600)",
    "misses": "import no_such_library_xyz",
    "garbled": "1 +",
    "wrong": "x = 1",
    "newer": "dyag_api = 99",
    "texts": "dyag_api = '1'",
}


def test_check_names_each_broken_plugin_and_only_those(site: Path, run_dyag: Command) -> None:
    points = "".join(f"{name} = acme_{name}\n" for name in BROKEN)
    distribution(site, "acme-zoo", f"[dyag.metrics]\n{points}", **{f"acme_{n}": s for n, s in BROKEN.items()})
    hooks = "[dyag.hooks]\nwatch = acme_watch\nnewhook = acme_newer\n[dyag.commands]\nnone = acme_wrong:x\n"
    watching = "from dyag_core import hookimpl\n@hookimpl\ndef dyag_before_stage(stage): ...\n"
    distribution(site, "acme-hooks", hooks, acme_watch=watching)
    done = run_dyag("plugins", "check", "--timeout", "4", "--json")
    assert done.returncode == 3, done.stderr
    assert "Traceback" not in done.stderr
    found = {(row["family"], row["name"]): row["problem"] for row in json.loads(done.stdout)}
    failed = {where: problem for where, problem in found.items() if problem}
    expected = {
        ("metrics", "exits"): "SystemExit",
        ("metrics", "leaves"): "exit code 0",
        ("metrics", "crashes"): "SIGSEGV",
        ("metrics", "dawdles"): "took more than 4 s",
        ("metrics", "misses"): "needs the library 'no_such_library_xyz'",
        ("metrics", "garbled"): "SyntaxError",
        ("metrics", "wrong"): "does not implement dyag_score",
        ("metrics", "newer"): "plugin API 99",
        ("metrics", "texts"): "no whole number",
        ("hooks", "newhook"): "plugin API 99",
        ("commands", "none"): "not a click.Command",
    }
    assert failed.keys() == expected.keys()
    for where, message in expected.items():
        assert message in failed[where]
        assert "1.0)" in failed[where]


def test_no_plugins_leaves_dyags_own_alone(site: Path, run_dyag: Command) -> None:
    distribution(site, "acme-sound", "[dyag.metrics]\nsound = acme_sound\n[dyag.commands]\ngreet = acme_sound:c\n")
    everybody = {row["distribution"] for row in json.loads(run_dyag("plugins", "list", "--json").stdout)}
    without = run_dyag("--no-plugins", "plugins", "list", "--json")
    assert everybody == {"dyag", "acme-sound"}
    assert {row["distribution"] for row in json.loads(without.stdout)} == {"dyag"}
    assert "acme-sound 1.0" in without.stderr
    assert "greet" in run_dyag("--help").stdout
    assert "greet" not in run_dyag("--no-plugins", "--help").stdout
    refused = run_dyag("plugins", "show", "metrics", "sound", DYAG_NO_PLUGINS="1")
    assert refused.returncode == 2
    assert "'sound' (acme-sound 1.0) is left out by --no-plugins" in refused.stderr


@pytest.mark.parametrize("named", ["acme_sound", "sound", "metric/sound", "acme-sound/sound", "x, Sound"])
def test_a_plugin_can_be_switched_off(site: Path, monkeypatch: pytest.MonkeyPatch, named: str) -> None:
    distribution(site, "acme-sound", "[dyag.metrics]\nsound = acme_sound\n", acme_sound=SOUND)
    assert discovery.find("metrics", "sound").distribution == "acme-sound"
    monkeypatch.setenv("DYAG_DISABLE_PLUGINS", named)
    with pytest.raises(UsageError, match=r"is left out by DYAG_DISABLE_PLUGINS="):
        Plugins().choose("metrics", "sound")
    assert discovery.find("metrics", "bleu").distribution == "dyag"


def test_switching_a_name_clash_off_makes_the_built_in_usable_again(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    distribution(site, "acme-fake", "[dyag.metrics]\nexact_match = acme_fake\n", acme_fake=SOUND)
    with pytest.raises(UsageError) as error:
        Plugins().choose("metrics", "exact_match")
    assert "acme-fake 1.0 -> acme_fake" in error.value.message
    assert "dyag_plugins.metrics.exact_match" in error.value.message
    assert "DYAG_DISABLE_PLUGINS=acme-fake" in str(error.value.hint)
    monkeypatch.setenv("DYAG_DISABLE_PLUGINS", "acme-fake")
    assert Plugins().choose("metrics", "exact_match").distribution == "dyag"


def test_a_command_that_is_named_like_a_built_in_is_refused(site: Path, run_dyag: Command) -> None:
    distribution(site, "acme-fake", "[dyag.commands]\ndoctor = acme_fake:command\n", acme_fake="raise SystemExit(0)")
    assert run_dyag("--help").returncode == 0
    done = run_dyag("doctor")
    assert done.returncode == 2
    assert "acme-fake 1.0" in done.stderr
    assert "dyag_core.cli.doctor" in done.stderr
    assert run_dyag("--no-plugins", "doctor", "--help").returncode == 0


def test_a_plugin_object_may_not_shadow_an_installed_plugin_nor_another_object() -> None:
    class Mine:
        name = "exact_match"

        @hookimpl
        def dyag_score(self, predictions: list[Prediction]) -> MetricResult:
            return MetricResult(name="mine", items=[1.0 for _ in predictions])

    with pytest.raises(UsageError, match=r"type Mine; dyag .* -> dyag_plugins.metrics.exact_match"):
        Plugins(objects=[Mine()]).choose("metrics", "exact_match")
    one, other = Mine(), Mine()
    one.name = other.name = "twice"
    with pytest.raises(UsageError, match="several plugins"):
        Plugins(objects=[one, other]).choose("metrics", "twice")


def test_a_plugin_object_without_a_name_is_told_so() -> None:
    class Mine:
        @hookimpl
        def dyag_score(self, predictions: list[Prediction]) -> MetricResult:
            return MetricResult(name="mine", items=[1.0 for _ in predictions])

    with pytest.raises(UsageError, match="no metric is named 'full_stop'") as error:
        Plugins(objects=[Mine()]).choose("metrics", "full_stop")
    assert "plugin object 'Mine' has no attribute `name`" in str(error.value.hint)
    with pytest.raises(UsageError) as error:
        Plugins(objects=[Fussy()]).choose("metrics", "full_stop")
    assert "`name`" not in str(error.value.hint)


def test_a_misspelt_hook_is_told_the_right_one(site: Path) -> None:
    source = "from dyag_core import hookimpl\n@hookimpl\ndef dyag_scores(predictions): ...\n"
    distribution(site, "acme-typo", "[dyag.metrics]\ntypo = acme_typo\n", acme_typo=source)
    with pytest.raises(PluginError, match=r"'typo' \(acme-typo 1.0\) does not fit the hooks") as error:
        Plugins().choose("metrics", "typo")
    assert "Did you mean 'dyag_score'" in str(error.value.hint)
    assert "dyag plugins new FAMILY NAME" in str(error.value.hint)


def test_a_hook_plugin_that_cannot_load_is_a_warning_or_in_strict_mode_an_error(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    distribution(site, "acme-hook", "[dyag.hooks]\nhook = acme_hook\n", acme_hook="import sys; sys.exit(7)")
    warnings: list[str] = []
    Plugins(warn=warnings.append)
    assert len(warnings) == 1
    assert "'hook' (acme-hook 1.0)" in warnings[0]
    assert "pip uninstall acme-hook" in warnings[0]
    monkeypatch.setenv("DYAG_STRICT_PLUGINS", "1")
    with pytest.raises(PluginError, match=r"'hook' \(acme-hook 1.0\)"):
        Plugins()
    monkeypatch.setenv("DYAG_DISABLE_PLUGINS", "hooks/hook")
    Plugins()


def predictions(count: int) -> list[Prediction]:
    return [Prediction(id=f"q{n}", question="?", expected="a", answer=str(n)) for n in range(count)]


class Fussy:
    """A metric that can't read some answers."""

    name = "fussy"

    def __init__(self, *unreadable: str) -> None:
        self.unreadable = unreadable

    @hookimpl
    def dyag_score(self, predictions: list[Prediction]) -> MetricResult:
        if any(prediction.answer in self.unreadable for prediction in predictions):
            raise ValueError("unreadable")
        return MetricResult(name="fussy", items=[0.5 for _ in predictions])


def test_a_metric_that_raises_at_one_answer_scores_the_others() -> None:
    warnings: list[str] = []
    plugins = Plugins(objects=[Fussy("1")], warn=warnings.append)
    run = Run(stage="evaluate", folder=Path(), plugins=plugins)
    result = plugins.score(plugins.choose("metrics", "fussy"), predictions(3), run)
    assert result is not None
    assert result.items == [0.5, None, 0.5]
    assert len(warnings) == 1
    assert "'fussy'" in warnings[0]
    assert "1 of 3 answers are left unscored: 'q1'" in warnings[0]
    plugins = Plugins(objects=[Fussy("0", "1", "2")])
    run = Run(stage="evaluate", folder=Path(), plugins=plugins)
    with pytest.raises(PluginError, match=r"'fussy'.*unreadable"):
        plugins.score(plugins.choose("metrics", "fussy"), predictions(3), run)


class Careless:
    """A generator that falls over some documents."""

    name = "careless"

    def __init__(self, falls_over: set[int]) -> None:
        self.falls_over = falls_over

    @hookimpl
    def dyag_generate(self, documents: list[Document]) -> object:
        for document in documents:
            if int(document.id) in self.falls_over:
                raise KeyError(document.id)
            yield Example(question=f"q{document.id}?", answer="a", document=document.id)


def generated(falls_over: set[int], folder: Path) -> tuple[list[str], Run]:
    plugins = Plugins(objects=[Careless(falls_over)])
    run = Run(stage="generate", folder=folder, plugins=plugins)
    documents = [Document(id=str(n), title="t", chunks=()) for n in range(10)]
    made = plugins.generate(plugins.choose("generators", "careless"), documents, run)
    return [example.document for example in made], run


def test_a_generator_that_raises_at_a_document_goes_on_after_it(tmp_path: Path) -> None:
    made, run = generated({3, 4, 9}, tmp_path)
    assert made == list("0125678")
    assert run.rejected == {"generator 'careless' ((object) 0) failed": 3}
    assert "KeyError" in run.rejected_examples["generator 'careless' ((object) 0) failed"][0]


@pytest.mark.parametrize("falls_over", [set(range(10)), set(range(4, 9))])
def test_a_generator_that_raises_at_document_after_document_ends_the_run(tmp_path: Path, falls_over: set[int]) -> None:
    with pytest.raises(PluginError, match=r"'careless'.*KeyError"):
        generated(falls_over, tmp_path)


def test_a_generator_at_fault_is_named_by_the_command_and_the_other_rows_are_written(
    site: Path, tmp_path: Path, run_dyag: Command
) -> None:
    source = """
    from dyag_core import Example, hookimpl
    @hookimpl
    def dyag_generate(documents):
        for document in documents:
            if document.id == "d3":
                raise ValueError("no good")
            question = f"What is number {document.id} about, then?"
            yield Example(question=question, answer=document.id, document=document.id)
    """
    distribution(site, "acme-falls", "[dyag.generators]\nfalls = acme_falls\n", acme_falls=source)
    rows = [{"id": f"d{n}", "content": f"text number {n}"} for n in range(6)]
    (tmp_path / "d.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    done = run_dyag(
        "generate-training", "d.jsonl", "--method", "falls", "--output", "o.jsonl", "--lang", "en", "--json"
    )
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert made["written"] == 5
    assert made["requested"] == 6
    assert made["rejected"] == {"generator 'falls' (acme-falls 1.0) failed": 1}
    assert "'d3'" in done.stderr


class Censor:
    """A filter that falls over its second example."""

    @hookimpl
    def dyag_filter_examples(self, examples: Iterator[Example]) -> Iterator[Example]:
        yield next(iter(examples))
        raise LookupError("second")


def test_a_filter_that_raises_ends_the_run_by_name_and_lets_nothing_through(tmp_path: Path) -> None:
    documents = tmp_path / "d.jsonl"
    documents.write_text("".join(f'{{"id": "{n}", "content": "a text, {n}"}}\n' for n in range(3)), encoding="utf-8")
    session = Session(tmp_path, plugins=[Careless(set()), Censor()])
    with pytest.raises(PluginError, match=r"filter of hook plugin \(object\)/Censor failed: LookupError: second"):
        session.generate(documents, method="careless")
    assert not (tmp_path / "training.jsonl").exists()


class Paid:
    """An engine whose answers cost something."""

    name = "paid"
    remote = True
    context_length = 1000

    def __init__(self) -> None:
        self.asked = 0

    @hookimpl
    def dyag_open_engine(self) -> "Paid":
        return self

    def answer(self, prompts: Sequence[Sequence[Message]], decoding: Decoding) -> Iterator[tuple[int, Reply]]:
        for n, _ in enumerate(prompts):
            self.asked += 1
            yield n, Reply(text=str(n))

    def count_tokens(self, prompt: Sequence[Message]) -> int:
        return 1

    def close(self) -> None: ...


def test_what_was_answered_before_a_metric_failed_is_not_asked_again(tmp_path: Path) -> None:
    questions = tmp_path / "q.jsonl"
    rows = [{"question": f"What is {n}?", "expected_answer": str(n)} for n in range(3)]
    questions.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    engine = Paid()

    def evaluate(metric: Fussy) -> EvaluationFiles:
        session = Session(tmp_path, plugins=[engine, metric])
        return session.evaluate(questions, arms=("base",), base_model="x", engine="paid", metrics=["fussy"])

    with pytest.raises(PluginError, match="'fussy'"):
        evaluate(Fussy("0", "1", "2"))
    assert engine.asked == 3
    made = evaluate(Fussy("1"))
    assert engine.asked == 3
    assert [item["metrics"]["fussy"] for item in made.evaluations["base"].results] == [0.5, None, 0.5]
    assert made.evaluations["base"].metrics["summaries"]["fussy"]["n"] == 2


@pytest.mark.parametrize(
    ("family", "hook", "call"),
    [
        ("metrics", "dyag_score", lambda host, chosen, run: host.score(chosen, predictions(1), run)),
        ("generators", "dyag_generate", lambda host, chosen, run: list(host.generate(chosen, [], run))),
        ("trainers", "dyag_train", lambda host, chosen, run: host.train(chosen, None, run)),
        ("reporters", "dyag_report", lambda host, chosen, run: host.report(chosen, None, "en")),
        ("retrievers", "dyag_retrieve", lambda host, chosen, run: host.retriever(chosen, [], run.folder, run)),
        ("engines", "dyag_open_engine", lambda host, chosen, run: host.engine(chosen, "x", None, run)),
        ("exporters", "dyag_export", lambda host, chosen, run: host.export(chosen, run.folder, run.folder, run)),
    ],
)
@pytest.mark.parametrize(("does", "said"), [("return 7", "returned int, not"), ("raise SystemExit(5)", "SystemExit")])
def test_a_wrong_type_and_an_exit_carry_the_plugins_name(
    site: Path, tmp_path: Path, family: str, hook: str, call: Callable[..., object], does: str, said: str
) -> None:
    module = f"acme_{family}_{does[:3]}"
    source = f"from dyag_core import hookimpl\n@hookimpl\ndef {hook}(): {does}\n"
    distribution(site, f"acme-{family}", f"[dyag.{family}]\nodd = {module}\n", **{module: source})
    host = Plugins()
    run = Run(stage="test", folder=tmp_path, plugins=host)
    with pytest.raises(PluginError, match=rf"'odd' \(acme-{family} 1.0\).*{said}"):
        call(host, host.choose(family, "odd"), run)


STARTUP = """
import sys
before = set(sys.modules)
from dyag_core.cli import main
try:
    main(sys.argv[1:])
except SystemExit as leaving:
    assert not leaving.code, leaving.code
heavy = {"torch", "transformers", "peft", "trl", "datasets", "numpy", "scipy", "pydantic", "rich", "openai"}
print("imported:", *sorted(m for m in sys.modules if m.startswith("acme_") or m in heavy), file=sys.stderr)
print("count:", len(set(sys.modules) - before), file=sys.stderr)
"""


@pytest.mark.parametrize("arguments", [["--help"], ["plugins", "list"], ["--no-plugins", "plugins", "list"]])
def test_starting_with_fifty_plugins_imports_none_and_nothing_heavy(site: Path, arguments: list[str]) -> None:
    def started() -> tuple[str, int, str]:
        done = subprocess.run(
            [sys.executable, "-c", STARTUP, *arguments], capture_output=True, text=True, encoding="utf-8", check=False
        )
        assert done.returncode == 0, done.stderr
        imported, count = done.stderr.strip().split("\n")[-2:]
        return imported, int(count.split()[1]), done.stdout

    _, alone, _ = started()
    for n in range(50):
        family = list(FAMILY_HOOKS)[n % 8] if n % 5 else ("hooks" if n % 2 else "commands")
        distribution(
            site, f"acme-{n}", f"[dyag.{family}]\nplugin{n} = acme_{n}:x\n", **{f"acme_{n}": "raise SystemExit(9)"}
        )
    imported, count, shown = started()
    assert imported.strip() == "imported:"
    assert count == alone
    if arguments == ["plugins", "list"]:
        assert all(f"plugin{n} " in shown for n in range(50))
