"""Going on from an older adapter: new rows are learnt, old ones kept, another base refused."""

from __future__ import annotations

import json

import pytest

from dyag_core.artifacts import file_sha256, read_json
from dyag_core.chat.conversations import read_conversations
from dyag_core.errors import UsageError
from dyag_core.plugin.host import Plugins
from dyag_core.records.options import FinetuneOptions
from dyag_core.stages.finetune import estimate, finetune
from dyag_core.training.passport import read_passport

OPTIONS = {"batch_size": 4, "learning_rate": 5e-3, "threads": 1, "rank": 8, "schedule": "constant"}


def rows(names, answer):
    return [
        {
            "messages": [
                {"role": "system", "content": "Réponds brièvement."},
                {"role": "user", "content": f"Quelle est la licence de {name} ?"},
                {"role": "assistant", "content": answer},
            ]
        }
        for name in names
    ]


def write(path, data):
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in data), "utf-8")
    return path


@pytest.fixture(scope="module")
def base(tiny_model, tmp_path_factory):
    """The tiny model with embeddings large enough to be sure of a token: else no adapter gets its loss down."""
    import shutil

    from safetensors.torch import load_file, save_file

    folder = tmp_path_factory.mktemp("base") / "tiny-llama"
    shutil.copytree(tiny_model, folder)
    weights = load_file(folder / "model.safetensors")
    weights["model.embed_tokens.weight"] *= 20
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


@pytest.fixture(scope="module")
def parent(base, tmp_path_factory):
    """An adapter that answers "LGPL" to everything, its data and the folder they stand in."""
    folder = tmp_path_factory.mktemp("parent")
    data = write(folder / "old_train.jsonl", rows([f"a{i}" for i in range(12)], "LGPL"))
    write(folder / "old_test.jsonl", rows(["a1", "a3", "a5", "a7"], "LGPL"))
    given = FinetuneOptions(base_model=str(base), epochs=12, options=OPTIONS)
    finetune(given, dataset=data, output=folder / "out", plugins=Plugins())
    return folder


@pytest.fixture
def go_on(parent, tmp_path):
    new = write(tmp_path / "new_train.jsonl", rows([f"b{i}" for i in range(12)], "Apache 2.0"))

    def call(output="out", *, run=finetune, options=None, progress=None, **more):
        shared = {"batch_size": 4, "learning_rate": 5e-3, "threads": 1, "schedule": "constant"}
        arguments = {"from_adapter": parent / "out", "epochs": 8} | more
        given = FinetuneOptions(options=shared | (options or {}), **arguments)
        return run(given, dataset=new, output=tmp_path / output, plugins=Plugins(), progress=progress)

    return call


def test_new_rows_are_learnt_and_old_ones_kept_by_replay(go_on, parent, tmp_path, heard):
    old = parent / "old_train.jsonl"
    trained = go_on(replay=old, replay_share=0.4, epochs=16, progress=heard)
    assert trained.final_loss < trained.first_loss / 10
    assert trained.old_test["questions"] == 4
    assert trained.old_test["before"] == 100
    assert trained.old_test["after"] == 100
    assert any("old test: 100.0 % before, 100.0 % after" in line for line in trained.summary_lines())
    assert any("12 new rows and 8 of 12 old ones (40% of all rows are replayed)" in line for line in heard.lines)
    mixed = read_conversations(tmp_path / "out" / "mixed.jsonl")
    assert [row.meta.get("replayed", False) for row in mixed] == [False] * 12 + [True] * 8

    passport, before = read_passport(tmp_path / "out"), read_passport(parent / "out")
    assert passport.data["replay"] == {
        "file": "old_train.jsonl",
        "sha256": file_sha256(old),
        "rows": 8,
        "of": 12,
        "share": 0.4,
    }
    assert passport.data["train"]["rows"] == 12
    assert passport.parent["adapter_sha256"] == file_sha256(parent / "out" / "final" / "adapter_model.safetensors")
    assert passport.parent["data"] == before.data
    assert passport.options["rank"] == 8
    assert read_json(tmp_path / "out" / "final" / "adapter_config.json")["r"] == 8
    questions = (tmp_path / "out" / "final" / "trained_questions.txt").read_text().split()
    assert len(questions) == 24


def test_forgetting_shows_without_replay(go_on, parent):
    trained = go_on(old_test=parent / "old_test.jsonl")
    assert trained.old_test["before"] == 100
    assert trained.old_test["after"] < 50


def test_an_old_question_that_is_none_is_left_out_and_named_once(go_on, parent, tmp_path, heard):
    questions = (parent / "old_test.jsonl").read_text(encoding="utf-8")
    torn = tmp_path / "torn_test.jsonl"
    torn.write_text("{torn\n" + questions, encoding="utf-8")
    assert go_on(old_test=torn, epochs=1, progress=heard).old_test["questions"] == 4
    said = [line for line in heard.lines if "torn_test.jsonl: 1 rows are no questions" in line]
    assert len(said) == 1
    assert "line 1" in said[0]


def test_the_first_loss_is_the_old_adapter_s_and_not_a_fresh_one_s(go_on, base):
    gone_on = go_on(epochs=1)
    fresh = go_on("fresh", from_adapter=None, base_model=str(base), epochs=1)
    assert gone_on.first_loss < fresh.first_loss


def test_a_stopped_run_goes_on_and_other_replay_is_refused(go_on, parent):
    from dyag_core.errors import LockedError

    go_on(epochs=1, replay=parent / "old_train.jsonl")
    with pytest.raises(LockedError, match=r"replay_share: 0.2 before, 0.5 now"):
        go_on(epochs=1, replay=parent / "old_train.jsonl", replay_share=0.5)
    with pytest.raises(LockedError, match="from_adapter"):
        go_on(epochs=1, from_adapter=None, base_model="smollm2:135m")


def test_another_base_is_refused_by_name(go_on, make_model):
    other = make_model("other", num_hidden_layers=1)
    with pytest.raises(UsageError, match=r"trained on 'tiny-llama'.*'other'") as caught:
        go_on(base_model=str(other))
    assert caught.value.exit_code == 2


def test_the_shape_is_the_adapter_s(go_on):
    with pytest.raises(UsageError, match="rank=4 contradicts the adapter, which has 8"):
        go_on(options={"rank": 4})
    assert go_on(options={"rank": 8}, epochs=1).resolved["rank"] == 8


def test_replay_needs_an_adapter_and_an_honest_share(go_on, parent, base):
    with pytest.raises(UsageError, match="--replay and --old-test belong to an older adapter"):
        go_on(from_adapter=None, base_model=str(base), replay=parent / "old_train.jsonl")
    for share, wrong in ((1.0, "less than 1"), (0.0, "greater than 0")):
        with pytest.raises(UsageError, match=f"replay_share: Input should be {wrong}"):
            FinetuneOptions.of({"replay": parent / "old_train.jsonl", "replay_share": share})


def test_an_estimate_counts_replayed_rows_and_writes_nothing(go_on, parent, tmp_path):
    found = go_on("none", run=estimate, replay=parent / "old_train.jsonl", replay_share=0.4)
    assert found.examples == 20
    assert not (tmp_path / "none").exists()
