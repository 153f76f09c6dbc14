"""Kinds of question that a French reader marked as wrong or poor: each is asked better, or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dyag_core import GateError, Session
from dyag_core.documents import read_documents
from dyag_core.text.markup import plain_text
from dyag_plugins.generators.facts.faq import as_question
from dyag_plugins.generators.facts.packs import load_pack
from dyag_plugins.generators.facts.phrasing import Wordings
from dyag_plugins.generators.facts.subjects import is_clause, is_name

PLACES = """id_lieu,nom_lieu,ad_lieu,com_lieu,insee,nature,date_maj,source,Xlong,nbre_pmr,duree,lumiere,comm
01-C-1,Aire de Mées sud,12 rue Haute,MEES,40179,Aire,2022-07-11,240100883,5.342720,2,15,true,Fermée la nuit
01-C-2,Parking Super U Bel,3 rue Basse,BELLEY,01034,Parking,2022-07-11,240100883,5.341196,1,30,false,Rue commerçante
01-C-3,Les Bords du Lac,7 quai Nord,NANTUA,01269,Parking,2021-05-11,200071751,5.168004,2,15,true,Près du lac
"""


def rows(source: Path, method: str = "rule", **options: object) -> list[dict[str, object]]:
    wanted = {"unanswerable": 0, "derived": 0} | options
    session = Session(source.parent / "out", lang="fr")
    made = session.generate(source, method=method, options=wanted, min_yield=0)
    return [json.loads(line) for line in made.output.read_text("utf-8").splitlines()]


def asked(source: Path, **options: object) -> dict[str, str]:
    return {row["messages"][-2]["content"]: row["messages"][-1]["content"] for row in rows(source, **options)}


def folder(tmp_path: Path, **pages: str) -> Path:
    (tmp_path / "pages").mkdir()
    for name, text in pages.items():
        (tmp_path / "pages" / f"{name}.md").write_text(text, "utf-8")
    return tmp_path / "pages"


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    source = tmp_path_factory.mktemp("places") / "lieux.csv"
    source.write_text(PLACES, "utf-8")
    return asked(source)


def test_columns_with_machine_names_are_asked_as_people_would(places: dict[str, str]) -> None:
    assert places["Quelle est l'adresse de l'Aire de Mées sud ?"] == "12 rue Haute"
    assert places["Quel est le code INSEE de la commune de « Parking Super U Bel » ?"] == "01034"
    assert places["Quelle est la longitude des Bords du Lac ?"] == "5.168004"


@pytest.mark.parametrize(
    "word", ["lieu", "source", "PMR", "durée", "lumière", "commentaire", "mise à jour", "nombre", "type"]
)
def test_columns_that_tell_a_reader_nothing_are_not_asked(places: dict[str, str], word: str) -> None:
    assert not [question for question in places if word in question]


def test_what_the_name_tells_already_is_not_asked(places: dict[str, str]) -> None:
    assert "Quelle est la nature de l'Aire de Mées sud ?" not in places
    assert places["Quelle est la nature des Bords du Lac ?"] == "Parking"


def test_a_remark_or_an_address_names_no_row(tmp_path: Path) -> None:
    source = tmp_path / "jeux.csv"
    lines = [
        f"https://exemple.fr/jeux/commune-{n},0{n},Commune {n} avec {n} lieux lors de l'ajout" for n in range(1, 6)
    ]
    source.write_text("\n".join(["dataset_url,departement,comm", *lines]), "utf-8")
    with pytest.raises(GateError, match=r"no column names its rows.*--title COLUMN"):
        asked(source)
    named = Session(tmp_path / "named", lang="fr").generate(
        source, method="rule", title="comm", options={"unanswerable": 0, "derived": 0}
    )
    questions = [json.loads(line)["messages"][-2]["content"] for line in named.output.read_text("utf-8").splitlines()]
    assert "Quelle est l'URL du jeu de données de « Commune 1 avec 1 lieux lors de l'ajout » ?" in questions


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Registre parcellaire (RPG)", "du Registre parcellaire (RPG)"),
        ("Gare (SALOME)", "de la Gare (SALOME)"),
        ("Aire de Bandol", "de l'Aire de Bandol"),
        ("Place Georges Courtial", "de « Place Georges Courtial »"),
        ("Guides d'Etalab", "de « Guides d'Etalab »"),
        ("Notepad++", "de Notepad++"),
        ("Le Plétre", "du Plétre"),
    ],
)
def test_a_name_that_begins_with_a_common_noun_takes_its_article(name: str, said: str) -> None:
    words = Wordings(load_pack("fr"), "fr")
    assert words.fill("{of_subject}", words.phrase("Licence"), name).lower() == said.lower()


@pytest.mark.parametrize(
    "title",
    [
        "Les données ne sont utilisées qu'en production", "Joindre des tables de données", "Faire des graphiques",
        "Trier sur une colonne", "Bienvenue sur le guide", "Modèle de fiche", "Import des données avec",
        "lieux-de-covoiturage-a-la-ville", "Différences entre administrateur et éditeur",
    ],
)  # fmt: skip
def test_titles_that_are_no_names(title: str) -> None:
    assert is_clause(title)


@pytest.mark.parametrize("title", ["Parking des Achards-Sud Est", "Aire des Aveneaux", "Modèle de langage", "Cahier"])
def test_titles_that_are_names(title: str) -> None:
    assert is_name(title)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ('Le badge {% hint style="info" %} vert {% endhint %}', "Le badge vert"),
        ("Joindre des tables {#jointures}", "Joindre des tables"),
        ("Import avec {{< fa brands r-project >}} R", "Import avec R"),
        ("Rien de plus simple !\\", "Rien de plus simple !"),
        ("un accolade {comme ici}", "un accolade {comme ici}"),
    ],
)
def test_tags_of_site_generators_leave_texts(written: str, read: str) -> None:
    assert plain_text(written) == read


def test_a_pictograph_is_no_part_of_a_question_or_a_title(tmp_path: Path) -> None:
    assert as_question("⏲️ Comment renouveler un badge ?") == "Comment renouveler un badge ?"
    (document,) = read_documents(folder(tmp_path, un="# 1️⃣ Investigation\n\nUn texte."), print)
    assert document.title == "Investigation"


def test_the_fields_of_a_page_tell_what_it_is_or_nothing(tmp_path: Path) -> None:
    text = "On le branche sur une base de données, et il montre ce qu'elle contient, sans une ligne de code.\n" * 8
    pages = {
        "un": f"---\ndescription: Plateforme d'analyse de données\nbuttons: Citoyen\n---\n# Metabase\n\n{text}",
        "deux": f"---\ndescription: De l'aide pour tous les services\nlayout: page\n---\n# Pôle Numérique\n\n{text}",
        "trois": f"---\ndescription: Quelques éléments sur notre histoire\n---\n# L'histoire de beta\n\n{text}",
    }
    assert asked(folder(tmp_path, **pages)) == {"Qu'est-ce que Metabase ?": "Plateforme d'analyse de données"}


def test_questions_that_only_their_page_or_their_reader_understands(tmp_path: Path) -> None:
    page = """# Migrer ses mots de passe

## Laquelle de ces deux méthodes choisir ?

La première, elle est plus simple.

## As-tu dépassé ta date de fin de mission ?

Demande à ton équipe de la prolonger.

## Quelles obligations ?

Le coffre est obligatoire pour tous.

## Comment migrer ses fichiers ?

De la même façon, copiez les fichiers dans le coffre.

## Où ranger les guides ?

{% content-ref url="a.md" %}
[a.md](a.md)
{% endcontent-ref %}

Tout le monde y trouve sa place.

## Combien de jours faut-il prévoir ?

Trois jours suffisent.
"""
    assert asked(folder(tmp_path, un=page)) == {
        "Combien de jours faut-il prévoir ? (Migrer ses mots de passe)": "Trois jours suffisent."
    }


def test_rows_of_a_table_that_are_parameters_or_hold_code_are_not_asked(tmp_path: Path) -> None:
    text = "On importe un fichier avec la fonction qui convient à sa taille, et on regarde ce qui en sort.\n\n" * 8
    page = f"""# Importer

{text}
| Argument | Valeur par défaut | Fonction |
| --- | --- | --- |
| `col_names` | `TRUE` | La première ligne contient-elle les noms ? |
| `n_max` | `Inf` | Nombre de lignes |

| Motif | Signification |
| --- | --- |
| `alnum` | Un caractère alphanumérique |
| `digit` | Un chiffre |

| Indicateur | Code |
| --- | --- |
| Moyenne | `mean()` |
| Médiane | `median()` |

| Syntaxe | URL |
| --- | --- |
| Turtle | https://exemple.fr/catalogue.ttl |
| N3 | https://exemple.fr/catalogue.n3 |
"""
    with pytest.raises(GateError):
        asked(folder(tmp_path, un=page))


def test_two_documents_that_answer_differently_are_not_asked(tmp_path: Path) -> None:
    source = tmp_path / "deux.jsonl"
    texts = {"a": "- Licence: MIT\n- Statut: Recommandé", "b": "- Licence: GPL-3.0\n- Statut: Recommandé"}
    lines = [
        json.dumps({"id": name, "content": f"# Grammalecte\n\n{text}", "metadata": {"document": name}})
        for name, text in texts.items()
    ]
    source.write_text("\n".join(lines), "utf-8")
    assert asked(source, unanswerable=0.5) == {"Quel est le statut de Grammalecte ?": "Recommandé"}


def test_who_and_what_for_are_asked_only_where_the_value_says_it(tmp_path: Path) -> None:
    source = tmp_path / "aires.csv"
    source.write_text(
        "nom,propriétaire,cas d'usage\nAlba,aire aménagée par le Département,Utilisé à Nantes\n"
        "Bora,Ville d'Albi,Gestion de parc\n",
        "utf-8",
    )
    assert asked(source) == {
        "Qui est le propriétaire de Bora ?": "Ville d'Albi",
        "Quels sont les cas d'usage de Bora ?": "Gestion de parc",
    }


def test_nobody_says_that_he_does_not_know_a_model(tmp_path: Path) -> None:
    page = "# Lexique\n\n## Modèle de langage\n\nUn modèle de langage est un modèle qui complète des textes.\n"
    made = asked(folder(tmp_path, un=page), method="augmented", combined=0, compared=0, dialogues=0, wordings=12)
    assert "Qu'est-ce qu'un modèle de langage ?" in made
    assert not [question for question in made if "connais pas" in question]


def test_no_rewording_begins_with_whose(tmp_path: Path) -> None:
    page = "# La réutilisation\n\n## Quelles sont ses caractéristiques ?\n\nElle est libre et gratuite.\n"
    source = folder(tmp_path, un=page)
    made = asked(source, method="augmented", combined=0, compared=0, dialogues=0)
    assert list(made) == ["Quelles sont ses caractéristiques ? (La réutilisation)"]
