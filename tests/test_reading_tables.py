"""Tables as people have them: separators, encodings, headers, groups, totals, lists, records of JSON, web pages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dyag_core import Session, UsageError
from dyag_core.documents import read_documents
from dyag_core.errors import GateError
from dyag_core.records import Document
from dyag_plugins.generators.facts.tables import cells_of, table_facts


def read(path: Path, **options: Any) -> tuple[list[Document], list[Any], list[str]]:
    """(documents, bad lines, notices) of a file."""
    bad: list[Any] = []
    told: list[str] = []
    return list(read_documents(path, bad.append, on_notice=told.append, **options)), bad, told


def table(path: Path, text: str | bytes) -> dict[str, dict[str, Any]]:
    """The fields of each row of a CSV file, by its title; nothing may be bad."""
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    documents, bad, _ = read(path)
    assert not bad
    return {document.title: document.metadata for document in documents}


def asked(path: Path) -> set[tuple[str, str]]:
    """(question, answer) of every row that the method rule makes of a file."""
    made = Session(path.parent, lang="fr").generate(
        path, method="rule", output=path.parent / "rows.jsonl", min_yield=0, options={"unanswerable": 0}
    )
    rows = [json.loads(line) for line in made.output.read_text(encoding="utf-8").splitlines()]
    return {(row["messages"][-2]["content"], row["messages"][-1]["content"]) for row in rows}


# --- separators and encodings -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_each_separator_is_found(tmp_path: Path, separator: str) -> None:
    lines = ("Nom,Licence,Ville", "Alba,MIT,Lyon", "Bora,GPL,Metz")
    found = table(tmp_path / "t.csv", "\n".join(lines).replace(",", separator))
    assert found == {"Alba": {"Licence": "MIT", "Ville": "Lyon"}, "Bora": {"Licence": "GPL", "Ville": "Metz"}}


def test_a_comma_in_numbers_and_names_is_no_separator_where_a_semicolon_divides_every_line(tmp_path: Path) -> None:
    found = table(tmp_path / "t.csv", "Pièce;Prix (€, HT);Taille (L, l)\nVis;2,50;3, 1\nClou;1,20;2, 1\n")
    assert found["Vis"] == {"Prix (€, HT)": "2,50", "Taille (L, l)": "3, 1"}


def test_a_semicolon_within_cells_does_not_beat_the_comma_of_every_line(tmp_path: Path) -> None:
    found = table(tmp_path / "t.csv", "nom,themes,ville\nAlba,carte;plan,Lyon\nBora,paie,Metz\n")
    assert found["Alba"] == {"themes": ["carte", "plan"], "ville": "Lyon"}


@pytest.mark.parametrize(("first", "sign"), [("sep=;", ";"), ("sep=\\t", "\t"), ('"sep=|"', "|")])
def test_the_separator_that_the_first_line_names_is_used(tmp_path: Path, first: str, sign: str) -> None:
    found = table(tmp_path / "t.csv", f"{first}\r\nNom{sign}Licence\r\nAlba{sign}MIT\r\n")
    assert found == {"Alba": {"Licence": "MIT"}}


@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        ("cp1252", "Windows-1252"),
        ("cp850", "DOS (code page 850)"),
        ("mac-roman", "Mac Roman"),
        ("utf-16", "UTF-16"),
        ("utf-16-le", "UTF-16"),
        ("utf-16-be", "UTF-16"),
    ],
)
def test_other_encodings_are_read_and_named(tmp_path: Path, encoding: str, name: str) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes("Nom;Hébergeur;Coût\nGénéa;Opéra Réseaux;12\nPétale;Québec Net;15\n".encode(encoding))
    documents, bad, told = read(path)
    assert [(d.title, d.metadata) for d in documents] == [
        ("Généa", {"Hébergeur": "Opéra Réseaux", "Coût": "12"}),
        ("Pétale", {"Hébergeur": "Québec Net", "Coût": "15"}),
    ]
    assert not bad
    assert told == [f"t.csv: read as {name}, it is not UTF-8"]


def test_utf8_with_one_bad_row_stays_utf8(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes("Nom;Hôte\nGénéa;Opéra\n".encode() + b"Bad;caf\xe9\n")
    documents, bad, told = read(path)
    assert [d.title for d in documents] == ["Généa"]
    assert [(line.line, line.reason) for line in bad] == [(3, "not UTF-8")]
    assert not told


def test_texts_and_json_lines_in_other_encodings_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_bytes("# Généa\r\n\r\nÉditeur : Opéra".encode("cp1252"))
    documents, bad, told = read(tmp_path)
    assert documents[0].chunks[0].text == "# Généa\n\nÉditeur : Opéra"
    assert (bad, told) == ([], ["a.md: read as Windows-1252, it is not UTF-8"])
    (tmp_path / "b.jsonl").write_bytes('{"id": "1", "content": "Généa"}\n'.encode("utf-16"))
    assert [d.text for d in read(tmp_path / "b.jsonl")[0]] == ["Généa"]


def test_decomposed_letters_ligatures_and_what_was_decoded_twice_become_plain_letters(tmp_path: Path) -> None:
    found = table(tmp_path / "t.csv", "Nom;Hôte\nGe\u0301ne\u0301a;o\ufb03ce\u200b\nBora;OpÃ©ra lâ€™Ã©tÃ©\n")
    assert found == {"Généa": {"Hôte": "office"}, "Bora": {"Hôte": "Opéra l’été"}}
    (tmp_path / "d.md").write_text("# E\u0301te\u0301\n\nLe \ufb01lm.", encoding="utf-8")
    assert read(tmp_path / "d.md")[0][0].text == "# Été\n\nLe film."


# --- headers ----------------------------------------------------------------------------------------------------------


def test_titles_above_the_header_are_passed_over_and_the_header_is_named(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("Inventaire au 3 mars;;;\nExporté le;3 mars;;\n;;;\nNom;Licence;Lieu;Port\nAlba;MIT;Lyon;80\n")
    documents, bad, told = read(path)
    assert [(d.title, d.metadata) for d in documents] == [("Alba", {"Licence": "MIT", "Lieu": "Lyon", "Port": "80"})]
    assert not bad
    assert told == ["t.csv: the names of the columns were taken from line 4: Nom, Licence, Lieu, Port"]


@pytest.mark.parametrize(
    "rows", ["Alba;MIT;12\nBora;GPL;14\nCori;MIT;15\n", "Alba;MIT;Lyon\nBora;GPL;Metz\nCori;MIT;Lyon\n", "1;2\na;b\n"]
)
def test_a_table_without_names_of_columns_asks_nothing_and_says_why(tmp_path: Path, rows: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(rows)
    with pytest.raises(GateError) as stopped:
        Session(tmp_path).generate(path, method="rule", output=tmp_path / "o.jsonl", min_yield=1)
    assert "its columns have no names: line 1" in stopped.value.message
    assert all("MIT" not in d.metadata.values() for d in read(path)[0])


def test_years_as_names_of_columns_are_names(tmp_path: Path) -> None:
    assert table(tmp_path / "t.csv", "Poste,2023,2024\nEau,10,12\nGaz,7,8\n")["Eau"] == {"2023": "10", "2024": "12"}


def test_two_header_rows_and_a_row_of_units_become_one_name_each(tmp_path: Path) -> None:
    found = table(tmp_path / "t.csv", "Poste;2023;;2024;\n;prévu;réel;prévu;réel\nEau;1;2;3;4\nGaz;5;6;7;8\n")
    assert found["Gaz"] == {"prévu 2023": "5", "réel 2023": "6", "prévu 2024": "7", "réel 2024": "8"}
    found = table(tmp_path / "u.csv", "Modèle;Prix;Masse\n;EUR;kg\nPompe A;12,5;1,2\nPompe B;8;0,7\n")
    assert found["Pompe A"] == {"Prix (EUR)": "12,5", "Masse (kg)": "1,2"}


def test_columns_with_one_name_become_a_list_and_nothing_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("Nom;Contact;Contact;Ville\nAlba;Eva;Luc;Lyon\nBora;Ida;;Metz\n")
    documents, _, told = read(path)
    assert [d.metadata for d in documents] == [
        {"Contact": ["Eva", "Luc"], "Ville": "Lyon"},
        {"Contact": "Ida", "Ville": "Metz"},
    ]
    assert "- Contact: Eva, Luc" in documents[0].text
    assert told == ["t.csv: columns with one name were read as one list: Contact"]


# --- rows -------------------------------------------------------------------------------------------------------------


def test_blank_first_cells_carry_the_group_on(tmp_path: Path) -> None:
    found = table(
        tmp_path / "t.csv", "Pôle;Agent;Bureau\nDSI;Eva Roy;12\n;Luc Petit;14\nRH;Ida Noir;20\n;Théo Vert;21\n"
    )
    assert found["Luc Petit"] == {"Pôle": "DSI", "Bureau": "14"}
    assert found["Théo Vert"] == {"Pôle": "RH", "Bureau": "21"}


def test_a_value_that_is_missing_here_and_there_is_no_group(tmp_path: Path) -> None:
    rows = "".join(f"{'' if n == 7 else f'S{n % 3}'};Appli {n};{n}0\n" for n in range(1, 20))
    assert "Sigle" not in table(tmp_path / "t.csv", f"Sigle;Nom;Port\n{rows}")["Appli 7"]


def test_rows_of_totals_and_headers_that_come_again_are_no_documents(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("Lieu;Agents\nNord;12\nSous-total A;12\nLieu;Agents\nSud;8\nTOTAL GÉNÉRAL;20\nTotalis;3\n")
    documents, bad, told = read(path, strict=True)
    assert [d.title for d in documents] == ["Nord", "Sud", "Totalis"]
    assert not bad
    assert told == [
        "t.csv: left out as totals of other rows: line 3, 6",
        "t.csv: left out as the header once more: line 4",
    ]


def test_attributes_as_rows_are_turned_and_a_table_of_figures_is_not(tmp_path: Path) -> None:
    found = table(tmp_path / "t.csv", "Critère;Alba;Bora\nLicence;MIT;GPL\nPort;80;443\n")
    assert found == {"Alba": {"Licence": "MIT", "Port": "80"}, "Bora": {"Licence": "GPL", "Port": "443"}}
    found = table(tmp_path / "alba_2.csv", "champ;valeur\nLicence;MIT\nPort;80\n")
    assert found == {"alba 2": {"Licence": "MIT", "Port": "80"}}
    found = table(tmp_path / "f.csv", ";prévu;réel\nEau;10;12\nGaz;7;8\n")
    assert found["Eau"] == {"prévu": "10", "réel": "12"}


def test_blank_cells_behind_a_row_are_no_fields_and_a_ragged_row_is_named(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("Nom,Licence,Ville\nAlba,MIT,Nice,,\nBora,GPL\nCori,BSD,Metz,x\nDune,MIT,Brest\n")
    documents, bad, _ = read(path)
    assert [d.title for d in documents] == ["Alba", "Dune"]
    assert [(line.line, line.reason) for line in bad] == [
        (3, "2 fields where the header has 3"),
        (4, "4 fields where the header has 3"),
    ]
    path.write_text("Nom,Licence,Ville\nBora,GPL\nCori,BSD\n")
    with pytest.raises(UsageError, match="line 2: 2 fields where the header has 3") as stopped:
        read(path)
    assert "stands in quotes" in (stopped.value.hint or "")


# --- what names a row -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "titles"),
    [
        (
            "code_site;nom_site;gestionnaire\nA12;Parking Nord;Rennes\nA13;Parking Sud;Brest\n",
            ["Parking Nord", "Parking Sud"],
        ),
        ("url;Libellé;Port\nhttps://a.org;Alba;1\nhttps://b.org;Bora;2\n", ["Alba", "Bora"]),
        ("ref;outil;port\nX-1;Alba libre;80\nX-2;Bora libre;81\n", ["Alba libre", "Bora libre"]),
        ("Nom du contact;Application;Port\nEva;Alba;80\nEva;Bora;81\n", ["Alba", "Bora"]),
        ("Nom,Prénom,Pôle\nRoy,Eva,DSI\nPetit,Luc,RH\n", ["Eva Roy", "Luc Petit"]),
        (",name,licence\n0,Alba,MIT\n1,Bora,GPL\n", ["Alba", "Bora"]),
    ],
)
def test_a_name_is_the_title_and_a_code_or_an_address_is_not(tmp_path: Path, text: str, titles: list[str]) -> None:
    assert list(table(tmp_path / "t.csv", text)) == titles


def test_rows_of_one_name_are_told_apart_by_their_place(tmp_path: Path) -> None:
    rows = "".join(f"P{n};Parking de la gare;Ville {'abcdefgh'[n]};{n}\n" for n in range(8))
    found = table(tmp_path / "t.csv", f"id_lieu;nom_lieu;com_lieu;places\n{rows}")
    assert list(found)[:2] == ["Parking de la gare (Ville a)", "Parking de la gare (Ville b)"]


def test_the_user_names_the_title(tmp_path: Path, run_dyag: Any) -> None:
    (tmp_path / "t.csv").write_text("nom,slogan,licence\nAlba,Vite fait,MIT\nBora,Bien fait,GPL\n")
    done = run_dyag("ingest", "t.csv", "--title", "slogan", "--output", "o.jsonl")
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in (tmp_path / "o.jsonl").read_text().splitlines()]
    assert [row["metadata"]["title"] for row in rows] == ["Vite fait", "Bien fait"]
    done = run_dyag("ingest", "t.csv", "--title", "slogans", "--output", "o.jsonl")
    assert done.returncode == 2
    assert "no field is called 'slogans'; there are: nom, slogan, licence" in done.stderr


def test_cells_with_several_values_become_lists(tmp_path: Path) -> None:
    found = table(
        tmp_path / "t.csv",
        'Nom,Thèmes,Auteurs,Tags,Adresse\nAlba,carte|plan,"Roy, Eva ; Petit, Luc","[""web"", ""api""]",'
        '"1 rue A\n35000 Rennes"\n'
        'Bora,paie,"Noir, Ida","[""sig""]",2 rue B\n',
    )
    assert found["Alba"] == {
        "Thèmes": ["carte", "plan"],
        "Auteurs": ["Roy, Eva", "Petit, Luc"],
        "Tags": ["web", "api"],
        "Adresse": ["1 rue A", "35000 Rennes"],
    }
    assert found["Bora"]["Auteurs"] == "Noir, Ida"
    documents = read(tmp_path / "t.csv")[0]
    assert "- Auteurs: Roy, Eva; Petit, Luc" in documents[0].text


def test_labels_in_the_passage_are_words(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("code_site;nom_site;nb_places\nA1;Gare;40\nA2;Port;20\n")
    assert read(tmp_path / "t.csv")[0][0].text == "# Gare\n\n- code: A1\n- nombre de places: 40"


# --- JSON -------------------------------------------------------------------------------------------------------------

ALBA, BORA = {"name": "Alba", "licence": "MIT"}, {"name": "Bora", "licence": "GPL"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("array.json", json.dumps([ALBA, BORA])),
        ("wrapped.json", json.dumps({"count": 2, "tags": ["a", "b"], "data": [ALBA, BORA]})),
        ("pretty.json", json.dumps({"meta": {"n": 2}, "results": [ALBA, BORA]}, indent=2)),
        ("deep.json", json.dumps({"result": {"records": [ALBA, BORA], "more": False}})),
        ("lines.jsonl", f"{json.dumps(ALBA)}\n{json.dumps(BORA)}\n"),
        ("named.json", json.dumps({"Alba": {"licence": "MIT"}, "Bora": {"licence": "GPL"}})),
        ("features.geojson", json.dumps({"type": "FeatureCollection", "features": [
            {"type": "Feature", "geometry": {"type": "Point", "coordinates": [1.5, 2.5]}, "properties": row}
            for row in (ALBA, BORA)
        ]})),
    ],
)  # fmt: skip
def test_plain_records_are_rows_of_a_table(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    documents, bad, told = read(path)
    assert [(d.title, d.metadata) for d in documents] == [("Alba", {"licence": "MIT"}), ("Bora", {"licence": "GPL"})]
    assert not bad
    assert "read as rows of a table, called by name" in told[0]
    assert ("Quelle est la licence d'Alba ?", "MIT") in asked(path)


def test_one_object_over_several_lines_is_one_document(tmp_path: Path) -> None:
    path = tmp_path / "d.json"
    path.write_text(json.dumps({"id": "1", "content": "# Alba", "metadata": {"parts": [{"name": "x"}]}}, indent=1))
    assert [(d.title, d.metadata) for d in read(path)[0]] == [("Alba", {"parts": ["x"]})]


def test_a_wrapped_array_streams_and_one_bad_object_costs_itself(tmp_path: Path) -> None:
    path = tmp_path / "d.json"
    path.write_text('{"data": [\n{"name": "Alba", "licence": "MIT"},\n{"name": "Bad", "x": },\n{"name": "Bora"}\n]}')
    documents, bad, _ = read(path)
    assert [d.title for d in documents] == ["Alba", "Bora"]
    assert [line.line for line in bad] == [3]


def test_fields_of_fields_get_dotted_names_and_lists_of_objects_their_names(tmp_path: Path) -> None:
    path = tmp_path / "d.jsonl"
    row = {
        "name": "Alba",
        "licence": {"id": "MIT", "free": True},
        "team": [{"name": "Eva"}, {"name": "Luc"}],
        "end": None,
    }
    path.write_text(json.dumps(row) + "\n")
    (document,) = read(path)[0]
    assert document.metadata == {"licence.id": "MIT", "licence.free": "true", "team": "Eva, Luc"}
    assert "- licence id: MIT" in document.text
    row = {"id": "1", "content": "x", "metadata": {"nom": "Alba", "licence": {"id": "MIT"}}}
    path.write_text(json.dumps(row) + "\n")
    assert read(path)[0][0].metadata == {"nom": "Alba", "licence.id": "MIT"}


def test_the_user_says_what_the_fields_are_and_the_index_and_its_rebuilding_know_it(
    tmp_path: Path, run_dyag: Any
) -> None:
    rows = [
        {"uid": n, "label": f"Appli {n}", "body": f"Appli {n} sert.\n\nPort : {n}0", "lic": "MIT"} for n in range(1, 9)
    ]
    (tmp_path / "d.jsonl").write_text("\n".join(map(json.dumps, rows)))
    options = ["--map", "content=body", "--map", "title=label", "--map", "id=uid", "--map", "licence=lic"]
    done = run_dyag("index-rag", "d.jsonl", *options, "--output", "d.index")
    assert done.returncode == 0, done.stderr
    chunks = [json.loads(line) for line in (tmp_path / "d.index" / "chunks.jsonl").read_text().splitlines()]
    assert (chunks[0]["id"], chunks[0]["metadata"]["title"], chunks[0]["metadata"]["licence"]) == (
        "1",
        "Appli 1",
        "MIT",
    )
    done = run_dyag("generate-training", "d.jsonl", *options, "--method", "rule", "--lang", "fr", "--output", "t.jsonl")
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "t.manifest.json").read_text())["options"]["fields"]["content"] == "body"
    assert "Quelle est la licence d'Appli 1 ?" in (tmp_path / "t.jsonl").read_text()
    for wrong, said in (("content", "write it as --map key=value"), ("content=bodi", "no field is called 'bodi'")):
        done = run_dyag("ingest", "d.jsonl", "--map", wrong, "--output", "o.jsonl")
        assert done.returncode == 2
        assert said in done.stderr


# --- tables in texts and on web pages ---------------------------------------------------------------------------------


def told(lines: str) -> list[tuple[str, str, str]]:
    """(subject, label, value) of all that a Markdown table says."""
    return [(cell.subject, cell.label, cell.value) for cell in table_facts(cells_of(lines.split("\n")))]


def test_columns_that_are_compared_are_the_subjects_and_figures_are_not() -> None:
    assert told("| | Alba | Bora |\n|---|---|---|\n| Licence | MIT | GPL |\n| Port | 80 | 443 |") == [
        ("Alba", "Licence", "MIT"),
        ("Alba", "Port", "80"),
        ("Bora", "Licence", "GPL"),
        ("Bora", "Port", "443"),
    ]
    assert told("| | prévu | réel |\n|---|---|---|\n| Eau | 1 | 2 |\n| Gaz | 3 | 4 |")[0] == ("Eau", "prévu", "1")


def test_two_header_rows_groups_and_totals_of_a_markdown_table() -> None:
    assert told("| Poste | 2023 | 2023 |\n|---|---|---|\n| | prévu | réel |\n| Énergie | 10 | 12 |") == [
        ("Énergie", "prévu 2023", "10"),
        ("Énergie", "réel 2023", "12"),
    ]
    found = told("| Pôle | Agent | Port |\n|---|---|---|\n| DSI | Eva | 1 |\n| | Luc | 2 |\n| **Total** | | 3 |")
    assert found == [("Eva", "Pôle", "DSI"), ("Eva", "Port", "1"), ("Luc", "Pôle", "DSI"), ("Luc", "Port", "2")]


def test_escaped_pipes_line_breaks_and_short_rows_of_a_markdown_table() -> None:
    found = told(
        "| Option | Licence |\n|---|:-:|\n| `a\\|b` | **MIT** |\n| `c` | GPL<br>BSD |\n| `d` |\n| `e` | x | y |"
    )
    assert found == [("a|b", "Licence", "MIT"), ("c", "Licence", "GPL, BSD"), ("d", "Licence", "")]


def test_codes_and_numbers_before_a_name_are_said_of_it() -> None:
    assert told("| N° | Salle | Places |\n|---|---|---|\n| 1 | Rouge | 12 |\n| 2 | Bleue | 9 |")[:2] == [
        ("Rouge", "N°", "1"),
        ("Rouge", "Places", "12"),
    ]


def test_what_a_table_leaves_in_doubt_is_not_told() -> None:
    assert told("| Outil | Port |\n|---|---|\n| Alba | 1 |\n| Alba | 2 |\n| Bora | 3 |") == [("Bora", "Port", "3")]
    assert told("| Outil | Port | Port |\n|---|---|---|\n| Alba | 1 | 2 |\n| Bora | 3 | 4 |") == []
    assert told("|  |  |\n|---|---|\n| Licence | MIT |\n| Port | 80 |") == [("", "Licence", "MIT"), ("", "Port", "80")]


def test_tables_without_outer_pipes_are_tables_outside_code(tmp_path: Path) -> None:
    short = "Nom | Licence\n:-- | ---\nAlba | MIT"
    (tmp_path / "page.md").write_text(f"# O\n\n{short}\n\nNo | table.\n\n```\n{short}\n```\n", encoding="utf-8")
    text = read(tmp_path / "page.md")[0][0].text
    assert "| Nom | Licence |\n| :-- | --- |\n| Alba | MIT |" in text
    assert f"```\n{short}\n```" in text
    assert "No | table." in text
    assert asked(tmp_path / "page.md") == {("Quelle est la licence d'Alba ?", "MIT")}


def page(tmp_path: Path, html: str) -> str:
    path = tmp_path / "page.html"
    path.write_text(f"<html><body>{html}</body></html>", encoding="utf-8")
    return "\n\n".join(chunk.text for d in read(path)[0] for chunk in d.chunks)


def test_spans_nested_tables_and_pipes_of_a_web_page(tmp_path: Path) -> None:
    text = page(
        tmp_path,
        "<h1>B</h1><table><tr><th rowspan=2>Poste</th><th colspan=2>2023</th></tr><tr><th>prévu</th><th>réel</th></tr>"
        "<tr><td rowspan=2>Eau</td><td>1|2</td><td>x</td></tr><tr><td>3</td><td><ul><li>u</li>"
        "<li>v</li></ul></td></tr></table>",
    )
    assert "| Poste | prévu 2023 | réel 2023 |\n| --- | --- | --- |\n| Eau | 1\\|2 | x |\n| Eau | 3 | u, v |" in text
    text = page(
        tmp_path,
        "<h1>F</h1><table><tr><th>Lot</th><th>Détail</th></tr><tr><td>Lot 1</td><td>"
        "<table><tr><th>Pièce</th><th>Stock</th></tr>"
        "<tr><td>Vis</td><td>40</td></tr></table></td></tr></table>",
    )
    assert "| Pièce | Stock |\n| --- | --- |\n| Vis | 40 |" in text


def test_labels_beside_values_on_a_web_page_speak_of_the_page(tmp_path: Path) -> None:
    page(tmp_path, "<h1>Alba</h1><table><tr><th>Licence</th><td>MIT</td></tr><tr><th>Port</th><td>80</td></tr></table>")
    assert asked(tmp_path / "page.html") == {
        ("Quelle est la licence d'Alba ?", "MIT"),
        ("Quel est le port d'Alba ?", "80"),
    }


def test_menus_notices_and_footers_are_left_out_and_a_menu_of_dishes_is_not(tmp_path: Path) -> None:
    text = page(
        tmp_path,
        '<div class="top-menu"><a href="/">Accueil</a> <a href="/c">Contact</a></div><div id="cookie-banner">Nous '
        'utilisons des traceurs</div><div class="content"><h1>Alba &amp; Cie</h1>'
        '<p>Licence&nbsp;: MIT<sup><a href="#n1">[1]</a></sup></p>'
        '<div class="menu"><p>Plat du jour : soupe</p></div><p>Le champ nb_places est *libre*.</p></div>'
        '<div class="site-footer">Téléphone : 01 23 45 67 89</div>',
    )
    assert "Plat du jour : soupe" in text
    assert "Licence\u00a0: MIT\n" in text
    assert "nb_places est *libre*" in text
    for left_out in ("Accueil", "traceurs", "01 23", "[1]"):
        assert left_out not in text


def test_a_page_in_utf8_that_declares_another_encoding_is_read_right(tmp_path: Path) -> None:
    path = tmp_path / "p.html"
    path.write_bytes(
        '<html><head><meta charset="iso-8859-1"></head><body><h1>Généa</h1><p>Été.</p></body></html>'.encode()
    )
    assert read(path)[0][0].text == "# Généa\n\nÉté."
