"""The whole chain through the real commands with the real embedded model, small; without a network where that can be
arranged.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dyag_samples import catalogue

ARMS = ("base", "rag", "finetuned", "hybrid")

#: The chain is made within the first test's time, on whatever is left of a busy machine.
pytestmark = pytest.mark.timeout(1800)


def no_network() -> list[str]:
    """What to put before a command so that it has no network; nothing where the machine doesn't allow that."""
    wrapper = ["unshare", "-rn"]
    if shutil.which("unshare") and subprocess.run([*wrapper, "true"], capture_output=True, check=False).returncode == 0:
        return wrapper
    return []


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Documents -> data -> model -> four result files -> reports, in a folder with a space and an accent."""
    folder = tmp_path_factory.mktemp("la chaîne")
    dyag(folder, "models", "pull", "smollm2:135m", offline=False)
    lines = catalogue("fr").read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / "few.jsonl").write_text("".join(lines[:6]), encoding="utf-8")
    dyag(
        folder,
        *("generate-training", "few.jsonl", "--method", "augmented", "--split", "78/0/22"),
        *("--output", "data/demo.jsonl", "-o", "facts=3", "-o", "wordings=6"),
        # all rows for a few plain facts, and none for a validation that five rows would decide by chance
        *("-o", "derived=0", "-o", "compared=0", "-o", "dialogues=0", "-o", "combined=0"),
    )
    finetune(folder)
    dyag(
        folder,
        *("evaluate", "data/demo_test.jsonl", "--model", "models/demo/final", "--index", "data/demo.index"),
        *("--output", "results", "--max-new-tokens", "32", "-k", "1"),
    )
    results = [f"--results={arm}=results_{arm}.json" for arm in ARMS]
    dyag(folder, "compare-models", *results, "--output", "comparison", "--format", "all")
    return folder


def finetune(folder: Path) -> subprocess.CompletedProcess[str]:
    return dyag(
        folder,
        *("finetune", "--dataset", "data/demo_train.jsonl", "--output", "models/demo"),
        *("--base-model", "smollm2:135m", "--epochs", "6"),
    )


def dyag(
    folder: Path, *arguments: str, offline: bool = True, typed: str | None = None, code: int = 0
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [*(no_network() if offline else []), sys.executable, "-m", "dyag_core.cli", *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=folder,
        env={**os.environ, "LANG": "C"},
        input=typed,
        check=False,
    )
    assert done.returncode == code, done.stderr
    return done


def success(folder: Path, arm: str, stratum: str) -> float:
    evaluation = json.loads((folder / f"results_{arm}.json").read_text(encoding="utf-8"))
    return float(evaluation["metrics"]["strata"][stratum]["success"]["mean"])


def test_the_fine_tuned_model_has_learnt_the_facts_in_other_words(chain: Path) -> None:
    assert success(chain, "finetuned", "recall") >= success(chain, "base", "recall") + 60


def test_what_was_never_trained_stays_unknown_to_the_fine_tuned_model(chain: Path) -> None:
    assert success(chain, "finetuned", "unseen") <= 50


def test_every_arm_answered_every_question_and_the_rag_arms_name_their_sources(chain: Path) -> None:
    questions = len((chain / "data" / "demo_test.jsonl").read_text(encoding="utf-8").strip().split("\n"))
    for arm in ARMS:
        evaluation = json.loads((chain / f"results_{arm}.json").read_text(encoding="utf-8"))
        assert len(evaluation["results"]) == questions
        assert evaluation["metrics"]["errors"] == 0
        assert evaluation["metadata"]["arm"] == arm
        assert all(bool(item["sources"]) == (arm in ("rag", "hybrid")) for item in evaluation["results"])


def test_the_reports_say_the_same_in_three_formats(chain: Path) -> None:
    comparison = json.loads((chain / "comparison.json").read_text(encoding="utf-8"))
    verdict = comparison["recommendations"][0]["text"]["fr"]
    assert [arm["name"] for arm in comparison["arms"]] == list(ARMS)
    assert verdict in (chain / "comparison.md").read_text(encoding="utf-8")
    assert "<script" not in (chain / "comparison.html").read_text(encoding="utf-8")


def test_a_question_is_answered_on_stdout_alone(chain: Path) -> None:
    row = json.loads((chain / "data" / "demo_train.jsonl").read_text(encoding="utf-8").split("\n")[0])
    question, answer = row["messages"][-2]["content"], row["messages"][-1]["content"]
    done = dyag(chain, "query-finetuned", question, "--model", "models/demo/final")
    assert done.stdout.strip() == answer
    as_json = json.loads(dyag(chain, "query-finetuned", question, "--model", "models/demo/final", "--json").stdout)
    assert as_json["answer"] == answer
    assert as_json["completion_tokens"] > 0


def test_a_conversation_answers_line_by_line_and_is_saved(chain: Path) -> None:
    row = json.loads((chain / "data" / "demo_train.jsonl").read_text(encoding="utf-8").split("\n")[0])
    question, answer = row["messages"][-2]["content"], row["messages"][-1]["content"]
    typed = f"{question}\n/save talk.jsonl\n/nonsense\n/reset\n{question}\n/exit\n"
    done = dyag(chain, "query-finetuned", "--model", "models/demo/final", typed=typed)
    assert done.stdout.split("\n")[:2] == [answer, answer]
    assert "no command '/nonsense'" in done.stderr
    saved = json.loads((chain / "talk.jsonl").read_text(encoding="utf-8"))
    assert [message["content"] for message in saved["messages"]][-2:] == [question, answer]


def test_another_base_is_refused_at_once_naming_both(chain: Path) -> None:
    done = dyag(chain, "query-finetuned", "?", "--model", "models/demo/final", "--base-model", "tinyllama", code=2)
    assert "'smollm2:135m'" in done.stderr
    assert "'tinyllama'" in done.stderr
    assert "downloading" not in done.stderr


def test_the_same_command_again_does_nothing_again(chain: Path) -> None:
    before = (chain / "models" / "demo" / "final" / "adapter_model.safetensors").stat().st_mtime_ns
    assert "complete" in finetune(chain).stderr
    assert (chain / "models" / "demo" / "final" / "adapter_model.safetensors").stat().st_mtime_ns == before


def test_no_file_holds_a_path_of_this_machine(chain: Path) -> None:
    texts = [path for path in chain.rglob("*") if path.suffix in (".json", ".jsonl", ".md", ".html", ".txt")]
    assert len(texts) > 15
    assert not [path for path in texts if str(chain) in path.read_text(encoding="utf-8", errors="replace")]
