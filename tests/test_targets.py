"""`-o targets=...` names modules that the model has, or nothing is trained."""

from __future__ import annotations

import json

import pytest

from dyag_core.cli.root import main


@pytest.fixture
def train(tiny_model, tmp_path, capsys):
    """`dyag finetune` on these targets: its exit code and what it said."""
    rows = [
        {"messages": [{"role": "user", "content": f"q{n} ?"}, {"role": "assistant", "content": "LGPL"}]}
        for n in range(4)
    ]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")

    def run(targets):
        with pytest.raises(SystemExit) as ended:
            main(
                [
                    *("finetune", "--dataset", str(tmp_path / "rows.jsonl"), "--output", str(tmp_path / "out")),
                    *("--base-model", str(tiny_model), "--epochs", "1", "-o", "threads=1", "-o", f"targets={targets}"),
                ]
            )
        return ended.value.code, capsys.readouterr().err

    return run


def test_a_target_that_the_model_lacks_is_refused_with_those_it_has(train, tmp_path):
    code, err = train("q_proj,query_key_value")
    assert code == 2
    assert "has no module that is called query_key_value\n" in err
    assert "it has " in err
    assert all(name in err for name in ("q_proj", "v_proj", "down_proj", "embed_tokens"))
    assert not (tmp_path / "out" / "final").exists()
    assert train("q_proj,self_attn.v_proj")[0] == 0  # the same output, now that the options are right
