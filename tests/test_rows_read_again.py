"""Kinds of rows that readers of public pages marked as wrong or poor, each with what is made of such a text now."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from dyag_core import GateError, Session
from dyag_core.api import plain_text
from dyag_core.dataset.review.place import place_of

if TYPE_CHECKING:
    from pathlib import Path

PROSE_FR = "On suit une démarche qui convient à la taille du service, et on regarde ce qui en sort.\n\n" * 14
PROSE_EN = "We follow a process that fits the size of the service, and look at what comes out of it.\n\n" * 14


def asked(tmp_path: Path, text: str, *, method: str = "rule") -> dict[str, str]:
    """Question -> answer of all rows that a page is asked about."""
    (tmp_path / "pages").mkdir(exist_ok=True)
    (tmp_path / "pages" / "page.md").write_text(text, "utf-8")
    session = Session(tmp_path / "out")
    try:
        made = session.generate(
            tmp_path / "pages", method=method, options={"unanswerable": 0, "derived": 0}, min_yield=0
        )
    except GateError:  # nothing to ask
        return {}
    lines = made.output.read_text("utf-8").splitlines()
    return {row["messages"][-2]["content"]: row["messages"][-1]["content"] for row in map(json.loads, lines)}


@pytest.mark.parametrize(
    "text",
    [
        "## How do I get in touch?\n\n- Slack: {% channel 'talent' %}\n- Email: hello@depot.example.org\n",
        "## Pourquoi ces standards ?\n\nIls aident à faire mieux, et à le montrer à tous.\n",
        "## Why partnership?\n\nTechnology is a necessary part of how government works.\n",
        "## Quand le dépôt de Bora ouvre-t-il ?\n\n(En cours de rédaction)\n",
        "## Ce qui est attendu\n\n### Qui doit l'avoir ?\n\nTous les membres de l'équipe du dépôt.\n",
        "| Nom | Lien vers livrable |\n| --- | --- |\n| Territoires | [Personas](https://exemple.fr/p) |\n"
        "| Rivages | [Carte](https://exemple.fr/c) |\n",
    ],
    ids=[
        "template at the end",
        "pourquoi ces",
        "why",
        "not written yet",
        "context that tells nothing",
        "text of a link",
    ],
)
def test_nobody_is_asked(tmp_path: Path, text: str) -> None:
    assert asked(tmp_path, f"# Dépôt\n\n{text}") == {}


def test_a_word_that_a_page_uses_as_a_noun_is_no_name(tmp_path: Path) -> None:
    page = f"# Arrêt\n\n{PROSE_FR}On prépare l'arrêt du service.\n\nDocumentation : le guide de sortie\n"
    assert asked(tmp_path, page) == {}
    quality = "La qualité du support utilisateur détermine la confiance accordée à un service."
    assert asked(tmp_path, f"# Qualité du support\n\n{quality}\n\n{PROSE_FR}") == {}
    essential = "Une équipe produit bien menée est essentielle au succès."
    assert asked(tmp_path, f"# Équipe\n\n{essential}\n\n{PROSE_FR}\n\nOn réunit l'équipe le lundi.\n") == {}
    named = page.replace("# Arrêt", "# Bora")
    assert set(asked(tmp_path, named).values()) <= {"le guide de sortie"}


def test_a_sentence_on_such_things_is_no_description(tmp_path: Path) -> None:
    field = "---\ntitle: Bora\ndescription: {}\n---\n\n" + PROSE_FR
    assert asked(tmp_path, field.format("Un service peut être utile sans que personne ne le sache.")) == {}
    tool = "Un outil qui peut trier les courriers reçus."
    assert asked(tmp_path, field.format(tool)) == {"Qu'est-ce que Bora ?": tool}


def test_links_that_are_only_named_are_read_whatever_passage_tells_their_address(tmp_path: Path) -> None:
    page = (
        "# Depot\n\n## How do drivers check the queue?\n\nOpen the [queue dashboard] in the morning.\n\n"
        f"## Notes\n\n{PROSE_EN}\n[queue dashboard]: https://depot.example.org/queue\n"
    )
    assert asked(tmp_path, page) == {"How do drivers check the queue?": "Open the queue dashboard in the morning."}


def test_what_belongs_to_its_reader_is_not_asked_for_as_a_thing(tmp_path: Path) -> None:
    page = "# Depot\n\n## What are my user roles?\n\nOnly driver, unless you have been told otherwise.\n"
    questions = asked(tmp_path, page, method="augmented")
    assert questions
    assert not any("what is that" in question for question in questions)


def test_marks_around_and_before_a_question_are_left_out(tmp_path: Path) -> None:
    page = (
        "# Bora\n\n## “Quand le dépôt de Bora ouvre-t-il ses portes ?”\n\nIl ouvre à huit heures, sauf le dimanche.\n"
    )
    assert "Quand le dépôt de Bora ouvre-t-il ses portes ?" in asked(tmp_path, page)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (":tools: La transformation", "La transformation"),
        ("Ready :rocket:", "Ready"),
        ("at 10:30:45 or a:b:c", "at 10:30:45 or a:b:c"),
        ("**Le projet est porté par des agents.", "Le projet est porté par des agents."),
        ("2 ** 3", "2 ** 3"),
    ],
)
def test_shortcodes_and_half_an_emphasis_leave_texts(written: str, read: str) -> None:
    assert plain_text(written) == read


def test_a_number_is_not_marked_inside_another() -> None:
    text = "- Version: 2.4.0\n- Years: 2019, 2020, 2021, 2022 make 4"
    assert text[slice(*place_of("4", "How many years?", text))] == "4"
    assert place_of("4", "How many years?", text)[0] > text.index("make")
