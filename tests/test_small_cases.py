"""Small inputs of kinds that went wrong: what is asked of each, from the file to the rows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dyag_core import GateError, Session
from dyag_core.documents.front_matter import front_matter
from dyag_core.text.language import language_of_names, languages_told
from dyag_core.text.markup import plain_text


def asked(folder: Path, name: str, *lines: str, **options: object) -> dict[str, str]:
    """Question -> answer of all that *rule* makes of one file; nothing where it finds nothing to ask."""
    source = folder / name
    source.write_text("\n".join(lines) + "\n", encoding="utf-8")
    options = {"derived": 0, "unanswerable": 0} | options
    try:
        made = Session(folder / "out").generate(source, method="rule", options=options, min_yield=0)
    except GateError:
        return {}
    rows = [json.loads(line) for line in made.output.read_text("utf-8").splitlines()]
    return {row["messages"][-2]["content"]: row["messages"][-1]["content"] for row in rows}


# -- tables in texts and on pages --------------------------------------------------------------------------------------


def test_a_table_within_a_table_is_asked_about_its_own_rows(tmp_path: Path) -> None:
    inner = "<table><tr><th>Article</th><th>Stock</th></tr><tr><td>Écrou</td><td>7</td></tr></table>"
    page = f"<h1>Réserve</h1><table><tr><th>Rayon</th><th>Contenu</th></tr><tr><td>R1</td><td>{inner}</td></tr></table>"
    assert asked(tmp_path, "page.html", f"<html><body>{page}</body></html>") == {"Quel est le stock d'Écrou ?": "7"}


def test_escaped_bars_are_part_of_a_name_and_options_are_names(tmp_path: Path) -> None:
    table = ["# mytool", "", "| Flag | Default | Meaning |", "|---|---|---|"]
    table += ["| `x\\|y` | `x` | picks **x** or y |", "| `--mode=z` | `true` | leaves<br>at once |"]
    assert asked(tmp_path, "tool.md", *table) == {
        "What is the meaning of x|y?": "picks x or y",
        "What is the meaning of --mode=z?": "leaves at once",
    }


def test_names_in_code_are_names_and_common_words_are_not(tmp_path: Path) -> None:
    table = ["# Alba", "", "| Paramètre | Valeur par défaut | Rôle |", "|---|---|---|"]
    table += ["| `port` | 8080 | écoute |", "| souvent | 12 | gêne |"]
    assert asked(tmp_path, "alba.md", *table) == {
        "Quelle est la valeur par défaut de port ?": "8080",
        "Quel est le rôle de port ?": "écoute",
    }


def test_two_rows_of_names_become_one_question_each_or_none(tmp_path: Path) -> None:
    table = ["# Tarifs", "", "| Pièce | Prix | Prix |", "|---|---|---|", "| | HT | TTC |", "| Écrou | 10 | 12 |"]
    assert asked(tmp_path, "tarifs.md", *table, "| Vis | 3 | 3,60 |") == {
        "Quel est le prix HT d'Écrou ?": "10",
        "Quel est le prix TTC d'Écrou ?": "12",
        "Quel est le prix HT de Vis ?": "3",
        "Quel est le prix TTC de Vis ?": "3,60",
    }
    years = ["# Budget", "", "| Poste | 2023 | 2023 |", "|---|---|---|", "| | prévu | réel |", "| Eau | 3 | 4 |"]
    assert asked(tmp_path, "budget.md", *years, "| Gaz | 5 | 6 |") == {}


def test_numbers_dates_and_codes_make_an_attribute_of_a_noun_that_nobody_listed(tmp_path: Path) -> None:
    table = [
        "# Parc",
        "",
        "| Véhicule | Kilométrage | Immatriculation | Plein | Observation |",
        "|---|---|---|---|---|",
    ]
    rows = ["| Clio 1 | 45 000 | AB-123-CD | 40 | à revoir |", "| Zoé 2 | 12 000 | EF-456-GH | 0 | propre |"]
    assert asked(tmp_path, "parc.md", *table, *rows) == {
        "Quel est le kilométrage de Clio 1 ?": "45 000",
        "Quelle est l'immatriculation de Clio 1 ?": "AB-123-CD",
        "Quel est le kilométrage de Zoé 2 ?": "12 000",
        "Quelle est l'immatriculation de Zoé 2 ?": "EF-456-GH",
    }


@pytest.mark.parametrize(
    "table",
    [
        "# Piscine\n\n| Tarif | Réduit |\n|---|---|\n| Entrée | 3 € |\n| Carnet | 27 € |",
        "# Musée\n\n| Jour | Ouverture |\n|---|---|\n| Mardi | 10h |\n| Jeudi | 9h |",
        "# Eau\n\n| Poste | Janvier | Mars |\n|---|---|---|\n| Froide | 10 | 12 |\n| Chaude | 3 | 4 |",
    ],
    ids=["an adjective", "days as rows", "months as columns"],
)
def test_what_a_column_does_not_name_is_not_asked(tmp_path: Path, table: str) -> None:
    assert asked(tmp_path, "table.md", table) == {}


def test_a_number_under_a_plural_says_how_many_unless_it_is_an_amount(tmp_path: Path) -> None:
    french = asked(tmp_path, "a.csv", "Site;Prises;Recettes;Ports", "Borne A;4;1200;443", "Borne B;2;900;80")
    assert french["Quel est le nombre de prises de Borne A ?"] == "4"
    assert french["Quelles sont les recettes de Borne A ?"] == "1200"
    assert french["Quels sont les ports de Borne A ?"] == "443"
    english = asked(tmp_path, "b.csv", "Room,Seats,Fees", "Alpha,12,30", "Beta,8,20")
    assert english["What is the number of seats of Alpha?"] == "12"
    assert english["What are the fees of Alpha?"] == "30"


def test_an_item_is_a_thing_and_a_field_a_label(tmp_path: Path) -> None:
    assert "What is the price of Screw?" in asked(tmp_path, "i.csv", "Item,Price", "Screw,3", "Nail,2")
    pairs = ["# Alba", "", "| Champ | Contenu |", "|---|---|", "| Licence | MIT |"]
    assert asked(tmp_path, "p.md", *pairs) == {"Quelle est la licence d'Alba ?": "MIT"}


def test_a_state_or_a_person_never_names_the_rows(tmp_path: Path) -> None:
    lines = ["Dossier;Statut;Décision", "D-1;en cours;accepté", "D-2;en attente;refusé", "D-3;clos;ajourné"]
    assert asked(tmp_path, "dossiers.csv", *lines)["Quel est le statut de D-3 ?"] == "clos"


def test_a_site_may_be_a_place(tmp_path: Path) -> None:
    assert (
        asked(tmp_path, "s.csv", "Salle;Site", "Salle A;Lyon", "Salle B;Metz")["Quel est le site de Salle A ?"]
        == "Lyon"
    )


# -- languages ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "question"),
    [
        (["Nom;Licence", "Alba;MIT", "Bora;GPL"], "Quelle est la licence d'Alba ?"),
        (["Inventaire des outils;;", "Outil;Licence;Port", "Alba;MIT;80", "Bora;GPL;22"], "Quel est le port d'Alba ?"),
        (["Service;Budget", "Alba;1 200,50", "Bora;800,00"], "Quel est le budget d'Alba ?"),
        (["Name;Licence", "Alba;MIT", "Bora;GPL"], "What is the licence of Alba?"),
        (["Vehicle;Mileage", "Alba;45,000", "Bora;12,000"], "What is the mileage of Alba?"),
        (["Name;Languages;Price", "Alba;fr, en;12 €", "Bora;de, es;free"], "What are the languages of Alba?"),
    ],
    ids=["Nom", "a title above", "a decimal comma", "Name", "thousands", "codes of languages"],
)
def test_a_terse_table_is_asked_in_the_language_of_its_names(tmp_path: Path, lines: list[str], question: str) -> None:
    assert question in asked(tmp_path, "table.csv", *lines)


def test_what_tells_no_language() -> None:
    assert not languages_told('# <a id="la"></a> Alba {#de}')
    assert not languages_told("A, O, y, n")
    assert languages_told("Alba's plan")["fr"] == 0
    assert languages_told("l'équipe qu'elle")["fr"] >= 4
    assert language_of_names(["Service", "Agents", "Budget"]) is None
    assert language_of_names(["Nombre", "Ciudad"]) == "es"


# -- values ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("french", "value"),
    [
        (True, value)
        for value in ("à désigner", "pas encore choisi", "<nom>", "voir avec la DSI", "vacant", "jj/mm/aaaa")
    ]
    + [
        (False, value)
        for value in ("[insert name]", "to be chosen", "see IT", "undisclosed", "TBC in May", "v?", "n.k.")
    ],
)
def test_a_form_that_was_not_filled_in_answers_nothing(tmp_path: Path, french: bool, value: str) -> None:
    header = ("Nom;Éditeur;Ville", f"Alba;{value};Lyon", "Bora;Acme;Metz")
    if not french:
        header = ("Name;Publisher;City", f"Alba;{value};Leeds", "Bora;Acme;York")
    assert set(asked(tmp_path, "table.csv", *header).values()) == (
        {"Acme", "Lyon", "Metz"} if french else {"Acme", "Leeds", "York"}
    )


def test_no_licence_under_licence_says_that_there_is_none(tmp_path: Path) -> None:
    made = asked(tmp_path, "t.csv", "Nom;Licence;Ville", "Alba;Aucune licence;Lyon", "Bora;MIT;Metz", unanswerable=0.5)
    assert "Quelle est la licence d'Alba ?" not in made


@pytest.mark.parametrize(
    ("header", "codes"),
    [
        ("country;iso2", ["NA", "NO", "NG", "OM"]),
        ("company;ticker", ["ON", "KA", "TRUE", "NO"]),
        ("language;code", ["no", "fr", "en", "de"]),
        ("element;symbol", ["N", "O", "Na", "No"]),
    ],
)
def test_codes_of_every_form_are_codes(tmp_path: Path, header: str, codes: list[str]) -> None:
    names = ["Alba", "Bora", "Cori", "Dune"]
    made = asked(tmp_path, "codes.csv", header, *map(";".join, zip(names, codes, strict=True)))
    assert list(made.values()) == codes
    assert all(question.startswith("What is") for question in made)


def test_what_somebody_is_is_not_what_they_have(tmp_path: Path) -> None:
    assert "Is Ann a donor?" in asked(tmp_path, "d.csv", "Name,Donor,City", "Ann,yes,York", "Bob,no,Leeds")
    french = asked(tmp_path, "f.csv", "Nom;Membre du réseau;Ville", "Alba;oui;Lyon", "Bora;non;Metz")
    assert french["Est-ce qu'Alba est membre du réseau ?"] == "Oui"


def test_a_list_of_one_in_brackets_is_its_value(tmp_path: Path) -> None:
    made = asked(tmp_path, "l.csv", "Nom;Langues", 'Alba;"[""fr"", ""en""]"', 'Bora;"[""fr""]"')
    assert list(made.values()) == ["fr, en", "fr"]


# -- labels and texts --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("label", "question"),
    [
        ("code_insee", "Quel est le code INSEE d'Alba ?"),
        ("Code pays", "Quel est le code pays d'Alba ?"),
        ("Poids (kg, net)", "Quel est le poids net en kg d'Alba ?"),
    ],
)
def test_labels_in_the_order_of_speech(tmp_path: Path, label: str, question: str) -> None:
    made = asked(tmp_path, "l.csv", f"nom;{label};ville", "Alba;69123;Lyon", "Bora;57463;Metz")
    assert question in made


def test_what_is_struck_out_or_decorates_is_not_read(tmp_path: Path) -> None:
    text = ["# 🚀 Alba", "", "## 👤 Responsable", "", "La DSI", "", "- ✅ **Version** : ~~3.0~~ 3.1"]
    assert asked(tmp_path, "alba.md", *text) == {
        "Qui est le responsable d'Alba ?": "La DSI",
        "Quelle est la version d'Alba ?": "3.1",
    }
    assert plain_text("<del>non</del> oui, ✅") == "oui, ✅"


def test_definitions_of_one_term_are_a_list_and_a_glossary_is_defined(tmp_path: Path) -> None:
    page = "<dl><dt>Languages</dt><dd>French</dd><dd>English</dd><dt>License</dt><dd>MIT</dd></dl>"
    made = asked(tmp_path, "page.html", f"<html><body><h1>Alba</h1>{page}</body></html>")
    assert made["What are the languages of Alba?"] == "French, English"
    terms = ["# Glossaire", "", "API", ": Interface qui permet à deux logiciels d'échanger."]
    assert list(asked(tmp_path, "g.md", *terms)) == ["Qu'est-ce qu'API ?"]


def test_a_block_in_toml_is_front_matter_and_a_record_is_its_name() -> None:
    fields, text = front_matter(
        '+++\ntitle = "Alba"\nlicence = "MIT"\ndraft = true\n[owner]\nname = "Ann"\n+++\n# Alba\n'
    )
    assert (fields["title"], fields["licence"], fields["owner"], text) == ("Alba", "MIT", "Ann", "# Alba\n")
    assert "draft" not in fields
    assert front_matter("+++\nnot = = toml\n+++\ntext") == ({}, "+++\nnot = = toml\n+++\ntext")


def test_a_question_without_a_verb_needs_the_one_before_it(tmp_path: Path) -> None:
    text = ["# FAQ", "", "## Comment réserver une salle ?", "", "Par le portail."]
    text += ["", "## Combien de temps à l'avance ?", "", "Deux jours.", "", "## Où est la salle A ?", "", "En bas."]
    assert asked(tmp_path, "faq.md", *text) == {
        "Comment réserver une salle ?": "Par le portail.",
        "Où est la salle A ?": "En bas.",
    }


@pytest.mark.parametrize("text", ["Kelp is free of charge.", "Kelp runs on machines of the town.", "Kelp costs a lot."])
def test_a_sentence_that_tells_an_attribute_says_not_what_something_is(tmp_path: Path, text: str) -> None:
    assert list(asked(tmp_path, "kelp.md", "# Kelp", "", text, "", "- Version: 3")) == [
        "Which version of Kelp is in use?"
    ]


def test_contents_links_rules_and_stubs_ask_nothing(tmp_path: Path) -> None:
    text = ["# Manuel", "", "## Sommaire", "", "1. [Contact](#contact)", "2. [Licence](#licence)", "", "## Contact", ""]
    assert asked(tmp_path, "m.md", *text, "* * *", "", "## Licence", "", "MIT") == {
        "Quelle est la licence de Manuel ?": "MIT"
    }
    assert asked(tmp_path, "s.md", "# Zarbi", "", "Page à compléter.") == {}
