"""In which language a document is asked, what its values say, and how labels are put into questions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dyag_core import GateError, Session
from dyag_core.documents import read_documents
from dyag_core.text.language import detect_language, in_their_languages

UNKNOWN = ("Je ne sais pas", "I don't know")


def rows(source: Path, method: str = "rule", lang: str | None = None, **options: Any) -> list[dict[str, Any]]:
    output = source.parent / "rows" / f"{source.stem}.jsonl"
    options = {"derived": 0, "unanswerable": 0} | options
    session = Session(source.parent, lang=lang)
    made = session.generate(source, method=method, output=output, options=options, min_yield=0)
    return [json.loads(line) for line in made.output.read_text("utf-8").splitlines()]


def asked(source: Path, **how: Any) -> dict[str, str]:
    return {row["messages"][-2]["content"]: row["messages"][-1]["content"] for row in rows(source, **how)}


def table(folder: Path, *lines: str) -> Path:
    path = folder / "table.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def page(folder: Path, text: str, name: str = "page.md") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


# -- language ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["rule", "augmented"])
def test_twenty_six_terse_french_pages_are_asked_in_french(tmp_path: Path, method: str) -> None:
    folder = tmp_path / "fiches"
    folder.mkdir()
    for n in range(26):
        facts = f"- Porteur : Equipe {n}\n- Licence : MIT\n- Statut : Ouvert\n- Budget : {n}0 k\n"
        page(folder, f"# Produit {chr(65 + n)}lba\n\n{facts}", f"{n:02}.md")
    questions = [row["messages"][-2]["content"] for row in rows(folder, method, unanswerable=0.15)]
    assert len({row["meta"]["document"] for row in rows(folder, method)}) == 26
    assert not [question for question in questions if question.startswith(("What", "Which", "Who", "How", "Is "))]
    assert any(question.startswith("Quelle est la licence") for question in questions)


def test_each_document_of_a_mixed_folder_is_asked_in_its_language_unless_one_is_given(tmp_path: Path) -> None:
    folder = tmp_path / "mixed"
    folder.mkdir()
    page(folder, "# Dune\n\n- Licence : MIT\n- Ville : Metz\n\nDune suit les travaux de la commune.\n", "a.md")
    page(folder, "# Eole\n\n- License: GPL\n- City: York\n\nEole books the rooms of the town hall.\n", "b.md")
    assert {"Quelle est la licence de Dune ?", "Which city is Eole in?"} <= set(asked(folder))
    assert not [question for question in asked(folder, lang="en") if " est " in question]


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("- Hersteller: Zeta\n- Lizenz: MIT\n- Stadt: Ulm", "German"),
        ("- Licencia: MIT\n- Ciudad: Madrid\n- Precio: 3", "Spanish"),
        ("Questo programma gestisce le scorte della città ed è gratuito.\n\n- Licenza: MIT", "Italian"),
        ("- Uitgever: Zeta\n- Prijs: 3\n- Taal: Nederlands", "Dutch"),
        ("このソフトウェアは在庫を管理します。\n\n- ライセンス: MIT", "Japanese"),
    ],
)
def test_a_third_language_is_named_and_not_asked(tmp_path: Path, text: str, language: str) -> None:
    with pytest.raises(GateError, match=f"a document in {language}"):
        asked(page(tmp_path, f"# Alba\n\n{text}\n"))


def test_codes_and_commands_tell_no_language(tmp_path: Path) -> None:
    source = table(tmp_path, "name,code,capital", "Germany,DE,Berlin", "Norway,NO,Oslo", "Togo,TG,Lome")
    lang, documents = in_their_languages(read_documents(source, print), None)
    assert (lang, {document.lang for document in documents}) == ("en", {"en"})
    assert detect_language(["```\nif not this and that: do it for the\n```\nOn lance la commande."]) == "fr"


# -- values ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    ["NC", "n.c.", "s.o.", "sans objet", "à compléter", "en attente", "#N/A", "#REF!", "NaN", "???", "TBD", "-", "—",
     "XXX", "non renseigné", "en cours de définition", "not yet available", "To be confirmed", "* *", "Néant"],
)  # fmt: skip
@pytest.mark.parametrize("lang", ["fr", "en"])
def test_a_value_that_says_nothing_is_no_answer(tmp_path: Path, value: str, lang: str) -> None:
    label = {"fr": "Éditeur", "en": "Publisher"}[lang]
    source = table(tmp_path, f"Nom;Licence;{label}", "Alba;MIT;Zeta", f'Bora;GPL;"{value}"', "Cori;MIT;Acme")
    answers = list(asked(source, lang=lang, unanswerable=0.5).values())
    assert {"MIT", "GPL", "Zeta", "Acme"} <= set(answers)
    assert value not in answers


def test_a_state_may_be_that_something_waits(tmp_path: Path) -> None:
    source = table(tmp_path, "Nom;Statut;Contact", "Alba;en attente;en attente", "Bora;clos;b@example.org")
    assert asked(source)["Quel est le statut d'Alba ?"] == "en attente"
    assert "Quel est le contact d'Alba ?" not in asked(source)


def test_what_looks_like_no_or_missing_is_a_code_among_codes(tmp_path: Path) -> None:
    source = table(tmp_path, "name,country code,capital", "Namibia,NA,Windhoek", "Norway,NO,Oslo", "Niger,NE,Niamey")
    answers = asked(source)
    assert answers["What is the country code of Norway?"] == "NO"
    assert answers["What is the country code of Namibia?"] == "NA"
    source = table(tmp_path, "name,open source,licence", "Alba,NO,MIT", "Bora,YES,GPL", "Cori,NA,BSD")
    answers = asked(source)
    assert answers["Is Alba open source?"] == "No"
    assert not [question for question in answers if "Cori" in question and "open source" in question]


@pytest.mark.parametrize(
    ("lang", "label", "value", "question", "answer"),
    [
        ("fr", "Gratuit", "oui", "Alba, c'est gratuit ?", "Oui"),
        ("fr", "Accessible", "non", "Est-ce qu'Alba est accessible ?", "Non"),
        ("fr", "API publique", "oui", "Y a-t-il une API publique pour Alba ?", "Oui"),
        ("fr", "Nécessite un compte", "oui", "Est-ce qu'Alba nécessite un compte ?", "Oui"),
        ("en", "is_active", "true", "Is Alba active?", "Yes"),
        ("en", "has_api", "false", "Does Alba have an API?", "No"),
        ("en", "Supports IPv6", "yes", "Does Alba support IPv6?", "Yes"),
        ("en", "Can be exported", "no", "Can Alba be exported?", "No"),
        ("en", "Wheelchair accessible", "x", "Is Alba wheelchair accessible?", "Yes"),
    ],
)
def test_yes_and_no_are_asked_as_people_ask(
    tmp_path: Path, lang: str, label: str, value: str, question: str, answer: str
) -> None:
    assert asked(table(tmp_path, f"nom;{label};licence", f"Alba;{value};MIT"), lang=lang)[question] == answer


@pytest.mark.parametrize("label", ["draft", "Statut", "Dogs allowed", "Sidebar 2"])
def test_a_yes_under_a_label_that_makes_no_question_is_left_out(tmp_path: Path, label: str) -> None:
    source = table(tmp_path, f"nom;{label};licence", "Alba;yes;MIT", "Bora;no;GPL")
    assert all("icen" in question for question in asked(source, lang="fr"))


# -- labels ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lang", "label", "question"),
    [
        ("fr", "nom_lieu", "Quel est le nom du lieu d'Alba ?"),
        ("fr", "date_maj", "Quelle est la date de mise à jour d'Alba ?"),
        ("fr", "duree", "Quelle est la durée d'Alba ?"),
        ("fr", "Prix (€)", "Quel est le prix en euros d'Alba ?"),
        ("fr", "Qui contacter ?", "Pour Alba, qui contacter ?"),
        ("fr", "L'organisateur", "Quel est l'organisateur d'Alba ?"),
        ("fr", "Musée", "Quel est le musée d'Alba ?"),
        ("fr", "Pièces à fournir", "Quelles sont les pièces à fournir d'Alba ?"),
        ("en", "Weight (kg)", "What is the weight in kg of Alba?"),
        ("en", "Net Neutrality", "What is the net neutrality of Alba?"),
        ("en", "How to request access", "For Alba, how do I request access?"),
    ],
)
def test_labels_as_people_say_them(tmp_path: Path, lang: str, label: str, question: str) -> None:
    assert question in asked(_fields(tmp_path, {label: "Zeta"}), lang=lang)


@pytest.mark.parametrize(
    ("lang", "label"),
    [
        ("fr", "permalnk"),
        ("fr", "Header 0.2"),
        ("fr", "Publisher"),
        ("en", "Éditeur"),
        ("en", "Column B"),
        ("en", "2023"),
    ],
)
def test_a_label_that_nobody_would_say_is_left_out_with_its_reason(tmp_path: Path, lang: str, label: str) -> None:
    source = _fields(tmp_path, {label: "Zeta", "version": "3"})
    made = Session(tmp_path, lang=lang).generate(source, method="rule", output=tmp_path / "o.jsonl", min_yield=0)
    assert "Zeta" not in made.output.read_text("utf-8")
    assert sum(number for reason, number in made.left_out.items() if reason.startswith("a label ")) == 1


def _fields(folder: Path, fields: dict[str, str]) -> Path:
    path = folder / "fields.jsonl"
    row = {"id": "c", "content": "# Alba\n\nAlba.", "metadata": {"id": "a", "nom": "Alba"} | fields}
    path.write_text(json.dumps(row, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


# -- what isn't known --------------------------------------------------------------------------------------------------

TOLD = [
    ("OVH", "Eva Roy", "12 €"),
    ("Gandi", "Luc Petit", "30 €"),
    ("Ikoula", "Anne Duval", "7 €"),
    ("Ikoula", "Ida Font", "9 €"),
]


def _entries(folder: Path, prose: str) -> Path:
    made = folder / "entries"
    made.mkdir()
    for n, (host, owner, price) in enumerate(TOLD):
        facts = f"- Version : {n}\n- Hébergeur : {host}\n- Responsable : {owner}\n- Prix : {price}\n"
        page(made, f"# Outil{n}\n\n{facts}", f"{n}.md")
    page(made, f"# Kelp\n\n- Version : 9\n\n{prose}\n", "kelp.md")
    return made


@pytest.mark.parametrize(
    ("prose", "told"),
    [
        ("Les données sont chez Ikoula.", "Hébergeur"),  # what another document tells
        ("Tout tourne sur une machine de la mairie.", "Hébergeur"),  # in other words
        ("Paul Blanc en a la charge.", "Responsable"),  # it looks like one
        ("Comptez douze euros par mois.", "Prix"),
        ("C'est un outil gratuit.", "Prix"),
    ],
)
def test_what_running_text_may_tell_is_not_called_unknown(tmp_path: Path, prose: str, told: str) -> None:
    metas = [row["meta"] for row in rows(_entries(tmp_path, prose), unanswerable=0.8)]
    assert told not in {meta["attribute"] for meta in metas if meta["document"] == "kelp.md" and not meta["answerable"]}


def test_what_nothing_tells_is_asked_in_vain(tmp_path: Path) -> None:
    metas = [row["meta"] for row in rows(_entries(tmp_path, ""), unanswerable=0.8)]
    vain = {meta["attribute"] for meta in metas if meta["document"] == "kelp.md" and not meta["answerable"]}
    assert vain == {"Hébergeur", "Responsable", "Prix"}


def test_only_what_such_documents_tell_is_asked_in_vain(tmp_path: Path) -> None:
    folder = _entries(tmp_path, "")
    for n, country in enumerate(("Angola", "Benin", "Togo")):
        capital = "" if country == "Togo" else f"- Capitale : Ville{n}\n"
        page(folder, f"# {country}\n\n- Population : {n + 2} millions\n{capital}", f"{country}.md")
    found = rows(folder, unanswerable=0.6)
    vain = {(row["meta"]["subject"], row["meta"]["attribute"]) for row in found if not row["meta"]["answerable"]}
    assert {attribute for subject, attribute in vain if subject in ("Angola", "Benin", "Togo")} <= {"Capitale"}
    assert all(row["messages"][-1]["content"].startswith(UNKNOWN) for row in found if not row["meta"]["answerable"])
