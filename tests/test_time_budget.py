"""`dyag finetune --time-budget`: what is trained in the time that there is, and what is left out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dyag_core import UsageError
from dyag_core.plugin.host import Plugins
from dyag_core.records.options import FinetuneOptions
from dyag_core.stages.finetune import finetune
from dyag_plugins.trainers.lora.budget import by_lot, checked, fit, seconds_of
from dyag_plugins.trainers.lora.checkpoints import Checkpoints
from dyag_plugins.trainers.lora.encoding import Encoded

OPTIONS: dict[str, Any] = {"device": "cpu", "batch_size": 4, "threads": 1, "targets": ["q_proj", "v_proj"], "rank": 2}


def rows(path: Path, number: int) -> Path:
    from dyag_core.api import to_json

    turns = [
        [{"role": "user", "content": f"Licence {n} ?"}, {"role": "assistant", "content": f"MIT {n}"}]
        for n in range(number)
    ]
    path.write_text("".join(to_json({"messages": two}) + "\n" for two in turns), "utf-8")
    return path


@pytest.mark.parametrize(("written", "seconds"), [("90s", 90), ("30m", 1800), ("1h30m", 5400), ("2h", 7200)])
def test_a_time_as_people_write_it(written: str, seconds: int) -> None:
    assert seconds_of(written) == seconds


@pytest.mark.parametrize("written", ["", "30", "0m", "half an hour", "1m2h"])
def test_what_is_no_time_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="30m"):
        checked(written)


def test_passes_go_before_rows() -> None:
    whole = fit(200, 8, 3, 1.0, "30m")
    assert (whole.examples, whole.steps, whole.whole) == (200, 75, True)
    fewer_passes = fit(200, 8, 3, 36.0, "30m")  # 45 steps
    assert (fewer_passes.examples, fewer_passes.steps, fewer_passes.whole) == (200, 45, False)
    fewer_rows = fit(200, 8, 3, 135.0, "30m")  # 12 steps, a pass has 25
    assert (fewer_rows.examples, fewer_rows.steps) == (96, 12)
    assert fewer_rows.line("30m", 3, 8) == (
        "a step takes 135.00 s: 12 of 75 steps fit into 30m, so 1 of 3 passes, over 96 of 200 examples"
    )


def test_too_little_time_is_refused_with_the_time_that_it_takes() -> None:
    with pytest.raises(UsageError, match="too few to learn") as caught:
        fit(200, 8, 3, 300.0, "30m")
    assert "45m" in (caught.value.hint or "")


def test_examples_are_left_out_by_lot_in_the_order_of_the_file() -> None:
    train = Encoded(Path("x"), 64, items=[f"item {n:02}" for n in range(50)])  # type: ignore[misc]
    kept = by_lot(train, fit(50, 2, 1, 60.0, "10m"), 1).items
    assert kept == sorted(kept)
    assert len(kept) == 18
    assert kept != train.items[:18]


def test_a_run_says_what_fits_and_its_passport_keeps_it(tiny_model: Path, tmp_path: Path, heard: Any) -> None:
    data = rows(tmp_path / "data_train.jsonl", 16)
    given = FinetuneOptions(base_model=str(tiny_model), epochs=100_000, options=OPTIONS | {"time_budget": "4s"})
    trained = finetune(given, dataset=data, output=tmp_path / "out", plugins=Plugins(), progress=heard)
    told = trained.resolved["time_budget"]
    assert told["steps"] == trained.steps < told["steps_wanted"] == 400_000
    assert any("steps fit into 4s" in line for line in heard.lines)
    kept = Checkpoints(tmp_path / "out" / "checkpoints", {}, 2).planned()
    assert kept is not None
    assert kept.steps == trained.steps
