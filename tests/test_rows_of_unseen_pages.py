"""Kinds of wrong and poor rows on an API catalogue and a hosting manual that no rule had been written on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from dyag_core import GateError, Session

if TYPE_CHECKING:
    from pathlib import Path


def asked(tmp_path: Path, pages: dict[str, str]) -> dict[str, str]:
    """Question -> answer of all rows that a folder of pages is asked about."""
    folder = tmp_path / "pages"
    folder.mkdir()
    for name, text in pages.items():
        (folder / name).write_text(text, "utf-8")
    try:
        made = Session(tmp_path / "out").generate(
            folder, method="rule", options={"unanswerable": 0, "derived": 0}, min_yield=0
        )
    except GateError:  # nothing to ask
        return {}
    lines = made.output.read_text("utf-8").splitlines()
    return {row["messages"][-2]["content"]: row["messages"][-1]["content"] for row in map(json.loads, lines)}


def test_english_keys_of_a_french_page_are_not_asked_for_and_accents_come_back(tmp_path: Path) -> None:
    page = (
        "---\ntitle: API Lieux\ncontact link: lieux@exemple.fr\nthemes: Géographie\n---\n\nCette API donne les lieux.\n"
    )
    rows = asked(tmp_path, {"lieux.md": page})
    assert rows == {"Quels sont les thèmes d'API Lieux ?": "Géographie"}


def test_a_list_is_not_asked_for_as_if_it_were_one_thing(tmp_path: Path) -> None:
    page = "---\ntitle: {0}\napi: {1}\n---\n\nLe service {0} aide les communes dans leurs démarches.\n"
    pages = {"a.md": ("Alba", "API Lieux"), "b.md": ("Bora", "[API Lieux, API Dates]"), "c.md": ("Calva", "API Dates")}
    rows = asked(tmp_path, {name: page.format(*filled) for name, filled in pages.items()})
    assert rows == {"Quelle est l'API d'Alba ?": "API Lieux", "Quelle est l'API de Calva ?": "API Dates"}


@pytest.mark.parametrize(
    "table",
    [
        "| Nom | Description |\n|--|--|\n| typeLieu | Type du lieu |\n| autreChose | Chose autre |\n",
        "| Nom | Description |\n|--|--|\n| Retenues ABC | le montant des retenues ABC |\n| Nom | Sigle de l'entité |\n",
        "| Nom de la donnée | Description |\n|--|--|\n| Habitation | Date de construction, surface, etc. |\n"
        "| Identité | Nom, prénom, civilité |\n",
        "| Paramètre | Valeur | Signification |\n|--|--|--|\n| Débit max | 10/s | dix événements par seconde |\n",
        "| Nom | Licence |\n|--|--|\n| Rabat | ⌛️ bientôt disponible |\n| Cavan | 🚧 à écrire |\n",
    ],
    ids=["its name in words", "in a circle", "a data dictionary", "parameters", "not yet"],
)
def test_a_table_that_tells_nothing_of_things_is_not_asked(tmp_path: Path, table: str) -> None:
    assert asked(tmp_path, {"page.md": f"# Bora\n\n## Données\n\n{table}"}) == {}


def test_rows_are_called_by_their_names_though_one_stands_twice(tmp_path: Path) -> None:
    table = (
        "| Nom | Licence | Sans compte |\n|--|--|--|\n"
        "| API Droits | MIT | API Foyers |\n| API Foyers | GPL | fin 2022 |\n"
        "| API Quotient | MIT | API Foyer |\n| API Quotient | BSD | en cours |\n"
    )
    rows = asked(tmp_path, {"page.md": f"# Bora\n\n## Accès\n\n{table}"})
    licences = {question: answer for question, answer in rows.items() if "licence" in question}
    assert licences == {"Quelle est la licence d'API Droits ?": "MIT", "Quelle est la licence d'API Foyers ?": "GPL"}


def test_a_description_names_no_row(tmp_path: Path) -> None:
    table = (
        "| Service Name | Plan Name | Description | Number of nodes |\n|--|--|--|--|\n"
        "| depot | depot-1node | Single node for tests | 1 |\n| depot | depot-3node | Nodes with storage | 3 |\n"
    )
    rows = asked(tmp_path, {"page.md": f"# Depot\n\n## Plans\n\n{table}"})
    assert not [question for question in rows if "Single node" in question or "with storage" in question]


def test_a_sentence_under_a_label_is_no_value_of_it(tmp_path: Path) -> None:
    said = "Cookies are passed through by default, meaning that cookie-based authentication will work as expected."
    assert (
        asked(tmp_path, {"page.md": f"# Domain service\n\n## Use\n\nRead on.\n\n### Authentication\n\n{said}\n"}) == {}
    )


def test_a_sentence_on_a_common_noun_defines_nothing(tmp_path: Path) -> None:
    text = "# ✅ Qualité du support\n\nLa qualité du support utilisateur détermine la confiance accordée au service.\n"
    assert asked(tmp_path, {"page.md": text}) == {}


def test_the_way_back_to_the_contents_is_no_part_of_an_answer(tmp_path: Path) -> None:
    text = (
        "# Relecture\n\n## Comment relire une fiche ?\n\n[Retour à l'introduction](#introduction)\n\n"
        "Un relecteur propose de relire une fiche de son choix.\n\n## “Avez-vous la personnalité juridique” ?\n\n"
        "Les équipes n'ont pas la personnalité juridique.\n"
    )
    assert asked(tmp_path, {"page.md": text}) == {
        "Comment relire une fiche ?": "Un relecteur propose de relire une fiche de son choix.",
        "Avez-vous la personnalité juridique ? (Relecture)": "Les équipes n'ont pas la personnalité juridique.",
    }


def test_what_is_not_so_is_not_told_about(tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text(
        "# Mirrors\n\n## What is not covered by mirrors?\n\nPages that are made while you wait aren't there.\n",
        "utf-8",
    )
    made = Session(tmp_path).generate(
        tmp_path / "page.md", method="augmented", count=20, options={"unanswerable": 0}, min_yield=0
    )
    questions = {json.loads(line)["messages"][-2]["content"] for line in made.output.read_text("utf-8").splitlines()}
    assert "What is not covered by mirrors?" in questions
    assert not [question for question in questions if "about not covered" in question or question.startswith("not ")]


def test_logins_and_places_in_a_menu_are_not_asked_for(tmp_path: Path) -> None:
    page = "---\ntitle: {0}\nauthors: [apiazza, pashlock]\nguide_weight: 4\nlicense: MIT\n---\n\n{0} counts the rain.\n"
    pages = {f"{name}.md": page.format(name.title()) for name in ("alba", "bora")}
    rows = asked(tmp_path, pages)
    assert set(rows.values()) == {"Alba counts the rain.", "Bora counts the rain.", "MIT"}


def test_the_summary_of_a_page_describes_it_only_where_it_says_what_it_is(tmp_path: Path) -> None:
    page = '---\ntitle: "{}"\nsummary: "{}"\n---\n\nIt is time to put what was found into a report for everybody.\n'
    pages = {
        "present.md": page.format("Present", "How to communicate findings and deliverables."),
        "alba.md": page.format("Alba", "Alba is a tool that counts the rain."),
    }
    assert asked(tmp_path, pages) == {"What is Alba?": "Alba is a tool that counts the rain."}


def test_tabs_that_take_turns_in_one_place_are_no_answer(tmp_path: Path) -> None:
    text = (
        '# Statuts\n\n## La responsabilité des associés est-elle conjointe ?\n\n{% tabs %}\n{% tab title="SCIC" %}\n'
        'Elle dépend.\n{% endtab %}\n\n{% tab title="GIP" %}\nElle est conjointe.\n{% endtab %}\n{% endtabs %}\n'
    )
    assert asked(tmp_path, {"page.md": text}) == {}


def test_what_is_given_up_has_no_status_of_its_own(tmp_path: Path) -> None:
    page = "---\ntitle: {}\nstatus: Production ready\n---\n\nThe service answers on one address.\n"
    pages = {"old.md": page.format("CDN service (deprecated)"), "new.md": page.format("Domain service")}
    assert asked(tmp_path, pages) == {"What is the status of Domain service?": "Production ready"}


def test_an_answer_ends_where_two_questions_in_one_begin_and_holds_no_addresses_of_links(tmp_path: Path) -> None:
    text = (
        "# Harvesting\n\n**How do I add a source to the catalogue?**\n\nWrite to the team, which adds it.\n\n"
        "[queue]:/manual/queue.html\n\n**Can you address data elsewhere? Can they be harvested?**\n\nYes.\n\n"
        "**II) What is Minification of scripts?**\n\n| https://example.org/minification\n"
    )
    rows = asked(tmp_path, {"page.md": text})
    assert list(rows.values()) == ["Write to the team, which adds it."]


def test_the_roles_in_the_team_of_one_thing_are_not_asked_about_alone(tmp_path: Path) -> None:
    text = "# Bora\n\n## Équipe\n\n| Rôle | Contact |\n|--|--|\n| Code | a@exemple.fr |\n| Pilotage | b@exemple.fr |\n"
    assert asked(tmp_path, {"page.md": text}) == {}
