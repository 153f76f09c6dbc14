"""BM25 and indexes: finding, ties, caches that are damaged, manifests that lead to the documents."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path

import numpy as np
import pytest

from dyag_core import Chunk
from dyag_core.artifacts import read_jsonl, write_jsonl, write_manifest
from dyag_core.errors import UsageError
from dyag_core.plugin.host import Plugins
from dyag_core.plugin.run import Run
from dyag_core.records.index import Index
from dyag_core.records.options import IndexOptions
from dyag_core.retrieval.index import OpenIndex, open_index
from dyag_core.stages.index import index, index_for_questions
from dyag_core.text.normalise import fold
from dyag_plugins.retrievers.best import best, ranks_by_id
from dyag_samples import catalogue

FRENCH = {
    "c3": "# 7zip\n\n- Catégorie: Compression décompression\n- Licence: LGPL-2.0-only. Archivage des données.",
    "c1": "# Ansible\n\n- Fonction: Outil de déploiement\n- Licence: GPL-3.0-only. Les systèmes sont déployés.",
    "c2": "# Antidote\n\n- Fonction: Correcteur d'orthographe pour les élèves\n- Licence: propriétaire.",
}


def chunks(texts: dict[str, str]) -> list[Chunk]:
    return [Chunk(id=name, text=text) for name, text in texts.items()]


def retriever(texts: dict[str, str], folder: Path, **options: object):
    plugins = Plugins()
    run = Run(stage="index", folder=folder, plugins=plugins)
    return plugins.retriever(plugins.choose("retrievers", "bm25", options), chunks(texts), folder / "r", run)


def ids(found) -> list[list[str]]:
    return [[hit.chunk.id for hit in hits] for hits in found]


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("Quelle est la catégorie de 7zip ?", "c3"),
        ("categorie compression", "c3"),  # typed without accents
        ("7-zip", "c3"),
        ("déployer un système", "c1"),  # stemmed: déploiement, systèmes
        ("l'élève", "c2"),
        ("ORTHOGRAPHE", "c2"),
    ],
)
def test_finds_french(tmp_path: Path, query: str, first: str) -> None:
    assert ids(retriever(FRENCH, tmp_path).search([query], 2))[0][0] == first


def test_finds_english_with_the_english_stemmer(tmp_path: Path) -> None:
    texts = {"a": "The tool that deploys servers and it is for you", "b": "An editor of the images with layers"}
    assert ids(retriever(texts, tmp_path).search(["deploying a server", "image editors"], 1)) == [["a"], ["b"]]


def test_equal_scores_are_ordered_by_id_and_scores_fall(tmp_path: Path) -> None:
    texts = {f"c{i}": "le même texte sur la licence" for i in (3, 1, 2, 0)} | {"z": "licence licence licence texte"}
    (hits,) = retriever(texts, tmp_path).search(["licence"], 10)
    assert [hit.chunk.id for hit in hits][-4:] == ["c0", "c1", "c2", "c3"]
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


@pytest.mark.parametrize("k", [0, 1, 2, 7, 60, 61, 100])
@pytest.mark.parametrize("block", [1, 7, 512])
def test_the_best_are_what_a_sort_of_all_would_give(k: int, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dyag_plugins.retrievers.best._BLOCK", block)
    rng = np.random.default_rng(3)
    for kinds in (1, 2, 5, 60):  # few kinds of scores: ties everywhere
        scores = rng.integers(0, kinds, 60).astype(np.float32) / 7
        ids = [f"c{i}" for i in rng.permutation(60)]
        ranks = ranks_by_id([Chunk(id=name, text="") for name in ids])
        expected = sorted(range(60), key=lambda i: (-scores[i], ids[i]))
        assert best(scores, ranks, k).tolist() == expected[:k]
        assert best(scores, ranks, k, above=0).tolist() == [i for i in expected if scores[i] > 0][:k]


def textbook_bm25(corpus: list[list[str]], query: list[str], k1: float, b: float) -> list[float]:
    """Robertson & Zaragoza 2009, eq. 3.15, with Lucene's idf, which is never negative, and no factor (k1 + 1):
    sum over the query's terms of ln(1 + (N - df + 0.5) / (df + 0.5)) * tf / (tf + k1 * (1 - b + b * length / mean)).
    """
    mean = sum(map(len, corpus)) / len(corpus)
    scores = []
    for terms in corpus:
        score = 0.0
        for term in query:
            df, tf = sum(term in other for other in corpus), terms.count(term)
            idf = math.log(1 + (len(corpus) - df + 0.5) / (df + 0.5))
            score += idf * tf / (tf + k1 * (1 - b + b * len(terms) / mean))
        scores.append(score)
    return scores


@pytest.mark.parametrize("options", [{}, {"k1": "0.9", "b": "0.4"}])
def test_ranks_and_scores_are_the_textbooks_and_bm25s_own(tmp_path: Path, options: dict[str, str]) -> None:
    import bm25s

    from dyag_plugins.retrievers.bm25 import analyser

    rng = random.Random(5)
    words = [row["content"] for _, row in read_jsonl(catalogue("fr"))]
    texts = {f"c{i:02}": text for i, text in enumerate(words)}
    queries = [" ".join(rng.sample(rng.choice(words).split(), 4)) for _ in range(40)]
    analyse = analyser("fr")
    corpus = [analyse(text) for text in texts.values()]
    k1, b = float(options.get("k1", 1.5)), float(options.get("b", 0.75))
    theirs = bm25s.BM25(k1=k1, b=b, method="lucene", backend="numpy")
    theirs.index(corpus, show_progress=False)
    ours = retriever(texts, tmp_path, lang="fr", **options).search(queries, len(texts))
    for query, hits in zip(queries, ours, strict=True):
        expected = dict(zip(texts, textbook_bm25(corpus, analyse(query), k1, b), strict=True))
        assert {hit.chunk.id: hit.score for hit in hits} == pytest.approx({n: s for n, s in expected.items() if s})
        found, scores = theirs.retrieve([analyse(query)], k=len(texts), show_progress=False)
        assert [hit.score for hit in hits] == pytest.approx([float(s) for s in scores[0] if s])
        for hit, place in zip(hits, found[0], strict=False):  # bm25s orders ties as they come
            assert expected[f"c{place:02}"] == pytest.approx(hit.score)


def test_fewer_chunks_than_k_and_queries_without_words(tmp_path: Path) -> None:
    search = retriever(FRENCH, tmp_path).search
    assert len(search(["licence"], 50)[0]) == 3
    assert search(["", "  ", "?", "le la les", "xyzzy", "👍"], 3) == [[]] * 6


def test_chunks_without_any_word_do_no_harm(tmp_path: Path) -> None:
    assert retriever({"a": "?", "b": ""}, tmp_path).search(["licence"], 3) == [[]]


def test_options_change_the_search(tmp_path: Path) -> None:
    texts = {"long": "licence licence licence " + "mot " * 50, "short": "licence mot"}
    scores = [
        {hit.chunk.id: hit.score for hit in retriever(texts, tmp_path / str(i), **options).search(["licence"], 2)[0]}
        for i, options in enumerate([{}, {"b": "0"}, {"k1": "0.1"}])
    ]
    assert scores[0] != scores[1] != scores[2]
    english = retriever({"a": "deploys deployed"}, tmp_path / "en", lang="en")
    french = retriever({"a": "deploys deployed"}, tmp_path / "fr", lang="fr")
    assert english.search(["deploying"], 1)[0]
    assert not french.search(["deploying"], 1)[0]


@pytest.mark.parametrize("damage", ["truncate", "flip", "remove", "marker"])
def test_a_damaged_cache_is_built_again(tmp_path: Path, damage: str) -> None:
    expected = retriever(FRENCH, tmp_path).search(["licence outil"], 3)
    for path in sorted((tmp_path / "r").iterdir()):
        before = path.read_bytes()
        if damage == "truncate":
            path.write_bytes(before[: len(before) // 2])
        elif damage == "flip":
            path.write_bytes(before[:-1] + bytes([before[-1] ^ 1]))
        elif damage == "remove":
            path.unlink()
        elif path.name == "cache.json":
            path.write_text("[]", encoding="utf-8")
        assert retriever(FRENCH, tmp_path).search(["licence outil"], 3) == expected
        assert path.read_bytes() == before


def test_no_pickle_in_the_cache_and_same_bytes_each_time(tmp_path: Path) -> None:
    for name in ("a", "b"):
        retriever(FRENCH, tmp_path / name)
    one, other = ({p.name: p.read_bytes() for p in (tmp_path / n / "r").iterdir()} for n in ("a", "b"))
    assert one == other
    assert {name.rsplit(".", 1)[1] for name in one} == {"npy", "json"}
    assert all(b"pickle" not in content and not content.startswith(b"\x80") for content in one.values())


# -- the stage ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    path = tmp_path / "données" / "documents.jsonl"
    rows = [{"id": name, "content": text, "metadata": {"id": name}} for name, text in FRENCH.items()]
    write_jsonl(path, rows)
    return path


def build(documents: Path, output: Path, **given: bool) -> Index:
    return index(IndexOptions(**given), source=documents, output=output, plugins=Plugins())


def opened(folder: Path) -> OpenIndex:
    plugins = Plugins()
    return open_index(folder, plugins=plugins, run=Run(stage="query", folder=folder, plugins=plugins))


def test_index_and_open(documents: Path, tmp_path: Path) -> None:
    made = build(documents, tmp_path / "sill.index")
    assert (made.chunks, made.retriever, made.lang) == (3, "bm25", "fr")
    found = opened(made.folder)
    assert found.sha256 == made.sha256
    assert "LGPL" in found.search(["licence de 7zip"], 1)[0][0].chunk.text
    manifest = json.loads((made.folder / "index.json").read_text("utf-8"))
    assert manifest["inputs"]["documents"]["path"] == "../données/documents.jsonl"
    assert str(tmp_path) not in (made.folder / "index.json").read_text("utf-8")


def test_index_twice_gives_the_same_bytes(documents: Path, tmp_path: Path) -> None:
    for name in ("a.index", "b.index", "a.index"):
        build(documents, tmp_path / name)
    one, other = (
        {p.relative_to(tmp_path / n): p.read_bytes() for p in sorted((tmp_path / n).rglob("*")) if p.is_file()}
        for n in ("a.index", "b.index")
    )
    times = [json.loads(files.pop(Path("times.json"))) for files in (one, other)]
    assert one == other
    assert all(told["seconds"] > 0 for told in times)


def files_of(folder: Path) -> dict[str, bytes]:
    files = {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    files.pop("times.json")
    return files


def changed(rows: list[dict]) -> list[dict]:
    """Some documents gone, some new, one changed, one moved."""
    other = {**rows[1], "content": rows[1]["content"] + " Licence: MIT. Un mot jamais vu : zzyzx."}
    new = [{**row, "id": f"new-{row['id']}", "metadata": {"id": f"new-{i}"}} for i, row in enumerate(rows[-2:])]
    return [new[0], rows[4], other, rows[0], *rows[5:-2], new[1]]


def with_blocks_of(words: int, postings: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dyag_plugins.retrievers.postings._BLOCK", words)
    monkeypatch.setattr("dyag_plugins.retrievers.postings._SLAB", postings)
    monkeypatch.setattr("dyag_plugins.retrievers.postings._TERMS", 1 + postings // 2)


def test_an_index_built_in_small_blocks_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(catalogue("fr"), tmp_path / "one.index")
    with_blocks_of(50, 20, monkeypatch)
    build(catalogue("fr"), tmp_path / "many.index")
    assert files_of(tmp_path / "one.index") == files_of(tmp_path / "many.index")


@pytest.mark.parametrize("blocks", [(1 << 22, 1 << 21), (50, 20)])
def test_an_updated_index_is_the_one_built_from_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, blocks: tuple[int, int]
) -> None:
    with_blocks_of(*blocks, monkeypatch)
    rows = [row for _, row in read_jsonl(catalogue("fr")) if isinstance(row, dict)]
    source, folder = tmp_path / "documents.jsonl", tmp_path / "kept.index"
    write_jsonl(source, rows)
    build(source, folder)
    served = opened(folder)
    before = served.search(["licence"], 5)
    write_jsonl(source, changed(rows))
    made = build(source, folder, update=True)
    fresh = build(source, tmp_path / "fresh.index")
    assert (made.added, made.gone) == (3, 5)
    assert (fresh.added, fresh.gone) == (None, None)
    assert files_of(folder) == files_of(fresh.folder)
    assert opened(folder).search(["zzyzx", "licence"], 50) == opened(fresh.folder).search(["zzyzx", "licence"], 50)
    assert served.search(["licence"], 5) == before  # who had it open goes on
    unchanged = build(source, folder, update=True)
    assert (unchanged.added, unchanged.gone) == (0, 0)
    assert files_of(folder) == files_of(fresh.folder)


def test_an_update_analyses_only_what_has_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [row for _, row in read_jsonl(catalogue("fr")) if isinstance(row, dict)]
    source = tmp_path / "documents.jsonl"
    write_jsonl(source, rows)
    build(source, tmp_path / "x.index")
    write_jsonl(source, changed(rows))
    seen: list[str] = []
    monkeypatch.setattr("dyag_plugins.retrievers.bm25.fold", lambda text: (seen.append(text), fold(text))[1])
    build(source, tmp_path / "x.index", update=True)
    texts = [text for text in seen if " " in text]  # the stopwords are folded, too
    assert len(texts) == 3


def test_an_update_that_fails_leaves_the_index(documents: Path, tmp_path: Path) -> None:
    folder = build(documents, tmp_path / "x.index").folder
    before = files_of(folder)
    documents.write_text("", encoding="utf-8")
    for update in (True, False):
        with pytest.raises(UsageError, match="nothing to read"):
            build(documents, folder, update=update)
        assert files_of(folder) == before


def test_what_a_killed_build_left_is_in_nobodys_way(documents: Path, tmp_path: Path) -> None:
    folder = build(documents, tmp_path / "x.index").folder
    expected = files_of(folder)
    for left in (".next", ".next/retriever", ".next/.retriever.partial", ".next/.retriever.partial/blocks"):
        (folder / left).mkdir()
    (folder / ".next" / "chunks.jsonl").write_text("half", encoding="utf-8")
    assert opened(folder).search(["licence"], 3)[0]
    build(documents, folder, update=True)
    assert files_of(folder) == expected


def test_an_update_starts_from_nothing_where_it_must(documents: Path, tmp_path: Path) -> None:
    fresh = files_of(build(documents, tmp_path / "fresh.index").folder)
    folder = build(documents, tmp_path / "x.index", update=True).folder  # none is there
    assert files_of(folder) == fresh
    index(IndexOptions(options={"b": 0.1, "lang": "en"}), source=documents, output=folder, plugins=Plugins())
    assert build(documents, folder, update=True).added == 0  # other options: the chunks are the same, their terms not
    assert files_of(folder) == fresh
    for damaged in ("chunks.npy", "retriever/counts.npy", "retriever/cache.json", "index.json"):
        (folder / damaged).write_bytes((folder / damaged).read_bytes()[:-20])
        build(documents, folder, update=True)
        assert files_of(folder) == fresh


def test_an_index_without_a_table_is_read_through(documents: Path, tmp_path: Path) -> None:
    """As versions before this one wrote it."""
    folder = build(documents, tmp_path / "x.index").folder
    expected = opened(folder).search(["licence"], 3)
    manifest = json.loads((folder / "index.json").read_text("utf-8"))
    for key in ("bytes", "table"):
        del manifest["chunks"][key]
    (folder / "index.json").write_text(json.dumps(manifest), encoding="utf-8")
    (folder / "chunks.npy").unlink()
    (folder / "retriever" / "cache.json").write_text('{"key": "", "files": {"data.csc.index.npy": ""}}', "utf-8")
    assert opened(folder).search(["licence"], 3) == expected
    (folder / "chunks.jsonl").write_bytes((folder / "chunks.jsonl").read_bytes().replace(b"LGPL", b"LGPI"))
    with pytest.raises(UsageError, match="not the file"):
        opened(folder)


def test_a_chunk_that_changed_in_its_place_is_never_shown(documents: Path, tmp_path: Path) -> None:
    folder = build(documents, tmp_path / "x.index").folder
    lines = folder / "chunks.jsonl"
    lines.write_bytes(lines.read_bytes().replace(b"LGPL", b"LGPI"))  # the same size
    with pytest.raises(UsageError, match="line 1 is not the one") as caught:
        opened(folder).search(["7zip"], 1)
    assert "dyag index-rag" in (caught.value.hint or "")


def test_chunks_are_found_by_their_ids(tmp_path: Path) -> None:
    found = opened(build(catalogue("fr"), tmp_path / "x.index").folder)
    assert [found.chunk(chunk.id) for chunk in found.chunks] == list(found.chunks)
    assert [found.chunk(name) for name in ("", "zzz", found.chunks[3].id + "x")] == [None] * 3
    assert found.chunks[-1] == found.chunks[len(found.chunks) - 1]
    assert found.chunks[1:3] == [found.chunks[1], found.chunks[2]]


@pytest.mark.parametrize("name", ["chunks", "weights", "starts"])
def test_a_large_cache_is_checked_where_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr("dyag_plugins.retrievers.sealed._SMALL", 0)
    expected = retriever(FRENCH, tmp_path).search(["licence outil"], 3)
    path = tmp_path / "r" / f"{name}.npy"
    before = path.read_bytes()
    path.write_bytes(before[:-1] + bytes([before[-1] ^ 1]))
    assert retriever(FRENCH, tmp_path).search(["licence outil"], 3) == expected
    assert path.read_bytes() == before


def test_a_missing_index_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        opened(tmp_path / "no.index")
    assert "dyag index-rag" in (caught.value.hint or "")


@pytest.mark.parametrize("damage", ["chunk changed", "chunks gone", "manifest half", "manifest other"])
def test_a_damaged_index_is_refused(documents: Path, tmp_path: Path, damage: str) -> None:
    folder = build(documents, tmp_path / "x.index").folder
    lines = folder / "chunks.jsonl"
    if damage == "chunk changed":
        lines.write_text(lines.read_text("utf-8").replace("LGPL", "MIT"), encoding="utf-8")
    elif damage == "chunks gone":
        lines.unlink()
    elif damage == "manifest half":
        (folder / "index.json").write_text('{"chunks": ', encoding="utf-8")
    else:
        (folder / "index.json").write_text("{}", encoding="utf-8")
    with pytest.raises(UsageError):
        opened(folder)


def test_an_index_never_replaces_something_else(documents: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.docx").write_text("years of work", encoding="utf-8")
    with pytest.raises(UsageError, match=r"thesis\.docx"):
        build(documents, tmp_path / "mine")
    with pytest.raises(UsageError):
        build(documents, documents)


def questions_from(documents: Path, folder: Path) -> Path:
    path = folder / "sill_test.jsonl"
    write_jsonl(path, [{"question": "Q ?", "expected_answer": "A"}])
    write_manifest(
        folder / "sill.manifest.json",
        stage="generate",
        options={},
        seed=1,
        inputs={"documents": documents},
        plugins=[],
    )
    return path


def test_a_missing_index_is_built_from_the_questions_documents(documents: Path, tmp_path: Path) -> None:
    questions = questions_from(documents, tmp_path / "data")
    plugins = Plugins()
    folder = index_for_questions(questions, tmp_path / "data" / "sill.index", plugins=plugins)
    run = Run(stage="evaluate", folder=folder, plugins=plugins)
    assert open_index(folder, plugins=plugins, run=run).search(["7zip"], 1)[0]
    stamp = (folder / "index.json").stat().st_mtime_ns
    index_for_questions(questions, folder, plugins=Plugins())
    assert (folder / "index.json").stat().st_mtime_ns == stamp


def test_documents_that_changed_since_are_refused(documents: Path, tmp_path: Path) -> None:
    questions = questions_from(documents, tmp_path / "data")
    with documents.open("a", encoding="utf-8") as handle:
        handle.write('{"id": "new", "content": "autre"}\n')
    with pytest.raises(UsageError, match="changed since") as caught:
        index_for_questions(questions, tmp_path / "sill.index", plugins=Plugins())
    assert "dyag index-rag" in (caught.value.hint or "")
    documents.unlink()
    with pytest.raises(UsageError, match="gone"):
        index_for_questions(questions, tmp_path / "sill.index", plugins=Plugins())
