"""Kinds of rows of English pages and tables that a reader called wrong or poor, and what is made of them now."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dyag_core import GateError, Session

PLAIN = {"derived": 0, "unanswerable": 0}


def made(source: Path, *, method: str = "rule", **options: object) -> tuple[dict[str, str], dict[str, int]]:
    """({question: answer}, what was left out by its reason) of all that is asked about `source`."""
    session = Session(source.parent / "out")
    more = {} if method == "rule" else {"combined": 0, "compared": 0, "dialogues": 0}
    try:
        data = session.generate(source, method=method, options=PLAIN | more | options, min_yield=0)
    except GateError:
        return {}, {}
    rows = [json.loads(line) for line in data.output.read_text("utf-8").splitlines()]
    return {row["messages"][-2]["content"]: row["messages"][-1]["content"] for row in rows}, dict(data.left_out)


def page(folder: Path, text: str, name: str = "page.md") -> Path:
    source = folder / name
    source.write_text(text, encoding="utf-8")
    return source


def asked(folder: Path, text: str, name: str = "page.md") -> set[str]:
    """The questions of one page."""
    return set(made(page(folder, text, name))[0])


PROSE = "The depot opens at six, and whoever arrives earlier waits in the yard with the other drivers. " * 8


def test_what_a_site_notes_of_a_page_is_no_attribute_of_its_subject(tmp_path: Path) -> None:
    text = f"---\ntitle: Alba\nowner_slack: '#alba'\ncurrent_step: 2\nlicence: MIT\n---\n\n{PROSE}\n"
    answers, left = made(page(tmp_path, text))
    assert answers == {"What is the licence of Alba?": "MIT"}
    assert left["a field at the top of a page that isn't known as an attribute"] == 2
    record = {"id": "a", "title": "Alba", "content": "Seen at night.", "metadata": {"habitat": "Deciduous forest"}}
    row = page(tmp_path, json.dumps(record), "a.jsonl")
    assert made(row)[0]["What is the habitat of Alba?"] == "Deciduous forest"  # a record's fields are its own


@pytest.mark.parametrize(
    "body",
    [
        'Write to {% slack_channel "talent" %} for access to the depot.',
        "Read our [depot guide](guide.md) for more about it.",
        "We have a [page on the depot](guide.md), since many ask.",
        "- [Guide for drivers](a.md)\n- [Guide for guests](b.md)\n- a map",
        "To be written. TK",
    ],
    ids=["template", "read", "we have", "links", "to come"],
)
def test_an_answer_that_leads_elsewhere_or_waits_for_a_template_is_none(tmp_path: Path, body: str) -> None:
    assert asked(tmp_path, f"# Depot\n\n## How do drivers enter the depot?\n\n{body}\n") == set()


def test_addresses_of_links_are_no_part_of_an_answer(tmp_path: Path) -> None:
    text = "# Depot\n\n## How do drivers enter the depot?\n\nBy the [gate][g].\n\n[g]: https://depot.example.org/gate\n"
    assert made(page(tmp_path, text))[0] == {"How do drivers enter the depot?": "By the gate."}


def test_headings_that_only_look_like_questions(tmp_path: Path) -> None:
    text = "# Depot\n\n## Still have questions?\n\nAsk the desk at the gate.\n\n"
    text += "## Enter the yard (or if I don't have a badge)?\n\nRing the bell.\n\n"
    text += "## Are the gates of the depot open?\n\nThe gates have a light above them.\n"
    assert asked(tmp_path, text) == set()


def test_headings_with_to_are_asked_as_people_ask(tmp_path: Path) -> None:
    text = "# Depot\n\n## Where to find spare tyres\n\nIn hall 3.\n\n"
    text += "## How to: Clean the lorry bays\n\nWith the blue hose.\n"
    assert asked(tmp_path, text) == {"Where do I find spare tyres?", "How do I clean the lorry bays?"}


def test_columns_of_flags_and_run_together_or_adjective_labels(tmp_path: Path) -> None:
    rows = ["name,fruity,sugarpercent,honorary,imdb,Licence", "Alba,0,.46,Full,tt15,MIT", "Bora,1,.55,Full,tt16,GPL"]
    rows += ["Cori,0,.34,Academy,tt17,BSD", "Dune,1,.73,Full,tt18,MIT"]
    answers, left = made(page(tmp_path, "\n".join(rows), "sweets.csv"))
    assert {question.split(" of ")[0] for question in answers} == {"What is the licence"}
    assert left["a number or a code under a label that isn't known (columns in a --rules file)"] == 4


def test_numbers_of_things_are_counted(tmp_path: Path) -> None:
    text = "country,beer servings,number of lakes\nAlbania,89,4\nGambia,0,7\nKenya,58,2\n"
    answers, _ = made(page(tmp_path, text, "drinks.csv"))
    assert answers["What is the number of beer servings of Kenya?"] == "58"
    assert answers["What is the number of lakes of Gambia?"] == "7"


def test_a_possessive_s_is_no_french_word(tmp_path: Path) -> None:
    text = "name,licence,version\nReese's Miniatures,MIT,2\nHershey's Kisses,GPL,3\n"
    answers, _ = made(page(tmp_path, text, "sweets.csv"))
    assert answers["What is the licence of Reese's Miniatures?"] == "MIT"


def test_documents_of_one_name_are_not_asked_for_what_they_tell_differently(tmp_path: Path) -> None:
    lines = [("Carter", "Ohio"), ("Carter", "Iowa"), ("Reagan", "Utah")]
    rows = [
        json.dumps({"id": str(n), "title": title, "content": "A house.", "metadata": {"city": city, "licence": "MIT"}})
        for n, (title, city) in enumerate(lines)
    ]
    answers, left = made(page(tmp_path, "\n".join(rows), "people.jsonl"))
    assert "Which city is Reagan in?" in answers
    assert "Which city is Carter in?" not in answers
    assert answers["What is the licence of Carter?"] == "MIT"  # told alike
    assert left["what another document of the same name tells otherwise"] == 2


def test_rows_that_share_their_group_are_called_by_what_tells_them_apart(tmp_path: Path) -> None:
    people = ["Bert Lance", "Brock Adams", "Cyrus Vance", "Bob Strauss", "Ray Marshall", "Bert Lance", "Griffin Bell"]
    rows = [f"Carter,{name},Ohio" for name in people]
    answers, _ = made(page(tmp_path, "\n".join(["president,appointee,city", *rows]), "cabinet.csv"))
    assert "Which city is Griffin Bell in?" in answers


def test_tables_that_tell_what_columns_mean_and_steps_are_no_rows_of_things(tmp_path: Path) -> None:
    text = f"# Depot\n\n{PROSE}\n\n| Column | Description |\n|---|---|\n| `start_date` | The first day of a tour |\n\n"
    text += "| Step | Owner |\n|---|---|\n| Agency gathers signatures | Eva Roy |\n\n"
    text += "| Code | Category |\n|---|---|\n| BNG | Wins for money spent |\n| TRD | Titles of the team |\n"
    assert asked(tmp_path, text) == set()


def test_a_cell_that_goes_on_with_its_row_describes_nothing(tmp_path: Path) -> None:
    text = "# Ducks\n\n| Name | Description |\n|---|---|\n| Mandarin Duck | Known for its plumage. |\n"
    text += "| Donald Duck | Cartoon character. |\n| Mural Kit | Provides guides for walls. |\n"
    assert asked(tmp_path, text) == {"What is Donald Duck?"}


def test_a_price_in_french_is_not_asked_for_in_english(tmp_path: Path) -> None:
    text = "# Providers of the network that we know\n\nThese are the ones that people of ours use at home.\n\n"
    text += "| Provider | Price |\n|---|---|\n| Rezo | 5 € / mois |\n| Nett | 9 € / month |\n"
    assert asked(tmp_path, text) == {"What is the price of Nett?"}


@pytest.mark.parametrize("title", ["Retire a repo", "Request access rights for a depot", "A guide for new drivers"])
def test_an_instruction_is_no_name(tmp_path: Path, title: str) -> None:
    assert asked(tmp_path, f"---\ntitle: {title}\nlicence: MIT\n---\n\n{PROSE}\n") == set()


def test_a_definition_takes_the_article_of_its_sentence(tmp_path: Path) -> None:
    text = "# Depot Club\n\nThe Depot Club is a group of drivers who meet on Mondays.\n"
    assert asked(tmp_path, text) == {"What is the Depot Club?"}
    assert asked(tmp_path, "# Depot Club\n\nThe Depot Club tool is a list of drivers.\n") == set()
    assert asked(tmp_path, "# Depot Club\n\nDepot Club is offered by the town of Metz.\n") == set()


def test_a_text_under_email_is_none_without_an_address(tmp_path: Path) -> None:
    assert asked(tmp_path, "# Alba\n\n- Licence: MIT\n- Email: We write every Monday\n") == {
        "What is the licence of Alba?"
    }
    assert "What is the email address of Bora?" in asked(tmp_path, "# Bora\n\n- Licence: MIT\n- Email: a@b.org\n")


def test_what_people_are_to_do_is_not_who_they_are(tmp_path: Path) -> None:
    text = "# Alba\n\n- Licence: MIT\n- Developers: review the list of rules.\n"
    assert asked(tmp_path, text) == {"What is the licence of Alba?"}


def test_what_a_row_is_called_for_is_no_purpose(tmp_path: Path) -> None:
    text = "# Tools\n\n| Tool | Purpose |\n|---|---|\n| Alba | Tracks the hours of a tour |\n"
    text += "| Bora Guide | Steps for new drivers |\n"
    assert asked(tmp_path, text) == {"What is Alba for?"}


def test_no_english_wording_asks_what_a_name_means(tmp_path: Path) -> None:
    text = "# Depot Club\n\nThe Depot Club is a group of drivers who meet on Mondays.\n"
    answers, _ = made(page(tmp_path, text), method="augmented")
    assert len(answers) > 2
    assert not any("mean" in question for question in answers)


def test_a_run_that_finds_nothing_says_why_with_count_too(tmp_path: Path) -> None:
    source = page(tmp_path, "name,imdb\nAlba,12\nBora,13\n", "films.csv")
    with pytest.raises(GateError, match="under a label that isn't known"):
        Session(tmp_path / "out").generate(source, method="rule", count=20, options=PLAIN, min_yield=0)


def test_a_kind_of_file_that_is_not_read_is_named_with_what_to_do(tmp_path: Path) -> None:
    folder = tmp_path / "manual"
    folder.mkdir()
    page(folder, "FAQ\n===\n", "faq.rst")
    page(folder, "# Depot\n\nOpen.\n")
    made = Session(tmp_path).ingest(folder, output=tmp_path / "d.jsonl")
    assert "1 .rst; convert them first" in " ".join(made.summary_lines())


def test_a_person_is_asked_for_with_who(tmp_path: Path) -> None:
    source = page(tmp_path, "name,director,budget\nAmadeus,Milos Forman,18\nFrida,Julie Taymor,12\n", "films.csv")
    answers, _ = made(source, method="augmented", wordings=8)
    assert {answers[question] for question in answers if "who" in question.casefold()} == {
        "Milos Forman",
        "Julie Taymor",
    }
    assert not any(
        "what" in question and "director" in question and "tell them" not in question for question in answers
    )
    assert not any("cost" in question for question in answers)


def test_a_document_is_not_missed_a_label_of_another_kind(tmp_path: Path) -> None:
    films = [f"f{n},Film,{1990 + n},Paris,Drama,{n} votes" for n in range(8)]
    page(tmp_path, "\n".join(["name,genre,year,setting,style,reception", *films]), "films.csv")
    heroes = [f"h{n},Male,{1990 + n},Full member,Lyon,{n} battles" for n in range(8)]
    page(tmp_path, "\n".join(["name,gender,year,membership,home,record", *heroes]), "heroes.csv")
    ingested = Session(tmp_path).ingest(tmp_path / "films.csv", tmp_path / "heroes.csv", output=tmp_path / "d.jsonl")
    data = Session(tmp_path / "out").generate(
        ingested.output, method="rule", options={"derived": 0, "unanswerable": 0.3}, min_yield=0
    )
    asked_in_vain = [line for line in data.output.read_text("utf-8").splitlines() if "I don't know" in line]
    assert not any("membership of f" in line or "genre of h" in line for line in asked_in_vain)
