"""The hooks under examples/plugins/, installed as pip would and used by the real stages."""

import importlib.util
import json
import re
import shutil
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from dyag_core import Document, Example, Fact, Message, Session, UsageError, hookimpl
from dyag_core.plugin.host import Plugins
from dyag_core.plugin.run import Run
from dyag_core.records import Evaluation
from dyag_core.records.evaluation import EvaluationFiles

EXAMPLES = Path(__file__).parent.parent / "examples" / "plugins"


class Told:
    """Progress that keeps the messages."""

    def __init__(self) -> None:
        from dyag_core.progress import SilentProgress

        self.messages: list[str] = []
        self.task = SilentProgress().task

    def message(self, text: str) -> None:
        self.messages.append(text)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The examples with the entry points that their pyproject.toml declares."""
    project = tomllib.loads((EXAMPLES / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    info = tmp_path / "site" / "dyag_example_hooks-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    points = project["entry-points"]["dyag.hooks"]
    lines = "".join(f"{name} = {target}\n" for name, target in points.items())
    (info / "entry_points.txt").write_text(f"[dyag.hooks]\n{lines}")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.syspath_prepend(str(EXAMPLES))
    work = tmp_path / "work"
    work.mkdir()
    return work


SECRETS = ("jeanne.martin@example.fr", "06 12 34 56 78", "+33 (0)1.23.45.67.89", "2 84 05 2A 114 123 27", "0142030405")


TOPICS = ("perdre son badge", "payer une facture", "attendre un colis", "prendre rendez-vous", "être d'astreinte")


class Prose:
    """A generator that quotes its documents in every place that an example has."""

    name = "prose"

    @hookimpl
    def dyag_generate(self, documents: Iterable[Document]) -> Iterator[Example]:
        for document in documents:
            name = document.id
            for secret, about in zip(SECRETS, TOPICS, strict=True):
                before = (Message(role="user", content=secret), Message(role="assistant", content=f"Bien, {secret}."))
                yield Example(
                    question=f"{name} : {about} ? Voir {secret}, version 3.2.14.3",
                    answer=f"Écrire au secrétariat, poste {secret}, budget 12 000 000 euros.",
                    document=document,
                    history=before,
                    meta={"said_by": secret},
                )
            fact = Fact(document=name, subject=name, attribute="téléphone", value=SECRETS[2])
            yield Example(
                question=f"Le téléphone de {name} ?", answer=f"C'est {SECRETS[2]}", document=document, fact=fact
            )
            yield Example(question=f"Et le courriel de {name} ?", answer=SECRETS[0], document=document)


def test_personal_data_reaches_no_file_of_the_training_data(installed: Path) -> None:
    text = " ".join(f"Écrire au secrétariat, poste {secret}, budget 12 000 000 euros." for secret in SECRETS)
    rows = [json.dumps({"id": f"d{n}", "content": f"d{n} version 3.2.14.3 {text}"}) for n in range(4)]
    source = installed / "documents.jsonl"
    source.write_text("\n".join(rows), encoding="utf-8")
    session = Session(installed / "out", plugins=[Prose()], lang="fr")
    made = session.generate(source, method="prose", min_yield=0)
    assert made.written >= 4 * 3
    written = "\n".join(p.read_text("utf-8") for p in (installed / "out").iterdir() if p.is_file())
    assert made.rejected["the answer is personal data"] == 4 * 2
    assert not [secret for secret in SECRETS if secret in written]
    assert all(placeholder in written for placeholder in ("[NIR]", "[phone]", "[e-mail]"))
    assert "version 3.2.14.3" in written
    assert "budget 12 000 000 euros" in written
    manifest = json.loads(made.manifest.read_text("utf-8"))
    hooks = {plugin["name"]: plugin for plugin in manifest["plugins"] if plugin["family"] == "hooks"}
    assert hooks.keys() == {"redact", "mlflow", "notify", "timing"}
    assert {plugin["distribution"] for plugin in hooks.values()} == {"dyag-example-hooks"}


def test_the_numbers_of_a_stage_reach_mlflow(installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import mlflow

    store = (tmp_path / "mlruns").as_uri()
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    mlflow.set_tracking_uri(store)
    made, told = generated(installed)
    assert not [line for line in told.messages if "failed" in line]
    (run,) = mlflow.MlflowClient(store).search_runs([mlflow.get_experiment_by_name("dyag").experiment_id])
    assert run.data.metrics["written"] == made.written
    assert run.data.params == {"stage": "generate", "seed": "42"}


def test_without_mlflow_a_run_costs_one_warning(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    made, told = generated(installed)
    assert made.written
    assert len([line for line in told.messages if "dyag-example-hooks/mlflow failed" in line and "mlflow" in line]) == 1


def test_what_mlflow_is_sent_of_an_evaluation(installed: Path) -> None:
    spec = importlib.util.spec_from_file_location("send_to_mlflow", EXAMPLES / "send_to_mlflow.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    metrics = {"summaries": {"success": {"mean": 62.5}, "abstention": {"mean": None}}}
    result = EvaluationFiles(files={}, evaluations={"rag": Evaluation(metrics=metrics)})
    assert module.measured("evaluate", result) == {"rag.success": 62.5}
    assert module.measured("compare", object()) == {}


@pytest.fixture
def webhook() -> Iterator[tuple[str, list[Any]]]:
    """The address of a server on this machine, and what was posted to it."""
    posted: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/hook", posted
    server.shutdown()
    server.server_close()


def generated(folder: Path) -> tuple[Any, Told]:
    source = folder / "documents.jsonl"
    source.write_text('{"id": "a", "content": "# A\\n\\n- Licence: MIT\\n- Version: 3.1\\n"}\n', encoding="utf-8")
    told = Told()
    return Session(folder / "out", progress=told, lang="fr").generate(source, method="rule", min_yield=0), told


def test_a_word_is_posted_when_a_stage_has_ended_well_or_not(
    installed: Path, webhook: tuple[str, list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    address, posted = webhook
    monkeypatch.setenv("DYAG_NOTIFY_URL", address)
    generated(installed)
    assert posted == []  # too quick to be worth a word
    monkeypatch.setenv("DYAG_NOTIFY_AFTER", "0")
    note = installed / "note.txt"
    script = "import sys; open(sys.argv[1], 'w').write(sys.argv[2])"
    monkeypatch.setenv("DYAG_NOTIFY_COMMAND", f"{sys.executable} -c {json.dumps(script)} {note}")
    generated(installed)
    assert len(posted) == 1
    assert re.fullmatch(r"dyag generate is done, after \d+ s", posted[0]["text"])
    assert note.read_text() == posted[0]["text"]
    host = Plugins()
    with pytest.raises(UsageError), host.stage(Run(stage="index", folder=installed, plugins=host)):
        raise UsageError("a secret from a document")
    assert re.fullmatch(r"dyag index failed: UsageError, after \d+ s", posted[1]["text"])


def test_a_webhook_that_is_down_costs_a_warning(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DYAG_NOTIFY_URL", "http://127.0.0.1:9/nobody")
    monkeypatch.setenv("DYAG_NOTIFY_AFTER", "0")
    made, told = generated(installed)
    assert made.written
    assert [line for line in told.messages if "dyag-example-hooks/notify failed in dyag_after_stage" in line]


def test_timing_wraps_a_trainer_and_hands_its_result_on(installed: Path) -> None:
    class Engines:
        name = "quick"

        @hookimpl
        def dyag_open_engine(self) -> "Engines":
            return self

        def answer(self) -> None: ...

    told, engines = Told(), Engines()
    host = Plugins(objects=[engines])
    run = Run(stage="query", folder=installed, plugins=host, progress=told)
    assert host.engine(host.choose("engines", "quick"), "x", None, run) is engines
    assert [line for line in told.messages if line.startswith("loading the model: 0.0")]


@pytest.mark.slow
def test_the_examples_install_with_pip(tmp_path: Path) -> None:
    source = shutil.copytree(EXAMPLES, tmp_path / "source")  # pip builds where the sources are
    command = [sys.executable, "-m", "pip", "install", "--no-deps", "--target", str(tmp_path / "site"), str(source)]
    subprocess.run(command, check=True, capture_output=True)
    assert (tmp_path / "site" / "notify_at_end.py").exists()
