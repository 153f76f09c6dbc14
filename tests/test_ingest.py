"""Ingesting: chunks that make sense alone, ids that follow their text, every kind of file, every bad one named."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from dyag_core import Session, UsageError
from dyag_core.documents import read_documents
from dyag_core.documents.pdf import pages_text
from dyag_core.models.sources import load_tokenizer
from dyag_core.text.chunking import Chunking, cut

GUIDE = """\
# Guide

Premier paragraphe. Deuxième phrase, selon M. Dupont.

## Installer

Texte de la section.

```sh
# pas un titre

make install
```

## Options

| Option | Effet |
| --- | --- |
| -a | tout |
| -q | rien |

Fin.
"""


def passages(text: str, size: int = 2000, overlap: int = 0) -> list[str]:
    return [passage.text for passage in cut(text, Chunking(size, len, overlap))]


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


# --- cutting ----------------------------------------------------------------------------------------------------------


def test_a_passage_stands_under_its_headings() -> None:
    found = list(cut(GUIDE, Chunking()))
    assert [p.headings for p in found] == [("Guide",), ("Guide", "Installer"), ("Guide", "Options")]
    assert found[1].text.startswith("# Guide\n\n## Installer\n\nTexte de la section.\n\n```sh\n# pas un titre\n\nmake")
    assert found[2].text.endswith("| -q | rien |\n\nFin.")


def test_headings_end_where_one_of_their_level_begins() -> None:
    found = cut("intro\n\nUn\n==\n\na\n\n#### Deep\n\nb\n\nDeux\n----\n\nc\n\n# Three\n\n## Empty\n", Chunking())
    assert [(p.headings, p.text.rsplit("\n", 1)[-1]) for p in found] == [
        ((), "intro"),
        (("Un",), "a"),
        (("Un", "Deep"), "b"),
        (("Un", "Deux"), "c"),
        (("Three", "Empty"), "## Empty"),
    ]


def test_marks_that_close_a_heading_are_no_part_of_it() -> None:
    found = cut("# C#\n\na\n\n## Two ##\n\nb\n\n#no heading\n\n## " + "x " * 2000 + "\n", Chunking())
    assert [p.headings[:2] for p in found][:2] == [("C#",), ("C#", "Two")]


@pytest.mark.timeout(20)
def test_no_line_makes_cutting_slow() -> None:
    for line in ("# a" + " " * 50_000 + "b", "# a" + "# " * 20_000 + "b", "|" * 50_000, "- " * 30_000, "." * 50_000,
                 "a." + " " * 50_000 + "b", ".»" * 20_000, "|" + "-" * 50_000, "#" * 50_000, "x" * 50_000):  # fmt: skip
        assert "".join(passages(f"{line}\n\ntext"))


@pytest.mark.parametrize("size", [40, 60, 100, 300])
@pytest.mark.parametrize("overlap", [0, 2])
def test_no_passage_is_longer_than_asked_and_no_word_is_lost(size: int, overlap: int) -> None:
    text = GUIDE + "\n".join(f"- point {n}. Encore un mot." for n in range(9)) + "\n\n" + "x" * 500
    found = passages(text, size, overlap)
    assert max(map(len, found)) <= size
    said = " ".join(found)
    assert [word for word in text.split() if word not in said and "x" not in word] == []
    assert said.count("x") >= 500


def test_long_text_is_cut_between_sentences_and_overlaps_by_whole_ones() -> None:
    sentences = [f"Phrase {n} de M. Martin, p. {n} du code." for n in range(8)]
    found = passages("## T\n\n" + " ".join(sentences), 130)
    assert [p.removeprefix("## T\n\n") for p in found] == [" ".join(sentences[i : i + 3]) for i in (0, 3, 6)]
    overlapping = passages("## T\n\n" + " ".join(sentences), 130, overlap=1)
    bodies = [p.removeprefix("## T\n\n") for p in overlapping]
    assert bodies == [" ".join(sentences[i : i + 3]) for i in (0, 2, 4)] + [" ".join(sentences[6:])]


def test_parts_of_a_long_table_keep_its_header_and_parts_of_code_their_fences() -> None:
    table = "| a | b |\n| --- | --- |\n" + "\n".join(f"| {n} | {'y' * 20} |" for n in range(12))
    code = "~~~py\n" + "\n".join(f"print({n})" for n in range(30)) + "\n~~~"
    found = passages(f"{table}\n\n{code}", 160)
    tables = [p for p in found if p.startswith("| a | b |\n| --- | --- |\n| ")]
    codes = [p for p in found if p.startswith("~~~py\nprint(") and p.endswith(")\n~~~")]
    assert len(tables) > 1
    assert len(codes) > 1
    assert len(found) == len(tables) + len(codes)
    assert passages(f"intro\n\n{table}", 600) == [f"intro\n\n{table}"]


def test_a_change_in_one_section_renames_no_chunk_of_another(tmp_path: Path) -> None:
    def ids(text: str) -> list[str]:
        (tmp_path / "guide.md").write_text(text, encoding="utf-8")
        return [c.id for d in read_documents(tmp_path / "guide.md", print) for c in d.chunks]

    before = ids(GUIDE)
    assert before == ids(GUIDE)
    assert before[1].startswith("guide.md#installer-")
    after = ids(GUIDE.replace("## Installer", "## Nouveau\n\nAjouté.\n\n## Installer").replace("| tout |", "| peu |"))
    assert (after[0], after[2]) == (before[0], before[1])
    assert after[1] not in before
    assert after[3] not in before
    twice = ids("# A\n\n## N\n\nsame\n\n## N\n\nsame\n")
    assert twice[1] == f"{twice[0]}-2"


# --- the command ------------------------------------------------------------------------------------------------------


def test_ingest_writes_chunks_that_every_command_reads_as_it_reads_the_source(tmp_path: Path, run_dyag: Any) -> None:
    folder = tmp_path / "docs é"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "guide.md").write_text(f"---\ntitle: Le guide\nauteur: Moi\n---\n{GUIDE}", encoding="utf-8")
    (folder / "b.txt").write_text("Un texte.\u2028Suite 😀.", encoding="utf-8")
    (folder / "bad.md").write_bytes(b"ok\n\xff\n")
    (folder / "image.png").write_bytes(b"\x89PNG")
    done = run_dyag("ingest", "docs é", "--output", "out/documents.jsonl", "--json")
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert (made["documents"], made["chunks"], made["bad_lines"], made["left_out"]) == (2, 4, 1, {".png": 1})
    assert "dyag generate-training out/documents.jsonl" in done.stderr
    output = tmp_path / "out" / "documents.jsonl"
    first, guide = rows(output)[0], rows(output)[1]
    assert first == {
        "id": first["id"],
        "content": "Un texte.\u2028Suite 😀.",
        "metadata": {"id": "b.txt", "title": "b"},
    }
    assert guide["metadata"] == {
        "title": "Le guide", "auteur": "Moi", "headings": ["Guide"], "id": "sub/guide.md"
    }  # fmt: skip
    (reject,) = rows(tmp_path / "out" / "documents.rejects.jsonl")
    assert (reject["line"], reject["reason"]) == (2, "bad.md: not UTF-8")
    manifest = json.loads((tmp_path / "out" / "documents.manifest.json").read_text(encoding="utf-8"))
    assert manifest["inputs"]["documents"]["path"] == "../docs é"

    again, direct = list(read_documents(output, print)), list(read_documents(folder, lambda line: None))
    assert [(d.id, d.title, d.text, d.metadata) for d in again] == [(d.id, d.title, d.text, d.metadata) for d in direct]
    content = output.read_bytes()
    Session(tmp_path / "out").ingest(output, output=tmp_path / "twice.jsonl")
    assert (tmp_path / "twice.jsonl").read_bytes() == content
    assert run_dyag("ingest", "docs é", "--output", "out/documents.jsonl").returncode == 0
    assert output.read_bytes() == content


def test_names_are_utf8_under_a_c_locale(tmp_path: Path, run_dyag: Any) -> None:
    (tmp_path / "é").mkdir()
    (tmp_path / "é" / "à.md").write_text("Texte é.", encoding="utf-8")
    (tmp_path / "é" / "ù.md").write_bytes(b"\xff")
    locale = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = run_dyag("ingest", "é", "--output", "ô.jsonl", **locale)
    assert done.returncode == 0, done.stderr
    (row,) = rows(tmp_path / "ô.jsonl")
    assert (row["content"], row["metadata"]) == ("Texte é.", {"id": "à.md", "title": "à"})
    (reject,) = rows(tmp_path / "ô.rejects.jsonl")
    assert (reject["file"], reject["reason"]) == ("é", "ù.md: not UTF-8")
    manifest = json.loads((tmp_path / "ô.manifest.json").read_text(encoding="utf-8"))
    assert (manifest["inputs"]["documents"]["path"], manifest["output"]) == ("é", "ô.jsonl")


def test_several_inputs_keep_equal_names_apart_and_name_equal_ids(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "README.md").write_text("# Read me\n\nText.", encoding="utf-8")
    line = json.dumps({"id": "c", "content": "Long. " * 30, "metadata": {"id": "d", "nom": "D"}})
    (tmp_path / "a.jsonl").write_text(line, encoding="utf-8")
    (tmp_path / "b.jsonl").write_text(line, encoding="utf-8")
    sources = [tmp_path / name for name in ("one", "two", "a.jsonl", "b.jsonl")]
    made = Session(tmp_path).ingest(*sources)
    found = rows(made.output)
    assert [row["metadata"]["id"] for row in found] == ["one/README.md", "two/README.md", "d"]
    assert found[2]["metadata"] == {"id": "d", "nom": "D"}
    assert made.rejects is not None
    assert "'c' stands already in a.jsonl" in rows(made.rejects)[0]["reason"]
    row = {"id": "c", "content": "Text.", "metadata": {"id": "d", "nom": "D", "title": "The real one"}}
    (tmp_path / "b.jsonl").write_text(json.dumps(row), encoding="utf-8")
    assert rows(Session(tmp_path).ingest(tmp_path / "b.jsonl").output)[0]["metadata"] == row["metadata"]
    made = Session(tmp_path).ingest(tmp_path / "a.jsonl", chunk_size=60)
    assert made.recut == 1
    assert made.rejects is None
    assert not (tmp_path / "documents.rejects.jsonl").exists()
    assert [row["id"][:2] for row in rows(made.output)] == ["c#"] * made.chunks
    assert made.sizes["largest"] <= 60


def test_tokens_are_those_of_the_base_model(tmp_path: Path, tiny_model: Path) -> None:
    (tmp_path / "guide.md").write_text(GUIDE + "Une phrase de plus. " * 40, encoding="utf-8")
    session = Session(tmp_path)
    made = session.ingest(tmp_path / "guide.md", chunk_size=80, chunk_unit="tokens", base_model=str(tiny_model))
    tokenizer = load_tokenizer(str(tiny_model))
    lengths = [len(tokenizer(row["content"], add_special_tokens=False)["input_ids"]) for row in rows(made.output)]
    assert made.sizes["largest"] == max(lengths) <= 80
    with pytest.raises(UsageError, match="tokens of which model"):
        session.ingest(tmp_path / "guide.md", chunk_unit="tokens")
    with pytest.raises(UsageError, match="counts tokens"):
        session.ingest(tmp_path / "guide.md", base_model=str(tiny_model))
    with pytest.raises(UsageError, match="chunk_size: Input should be greater than or equal to 20"):
        session.ingest(tmp_path / "guide.md", chunk_size=3)


# --- HTML, Word, PDF, Parquet -----------------------------------------------------------------------------------------


def word_file(path: Path, *paragraphs: tuple[str, str]) -> None:
    """A .docx of (style, text) paragraphs: the three parts that a Word file can't do without, and its styles."""
    w = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    body = "".join(
        f'<w:p><w:pPr><w:pStyle w:val="{style}"/></w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>'
        for style, text in paragraphs
    )
    cell = "<w:tc><w:p><w:r><w:t>{}</w:t></w:r></w:p></w:tc>"
    table = "".join(f"<w:tr>{cell.format(a)}{cell.format(b)}</w:tr>" for a, b in (("Port", "Usage"), ("22", "SSH")))
    styles = "".join(
        f'<w:style w:type="paragraph" w:styleId="{key}"><w:name w:val="{name}"/></w:style>'
        for key, name in (("Titre", "Title"), ("Titre1", "heading 1"), ("Normal", "Normal"))
    )
    package = "http://schemas.openxmlformats.org/package/2006"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    kind = "application/vnd.openxmlformats-officedocument.wordprocessingml"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types"><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override '
        f'PartName="/word/document.xml" ContentType="{kind}.document.main+xml"/>'
        f'<Override PartName="/word/styles.xml" ContentType="{kind}.styles+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" '
        f'Type="{office}/officeDocument" Target="word/document.xml"/></Relationships>',
        "word/_rels/document.xml.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" '
        f'Type="{office}/styles" Target="styles.xml"/></Relationships>',
        "word/styles.xml": f"<w:styles {w}>{styles}</w:styles>",
        "word/document.xml": f"<w:document {w}><w:body>{body}<w:tbl>{table}</w:tbl></w:body></w:document>",
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in parts.items():
            archive.writestr(name, f'<?xml version="1.0" encoding="UTF-8"?>{text}')


def pdf_file(path: Path, *blocks: str) -> None:
    """A PDF of one page; each block a paragraph of lines, in Helvetica."""
    drawn, height = [], 780
    for block in blocks:
        for line in block.split("\n"):
            escaped = line.replace("(", r"\(").replace(")", r"\)")
            drawn.append(f"BT /F1 11 Tf 60 {height} Td ({escaped}) Tj ET")
            height -= 13
        height -= 20
    stream = "\n".join(drawn).encode("cp1252")
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(stream), stream),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>",
    ]
    raw, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(raw))
        raw += b"%d 0 obj%s endobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    trailer = b"xref\n0 6\n0000000000 65535 f \n%strailer<</Size 6/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF"
    path.write_bytes(raw + trailer % (table, len(raw)))


PAGE = """<!doctype html><html><head><meta charset="iso-8859-1"><title>Sauvegarde - Intranet</title>
<script>alert("x")</script></head><body><nav><a href="/">Accueil</a></nav><main><h1>Sauvegarde</h1>
<p>Chaque nuit à 2&nbsp;h.</p><h2><a href="#d">Durées</a></h2>
<table><tr><th>Serveur</th><th>Durée</th></tr><tr><td>alpha</td>
<td>30 min</td></tr></table></main><footer>Pied de page</footer></body></html>"""


def test_html_word_and_pdf_become_chunks(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_bytes(PAGE.encode("iso-8859-1"))
    word_file(
        tmp_path / "notice.docx",
        ("Titre", "Notice"),
        ("Normal", "Sert à tout."),
        ("Titre1", "Ports"),
        ("Normal", "Deux."),
    )
    pdf_file(
        tmp_path / "note.pdf",
        "Règlement intérieur",
        "Le présent texte entre en vigueur\nle 1er mars (cf. p. 3).",
        "1. Jours",
        "Trois jours par se-\nmaine au plus.",
    )
    found = {d.id: d for d in read_documents(tmp_path, pytest.fail)}
    assert {name: d.title for name, d in found.items()} == {
        "note.pdf": "Règlement intérieur",
        "notice.docx": "Notice",
        "page.html": "Sauvegarde",
    }
    assert [c.text for c in found["page.html"].chunks] == [
        "# Sauvegarde\n\nChaque nuit à 2\u00a0h.",
        "# Sauvegarde\n\n## Durées\n\n| Serveur | Durée |\n| --- | --- |\n| alpha | 30 min |",
    ]
    assert [c.text for c in found["notice.docx"].chunks] == [
        "# Notice\n\nSert à tout.",
        "# Notice\n\n## Ports\n\nDeux.\n\n| Port | Usage |\n| --- | --- |\n| 22 | SSH |",
    ]
    assert [c.text for c in found["note.pdf"].chunks] == [
        "# Règlement intérieur\n\nLe présent texte entre en vigueur le 1er mars (cf. p. 3).",
        "# Règlement intérieur\n\n## 1. Jours\n\nTrois jours par semaine au plus.",
    ]


def test_a_list_of_numbered_lines_in_a_pdf_is_no_list_of_headings() -> None:
    text = "Mode d'emploi\n\n1. Ouvrir\n\n2. Choisir\n\n3. Valider\n\n2 Pannes\n\n2.1 Quel réseau ?\n\nLe ré-\n\nseau."
    text += "\n\n2.2 Son . . . . 7"
    assert [block for block in pages_text([text]).split("\n\n") if block.startswith("#")] == [
        "# Mode d'emploi",
        "## 2 Pannes",
        "### 2.1 Quel réseau ?",
    ]
    assert "Le réseau." in pages_text([text])


def test_running_heads_and_page_numbers_of_a_pdf_go_and_paragraphs_go_on_over_pages() -> None:
    pages = [
        "Note de service\n\nLe télétravail est limité à trois\njours par\n\n1",
        "Note de service 12\n\nsemaine (voir 3).\n\n• un\n• deux\nencore\n\n2",
        "Note de service 12\n\nFin.\n\nNote de service 12\n\nSuite\n\nFin.\n\n3",
        "Note de service 12\n\nVraiment.\n\n4",
    ]
    assert pages_text(pages).split("\n\n") == [
        "# Note de service",
        "Le télétravail est limité à trois jours par semaine (voir 3).",
        "- un\n- deux encore",
        "Fin.",
        "Note de service 12",
        "Suite",
        "Fin.",
        "Vraiment.",
    ]


BAD_FILES = {
    "empty.pdf": (b"", "is empty"),
    "no.pdf": (b"just text", "no PDF file"),
    "cut.pdf": (b"%PDF-1.4\n1 0 obj<</Type/Catalog", "can't be read as PDF|holds no text"),
    "empty.docx": (b"", "is empty"),
    "no.docx": (b"\xd0\xcf\x11\xe0 an old .doc", "no Word file"),
    "zip.docx": (b"PK\x05\x06" + bytes(18), "can't be read as DOCX"),
    "blank.html": (b"<html><body><script>x</script> </body></html>", "holds no text"),
    "nul.txt": (b"a\nb\x00c", "NUL"),
    "latin.md": ("é".encode("latin-1"), "not UTF-8"),
    "blank.md": (b" \n\n", "is empty"),
}


def test_a_bad_file_is_named_and_the_others_go_on(tmp_path: Path) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    for name, (raw, _) in BAD_FILES.items():
        (folder / name).write_bytes(raw)
    (folder / "deep.html").write_text("<div>" * 3000 + "profond" + "</div>" * 3000, encoding="utf-8")
    (folder / "good.md").write_text("# Bon\n\nTexte.", encoding="utf-8")
    with pytest.warns(UserWarning, match="deeply nested"):
        made = Session(tmp_path).ingest(folder)
    assert [row["metadata"]["id"] for row in rows(made.output)] == ["deep.html", "good.md"]
    assert made.rejects is not None
    reasons = {row["reason"].split(": ")[0]: row["reason"] for row in rows(made.rejects)}
    assert set(reasons) == set(BAD_FILES)
    for name, (_, expected) in BAD_FILES.items():
        assert any(part in reasons[name] for part in expected.split("|")), reasons[name]
    with pytest.raises(UsageError, match=r"blank\.html: holds no text"):
        Session(tmp_path).ingest(folder, strict=True)


def test_a_missing_library_is_one_line_with_the_command(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.pdf").write_bytes(b"%PDF")
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    code = (
        "import sys\n"
        "sys.modules['pdfminer'] = sys.modules['pyarrow'] = None  # as if they were not installed\n"
        "from dyag_core.cli import main\n"
        "main(['ingest', sys.argv[1], '--output', 'out.jsonl'])\n"
    )
    for source, library in (("docs", "pdfminer"), ("a.parquet", "pyarrow")):
        done = subprocess.run(
            [sys.executable, "-c", code, source],
            capture_output=True,
            text=True,
            encoding="utf-8",
            cwd=tmp_path,
            check=False,
        )
        assert done.returncode == 1
        assert f"'{library}'" in done.stderr
        assert 'pip install "dyag[ingest]"' in done.stderr
        assert "Traceback" not in done.stderr


def test_parquet_rows_are_documents(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    path = tmp_path / "apps.parquet"
    columns = {
        "id": [1, 2, 2, 4, 5],
        "nom": ["7zip", "Gimp", "again", None, "Bad"],
        "Licence": ["LGPL", "GPL", "x", None, "y"],
        "Années": [[2018, 2019], [], [], None, []],
        "raw": pyarrow.array([None, None, None, None, b"\x00"], pyarrow.binary()),
    }
    parquet.write_table(pyarrow.table(columns), path)
    bad: list[Any] = []
    found = list(read_documents(path, bad.append))
    assert [(d.id, d.title, d.metadata) for d in found] == [
        ("1", "7zip", {"Licence": "LGPL", "Années": "2018, 2019"}),
        ("2", "Gimp", {"Licence": "GPL"}),
    ]
    assert [(b.line, b.reason) for b in bad] == [
        (3, "the id '2' stands already on line 2"),
        (4, "the row is empty"),
        (5, "the column 'raw' holds a bytes, not a text or a number"),
    ]
    structured = {"id": ["a1"], "content": ["Texte."], "metadata": [{"id": "a", "nom": "A", "note": None}]}
    parquet.write_table(pyarrow.table(structured), path)
    (document,) = read_documents(path, pytest.fail)
    assert (document.id, document.title, document.metadata) == ("a", "A", {"nom": "A"})
    whole = path.read_bytes()
    for raw in (b"", b"no parquet", whole[:-20]):
        path.write_bytes(raw)
        with pytest.raises(UsageError, match=r"apps\.parquet: can't be read as Parquet"):
            list(read_documents(path, print))


def test_a_table_among_texts_is_told_how_to_come_in(tmp_path: Path) -> None:
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "a.md").write_text("# A\n\nUn texte.", encoding="utf-8")
    (folder / "b.csv").write_text("id;nom\n1;Ada\n", encoding="utf-8")
    made = Session(tmp_path).ingest(folder, output=tmp_path / "o.jsonl")
    assert "files of a kind that isn't read: 1 .csv; of a folder only texts are: name a table" in " ".join(
        made.summary_lines()
    )
    both = Session(tmp_path).ingest(folder, folder / "b.csv", output=tmp_path / "o.jsonl")
    assert both.documents == 2
