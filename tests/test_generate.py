"""generate-training from end to end: files, ledger, strata, wording."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from dyag_core import Chunk, Document, Example, GateError, Session, UsageError, hookimpl
from dyag_core.dataset.filters import Screen
from dyag_core.documents import read_documents
from dyag_core.plugin.run import Run
from dyag_core.text.similarity import similarity
from dyag_plugins.generators.augmented import AugmentedOptions, wordings
from dyag_plugins.generators.facts.extraction import facts_of, first_sentence
from dyag_plugins.generators.facts.interview import Interview
from dyag_plugins.generators.facts.packs import load_pack
from dyag_plugins.generators.facts.phrasing import Wordings
from dyag_plugins.generators.llm import parse_pairs

SAMPLES = Path(__file__).parent.parent / "examples" / "dyag_samples"
SILL = Path(__file__).parent.parent.parent / "shared" / "data" / "sill" / "documents.jsonl"


def rows(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text("utf-8").split("\n") if line]


def question(row: dict) -> str:
    return row["messages"][-2]["content"]


def write(path: Path, *documents: tuple[str, str]) -> Path:
    with path.open("w", encoding="utf-8") as handle:
        for title, content in documents:
            row = {"id": f"c-{title}", "content": content, "metadata": {"id": title, "nom": title}}
            handle.write(json.dumps(row, ensure_ascii=False) + "\n")
    return path


@pytest.mark.parametrize("lang", ["fr", "en"])
@pytest.mark.parametrize("method", ["rule", "augmented"])
def test_split_is_honest_and_complete(tmp_path, lang, method):
    made = Session(tmp_path).generate(
        SAMPLES / f"catalogue.{lang}.jsonl", method=method, count=200, split=True, output=tmp_path / "x.jsonl"
    )
    train, val, test = rows(made.train), rows(made.validation), rows(made.test)
    assert made.lang == lang
    assert (len(train), len(val), len(test)) == (160, 20, 20)
    assert len(rows(made.output)) == made.written == 200
    assert made.requested == made.written + sum(made.rejected.values())
    trained = {row["meta"]["document"] for row in train}
    facts = {row["meta"]["fact"] for row in train}
    strata = {row["meta"]["stratum"] for row in test}
    assert strata == {"recall", "unseen", "unanswerable"}
    nearest = 0.0
    for row in test:
        assert row["meta"]["stratum"] != "unseen" or row["meta"]["document"] not in trained
        assert row["meta"]["stratum"] != "recall" or row["meta"]["fact"] in facts
        assert row["meta"]["stratum"] != "unanswerable" or row["meta"]["fact"] not in facts
        nearest = max(nearest, *(similarity(question(row), question(other)) for other in train))
    assert nearest < 0.8
    assert made.largest_similarity == pytest.approx(nearest)
    for row in train + val + test:
        assert {"document", "chunk", "fact", "method", "split"} <= row["meta"].keys()
        system, *turns = [m["role"] for m in row["messages"]]
        assert (system, turns) == ("system", ["user", "assistant"] * (len(turns) // 2))
    # "And its licence?" may be asked twice, after two histories
    asked = [tuple(turn["content"] for turn in row["messages"][:-1]) for row in train + val + test]
    assert len(set(asked)) == len(asked)
    manifest = json.loads(made.manifest.read_text("utf-8"))
    assert manifest["by_stratum"] == made.by_stratum
    assert not Path(manifest["inputs"]["documents"]["path"]).is_absolute()
    assert (tmp_path / manifest["inputs"]["documents"]["path"]).resolve() == (
        SAMPLES / f"catalogue.{lang}.jsonl"
    ).resolve()
    assert str(tmp_path) not in made.manifest.read_text("utf-8")


@pytest.mark.parametrize("lang", ["fr", "en"])
def test_what_is_not_known_is_trained_as_well_as_tested(tmp_path, lang):
    made = Session(tmp_path).generate(
        SAMPLES / f"catalogue.{lang}.jsonl", count=300, split=True, output=tmp_path / "x.jsonl"
    )
    train = [row["meta"] for row in rows(made.train)]
    documents = {meta["document"] for meta in train}
    trained = {meta["fact"] for meta in train if not meta["answerable"]}
    tested = {row["meta"]["fact"]: row["meta"]["document"] for row in rows(made.test) if not row["meta"]["answerable"]}
    assert trained
    assert not trained & set(tested)
    # of what could be asked about the documents trained on, no more is held out than is trained
    assert len(trained) >= sum(document in documents for document in tested.values())


@pytest.mark.timeout(20)
def test_a_heading_with_a_long_run_of_spaces_takes_no_time(tmp_path):
    source = write(tmp_path / "d.jsonl", ("Ansible", "# Ansible" + " " * 20_000 + "x\n\n- Licence: GPL-3.0\n"))
    made = Session(tmp_path).generate(source, method="rule", output=tmp_path / "x.jsonl", min_yield=0)
    assert "GPL-3.0" in {row["messages"][-1]["content"] for row in rows(made.output)}


def test_same_seed_same_bytes_and_another_seed_other_rows(tmp_path):
    texts = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        session = Session(tmp_path, seed=seed)
        (tmp_path / name).mkdir()
        made = session.generate(
            SAMPLES / "catalogue.fr.jsonl", count=120, split=True, output=tmp_path / name / "x.jsonl"
        )
        files = [made.output, made.train, made.validation, made.test, made.manifest]
        texts.append([file.read_bytes() for file in files])
    assert texts[0] == texts[1]
    assert texts[0] != texts[2]


def test_bad_lines_are_reported_and_the_good_ones_used(tmp_path):
    source = write(tmp_path / "d.jsonl", ("Ada", "- Licence: MIT"), ("Bob", "- Licence: GPL"))
    source.write_bytes(source.read_bytes() + b"{broken\n" + b'{"id": "x"}\n')
    made = Session(tmp_path).generate(source, method="rule", count=1, output=tmp_path / "x.jsonl")
    assert [(row["line"], row["file"]) for row in rows(made.rejects)] == [(3, "d.jsonl"), (4, "d.jsonl")]
    assert all(row["reason"] for row in rows(made.rejects))
    assert (made.written, made.bad_lines, made.documents_total) == (1, 2, 2)
    with pytest.raises(UsageError, match="line 3"):
        Session(tmp_path).generate(source, method="rule", output=tmp_path / "y.jsonl", strict=True)
    assert not (tmp_path / "y.jsonl").exists()


def test_rejects_survive_a_file_without_one_good_line(tmp_path):
    (tmp_path / "d.jsonl").write_text("no\nnone\n")
    with pytest.raises(UsageError, match="line 1"):
        Session(tmp_path).generate(tmp_path / "d.jsonl", output=tmp_path / "x.jsonl")
    assert len(rows(tmp_path / "x.rejects.jsonl")) == 2


def test_zero_yield_writes_the_files_and_fails(tmp_path):
    source = write(tmp_path / "d.jsonl", ("Ada", "x y z"))
    with pytest.raises(GateError, match="0 of 10"):
        Session(tmp_path).generate(source, method="rule", count=10, output=tmp_path / "x.jsonl")
    assert (tmp_path / "x.jsonl").read_bytes() == b""
    assert json.loads((tmp_path / "x.manifest.json").read_text())["requested"] == 10


def test_never_pads(tmp_path):
    source = write(tmp_path / "d.jsonl", ("Ada", "- Licence: MIT"))
    made = Session(tmp_path).generate(source, method="rule", count=50, output=tmp_path / "x.jsonl", min_yield=0)
    assert made.requested == 50 == made.written + made.rejected["the documents hold no more"]
    assert made.written <= 2


class Careless:
    """A generator that makes one of every mistake."""

    name = "careless"

    @hookimpl
    def dyag_generate(self, documents, run):
        for document in documents:
            good = Example(question="What licence has Ada?", answer="MIT", document=document)
            yield good
            yield good
            yield good.model_copy(update={"question": "What licence has Ada ??"})
            yield good.model_copy(update={"question": " "})
            yield good.model_copy(update={"question": "What is the licence mentioned above?"})
            yield good.model_copy(update={"question": "Quelle licence selon ce texte ?"})
            yield good.model_copy(update={"question": "Which one?", "answer": "Apache"})
            yield good.model_copy(update={"question": "Whose?", "document": "nobody"})
            yield good.model_copy(update={"question": "Long?", "answer": "MIT " * 1000})
            run.reject("made up by the plugin")


OF_THE_PASSAGE = [
    "Que fait Ada selon ce texte ?",
    "Que fait Ada, d'après cette fiche ?",
    "Quelle est la licence dans cet extrait sur Ada ?",
    "Quel est le sujet du document, à partir de cet article sur Ada ?",
    "Que dit-on d'Ada dans le contexte ?",
    "Que pense-t-on d'Ada, selon l'auteur ?",
    "Quelle licence d'Ada est citée ci-dessus ?",
    "Quelle licence d'Ada est citée ci-dessous ?",
    "Que dit d'Ada le passage fourni ?",
    "Que dit d'Ada l’extrait donné, dans la présente section ?",
    "What does Ada do in this chunk?",
    "What is Ada, according to the context?",
    "What does Ada do in the excerpt?",
    "What does the author say of Ada, according to the author?",
    "What licence of Ada is described below?",
    "What is Ada in the following section?",
    "What does the passage above say of Ada?",
]


@pytest.mark.parametrize("question", OF_THE_PASSAGE)
def test_a_question_that_points_at_its_passage_is_refused(question):
    document = Document(id="d", title="Ada", chunks=(Chunk(id="c", text="- Licence: MIT"),))
    screen = Screen()
    assert list(screen.watch([document])) == [document]
    example = Example(question="Quelle est la licence d'Ada ?", answer="MIT", document=document)
    assert screen.reason(example.model_copy(update={"question": question})) == "makes no sense alone"
    assert screen.reason(example) is None


def test_every_rejection_has_its_reason(tmp_path):
    source = write(tmp_path / "d.jsonl", ("Ada", "- Licence: MIT"))
    with pytest.raises(GateError):
        Session(tmp_path, plugins=[Careless()]).generate(source, method="careless", output=tmp_path / "x.jsonl")
    manifest = json.loads((tmp_path / "x.manifest.json").read_text())
    assert manifest["written"] == 1
    assert manifest["rejected"] == {
        "makes no sense alone": 2,
        "not supported by its chunk": 1,
        "its document is not among the last that were read": 1,
        "exact duplicate": 1,
        "near duplicate": 1,
        "empty question or answer": 1,
        "over-long": 1,
        "made up by the plugin": 1,
    }
    assert manifest["requested"] == 10


class Late:
    """A generator that reads every document before it makes an example of the first."""

    name = "late"

    @hookimpl
    def dyag_generate(self, documents):
        first, *_, last = documents
        for document in (first, last):
            yield Example(question=f"What licence has {document.title}?", answer="MIT", document=document)


@pytest.mark.parametrize(("documents", "length"), [(4097, 0), (100, 500_000)], ids=["many", "long"])
def test_a_generator_that_holds_documents_back_too_long_is_told(tmp_path, documents, length):
    told = (("- Licence: MIT" + "\n\nEtc." * (length // 6)) for _ in range(documents))
    source = write(tmp_path / "d.jsonl", *((f"Ada{n}", text) for n, text in enumerate(told)))
    made = Session(tmp_path, plugins=[Late()], lang="en").generate(source, method="late", output=tmp_path / "x.jsonl")
    assert made.written == 1
    assert made.rejected == {"its document is not among the last that were read": 1}


MARKDOWN = """# Guichet

Guichet reçoit les demandes des usagers. Il date de 2019.

- **Éditeur :** Mairie de Nantes
- Version minimale : N/A
Site web: [guichet.fr](https://guichet.fr)
Note: une note sans intérêt

| Champ | Valeur |
|---|---|
| Durée | 3 jours |

| Service | Téléphone |
|---|---|
| Accueil | 01 02 03 |

## Pièces à fournir

- un titre d'identité
- une photo

```
Code: not a fact
```
"""


def test_facts_of_every_kind(tmp_path):
    source = write(tmp_path / "d.jsonl", ("Guichet", MARKDOWN))
    (document,) = read_documents(source, print)
    document = document.model_copy(update={"metadata": {"editeur": "Mairie de Nantes", "pays": "France", "id": 3}})
    pack = load_pack("fr")
    found = facts_of(document, skipped=["id", *pack.skipped])
    assert {(f.fact.subject, f.fact.attribute, f.fact.value, f.seen_as) for f in found} == {
        ("Guichet", "Éditeur", "Mairie de Nantes", "label"),
        ("Guichet", "Version minimale", "N/A", "label"),
        ("Guichet", "Site web", "guichet.fr", "label"),
        ("Guichet", "Durée", "3 jours", "table"),
        ("Accueil", "Téléphone", "01 02 03", "table"),
        ("Guichet", "Pièces à fournir", "un titre d'identité, une photo", "section"),
        ("Guichet", "pays", "France", "field"),
        ("Guichet", "Description", "Guichet reçoit les demandes des usagers.", "sentence"),
    }


def test_first_sentence_stops_at_its_end_only():
    assert first_sentence("M. Durand vient. Il part.") == "M. Durand vient."
    assert first_sentence("Version 3.2 sortie. Bien") == "Version 3.2 sortie."


@pytest.mark.parametrize(
    ("subject", "label", "expected"),
    [
        ("7zip", "Licence", "Quelle est la licence de 7zip ?"),
        ("Ansible", "Licence", "Quelle est la licence d'Ansible ?"),
        ("Éclusine", "Statut", "Quel est le statut d'Éclusine ?"),
        ("Hadoop", "Années de recommandation", "Quelles sont les années de recommandation de Hadoop ?"),
        ("Le Monde", "Périodicité", "Quelle est la périodicité du Monde ?"),
        ("Git", "Effectif total", "Quel est l'effectif total de Git ?"),
        ("Git", "URL du miroir", "Quelle est l'URL du miroir de Git ?"),
        ("Git", "Zorglub", "Qu'est-ce qui est indiqué comme zorglub pour Git ?"),
        ("Ansible", "Description", "Qu'est-ce qu'Ansible ?"),
        ("Comment partir en congé ?", "Délai", "Quel est le délai de « Comment partir en congé ? » ?"),
    ],
)  # fmt: skip
def test_french_questions_are_inflected(subject, label, expected):
    words = Wordings(load_pack("fr"), "fr")
    phrase = words.phrase(label)
    assert words.fill(words.canonical(phrase), phrase, subject) == expected


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("Licence", "What is the licence of Git?"),
        ("Export formats", "What are the export formats of Git?"),
        ("Status", "What is the status of Git?"),
        ("API key owner", "What is the API key owner of Git?"),
        ("Contact", "What is the contact of Git?"),
        ("How to request access", "For Git, how do I request access?"),
    ],
)
def test_english_questions(label, expected):
    words = Wordings(load_pack("en"), "en")
    phrase = words.phrase(label)
    assert words.fill(words.canonical(phrase), phrase, "Git") == expected


@pytest.mark.parametrize("lang", ["fr", "en"])
def test_twelve_different_wordings_for_any_label(tmp_path, lang):
    label = {"fr": "Zorglub", "en": "How to zorglub"}[lang]
    source = write(tmp_path / "d.jsonl", ("Ada", f"- {label}: blue\n- Budget: 3 euros"))
    (document,) = read_documents(source, print)
    asking = Interview(AugmentedOptions(unanswerable=0), Run(stage="t", folder=tmp_path, plugins=None, lang=lang))
    asks = asking.asks(document)
    assert len(asks) == 2
    for ask in asks:
        found = [asked for asked, _template in wordings(asking, ask, 20)]
        assert len(found) >= (12 if ask.phrase.noun else 8)
        assert all(similarity(a, b) <= 0.75 for n, a in enumerate(found) for b in found[:n])


def test_options_of_style_sources_and_attributes(tmp_path):
    source = write(
        tmp_path / "d.jsonl", ("Ada", "- Licence: MIT\n- Statut: Recommandé\n- Éditeur: la Mairie de Nantes")
    )
    session = Session(tmp_path, lang="fr")
    options = {"answer_style": "sentence", "sources": "true", "unanswerable": "0", "attributes": "licence, statut"}
    made = session.generate(source, method="rule", output=tmp_path / "x.jsonl", options=options)
    answers = [row["messages"][-1]["content"] for row in rows(made.output)]
    assert answers == [
        "Licence d'Ada : MIT.\n\nSource : Ada (c-Ada)",
        "Statut d'Ada : Recommandé.\n\nSource : Ada (c-Ada)",
    ]
    with pytest.raises(UsageError, match="wordngs") as caught:
        session.generate(source, method="augmented", output=tmp_path / "y.jsonl", options={"wordngs": "3"})
    assert "'wordings'" in caught.value.hint


def test_own_rules_come_first_and_are_hashed(tmp_path):
    rules = tmp_path / "rules.yaml"
    rules.write_text(
        "patterns:\n  - {attribute: bureau, pattern: 'au bureau (?P<value>[A-Z]\\d+)'}\n"
        'kinds:\n  - {labels: [bureau], canonical: "Dans quel bureau trouve-t-on {subject} ?"}\n',
        encoding="utf-8",
    )
    source = write(tmp_path / "d.jsonl", ("Ada", "Elle est au bureau B12 le lundi"))
    options = {"rules": str(rules), "unanswerable": 0}
    made = Session(tmp_path, lang="fr").generate(source, method="rule", output=tmp_path / "x.jsonl", options=options)
    assert [(question(r), r["messages"][-1]["content"]) for r in rows(made.output)] == [
        ("Dans quel bureau trouve-t-on Ada ?", "B12")
    ]
    manifest = json.loads(made.manifest.read_text("utf-8"))
    assert manifest["inputs"]["option rules"]["path"] == "rules.yaml"
    assert str(tmp_path) not in made.manifest.read_text("utf-8")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kindz: []", "kinds"),
        ("kinds:\n  - {labels: [a], questions: ['{subjct} ?']}", "subjct"),
        ("patterns:\n  - {pattern: '(('}", "regular expression"),
        ("patterns:\n  - {pattern: 'a'}", "value"),
        (": :\n- [", "YAML"),
        ("- a", "list"),
    ],
)
def test_bad_rules_are_explained(tmp_path, text, message):
    rules = tmp_path / "rules.yaml"
    rules.write_text(text)
    source = write(tmp_path / "d.jsonl", ("Ada", "- Licence: MIT"))
    with pytest.raises(UsageError) as caught:
        Session(tmp_path).generate(source, method="rule", output=tmp_path / "x.jsonl", options={"rules": str(rules)})
    assert message in f"{caught.value} {caught.value.hint}"


def test_no_template_has_a_placeholder_left_over(tmp_path):
    for lang in ("fr", "en"):
        made = Session(tmp_path).generate(SAMPLES / f"catalogue.{lang}.jsonl", output=tmp_path / f"{lang}.jsonl")
        for row in rows(made.output):
            asked = question(row)
            assert not re.search(r"[{}]|  | None|\bde [AEÉIOU]\w|\bthe the\b|\bla la\b", asked), asked


def test_model_replies_are_read_leniently():
    pair = '{"question": "Q?", "answer": "A"}'
    for text in (
        f"[{pair}]",
        f"Sure!\n```json\n[{pair}]\n```",
        f'{{"questions": [{pair}]}}',
        f'[{pair}, {{"question": "cu',
    ):
        assert parse_pairs(text)[0] == [("Q?", "A")]
    assert parse_pairs("[" * 200_000)[0] == []  # at once, and not after minutes
    assert parse_pairs(r'[{"question": "Q\ud800?", "answer": "A"}, {"question": "Q?", "answer": "A"}]')[0] == [
        ("Q?", "A")
    ]
    assert parse_pairs("1. What?") == ([], "the model's reply is no JSON")
    assert parse_pairs('{"a": 1}') == ([], "the model's JSON holds no question with its answer")


def test_the_sill_catalogue(tmp_path):
    if not SILL.exists():
        pytest.skip(f"{SILL} is not here")
    made = Session(tmp_path).generate(SILL, count=300, split=True, output=tmp_path / "sill.jsonl")
    assert made.by_split == {"train": 240, "val": 30, "test": 30}
    assert made.by_stratum == {"recall": 15, "unseen": 8, "unanswerable": 7}
    assert any(re.fullmatch(r"Quelle est la licence d\S+ \S.* \?", question(r)) for r in rows(made.train))
    assert made.documents_covered >= 125  # of 160, and some are held out
