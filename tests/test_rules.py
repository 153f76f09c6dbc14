"""How facts are put into words: French and English that fit their values, derived questions, dialogues, --explain."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from dyag_core import Session, UsageError
from dyag_plugins.generators.facts.packs import load_pack
from dyag_plugins.generators.facts.phrasing import Wordings
from dyag_plugins.generators.facts.questions import kind_of, parts_of, spoken, told_apart, with_article

SAMPLES = Path(__file__).parent.parent / "examples" / "dyag_samples"


def catalogue(path: Path, entries: dict[str, dict[str, object]], **fields: dict[str, object]) -> Path:
    """A JSONL catalogue: labelled lines of each entry, and metadata fields of some."""
    with path.open("w", encoding="utf-8") as handle:
        for name, told in entries.items():
            text = f"# {name}\n\n" + "\n".join(f"- {label}: {value}" for label, value in told.items())
            row = {"id": f"c-{name}", "content": text, "metadata": {"id": name, "nom": name} | fields.get(name, {})}
            handle.write(json.dumps(row, ensure_ascii=False) + "\n")
    return path


def made(source: Path, method: str = "rule", lang: str = "fr", **options: object) -> list[dict]:
    folder = source.parent / "out"
    options = {"unanswerable": 0, "derived": 0} | options
    if method == "augmented":
        options = {"combined": 0, "compared": 0, "dialogues": 0} | options
    data = Session(folder, lang=lang).generate(source, method=method, options=options, min_yield=0)
    return [json.loads(line) for line in data.output.read_text("utf-8").split("\n") if line]


def asked(rows: list[dict]) -> dict[str, str]:
    return {row["messages"][-2]["content"]: row["messages"][-1]["content"] for row in rows}


def test_few_facts_a_document_are_not_the_same_labels_of_each(tmp_path: Path) -> None:
    labels = ["Licence", "Statut", "Version minimale", "Langage", "Contact", "Service responsable"]
    told = {label: f"valeur {n}" for n, label in enumerate(labels)}
    source = catalogue(tmp_path / "documents.jsonl", {f"Outil {n}": told for n in range(12)})
    rows = made(source, facts=2)
    assert set(Counter(row["meta"]["document"] for row in rows).values()) == {2}
    assert {row["meta"]["attribute"] for row in rows} == set(labels)
    assert rows == made(source, facts=2)


# -- noun phrases ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("label", "its", "that_one", "of_noun", "of_bare"),
    [
        ("Licence", "sa licence", "celle", "de la licence", "de licence"),
        ("Année", "son année", "celle", "de l'année", "d'année"),
        ("Hébergeur", "son hébergeur", "celui", "de l'hébergeur", "d'hébergeur"),
        ("Statut", "son statut", "celui", "du statut", "de statut"),
        ("Années de recommandation", "ses années de recommandation", "celles", "des années de recommandation",
         "d'années de recommandation"),
        ("Horaires", "ses horaires", "ceux", "des horaires", "d'horaires"),
    ],
)  # fmt: skip
def test_french_noun_phrases(label, its, that_one, of_noun, of_bare):
    phrase = Wordings(load_pack("fr"), "fr").phrase(label)
    assert (phrase.its, phrase.that_one, phrase.of_noun, phrase.of_bare) == (its, that_one, of_noun, of_bare)


def test_a_bare_number_is_the_number_of_what_it_stands_under(tmp_path):
    source = catalogue(tmp_path / "d.jsonl", {"Ansible": {"Fiche Comptoir du Libre": 225, "Fiche": "jaune"}})
    assert asked(made(source)) == {
        "Quel est le numéro de fiche Comptoir du Libre d'Ansible ?": "225",
        "Quelle est la fiche d'Ansible ?": "jaune",
    }
    source = catalogue(tmp_path / "e.jsonl", {"Ansible": {"Ticket": 12, "Number of users": 300}})
    assert asked(made(source, lang="en")) == {
        "What is the ticket number of Ansible?": "12",
        "How many users does Ansible have?": "300",
    }


def test_questions_fit_their_value(tmp_path):
    source = catalogue(
        tmp_path / "d.jsonl", {"Corosync": {"Version minimale": "Distribution"}, "Git": {"Version minimale": "2.1"}}
    )
    questions = list(asked(made(source, "augmented", wordings=20)))
    numbered = "À partir de quelle version peut-on utiliser"
    assert any(numbered in question and "Git" in question for question in questions)
    assert not any(numbered in question for question in questions if "Corosync" in question)


def test_people_are_who_and_things_are_what(tmp_path):
    source = catalogue(tmp_path / "d.jsonl", {"Ansible": {"Éditeur": "Red Hat", "Licence": "GPL-3.0"}})
    questions = " ".join(asked(made(source, "augmented", wordings=20)))
    assert "c'est qui" in questions
    assert "éditeur d'Ansible, c'est quoi" not in questions
    assert "icence d'Ansible, c'est qui" not in questions


@pytest.mark.parametrize(
    ("label", "value", "kind"),
    [
        ("Licence", "MIT", "what"),
        ("Éditeur", "Red Hat", "who"),
        ("Hébergeur", None, "who"),
        ("Date de création", None, "when"),
        ("Jalon", "2020-01-02", "when"),
        ("Miroir", "https://example.org/a", "where"),
        ("Nombre de licences", "12", "how many"),
        ("Années de recommandation", "2018, 2019", "when"),
    ],
)
def test_the_kind_of_a_fact(label, value, kind):
    assert kind_of(Wordings(load_pack("fr"), "fr").phrase(label), value) == kind


# -- values ------------------------------------------------------------------------------------------------------------


def test_dates_as_people_say_them():
    assert spoken("2017-03-01", "fr") == "1er mars 2017"
    assert spoken("2017-03-14", "en") == "14 March 2017"
    assert spoken("2017-03", "fr") == "mars 2017"
    assert spoken("3.2.1", "fr") == "3.2.1"
    assert with_article("14 mars 2017", "fr") == "le 14 mars 2017"
    assert with_article("mars 2017", "fr") == "mars 2017"
    assert with_article("14 March 2017", "en") == "14 March 2017"


def test_lists_and_values_that_can_be_told_apart():
    assert parts_of("2018, 2019") == ["2018", "2019"]
    assert parts_of("2018") == []
    assert parts_of("CSV, CSV") == []
    assert parts_of("Il compresse, très bien, et il décompresse aussi les fichiers les plus lourds du monde") == []
    assert told_apart("MIT", "GPL-2.0")
    assert not told_apart("GPL-2.0", "GPL-2.0-only")
    assert not told_apart("Conception & développement", "conception développement")


def test_booleans_are_yes_or_no(tmp_path):
    source = catalogue(
        tmp_path / "d.jsonl",
        {"Ansible": {"Open source": "oui", "Accès mobile": "non", "Audité": "Oui"}},
        Ansible={"API publique": True},
    )
    rows = made(source)
    assert asked(rows) == {
        "Est-ce qu'Ansible est open source ?": "Oui",
        "Y a-t-il un accès mobile pour Ansible ?": "Non",
        "Ansible, c'est audité ?": "Oui",
        "Y a-t-il une API publique pour Ansible ?": "Oui",
    }
    assert {row["meta"]["kind"] for row in rows} == {"yes/no"}
    source = catalogue(tmp_path / "e.jsonl", {"Git": {"Open source": "yes", "Public API": "no"}})
    assert asked(made(source, lang="en")) == {"Is Git open source?": "Yes", "Does Git have a public API?": "No"}


# -- questions made of facts -------------------------------------------------------------------------------------------

LICENCES = ["MIT", "GPL-3.0", "Apache-2.0", "EUPL-1.2"]
MANY = {
    f"Outil{n}": {
        "Licence": LICENCES[n % 4],
        "Date de mise en service": f"20{n:02}-03-{n + 1:02}",
        "Années de recommandation": ", ".join(str(2015 + n % 3 + year) for year in range(2 + n % 2)),
    }
    for n in range(20)
}


def test_yes_no_and_how_many_are_right(tmp_path):
    rows = made(catalogue(tmp_path / "d.jsonl", MANY), derived=0.5)
    checks = [row for row in rows if row["meta"]["attribute"].endswith("(oui/non)")]
    counts = [row for row in rows if row["meta"]["attribute"].endswith("(nombre)")]
    assert len(checks) > 10
    assert len(counts) > 2
    answers = Counter(row["messages"][-1]["content"].split(",")[0] for row in checks)
    assert abs(answers["Oui"] - answers["Non"]) <= 1
    for row in checks + counts:
        question, answer = row["messages"][-2]["content"], row["messages"][-1]["content"]
        told = MANY[row["meta"]["document"]]
        label = row["meta"]["attribute"].rsplit(" (", 1)[0]
        if row["meta"]["kind"] == "how many":
            assert answer == str(len(told[label].split(", "))), question
        elif label == "Licence":
            assert (f"licence {told[label]}" in question) == (answer == "Oui"), question
            assert answer in ("Oui", f"Non, c'est {told[label]}")
        elif label.startswith("Années"):
            assert any(f" {year} " in question for year in told[label].split(", ")) == (answer == "Oui"), question
        else:
            date = with_article(spoken(told[label], "fr"), "fr")
            assert (date in question) == (answer == "Oui"), question
            assert answer in ("Oui", f"Non, c'est le {told[label]}")


def test_derived_facts_are_split_as_facts_of_their_own(tmp_path):
    data = Session(tmp_path, lang="fr").generate(
        catalogue(tmp_path / "d.jsonl", MANY), split=True, options={"derived": 0.3}
    )
    answers: dict[str, set[str]] = {}
    for line in data.output.read_text("utf-8").splitlines():
        row = json.loads(line)
        if "facts" not in row["meta"]:
            answers.setdefault(row["meta"]["fact"], set()).add(row["messages"][-1]["content"])
    assert all(len(given) == 1 for given in answers.values())


# -- what isn't told ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["rule", "augmented"])
def test_the_unanswerable_share_is_kept_and_looks_like_the_rest(tmp_path, method):
    entries = {
        f"Outil{n}": {"Licence": LICENCES[n % 4], "Statut": "actif", "Secteur": "eau", "Pays": "France", "Port": n}
        for n in range(60)
    }
    for n, told in enumerate(entries.values()):
        del told[("Licence", "Statut", "Secteur", "Pays")[n % 4]]
    rows = made(catalogue(tmp_path / "d.jsonl", entries), method, unanswerable=0.15)
    told = {row["meta"]["attribute"] for row in rows if row["meta"]["answerable"]}
    untold = [row for row in rows if not row["meta"]["answerable"]]
    assert 0.12 < len(untold) / len(rows) < 0.17
    assert sum(row["meta"]["attribute"] in told for row in untold) > 0.9 * len(untold)
    for row in untold:
        assert row["meta"]["attribute"] not in entries[row["meta"]["document"]]


def test_who_hosts_it_when_nothing_says_so(tmp_path):
    entries: dict[str, dict[str, object]] = {
        f"Outil{n}": {"Hébergeur": f"Société{n}", "Licence": "GPL"} for n in range(3)
    }
    entries |= {"Muet": {"Licence": "MIT"}, "Vide": {"Hébergeur": "n/a"}}
    rows = made(catalogue(tmp_path / "d.jsonl", entries), unanswerable=0.5)
    unknown = "Je ne sais pas : les documents ne le disent pas."
    assert asked(rows)["Qui héberge Muet ?"] == unknown
    assert asked(rows)["Qui héberge Vide ?"] == unknown
    assert asked(rows)["Qui héberge Outil0 ?"] == "Société0"


# -- more than one fact ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", ["fr", "en"])
def test_comparisons_are_right_and_rest_on_trained_facts(tmp_path, lang):
    label = {"fr": "Licence", "en": "Licence"}[lang]
    entries = {f"Outil{n}": {label: LICENCES[n % 4], "Port": 8000 + n} for n in range(40)}
    data = Session(tmp_path, lang=lang).generate(
        catalogue(tmp_path / "d.jsonl", entries), split=True, options={"compared": 0.3, "derived": 0}
    )
    rows = [json.loads(line) for line in data.output.read_text("utf-8").splitlines()]
    trained = {row["meta"]["fact"] for row in rows if row["meta"]["split"] == "train" and "facts" not in row["meta"]}
    compared = [row for row in rows if row["meta"].get("form") == "compared"]
    assert {row["messages"][-1]["content"].split()[0].strip(",:") for row in compared} >= set(
        {"fr": ("Oui", "Non"), "en": ("Yes", "No")}[lang]
    )
    for row in compared:
        question, answer = row["messages"][-2]["content"], row["messages"][-1]["content"]
        named = [name for name in entries if f"{name} " in f"{question.replace(',', ' ').replace(':', ' ')}"]
        assert row["meta"]["split"] == "train"
        assert set(row["meta"]["facts"]) <= trained
        assert len(named) == 2
        one, two = (entries[name][label] for name in named)
        if row["meta"]["kind"] == "which":
            assert str(entries[answer][label]) in question
        elif answer[:3] in ("Oui", "Yes"):
            assert one == two
            assert str(one) in answer
        else:
            assert one != two
            assert str(one) in answer
            assert str(two) in answer


def test_dialogues_follow_on_a_trained_question(tmp_path):
    source = catalogue(tmp_path / "d.jsonl", MANY)
    rows = made(source, "augmented", dialogues=0.3, derived=0.2)
    by_question = {row["messages"][1]["content"]: row["messages"][2]["content"] for row in rows}
    dialogues = [row for row in rows if row["meta"].get("form") == "dialogue"]
    assert len(dialogues) > 30
    for row in dialogues:
        roles = [turn["role"] for turn in row["messages"]]
        assert roles == ["system", "user", "assistant", "user", "assistant"]
        _, first, said, follow, answer = (turn["content"] for turn in row["messages"])
        assert by_question[first] == said
        assert answer == MANY[row["meta"]["document"]][row["meta"]["attribute"]]
        assert len(row["meta"]["facts"]) == 2
        assert len(follow) < 60
    follows = {row["messages"][3]["content"] for row in dialogues}
    assert {"Et sa licence ?", "Et ses années de recommandation ?"} & follows
    assert any(text.startswith(("Et celle d'", "Et pour ", "Qu'en est-il d'")) for text in follows)


@pytest.mark.parametrize("form", ["combined", "compared", "dialogues"])
def test_a_share_of_nothing_makes_none(tmp_path, form):
    name = "dialogue" if form == "dialogues" else form
    source = catalogue(tmp_path / "d.jsonl", MANY)
    forms = {row["meta"].get("form") for row in made(source, "augmented", **{form: 0.2})}
    assert forms == {None, name}


def test_asking_for_more_than_there_is(tmp_path):
    source = catalogue(tmp_path / "d.jsonl", {"Ansible": {"Licence": "MIT", "Statut": "actif"}})
    data = Session(tmp_path, lang="fr").generate(source, count=500, min_yield=0)
    assert data.written < 40
    assert data.rejected["the documents hold no more"] == 500 - data.written - sum(
        n for reason, n in data.rejected.items() if reason != "the documents hold no more"
    )
    assert any("the documents hold no more" in line for line in data.summary_lines())


def test_careless_typing_keeps_the_name_and_greets_nobody_else(tmp_path):
    questions = list(asked(made(catalogue(tmp_path / "d.jsonl", MANY), "augmented", wordings=12)))
    assert all("Outil" in question for question in questions)
    assert not any(greeting in question for question in questions for greeting in ("Bonjour, Outil", "Salut, Outil"))
    assert any(question.startswith("Bonjour, ") for question in questions)
    assert any("c koi" in question or "c quoi" in question or " pr " in question for question in questions)


def test_a_value_that_is_held_up_is_never_misspelt(tmp_path):
    entries = {f"Outil{n}": {"Éditeur": f"Conception{chr(65 + n)} Développement"} for n in range(20)}
    source = catalogue(tmp_path / "d.jsonl", entries)
    checks = [row for row in made(source, "augmented", derived=0.9, wordings=8) if row["meta"]["kind"] == "yes/no"]
    values = [str(told["Éditeur"]) for told in entries.values()]
    assert len(checks) > 50
    assert all(any(value in row["messages"][-2]["content"] for value in values) for row in checks)


def test_a_column_of_a_table_is_not_missed_elsewhere(tmp_path):
    table = "| Environnement | Adresse |\n|---|---|\n| Production | a.example.org |\n| Recette | b.example.org |"
    entries: dict[str, dict[str, object]] = {f"Outil{n}": {"Licence": "MIT", "Site": f"x\n\n{table}"} for n in range(3)}
    entries["Muet"] = {"Licence": "MIT", "Site": "https://muet.example.org"}
    rows = made(catalogue(tmp_path / "d.jsonl", entries), unanswerable=0.5)
    untold = [row["meta"]["attribute"] for row in rows if row["meta"]["document"] == "Muet"]
    assert "Adresse" not in untold


@pytest.mark.parametrize("method", ["rule", "augmented"])
def test_the_same_rows_in_every_run(tmp_path, method):
    files = []
    for name in ("a", "b"):
        data = Session(tmp_path / name).generate(SAMPLES / "catalogue.fr.jsonl", method=method, count=1500)
        files.append(data.output.read_bytes())
    assert files[0] == files[1]


# -- --explain ---------------------------------------------------------------------------------------------------------


def test_explain_shows_where_each_question_comes_from(tmp_path, run_dyag):
    source = catalogue(
        tmp_path / "d.jsonl", {"Git": {"Licence": "GPL-2.0"}, "Ansible": {"Licence": "MIT"}}, Ansible={"pays": "France"}
    )
    options = ["--method", "rule", "--lang", "fr", "-o", "unanswerable=0"]
    ran = run_dyag("generate-training", str(source), *options, "--explain", "ansible", "--json")
    assert ran.returncode == 0, ran.stderr
    explained = json.loads(ran.stdout)
    assert (explained["document"], explained["title"], explained["method"]) == ("Ansible", "Ansible", "rule")
    shown = [(r["where"], r["rule"], r["attribute"], r["value"], r["kind"], r["template"], r["question"], r["answer"])
             for r in explained["rows"]]  # fmt: skip
    frame = "{which} {noun} {of_subject} ?"
    assert shown[0] == ("c-Ansible line 3", "label", "Licence", "MIT", "what", frame,
                        "Quelle est la licence d'Ansible ?", "MIT")  # fmt: skip
    assert shown[1] == (
        "field pays",
        "field",
        "pays",
        "France",
        "what",
        frame,
        "Quel est le pays d'Ansible ?",
        "France",
    )
    assert [path.name for path in tmp_path.iterdir()] == ["d.jsonl"]


@pytest.mark.parametrize("method", ["rule", "augmented"])
def test_explain_shows_the_rows_that_are_written(tmp_path, method):
    session = Session(tmp_path)
    source = SAMPLES / "catalogue.fr.jsonl"
    data = session.generate(source, method=method)
    rows = [json.loads(line) for line in data.output.read_text("utf-8").splitlines()]
    title = rows[2000 % len(rows)]["meta"]["subject"]
    explained = session.explain(source, title, method=method)
    written = [row["messages"][-2]["content"] for row in rows if row["meta"]["document"] == explained.document]
    assert [row.question for row in explained.rows if not row.refused] == written
    assert all(row.template and row.rule and row.kind for row in explained.rows)
    assert "rule" not in rows[0]["meta"]


def test_explain_says_what_it_cannot(tmp_path, run_dyag):
    source = catalogue(tmp_path / "d.jsonl", {"Ansible": {"Licence": "MIT"}})
    with pytest.raises(UsageError, match="no document") as caught:
        Session(tmp_path).explain(source, "Ansibel", method="rule")
    assert "'Ansible'" in caught.value.hint
    with pytest.raises(UsageError, match="can't say how"):
        Session(tmp_path).explain(source, "Ansible", method="llm")
    ran = run_dyag("generate-training", str(source))
    assert ran.returncode == 2
    assert "--output" in ran.stderr


# -- odd names and labels ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "of"),
    [
        ("Œnobase", "d'Œnobase"),
        ("œuvre", "d'œuvre"),
        ("Æther", "d'Æther"),
        ("\u0301trange", "de \u0301trange"),  # a mark alone is no vowel
        ("Hadoop", "de Hadoop"),
    ],
)
def test_elision_before_odd_letters(tmp_path: Path, name: str, of: str) -> None:
    rows = made(catalogue(tmp_path / "d.jsonl", {name: {"Licence": "MIT"}}))
    assert list(asked(rows)) == [f"Quelle est la licence {of} ?"]


@pytest.mark.parametrize("label", ["№", "℃", "№ de série", "Sous-traitance", "Dernière révision"])
@pytest.mark.parametrize("method", ["rule", "augmented"])
def test_labels_of_signs_and_hyphens_lose_no_document(tmp_path: Path, label: str, method: str) -> None:
    source = catalogue(tmp_path / "d.jsonl", {"Pompe": {"Licence": "MIT"}}, Pompe={label: "x12"})
    answers = Counter(row["messages"][-1]["content"] for row in made(source, method))
    assert answers["MIT"]
    assert answers["x12"] or label in ("№", "℃")  # a sign alone is no label


def test_a_gender_is_that_of_the_noun_and_not_of_the_adjective_before_it() -> None:
    words = Wordings(load_pack("fr"), "fr")
    assert words.phrase("Dernière révision").noun == "la dernière révision"
    assert words.phrase("Sous-traitance").noun == "la sous-traitance"


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        ("kinds: [{labels: [Site], noun: le site, gender: masculin}]", "kinds.0.gender"),
        ("abbreviations: {licence: []}", "abbreviations.licence"),
        ("nouns: {masculin: [portail]}", "nouns.masculin"),
    ],
)
def test_rules_that_would_fail_at_a_document_are_refused_when_they_are_read(
    tmp_path: Path, rules: str, says: str
) -> None:
    (tmp_path / "own.yaml").write_text(rules, encoding="utf-8")
    with pytest.raises(UsageError, match=says):
        made(catalogue(tmp_path / "d.jsonl", {"Ada": {"Licence": "MIT"}}), rules=tmp_path / "own.yaml")
