"""The pytest plugin `dyag`: fixtures for people who write DYAG plugins. It imports nothing until one is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from dyag_core.plugin.entry import Chosen
    from dyag_core.plugin.host import Plugins
    from dyag_core.plugin.run import Run
    from dyag_core.records import Comparison, Document, Prediction, Quality, TrainedModel


@pytest.fixture
def dyag_documents(dyag_documents_file: Path) -> list[Document]:
    """The documents of `dyag_documents_file`, as a generator gets them."""
    from dyag_core.documents import read_documents

    return list(read_documents(dyag_documents_file, lambda _line: None))


@pytest.fixture
def dyag_documents_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve documents of a catalogue, as a file for `Session.generate` or `Session.index`.

    A plugin that makes nothing of a catalogue overrides this one in its contract class.
    """
    from dyag_core.testing.samples import document_rows, write_documents

    return write_documents(tmp_path_factory.mktemp("documents") / "catalogue.jsonl", document_rows())


@pytest.fixture
def dyag_predictions() -> list[Prediction]:
    """Answers of every kind that a metric meets: right, wrong, refused, failed, empty, very long, in other scripts."""
    from dyag_core.testing.samples import predictions

    return predictions()


@pytest.fixture
def dyag_training_file(tmp_path: Path) -> Path:
    """Forty-eight training rows as a file for `Session.finetune` or `Session.export`."""
    from dyag_core.testing.samples import training_rows, write_documents

    return write_documents(tmp_path / "rows.jsonl", training_rows(48))


@pytest.fixture
def dyag_comparison(_dyag_comparisons: Mapping[str, Comparison]) -> Comparison:
    """Three arms on sixty questions in three strata, as a reporter gets it."""
    return _dyag_comparisons["plain"].model_copy(deep=True)


@pytest.fixture
def dyag_odd_comparison(_dyag_comparisons: Mapping[str, Comparison]) -> Comparison:
    """The same with scripts, formulas, control characters and other scripts in its texts."""
    return _dyag_comparisons["odd"].model_copy(deep=True)


@pytest.fixture(scope="session")
def _dyag_comparisons(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Comparison]:
    from dyag_core.testing.samples import comparison

    folder = tmp_path_factory.mktemp("comparisons")
    return {"plain": comparison(folder / "plain"), "odd": comparison(folder / "odd", odd=True)}


@pytest.fixture(scope="session")
def dyag_quality(tmp_path_factory: pytest.TempPathFactory) -> Quality:
    """The quality of a training file with odd rows in it, as a reporter gets it."""
    from dyag_core.testing.samples import quality

    return quality(tmp_path_factory.mktemp("quality"))


@pytest.fixture(scope="session")
def dyag_tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a random model of about 0.1 million parameters; `from_pretrained` takes it. Don't write into it."""
    for library in ("torch", "transformers"):
        pytest.importorskip(library, reason='a tiny model needs: pip install "dyag[train]"', exc_type=ImportError)
    from dyag_core.testing.tiny_model import build_model

    return build_model(tmp_path_factory.mktemp("tiny") / "tiny-llama")


@pytest.fixture(scope="session")
def dyag_imports(request: pytest.FixtureRequest) -> Mapping[str, Any]:
    """What the modules of all plugins under contract in this session import: one interpreter for all of them."""
    from dyag_core.testing.contract import Contract
    from dyag_core.testing.imports import imports_of

    classes = {getattr(item, "cls", None) for item in request.session.items}
    homes = {cls.home() for cls in classes if cls is not None and issubclass(cls, Contract)}
    return imports_of(home for home in homes if home)


@pytest.fixture(scope="class")
def dyag_host(request: pytest.FixtureRequest) -> Plugins:
    """The plugin host of a contract class, with its plugin among the calling program's objects."""
    from dyag_core.plugin.host import Plugins

    return Plugins(objects=[request.cls.instance()])


@pytest.fixture(scope="class")
def dyag_chosen(request: pytest.FixtureRequest, dyag_host: Plugins) -> Chosen:
    """The contract's plugin as a command chooses it, with its options."""
    chosen: Chosen = request.cls.choose(dyag_host, dyag_host.objects[0])
    return chosen


@pytest.fixture
def dyag_run(dyag_host: Plugins, tmp_path: Path) -> Callable[..., Run]:
    """`dyag_run(stage="generate", seed=1, lang="fr")`: a run of a stage, each with an empty folder of its own."""
    from dyag_core.plugin.run import Run

    made: list[Path] = []

    def start(stage: str = "generate", **more: Any) -> Run:
        folder = tmp_path / f"run-{len(made)}"
        folder.mkdir()
        made.append(folder)
        return Run(stage=stage, folder=folder, plugins=dyag_host, **more)

    return start


@pytest.fixture(scope="class")
def dyag_base_model(request: pytest.FixtureRequest) -> str:
    """The model that a contract is tried on: the class's `base_model`, or the folder of a tiny random one."""
    named: str | None = request.cls.base_model
    return named or str(request.getfixturevalue("dyag_tiny_model"))


@pytest.fixture(scope="class")
def dyag_trained(
    request: pytest.FixtureRequest, dyag_host: Plugins, dyag_base_model: str, tmp_path_factory: pytest.TempPathFactory
) -> TrainedModel:
    """One finished training of a trainer under contract. Don't write into its folder."""
    made: TrainedModel = request.cls.train(dyag_host, dyag_base_model, tmp_path_factory.mktemp("trained") / "run")
    return made
