"""Looking up, loading and calling plugins, through distributions that exist on disk."""

import importlib
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import BaseModel

from dyag_core import Example, MetricResult, PluginError, Prediction, Run, UsageError, hookimpl
from dyag_core.plugin import discovery
from dyag_core.plugin.families import FAMILY_HOOKS
from dyag_core.plugin.host import Plugins

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Install a distribution: its modules and its entry points, as pip would leave them."""

    def add(distribution: str, entry_points: str, version: str = "1.0", **modules: str) -> None:
        site = tmp_path / distribution
        info = site / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(textwrap.dedent(entry_points))
        for name, source in modules.items():
            (site / f"{name}.py").write_text(textwrap.dedent(source), encoding="utf-8")
            monkeypatch.delitem(sys.modules, name, raising=False)
        monkeypatch.syspath_prepend(str(site))

    return add


def prediction(answer: str = "a", expected: str = "a") -> Prediction:
    return Prediction(id="1", question="q", expected=expected, answer=answer)


METRIC = """
    from pydantic import BaseModel, Field
    from dyag_core import MetricResult, hookimpl
    dyag_api = 1

    class Options(BaseModel, extra="forbid"):
        decimals: int = Field(2, description="digits")
        words: list[str] = Field(default_factory=list, description="words")

    @hookimpl
    def dyag_score(predictions, options):
        return MetricResult(name="acme_numbers", unit="", items=[float(options.decimals) for _ in predictions])
"""


def test_a_third_party_metric_is_found_by_name_and_takes_its_options(install: Install) -> None:
    install("acme-numbers", "[dyag.metrics]\nAcme_Numbers = acme_numbers\n", acme_numbers=METRIC)
    plugins = Plugins()
    chosen = plugins.choose("metrics", "acme_numbers", {"decimals": "3", "words": "[a, b]"})
    result = plugins.score(chosen, [prediction()], Run(stage="evaluate", folder=Path(), plugins=plugins))
    assert result is not None
    assert result.items == [3.0]
    assert plugins.used()[0] == {
        "family": "metrics",
        "name": "acme_numbers",
        "distribution": "acme-numbers",
        "version": "1.0",
        "options": {"decimals": 3, "words": ["a", "b"]},
    }


def test_a_misspelt_option_or_name_gives_the_nearest(install: Install) -> None:
    install("acme-numbers", "[dyag.metrics]\nnumbers = acme_numbers\n", acme_numbers=METRIC)
    with pytest.raises(UsageError) as error:
        Plugins().choose("metrics", "numbers", {"decimal": 1})
    assert "'decimals'" in str(error.value.hint)
    with pytest.raises(UsageError, match="got 'many'"):
        Plugins().choose("metrics", "numbers", {"decimals": "many"})
    with pytest.raises(UsageError) as error:
        Plugins().choose("metrics", "numbres")
    assert "'numbers'" in str(error.value.hint)


def test_names_are_compared_without_case_and_colons() -> None:
    assert discovery.find("base_models", "Qwen2.5:1.5B").name == "qwen2.5-1.5b"


def test_two_distributions_with_one_name_are_both_named_and_can_be_picked(install: Install) -> None:
    install(
        "acme-dyag", "[dyag.generators]\naugmented = acme_generator:Generator\n", acme_generator="class Generator: ..."
    )
    with pytest.raises(UsageError) as error:
        discovery.find("generators", "augmented")
    assert "acme-dyag 1.0 -> acme_generator:Generator" in error.value.message
    assert "dyag_plugins.generators.augmented" in error.value.message
    assert "acme-dyag/augmented" in str(error.value.hint)
    assert discovery.find("generators", "acme-dyag/augmented").distribution == "acme-dyag"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import sys; sys.exit(3)", "SystemExit"),
        ("1 +", "SyntaxError"),
        ("import no_such_library_xyz", "needs the library 'no_such_library_xyz'"),
        ("raise RuntimeError('boom')", "boom"),
        ("from dyag_core import hookimpl\n@hookimpl\ndef dyag_scoer(predictions): ...", "does not fit the hooks"),
        ("from dyag_core import hookimpl\n@hookimpl\ndef dyag_score(predictons): ...", "does not fit the hooks"),
        ("x = 1", "does not implement dyag_score"),
        ("dyag_api = 99", "plugin API 99"),
    ],
)
def test_a_broken_plugin_is_one_error_that_names_it(install: Install, source: str, message: str) -> None:
    install("acme-broken", "[dyag.metrics]\nbroken = acme_broken\n", acme_broken=source)
    with pytest.raises(PluginError) as error:
        Plugins().choose("metrics", "broken")
    assert message in error.value.message
    assert "'broken' (acme-broken 1.0)" in error.value.message
    assert error.value.hint


def test_a_plugin_that_raises_in_its_hook_is_named(install: Install) -> None:
    install(
        "acme-raises",
        "[dyag.metrics]\nraises = acme_raises\nshort = acme_short\n",
        acme_raises="from dyag_core import hookimpl\n@hookimpl\ndef dyag_score(predictions): 1 / 0\n",
        acme_short="from dyag_core import hookimpl, MetricResult\n@hookimpl\ndef dyag_score(predictions):\n"
        "    return MetricResult(name='short', items=[])\n",
    )
    plugins = Plugins()
    run = Run(stage="evaluate", folder=Path(), plugins=plugins)
    with pytest.raises(PluginError, match=r"'raises' \(acme-raises 1.0\) failed: ZeroDivisionError"):
        plugins.score(plugins.choose("metrics", "raises"), [prediction()], run)
    with pytest.raises(PluginError, match="returned 0 scores for 1 predictions"):
        plugins.score(plugins.choose("metrics", "short"), [prediction()], run)


def test_a_generator_that_raises_midway_is_named(install: Install, tmp_path: Path) -> None:
    install(
        "acme-midway",
        "[dyag.generators]\nmidway = acme_midway\n",
        acme_midway="""
        from dyag_core import Example, hookimpl
        @hookimpl
        def dyag_generate(documents):
            yield Example(question="q", answer="a", document="d")
            raise ValueError("at item 2")
        """,
    )
    plugins = Plugins()
    run = Run(stage="generate", folder=tmp_path, plugins=plugins)
    made = plugins.generate(plugins.choose("generators", "midway"), [], run)
    assert next(made).question == "q"
    with pytest.raises(PluginError, match=r"'midway' .* at item 2"):
        next(made)


def test_choosing_one_plugin_imports_no_other(install: Install) -> None:
    install(
        "acme-two",
        "[dyag.metrics]\none = acme_one\ntwo = acme_two\n",
        acme_one=METRIC,
        acme_two="raise SystemExit('imported')",
    )
    Plugins().choose("metrics", "one")
    assert "acme_two" not in sys.modules


def test_plugin_objects_of_a_program_take_part_by_name() -> None:
    class Shouting:
        name = "shouting"

        class Options(BaseModel, extra="forbid"):
            weight: float = 1.0

        @hookimpl
        def dyag_score(self, predictions: list[Prediction], options: "Shouting.Options") -> MetricResult:
            return MetricResult(name="shouting", items=[options.weight * p.answer.isupper() for p in predictions])

    plugins = Plugins(objects=[Shouting()])
    chosen = plugins.choose("metrics", "shouting", {"weight": "0.5"})
    result = plugins.score(
        chosen, [prediction("A"), prediction("a")], Run(stage="evaluate", folder=Path(), plugins=plugins)
    )
    assert result is not None
    assert result.items == [0.5, 0.0]


def test_lifecycle_hooks_fire_in_order_and_a_failing_onlooker_costs_one_warning(
    install: Install, tmp_path: Path
) -> None:
    install(
        "acme-hooks",
        "[dyag.hooks]\nwatch = acme_watch\nbad = acme_bad_hook\nbroken = acme_no_such_module\n",
        acme_watch="""
        from dyag_core import hookimpl
        seen = []
        @hookimpl
        def dyag_configure(settings): seen.append("configure")
        @hookimpl
        def dyag_before_stage(stage): seen.append(f"before {stage}")
        @hookimpl
        def dyag_after_stage(stage, result): seen.append(f"after {stage} {result}")
        @hookimpl
        def dyag_on_stage_error(stage, error): seen.append(f"error {stage} {error}")
        @hookimpl
        def dyag_filter_examples(examples): return (e for e in examples if "secret" not in e.answer)
        """,
        acme_bad_hook="from dyag_core import hookimpl\n@hookimpl\ndef dyag_before_stage(stage): 1 / 0\n",
    )
    warnings: list[str] = []
    plugins = Plugins(warn=warnings.append)
    assert [w for w in warnings if "'broken' (acme-hooks 1.0)" in w]
    run = Run(stage="generate", folder=tmp_path, plugins=plugins)
    with plugins.stage(run) as done:
        done.result = 7
    with pytest.raises(ValueError, match="oops"), plugins.stage(run):
        raise ValueError("oops")
    examples = [Example(question="q", answer=a, document="d") for a in ("open", "secret")]
    assert [e.answer for e in plugins.filter_examples(examples, run)] == ["open"]
    seen = sys.modules["acme_watch"].seen
    assert seen[:3] == ["configure", "before generate", "after generate 7"]
    assert seen[-1] == "error generate oops"
    assert any("ZeroDivisionError" in w for w in warnings)


def test_a_hook_that_is_installed_and_given_as_an_object_takes_part_once(install: Install, tmp_path: Path) -> None:
    install(
        "acme-hooks",
        "[dyag.hooks]\nonce = acme_once\n",
        acme_once="""
        from dyag_core import hookimpl
        @hookimpl
        def dyag_filter_examples(examples):
            return (e.model_copy(update={"answer": e.answer + "!"}) for e in examples)
        """,
    )
    once = importlib.import_module("acme_once")
    plugins = Plugins(objects=[once])
    made = [Example(question="q", answer="a", document="d")]
    run = Run(stage="generate", folder=tmp_path, plugins=plugins)
    assert [example.answer for example in plugins.filter_examples(made, run)] == ["a!"]


def test_the_core_imports_without_the_built_ins_and_without_heavy_libraries() -> None:
    code = """
    import sys
    class Refuse:
        def find_spec(self, name, path=None, target=None):
            if name.split(".")[0] in {"dyag_plugins", "torch", "transformers", "peft", "trl", "datasets", "scipy"}:
                raise ImportError(f"{name} was imported")
    sys.meta_path.insert(0, Refuse())
    import dyag_core
    from dyag_core import Session, hookimpl
    from dyag_core.plugin import discovery
    from dyag_core.plugin.families import FAMILY_HOOKS
    from dyag_core.plugin.host import Plugins
    names = [e.name for f in FAMILY_HOOKS for e in discovery.entries(f)]
    Plugins()
    print(len(names))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 20


def test_every_built_in_loads_and_fits_its_hook() -> None:
    plugins = Plugins()
    for family in FAMILY_HOOKS:
        for entry in discovery.entries(family):
            chosen = plugins.choose(family, entry.qualified)
            assert chosen.distribution == "dyag"


def test_no_loaded_module_is_named_after_the_plugins_folder() -> None:
    assert not [name for name in sys.modules if name == "plugins" or name.startswith("plugins.")]
