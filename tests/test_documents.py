"""Documents: every shape is read; tests/test_bad_inputs.py has the bad lines."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from dyag_core.dataset.groups import Groups
from dyag_core.documents import read_chunks, read_documents
from dyag_core.errors import UsageError
from dyag_core.records import Document


def line(number: int, **more: object) -> bytes:
    row = {"id": f"c{number}", "content": f"# App {number}\n\n- Licence: MIT", "metadata": {"id": str(number)}, **more}
    return json.dumps(row, ensure_ascii=False).encode()


def read(path: Path):
    bad = []
    return list(read_documents(path, bad.append)), bad


def test_harmless_oddities_are_no_errors(tmp_path):
    path = tmp_path / "d.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + line(1) + b"\r\n\r\n" + line(2, content="a\u2028b 😀 漢字") + b"\n\n")
    documents, bad = read(path)
    assert not bad
    assert documents[1].text == "a\u2028b 😀 漢字"


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("empty", b""),
        ("blank", b"\n \n"),
        ("gzip", gzip.compress(b"{}", mtime=0)),
        ("one array", b'[\n{"id": "a", "content": "b"}]'),
        ("nothing usable", b"no json\n"),
    ],
)
def test_unusable_file_is_a_usage_error_that_names_it(tmp_path, name, raw):
    path = tmp_path / "d.jsonl"
    path.write_bytes(raw)
    with pytest.raises(UsageError, match=r"d\.jsonl"):
        read(path)


def test_missing_file_and_unknown_kind(tmp_path):
    with pytest.raises(UsageError, match="no such file"):
        read(tmp_path / "none.jsonl")
    (tmp_path / "a.xyz").write_text("x")
    with pytest.raises(UsageError, match=r"\.xyz"):
        read(tmp_path / "a.xyz")


def test_chunks_of_one_document_stand_together_or_share_its_id(tmp_path):
    path = tmp_path / "d.jsonl"
    rows = [("a1", "a"), ("a2", "a"), ("b1", "b"), ("a3", "a")]
    path.write_text(
        "\n".join(json.dumps({"id": c, "text": f"text {c}", "metadata": {"id": d, "nom": d.upper()}}) for c, d in rows)
    )
    documents, _ = read(path)
    assert [(d.id, d.title, [c.id for c in d.chunks]) for d in documents] == [
        ("a", "A", ["a1", "a2"]),
        ("b", "B", ["b1"]),
        ("a", "A", ["a3"]),
    ]
    assert [c.metadata["document"] for c in read_chunks(path)] == ["a", "a", "b", "a"]
    assert all(c.metadata["title"] for c in read_chunks(path))


def test_title_from_name_then_heading_then_id(tmp_path):
    path = tmp_path / "d.jsonl"
    rows = [
        {"id": "1", "content": "x", "metadata": {"titre": "Un"}},
        {"id": "2", "content": "x", "name": "Two"},
        {"id": "3", "content": "intro\n## Three ##\nx"},
        {"content": "no id at all"},
    ]
    path.write_text("\n".join(map(json.dumps, rows)))
    documents, _ = read(path)
    assert [d.title for d in documents[:3]] == ["Un", "Two", "Three"]
    assert documents[3].id == documents[3].title == read(path)[0][3].id


def test_csv_rows_are_documents(tmp_path):
    path = tmp_path / "apps.csv"
    path.write_bytes(
        "\ufeffid;nom;Licence;Éditeur\n1;7zip;LGPL;Pavlov\n2;Gimp;GPL\n3;Vlc;GPL;VidéoLAN\n".encode()
        + b"4;Bad;caf\xe9;x\n3;Again;a;b\n"
    )
    documents, bad = read(path)
    assert [(d.id, d.title, d.metadata) for d in documents] == [
        ("1", "7zip", {"Licence": "LGPL", "Éditeur": "Pavlov"}),
        ("3", "Vlc", {"Licence": "GPL", "Éditeur": "VidéoLAN"}),
    ]
    assert "- Licence: LGPL" in documents[0].text
    assert [(b.line, b.reason.split(" ")[0]) for b in bad] == [(3, "3"), (5, "not"), (6, "the")]


def test_folder_of_texts_is_cut_at_headings(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b é.md").write_text("# Titre\n\nIntro.\n\n## Un\n\nA\n\n```\n# no heading\n```\n\n## Deux\nB")
    (tmp_path / "a.txt").write_text("Just text.")
    (tmp_path / "bad.md").write_bytes(b"ok\n\xff\n")
    (tmp_path / "skip.png").write_bytes(b"\x89PNG")
    documents, bad = read(tmp_path)
    assert [(d.id, d.title, len(d.chunks)) for d in documents] == [("a.txt", "a", 1), ("sub/b é.md", "Titre", 3)]
    assert documents[1].chunks[1].text.startswith("# Titre\n\n## Un\n\nA")
    assert "# no heading" in documents[1].chunks[1].text
    assert bad[0].line == 2
    assert "bad.md" in bad[0].reason


def test_reading_streams(tmp_path):
    path = tmp_path / "d.jsonl"
    path.write_bytes(b"\n".join(line(n) for n in range(1, 200)) + b"\nbad\n")
    bad = []
    documents = read_documents(path, bad.append)
    assert next(documents).id == "1"
    assert not bad  # the end wasn't reached yet


def test_a_table_whose_header_is_not_utf8_is_read_and_says_so(tmp_path):
    path = tmp_path / "lat.csv"
    path.write_bytes("id;nom;Éditeur\n1;Ada;Nantes\n".encode("latin-1"))
    told = []
    (document,) = read_documents(path, pytest.fail, on_notice=told.append)
    assert document.metadata == {"Éditeur": "Nantes"}
    assert told == ["lat.csv: read as Windows-1252, it is not UTF-8"]


def test_values_of_a_group_are_compared_in_one_form():
    groups = Groups("lot")
    values = ["3", " 3 ", 3, 3.0, "Été  2", "ete 2", 4]
    documents = [Document(id=str(n), title="", chunks=(), metadata={"lot": value}) for n, value in enumerate(values)]
    assert list(groups.watch(documents)) == documents
    found = [groups.of(document.id) for document in documents]
    assert len({*found[:4]}) == len({*found[4:6]}) == 1
    assert len(set(found)) == 3
