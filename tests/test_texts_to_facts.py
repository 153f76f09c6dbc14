"""From running text to facts: what is asked about prose, FAQ pages, manual pages, and what is left out and counted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dyag_core import GateError, Session
from dyag_core.documents import read_documents
from dyag_core.documents.pdf import pages_text
from dyag_core.records import GeneratedData
from dyag_core.text.hyphens import joined
from dyag_core.text.markup import plain_text
from dyag_plugins.generators.facts.blocks import sections_of
from dyag_plugins.generators.facts.faq import as_question
from dyag_plugins.generators.facts.questions import parts_of
from dyag_plugins.generators.facts.subjects import is_name

PLAIN = {"unanswerable": 0, "derived": 0}


def generated(source: Path, lang: str, method: str = "rule", **options: object) -> GeneratedData:
    made = PLAIN | options
    if method == "augmented":
        made = {"combined": 0, "compared": 0, "dialogues": 0} | made
    return Session(source.parent / "out", lang=lang).generate(source, method=method, options=made, min_yield=0)


def rows(made: GeneratedData) -> list[dict]:
    return [json.loads(line) for line in made.output.read_text("utf-8").split("\n") if line]


def asked(folder: Path, name: str, text: str, lang: str = "fr") -> dict[str, str]:
    """Question -> answer of all that *rule* makes of one file; nothing where it finds nothing to ask."""
    source = folder / name
    source.write_text(text, encoding="utf-8")
    try:
        made = generated(source, lang)
    except GateError:
        return {}
    return {row["messages"][-2]["content"]: row["messages"][-1]["content"] for row in rows(made)}


# -- questions that a document asks itself -----------------------------------------------------------------------------


def test_a_heading_that_is_a_question_is_the_question_and_its_text_the_whole_answer(tmp_path: Path) -> None:
    text = """# Parking

## Comment réserver une place ?

Ouvrez l'application, puis choisissez :

1. un jour ;
2. une place.

La place est gardée jusqu'à
neuf heures.

## 2. Qui peut se garer au sous-sol ?

Les **titulaires** d'une carte &laquo; M &raquo;[^1].

## Comment payer

Par carte.

[^1]: sauf le samedi
"""
    assert asked(tmp_path, "parking.md", text) == {
        "Comment réserver une place ?": "Ouvrez l'application, puis choisissez :\n- un jour ;\n- une place.\n"
        "La place est gardée jusqu'à neuf heures.",
        "Qui peut se garer au sous-sol ?": "Les titulaires d'une carte « M ».",
        "Comment payer ? (Parking)": "Par carte.",
    }


def test_a_question_that_points_back_is_told_what_it_is_about(tmp_path: Path) -> None:
    text = "# Questions fréquentes sur la cantine\n\n## Est-elle ouverte le samedi ?\n\nNon.\n"
    found = asked(tmp_path, "cantine.md", text)
    assert found["Est-elle ouverte le samedi ? (la cantine)"] == "Non."
    assert "Est-elle ouverte le samedi ?" not in found
    # Where nothing says what it is about, it isn't asked.
    assert asked(tmp_path, "faq.md", "# FAQ\n\n## Peut-on la refuser ?\n\nNon, jamais.") == {}
    assert asked(tmp_path, "faq.md", "# FAQ\n\n## Comment contribuer ?\n\nÉcrivez-nous.") == {}


@pytest.mark.parametrize(
    "text",
    [
        "**Quand ouvre la salle de sport ?**\n\nÀ sept heures.",
        "**Quand ouvre la salle de sport ?** À sept heures.",
        "Q : Quand ouvre la salle de sport ?\nR : À sept\nheures.",
        "- **Q1.** Quand ouvre la salle de sport ?\n- **R1.** À sept heures.",
        "**Question :** Quand ouvre la salle de sport ?\n\n**Réponse :** À sept heures.",
        "Quand ouvre la salle de sport ?\n:   À sept heures.",
        "<details>\n<summary>Quand ouvre la salle de sport ?</summary>\n\nÀ sept heures.\n</details>",
        "| Question | Réponse |\n|---|---|\n| Quand ouvre la salle de sport ? | À sept heures. |",
    ],
    ids=["bold line", "bold start", "pairs", "numbered", "labelled", "term", "details", "table"],
)
def test_questions_in_every_dress(tmp_path: Path, text: str) -> None:
    found = asked(tmp_path, "salle.md", f"# Salle de sport\n\n## Vie pratique\n\n{text}\n")
    assert found == {"Quand ouvre la salle de sport ?": "À sept heures."}


@pytest.mark.parametrize("header", ["id;question;réponse;thème", "ref,Thème,Question,Réponse"])
def test_a_column_of_questions_is_asked_as_it_stands(tmp_path: Path, header: str) -> None:
    told = {"question": "Comment poser un congé ?", "reponse": "Dans l'outil, trois jours avant.", "theme": "Congés"}
    columns = {"réponse": "reponse", "thème": "theme"}
    separator = ";" if ";" in header else ","
    cells = [told.get(columns.get(name.lower(), name.lower()), "7") for name in header.split(separator)]
    row = separator.join(f'"{cell}"' for cell in cells)
    assert asked(tmp_path, "faq.csv", f"{header}\n{row}\n") == {told["question"]: told["reponse"]}


def test_english_questions_too(tmp_path: Path) -> None:
    text = "# Desk\n\n## How to replace a lost badge\n\nAsk there.\n\n## Who signs the badge form?\n\nYour manager."
    assert asked(tmp_path, "desk.md", text, "en") == {
        "How do I replace a lost badge?": "Ask there.",
        "Who signs the badge form?": "Your manager.",
    }


@pytest.mark.parametrize(
    "body",
    [
        "Voir l'image ci-dessous.",
        "Suivez [ce guide](https://exemple.fr).",
        "Choisissez parmi :",
        "![](plan.png)",
        "---",
        "### Le matin\n\nPar le hall.\n\n### Le soir\n\nPar la cour.",
        "Mot. " * 400,
    ],
    ids=["points elsewhere", "points by a link", "open end", "picture", "rule line", "goes on below", "too long"],
)
def test_a_question_without_a_whole_answer_is_not_asked(tmp_path: Path, body: str) -> None:
    found = asked(tmp_path, "hall.md", f"# Hall\n\n## Comment entrer dans le hall ?\n\n{body}\n")
    assert "Comment entrer dans le hall ?" not in found


def test_an_answer_that_two_passages_share_is_not_asked_in_halves(tmp_path: Path) -> None:
    steps = "\n\n".join(
        f"Étape {n} : tournez la vanne numéro {n} d'un quart de tour vers la droite." for n in range(60)
    )
    assert asked(tmp_path, "vanne.md", f"# Vanne\n\n## Comment purger la vanne ?\n\n{steps}\n") == {}


def test_each_page_of_a_catalogue_answers_for_itself(tmp_path: Path) -> None:
    for name, who in (("Alba", "Anne"), ("Bora", "Luc")):
        text = f"# {name}\n\n- Licence : MIT\n\n## Comment demander un accès ?\n\nÉcrivez à {who}.\n"
        (tmp_path / f"{name}.md").write_text(text, encoding="utf-8")
    found = {row["messages"][-2]["content"]: row["messages"][-1]["content"] for row in rows(generated(tmp_path, "fr"))}
    assert found["Comment demander un accès ? (Alba)"] == "Écrivez à Anne."
    assert found["Comment demander un accès ? (Bora)"] == "Écrivez à Luc."


def test_augmented_rewords_a_question_without_changing_what_it_asks(tmp_path: Path) -> None:
    source = tmp_path / "badge.md"
    source.write_text("# Badge\n\n## Comment obtenir un badge neuf ?\n\nRemplissez le formulaire.\n", encoding="utf-8")
    made = rows(generated(source, "fr", "augmented"))
    assert len(made) > 1
    assert {row["messages"][-1]["content"] for row in made} == {"Remplissez le formulaire."}
    assert all(
        "obtenir" in row["messages"][-2]["content"].lower() for row in made if "neuf" in str(row["messages"][-2])
    )
    assert {row["meta"]["fact"] for row in made} == {made[0]["meta"]["fact"]}


@pytest.mark.parametrize("title", ["Données ou documents ?", "Introduction", "Le parking", "Quoi ?", "Vrai ? Faux ?"])
def test_titles_that_are_no_questions(title: str) -> None:
    assert as_question(title) == ""


# -- paragraphs, labels, sections --------------------------------------------------------------------------------------


def test_a_wrapped_line_cuts_no_value(tmp_path: Path) -> None:
    text = """# Dora

Éditeur : Direction des affaires maritimes et de la pêche, bureau
des navires
Licence : MIT

Préparez la salle : ouvrir les volets, brancher le projecteur, puis
prévenir l'accueil.
"""
    assert asked(tmp_path, "dora.md", text) == {
        "Qui est l'éditeur de Dora ?": "Direction des affaires maritimes et de la pêche, bureau des navires",
        "Quelle est la licence de Dora ?": "MIT",
    }


def test_markup_stays_out_of_questions_and_answers(tmp_path: Path) -> None:
    text = """# __Guide *Ondine*__ 🚀

**Éditeur :** [Ville de Lyon](https://lyon.example) &amp; métropole[^2]

- *Licence* : `EUPL-1.2`<br>

## *Responsable*

Mme <u>Roy</u>, bureau 12\\_b
"""
    assert asked(tmp_path, "ondine.md", text) == {
        "Qui est l'éditeur de Guide Ondine ?": "Ville de Lyon & métropole",
        "Quelle est la licence de Guide Ondine ?": "EUPL-1.2",
        "Qui est le responsable de Guide Ondine ?": "Mme Roy, bureau 12_b",
    }


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("la **fin** d'un *mot*, `a_b*c*`, ~~non~~ oui", "la fin d'un mot, a_b*c*, oui"),
        ("snake_case_name et 2 * 3 * 4", "snake_case_name et 2 * 3 * 4"),
        ("-n <num>, voir <https://a.fr> et <Icon name='x'/>ici", "-n <num>, voir https://a.fr et ici"),
        ("ﬁn de l’oﬀre, e\u0301te\u0301, so\u00adleil", "fin de l’offre, été, soleil"),
        ("10 m² à 5 €¹ [1](x) cité[3]", "10 m² à 5 € 1 cité"),
    ],
)
def test_what_a_reader_sees_of_markup(written: str, read: str) -> None:
    assert plain_text(written) == read


@pytest.mark.parametrize(
    "aside",
    [
        "```\nÉditeur : code\n```",
        "    Éditeur : code\n    en retrait",
        "> Éditeur : citation",
        "!!! note\n    Éditeur : remarque",
        "::: tip\nÉditeur : remarque\n:::",
        "<!-- Éditeur : caché\n-->",
        "<div style={{\n  Éditeur: 'vert',\n}}>\n</div>",
        "import Éditeur from 'x';",
        "* * *",
        "Attention : le quai est glissant\npar temps de pluie.",
        "- [Éditeur : page](a.md)\n- [Licence](b.md)",
        "[^1]: Éditeur : note",
    ],
)
def test_what_is_not_the_texts_own_states_nothing(tmp_path: Path, aside: str) -> None:
    assert asked(tmp_path, "quai.md", f"# Quai\n\nLicence : MIT\n\n{aside}\n\nVersion : 3\n") == {
        "Quelle est la licence de Quai ?": "MIT",
        "Quelle est la version de Quai ?": "3",
    }


def test_terms_are_labels_beside_a_label_that_is_known_and_else_are_defined(tmp_path: Path) -> None:
    record = "# Mira\n\nLicence\n: MIT\n\nÉditeur\n: Acme\n  et fils\n"
    assert asked(tmp_path, "mira.md", record) == {
        "Quelle est la licence de Mira ?": "MIT",
        "Qui est l'éditeur de Mira ?": "Acme et fils",
    }
    glossary = "# Lexique\n\nGéocodage\n:   Attribution de coordonnées à une adresse.\n\nJeton\n:   Voir plus haut.\n"
    assert asked(tmp_path, "lexique.md", glossary) == {
        "Qu'est-ce que Géocodage ?": "Attribution de coordonnées à une adresse."
    }


def test_every_option_of_a_manual_page_is_asked_for(tmp_path: Path) -> None:
    text = """<html><body><main><h1>fox(1)</h1><h2>OPTIONS</h2><dl><dt>-q</dt><dd>Say
    nothing.</dd><dt>--limit=N</dt><dd>Stop after N rows.</dd></dl><h2>FOX</h2>
    <p>Part of the fox suite</p></main></body></html>"""
    found = asked(tmp_path, "fox.html", text, "en")
    assert set(found.values()) == {"Say nothing.", "Stop after N rows."}
    assert found["What does the option -q of fox(1) do?"] == "Say nothing."


def test_a_section_tells_all_or_nothing_of_its_heading(tmp_path: Path) -> None:
    text = """# Nef

## Objectif

Réduire le papier. Gagner du temps.

## Prérequis

Il faut :

- Python 3.11
- 2 Go de mémoire

## Contact

Écrivez à l'adresse suivante :

```
nef@example.org
```

## Le développement local

Tout se passe sur votre poste.
"""
    assert asked(tmp_path, "nef.md", text) == {
        "Quel est l'objectif de Nef ?": "Réduire le papier. Gagner du temps.",
        "Quels sont les prérequis de Nef ?": "Il faut : Python 3.11, 2 Go de mémoire",
    }


def test_a_definition_is_asked_with_its_article(tmp_path: Path) -> None:
    text = (
        "# Lexique\n\n## Pseudonymisation\n\nLa pseudonymisation est un traitement de données. Elle est réversible.\n"
    )
    assert asked(tmp_path, "lexique.md", text) == {
        "Qu'est-ce que la pseudonymisation ?": "La pseudonymisation est un traitement de données."
    }


@pytest.mark.parametrize(
    "text",
    [
        "# Oméga\n\nqui gère les accès des agents du port.",
        "# Oméga\n\nCe guide vous aide à installer le service.",
        "# Oméga\n\nOméga a été installé en 2020.",
        "# Oméga\n\nLes agents y accèdent depuis leur poste.",
        "# Publier un jeu de données\n\nPublier un jeu de données est un acte simple.",
        "# Introduction\n\nLicence : MIT",
    ],
    ids=["mid-sentence", "this guide", "history", "something else", "an instruction", "a part of a page"],
)
def test_what_describes_nothing_is_not_asked(tmp_path: Path, text: str) -> None:
    assert asked(tmp_path, "page.md", text) == {}


@pytest.mark.parametrize(
    ("title", "named"),
    [
        ("API Adresse", True), ("git-log(1)", True), ("Cahier des charges", True), ("Registre des navires", True),
        ("Open EDX", True), ("IS Designer", True), ("Open a port", False),
        ("On a remote server", False), ("Lier les données", False), ("Comment faire", False), ("Liens utiles", False),
        ("Obtaining an API key", False), ("Votre compte", False), ("FAQ", False), ("Ce document n'est pas...", False),
    ],
)  # fmt: skip
def test_titles_that_name_something(title: str, named: bool) -> None:
    assert is_name(title) is named


def test_a_label_of_several_sections_is_that_of_what_they_name(tmp_path: Path) -> None:
    text = """# Serveurs de la mairie

## Atlas

- Adresse : 10.0.0.1

## Pavot

- Adresse : 10.0.0.2
"""
    found = asked(tmp_path, "serveurs.md", text)
    assert {(question, answer) for question, answer in found.items() if "Atlas" in question or "Pavot" in question}
    assert not any("mairie" in question for question in found)
    assert found["Quelle est l'adresse d'Atlas ?"] == "10.0.0.1"


def test_prose_is_counted_and_the_way_to_ask_about_it_is_named(tmp_path: Path) -> None:
    source = tmp_path / "guide.md"
    running = "Chaque service tient son registre à jour et prévient les autres de ce qui change. " * 8
    sections = "".join(f"\n## Partie {n}\n\n{running}\nRegistre : tenu par {n} agents.\n" for n in range(4))
    source.write_text(f"# Registre central\n\nLicence : MIT\n{sections}", encoding="utf-8")
    told: list[str] = []

    class Progress:
        def message(self, text: str) -> None:
            told.append(text)

        def __getattr__(self, name: str) -> object:
            from dyag_core.api import SilentProgress

            return getattr(SilentProgress(), name)

    made = Session(tmp_path / "out", lang="fr", progress=Progress()).generate(source, method="rule", options=PLAIN)
    assert [row["messages"][-1]["content"] for row in rows(made)] == ["MIT"]
    assert made.left_out["a section of running text"] == 4
    assert made.requested == made.written == 1  # what isn't asked is no part of the yield
    assert any("--method llm" in text for text in told)
    assert any(line.startswith("not asked about: ") for line in made.summary_lines())


# -- lists that go on --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    ["fraude, panne, ...", "crèche, bourse, etc.", "les cas : a, b, notamment", "prêt, aide (calcul, versement)",
     "Java, including Kotlin, Groovy"],
)  # fmt: skip
def test_an_open_list_has_no_parts_to_count(value: str) -> None:
    assert parts_of(value) == []
    assert parts_of("2018, 2019, 2020") == ["2018", "2019", "2020"]


# -- reading -----------------------------------------------------------------------------------------------------------


def read(folder: Path, name: str, text: str) -> tuple[str, dict[str, object], str]:
    source = folder / name
    source.write_text(text, encoding="utf-8")
    (document,) = read_documents(source, print)
    return document.title, dict(document.metadata), document.text


def test_a_rule_at_the_top_is_no_front_matter(tmp_path: Path) -> None:
    title, fields, text = read(tmp_path, "a.md", "---\n\n# Alma\n\nLicence : MIT\n\n---\n\n## Suite\n")
    assert (title, fields) == ("Alma", {})
    assert "# Alma" in text


def test_front_matter_keeps_what_says_something_of_the_page(tmp_path: Path) -> None:
    text = """---
title: Alma
layout: page
draft: false
sidebar_position: 3
permalink: /alma/
weight: 10
auteurs:
  - nom: Anne
    role: chef
  - nom: Luc
fiche:
  licence: MIT
  ports: [80, 443]
vide:
---
Texte.
"""
    title, fields, _ = read(tmp_path, "a.md", text)
    assert title == "Alma"
    assert fields == {"auteurs": "Anne, Luc", "licence": "MIT", "ports": "80, 443"}


def test_mdx_is_read(tmp_path: Path) -> None:
    text = "---\ntitle: Ondine\n---\nimport Tabs from '@theme/Tabs';\n\n"
    text += "## <Icon name='x'/> Licence\n\n<Tabs>\n\nMIT\n\n</Tabs>\n"
    assert asked(tmp_path, "page.mdx", text) == {"Quelle est la licence d'Ondine ?": "MIT"}


def test_menus_footers_and_notices_of_a_page_are_left_out(tmp_path: Path) -> None:
    page = """<html><body><div class="site-menu"><a href="/m">Menu : accueil</a></div>
    <div id="cookie-banner">Cookies : accepter</div><div class="breadcrumb">Accueil</div>
    <div class="content"><h1>Mira</h1><p>Licence : MIT</p></div>
    <div class="page-footer"><p>Téléphone : 01 02 03 04 05</p></div></body></html>"""
    assert asked(tmp_path, "mira.html", page) == {"Quelle est la licence de Mira ?": "MIT"}
    # A name is no proof: what holds most of a page is its text.
    whole = "<html><body><div class='content-sidebar'><h1>Mira</h1><p>Licence : MIT</p></div></body></html>"
    assert asked(tmp_path, "whole.html", whole) == {"Quelle est la licence de Mira ?": "MIT"}


@pytest.mark.parametrize(
    ("cut", "whole"),
    [
        ("des voi-\ntures", "des voitures"),
        ("l'orga-\nnisation", "l'organisation"),
        ("peut-\nêtre", "peut-être"),
        ("c'est-à-\ndire", "c'est-à-dire"),
        ("dix-\nhuit", "dix-huit"),
        ("A -\nb", "A -\nb"),
        ("- un\n- deux", "- un\n- deux"),
    ],
)
def test_words_that_a_line_break_cut(cut: str, whole: str) -> None:
    assert joined(cut) == whole


def test_a_page_of_a_pdf_keeps_its_compounds() -> None:
    assert pages_text(["Titre\n\nIl ferme peut-\nêtre le congé, les con-\ngés sont fixés."]).endswith(
        "Il ferme peut-être le congé, les congés sont fixés."
    )


def test_blocks_of_a_section() -> None:
    (section,) = sections_of("## S\n\nun\ndeux\n\n- a\n  b\n\n  c\n- d\n\n| x |\n|---|\n\nT\n: u\n\n```\nv\n```\nw")
    assert [(block.kind, block.text) for block in section.blocks] == [
        ("text", "un deux"), ("item", "a b c"), ("item", "d"), ("table", "| x | |---|"), ("term", "u"), ("code", "v"),
        ("text", "w"),
    ]  # fmt: skip
