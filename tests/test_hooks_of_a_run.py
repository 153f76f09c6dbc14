"""All hooks of a whole run on a tiny model: their order, wrappers, onlookers that fail, what the manifests say."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from dyag_core import BaseModelPreset, Decoding, MetricResult, PluginError, Prediction, Run, Session, hookimpl
from dyag_core.plugin import hookspecs
from dyag_core.plugin.host import Plugins
from dyag_core.plugin.lifecycle import HOOKS
from dyag_samples import catalogue

SMALL = {"rank": 2, "batch_size": 4, "learning_rate": 1e-3, "preflight": False}
FAMILIES = [name for name in vars(hookspecs) if name.startswith("dyag_") and name not in HOOKS]


def recorder() -> Any:
    """A plugin object that looks on at every lifecycle hook, wraps every hook of the families, and notes each call."""
    calls: list[str] = []

    def wrapper(hook: str) -> Any:
        def around(self: object) -> Iterator[None]:
            calls.append(hook)
            return (yield)

        return hookimpl(wrapper=True)(around)

    def looking_on(hook: str) -> Any:
        def told(self: object, stage: str) -> None:
            calls.append(f"{hook} {stage}")

        return hookimpl(told)

    def dyag_configure(self: object, settings: dict[str, Any]) -> None:
        calls.append(f"dyag_configure {settings['stage']}")

    def dyag_filter_examples(self: object) -> None:
        calls.append("dyag_filter_examples")

    hooks = {hook: wrapper(hook) for hook in FAMILIES}
    hooks |= {hook: looking_on(hook) for hook in ("dyag_before_stage", "dyag_after_stage", "dyag_on_stage_error")}
    hooks |= {"dyag_configure": hookimpl(dyag_configure), "dyag_filter_examples": hookimpl(dyag_filter_examples)}
    return type("Recorder", (), {"calls": calls, **hooks})()


class Clumsy:
    """Raises wherever it only looks on."""

    @hookimpl
    def dyag_configure(self, settings: dict[str, Any]) -> None:
        settings["stage"] = "changed"
        raise RuntimeError("clumsy")

    @hookimpl
    def dyag_before_stage(self) -> None:
        raise SystemExit(9)

    @hookimpl
    def dyag_after_stage(self) -> None:
        raise RuntimeError("clumsy")


class Shouting:
    """A metric that looks on, too: neither part may disturb the other."""

    name = "shouting"

    @hookimpl
    def dyag_score(self, predictions: Sequence[Prediction]) -> MetricResult:
        return MetricResult(name="shouting", items=[1.0 for _ in predictions])

    @hookimpl
    def dyag_after_stage(self, stage: str) -> None: ...


@dataclass
class Told:
    """A progress callback that keeps what it is told."""

    messages: list[str] = field(default_factory=list)
    steps: dict[str, float] = field(default_factory=dict)

    def message(self, text: str) -> None:
        self.messages.append(text)

    @contextmanager
    def task(self, description: str, total: float | None = None) -> Iterator[Any]:
        told = self

        class Task:
            def advance(self, steps: float = 1, **shown: object) -> None:
                told.steps[description] = told.steps.get(description, 0) + steps

        yield Task()


@dataclass
class Whole:
    """What a whole run left."""

    folder: Path
    calls: list[str]
    told: Told
    results: dict[str, Any]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Whole:
    folder = tmp_path_factory.mktemp("whole")
    watching, told = recorder(), Told()
    tiny = dataclasses.replace(BaseModelPreset.from_folder(tiny_model), name="tiny")
    session = Session(folder, plugins=[Clumsy(), watching, Shouting(), tiny], progress=told, lang="fr")
    data = session.generate(catalogue("fr"), count=24, split=(60, 0, 40))
    assert data.train is not None
    assert data.test is not None
    model = session.finetune(data.train, base_model="tiny", epochs=1, options=SMALL)
    index = session.index(catalogue("fr"))
    decoding = Decoding(max_new_tokens=3)
    arms = ("rag", "finetuned")
    runs = session.evaluate(
        data.test, arms=arms, model=model, index=index, k=1, limit=3, metrics=["shouting"], decoding=decoding
    )
    compared = session.compare(runs, reporters=("json", "markdown"))
    made = {"data": data, "model": model, "runs": runs, "compared": compared}
    return Whole(folder, list(watching.calls), told, made)


ORDER = """
dyag_configure generate
dyag_before_stage generate
dyag_filter_examples
dyag_generate
dyag_report_quality
dyag_after_stage generate
dyag_base_model
dyag_configure finetune
dyag_before_stage finetune
dyag_train
dyag_after_stage finetune
dyag_configure index
dyag_before_stage index
dyag_retrieve
dyag_after_stage index
dyag_configure evaluate
dyag_before_stage evaluate
dyag_retrieve
dyag_open_engine
dyag_open_engine
dyag_score
dyag_score
dyag_score
dyag_score
dyag_score
dyag_score
dyag_after_stage evaluate
dyag_configure compare
dyag_before_stage compare
dyag_report
dyag_report
dyag_after_stage compare
"""


def test_the_order_of_all_hooks_of_a_run(whole: Whole) -> None:
    """Two arms open an engine each; three metrics score two arms; a filter is laid over a generator before it runs."""
    assert whole.calls == ORDER.strip().split("\n")


def test_an_onlooker_that_fails_costs_a_warning_each_time_and_changes_nothing(whole: Whole) -> None:
    warnings = [line for line in whole.told.messages if "(object)/Clumsy failed" in line]
    assert warnings[:3] == [
        "warning: hook plugin (object)/Clumsy failed in dyag_configure: RuntimeError: clumsy",
        "warning: hook plugin (object)/Clumsy failed in dyag_before_stage: SystemExit: 9",
        "warning: hook plugin (object)/Clumsy failed in dyag_after_stage: RuntimeError: clumsy",
    ]
    assert len(warnings) == 3 * 5


def test_a_metric_that_looks_on_scores_as_itself_alone(whole: Whole) -> None:
    for evaluation in whole.results["runs"].evaluations.values():
        assert evaluation.metrics["summaries"]["shouting"]["mean"] == 100.0
        assert evaluation.metrics["summaries"]["exact_match"]["mean"] < 100.0


def test_every_manifest_lists_the_plugins_of_its_run_and_those_that_looked_on(whole: Whole) -> None:
    chosen = {
        "generate": "augmented",
        "finetune": "lora",
        "index": "bm25",
        "evaluate": "transformers",
        "compare": "markdown",
    }
    read = [json.loads(path.read_text("utf-8")) for path in whole.folder.rglob("*.json")]
    manifests = [content for content in read if isinstance(content, dict) and {"stage", "plugins"} <= content.keys()]
    assert {manifest["stage"] for manifest in manifests} == set(chosen)
    for manifest in manifests:
        plugins = {plugin["name"]: plugin for plugin in manifest["plugins"]}
        assert plugins[chosen[manifest["stage"]]]["distribution"] == "dyag"
        assert {"Clumsy", "Recorder", "shouting"} <= plugins.keys()
        assert {plugins[name]["family"] for name in ("Clumsy", "Recorder")} == {"hooks"}
        assert all(plugin["version"] for plugin in manifest["plugins"])


def test_a_progress_callback_hears_of_every_step(whole: Whole) -> None:
    assert whole.told.steps["generating"] == whole.results["data"].written
    assert sum(whole.told.steps.values()) > whole.results["data"].written


def careless(documents: Any) -> Iterator[Any]:
    raise KeyError("careless")
    yield


def test_a_chosen_plugin_that_raises_ends_the_run_by_name_after_everybody_was_told(tmp_path: Path) -> None:
    watching = recorder()
    generator = type("Careless", (), {"name": "careless", "dyag_generate": staticmethod(hookimpl(careless))})()
    session = Session(tmp_path, plugins=[Clumsy(), watching, generator])
    with pytest.raises(PluginError, match=r"generator 'careless' \(\(object\) 0\) failed: KeyError"):
        session.generate(catalogue("fr"), method="careless", count=3)
    assert watching.calls[-1] == "dyag_on_stage_error generate"
    assert not (tmp_path / "training.jsonl").exists()


class Meddler:
    """A wrapper that fails, after what it wraps or before."""

    def __init__(self, after: bool) -> None:
        self.after = after

    @hookimpl(wrapper=True)
    def dyag_score(self) -> Iterator[None]:
        if not self.after:
            raise LookupError("meddled")
        result = yield
        raise LookupError(f"meddled with {result}")


@pytest.mark.parametrize("after", [False, True])
def test_a_wrapper_that_raises_is_named_and_not_what_it_wraps(after: bool) -> None:
    host = Plugins(objects=[Meddler(after), Shouting()])
    prediction = Prediction(id="1", question="?", expected="a", answer="a")
    with pytest.raises(PluginError, match=r"hook plugin \(object\)/Meddler around dyag_score failed: LookupError"):
        host.score(host.choose("metrics", "shouting"), [prediction], Run(stage="evaluate", folder=Path(), plugins=host))


def test_a_wrapper_is_not_blamed_for_what_it_wraps() -> None:
    class Sad:
        name = "sad"

        @hookimpl
        def dyag_score(self, predictions: Sequence[Prediction]) -> MetricResult:
            raise LookupError("sad")

    host = Plugins(objects=[recorder(), Sad()])
    prediction = Prediction(id="1", question="?", expected="a", answer="a")
    with pytest.raises(PluginError, match=r"metric 'sad' .* failed: LookupError: sad"):
        host.score(host.choose("metrics", "sad"), [prediction], Run(stage="evaluate", folder=Path(), plugins=host))
