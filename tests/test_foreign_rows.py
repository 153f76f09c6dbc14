"""Training files as other tools and people leave them: what is named, what is mended, what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dyag_core import Session, UsageError
from dyag_core.artifacts import read_rows
from dyag_core.chat.conversations import read_conversations
from dyag_core.chat.questions import read_questions
from dyag_core.documents import read_documents
from dyag_core.records import Validation

PAIRS = [("Qui tient l'accueil ?", "Nadia."), ("Où garer un vélo ?", "Sous l'auvent.")]
ALPACA = [{"instruction": asked, "input": "", "output": said} for asked, said in PAIRS]
SHAREGPT = [[{"from": "human", "value": asked}, {"from": "gpt", "value": said}] for asked, said in PAIRS]


def chat(*texts: str, **last: Any) -> dict[str, Any]:
    turns: list[dict[str, Any]] = [
        {"role": ("user", "assistant")[i % 2], "content": text} for i, text in enumerate(texts)
    ]
    turns[-1] |= last
    return {"messages": turns}


def put(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def jsonl(path: Path, *rows: Any) -> Path:
    return put(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def fixed(path: Path) -> tuple[Validation, list[tuple[str, ...]]]:
    """What validate says, and the texts of the rows that it wrote, as training reads them."""
    target = path.with_name("fixed.jsonl")
    found = Session(path.parent).validate(path, fix=target)
    rows = read_conversations(target) if found.written else []
    return found, [tuple(turn.content for turn in row.messages) for row in rows]


def kinds(found: Validation) -> dict[str, int]:
    return {problem.kind: problem.lines for problem in found.problems}


def details(found: Validation, kind: str) -> list[str]:
    return [example.detail for problem in found.problems if problem.kind == kind for example in problem.examples]


# -- arrays --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_an_array_is_read_by_every_command_and_its_form_alone_makes_nothing_unfit(
    tmp_path: Path, indent: int | None, mark: str, run_dyag: Any
) -> None:
    path = put(tmp_path / "rows.json", mark + json.dumps(ALPACA, ensure_ascii=False, indent=indent))
    done = run_dyag("validate", "rows.json")
    assert done.returncode == 0, done.stderr
    assert "one JSON array" in done.stdout
    assert "(harmless)" in done.stdout
    assert [row.line for row in read_conversations(path)] == [1, 2]
    assert [question.expected_answer for question in read_questions(path, None)] == ["Nadia.", "Sous l'auvent."]
    done = run_dyag("export", "rows.json", "--format", "sharegpt", "--output", "out.json")
    assert done.returncode == 0, done.stderr
    back = run_dyag("export", "out.json", "--format", "alpaca", "--output", "back.json")
    assert back.returncode == 0, back.stderr
    assert json.loads((tmp_path / "back.json").read_text("utf-8")) == ALPACA


def test_bad_elements_of_an_array_are_named_by_their_place_and_cost_only_themselves(tmp_path: Path) -> None:
    path = put(tmp_path / "x.json", json.dumps([ALPACA[0], 3, {"instruction": "x"}, ALPACA[1]]))
    found, rows = fixed(path)
    assert kinds(found) == {"not_json": 1, "unknown_shape": 1, "one_array": 1}
    assert rows == PAIRS
    with pytest.raises(UsageError, match="2 of 4 lines can't be trained on") as error:
        read_conversations(path)
    assert 'item 3: none of the known shapes: "instruction" without "output"' in error.value.message


@pytest.mark.parametrize(
    ("end", "reason"),
    [("", "not closed"), (",", "not closed"), (', {"instruction": "Où', "Unterminated"), ("] x", "not JSON")],
)
def test_an_array_that_ends_badly_keeps_its_good_rows_and_says_so(tmp_path: Path, end: str, reason: str) -> None:
    path = put(tmp_path / "x.json", json.dumps(ALPACA).removesuffix("]") + end)
    found, rows = fixed(path)
    assert rows == PAIRS
    assert kinds(found)["not_json"] == 1
    assert reason in details(found, "not_json")[0]
    with pytest.raises(UsageError, match="item 3"):
        read_conversations(path)


def test_an_array_of_which_nothing_can_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"x\.json: begins as a JSON array that is never closed"):
        list(read_rows(put(tmp_path / "x.json", '[{"instruction": "Où')))
    assert list(read_rows(put(tmp_path / "y.json", "[ ]"))) == []


# -- trailing commas -----------------------------------------------------------------------------------------------

ONE, TWO = (json.dumps(row, ensure_ascii=False) for row in ALPACA)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (f"[{ONE},\n {TWO},\n]", ["a trailing comma at the end of the array"]),
        (f"[{ONE},{TWO}, ]\n", ["a trailing comma at the end of the array"]),
        (f"[{ONE},,{TWO}]", ["a comma too many behind it"]),
        (f"{ONE},\n{TWO},\n", ["a trailing comma (column", "a trailing comma (column"]),
        (f"{ONE}\n{TWO.removesuffix('}')} , }}\n", ["a trailing comma (column"]),
        (f"[{ONE},\n{TWO.removesuffix('}')},}}]", ["a trailing comma (column"]),
    ],
)
def test_a_trailing_comma_is_called_one_and_taken_out(
    tmp_path: Path, text: str, where: list[str], run_dyag: Any
) -> None:
    path = put(tmp_path / "rows.json", text)
    found, rows = fixed(path)
    assert kinds(found).get("trailing_comma") == len(where)
    assert all(detail.startswith(said) for detail, said in zip(details(found, "trailing_comma"), where, strict=True))
    assert (rows, found.ok) == (PAIRS, True)
    with pytest.raises(UsageError, match="comma"):
        read_conversations(path)
    done = run_dyag("validate", "rows.json")
    assert done.returncode == 3
    assert "trailing comma" in done.stdout
    assert "jq" not in done.stdout + done.stderr


def test_commas_within_texts_stay(tmp_path: Path) -> None:
    path = put(tmp_path / "x.jsonl", '{"question": "Que vaut [1,] ou {a,} \\", } ?", "answer": "Rien,"},\n')
    assert fixed(path)[1][0][-2:] == ('Que vaut [1,] ou {a,} ", } ?', "Rien,")


@pytest.mark.parametrize(
    "text", ['{"a": 1,, "b": 2}', '{"a": ,}', '{"a": "x,', '{"a": NaN,}', '{"a": 1, "a": 2,}', ","]
)
def test_what_is_wrong_beyond_a_trailing_comma_is_not_guessed_at(tmp_path: Path, text: str) -> None:
    found, rows = fixed(put(tmp_path / "x.jsonl", f"{text}\n"))
    assert (kinds(found), rows) == ({"not_json": 1}, [])


def test_an_array_of_documents_with_a_trailing_comma_is_read_as_before(tmp_path: Path) -> None:
    path = put(tmp_path / "d.json", '[{"id": "1", "content": "Un."}, {"id": "2", "content": "Deux."},]')
    assert [document.id for document in read_documents(path, pytest.fail)] == ["1", "2"]


# -- lists of turns ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("separator", ["array", "lines"])
@pytest.mark.parametrize("openai", [False, True])
def test_a_list_of_turns_becomes_a_row(tmp_path: Path, separator: str, openai: bool) -> None:
    lists: list[Any] = [chat(*pair)["messages"] for pair in PAIRS] if openai else SHAREGPT
    path = tmp_path / "x.json"
    if separator == "array":
        put(path, json.dumps(lists, ensure_ascii=False))
    else:
        jsonl(path, *lists)
    found, rows = fixed(path)
    assert kinds(found).get("bare_turns") == 2
    assert (rows, found.ok) == (PAIRS, True)
    assert not Session(tmp_path).validate(path).ok
    with pytest.raises(UsageError, match="a JSON list, not an object"):
        read_conversations(path)


def test_a_list_that_holds_no_turns_is_left_out(tmp_path: Path) -> None:
    found, rows = fixed(put(tmp_path / "x.json", json.dumps([["Où ?", "Là."], SHAREGPT[0]])))
    assert kinds(found) == {"bare_turns": 2, "unknown_shape": 1, "one_array": 1}
    assert rows == PAIRS[:1]


# -- numbers -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "texts"),
    [
        ({"instruction": "Combien ?", "output": 12}, ("Combien ?", "12")),
        ({"instruction": "Double", "input": 3, "output": 6.5}, ("Double\n\n3", "6.5")),
        ({"instruction": "Et ?", "output": 0, "history": [["Un ?", 1]]}, ("Un ?", "1", "Et ?", "0")),
        ({"prompt": "Combien ?", "completion": -2}, ("Combien ?", "-2")),
        ({"conversations": [{"from": "human", "value": "n ?"}, {"from": "gpt", "value": 4}]}, ("n ?", "4")),
        ({"messages": [{"role": "user", "content": "n ?"}, {"role": "assistant", "content": 5}]}, ("n ?", "5")),
        ({"question": "Combien ?", "answer": 7}, ("Answer briefly. If you do not know, say so.", "Combien ?", "7")),
    ],
)
def test_a_number_for_an_answer_is_named_and_becomes_a_text(
    tmp_path: Path, row: dict[str, Any], texts: tuple[str, ...]
) -> None:
    path = jsonl(tmp_path / "x.jsonl", row)
    assert not Session(tmp_path, lang="en").validate(path).ok
    found, rows = fixed(path)
    assert (kinds(found), found.ok) == ({"not_text": 1}, True)
    assert rows[0][-2:] == texts[-2:]
    with pytest.raises(UsageError, match="not a text"):
        read_conversations(path)


@pytest.mark.parametrize("value", [True, {"a": 1}, [1, 2], 10**400])
def test_what_could_be_several_texts_is_none(tmp_path: Path, value: Any) -> None:
    found, rows = fixed(jsonl(tmp_path / "x.jsonl", {"instruction": "Combien ?", "output": value}))
    assert (kinds(found), rows) == ({"not_text": 1}, [])


# -- answers that are not to be learnt -----------------------------------------------------------------------------

UNWANTED = [
    (chat("Où ?", "Nulle part.", weight=0), '"weight" is 0'),
    (chat("Où ?", "Nulle part.", weight=0.0), '"weight" is 0'),
    (chat("Où ?", "Nulle part.", train=False), '"train" is false'),
    (chat("Où ?", "Nulle part.", loss=False), '"loss" is false'),
    (chat("Où ?", "Nulle part.") | {"label": False}, '"label" is false'),
    ({"prompt": "Où ?", "completion": "Nulle part.", "label": False}, '"label" is false'),
    ({"instruction": "Où ?", "output": "Nulle part.", "kto_tag": False}, '"kto_tag" is false'),
    (
        {
            "conversations": [{"from": "human", "value": "Où ?"}, {"from": "gpt", "value": "Nulle part.", "weight": 0}],
        },
        '"weight" is 0',
    ),
]


@pytest.mark.parametrize(("row", "mark"), UNWANTED)
def test_an_answer_that_is_marked_as_bad_is_never_learnt_exported_or_expected(
    tmp_path: Path, row: dict[str, Any], mark: str
) -> None:
    path = jsonl(tmp_path / "x.jsonl", chat(*PAIRS[0]), row)
    found, rows = fixed(path)
    assert kinds(found) == {"unwanted_answer": 1}
    assert mark in details(found, "unwanted_answer")[0]
    assert "Nulle part." in details(found, "unwanted_answer")[0]
    assert (rows, found.left_out) == (PAIRS[:1], 1)
    assert not Session(tmp_path).validate(path).ok
    for use in (
        lambda: read_conversations(path),
        lambda: read_questions(path, None),
        lambda: Session(tmp_path).export(path, format="openai", output=tmp_path / "o.jsonl"),
    ):
        with pytest.raises(UsageError, match="1 of 2 lines") as error:
            use()
        assert mark in error.value.message


def test_a_bad_answer_earlier_in_a_chat_spoils_the_row_for_training_but_not_as_a_question(tmp_path: Path) -> None:
    row = chat("Où ?", "Nulle part.", "Non.", "Au premier.", weight=1)
    row["messages"][1]["weight"] = 0
    path = jsonl(tmp_path / "x.jsonl", row)
    assert kinds(fixed(path)[0]) == {"unwanted_answer": 1}
    (question,) = read_questions(path, None)
    assert (question.question, question.expected_answer) == ("Non.", "Au premier.")


@pytest.mark.parametrize(
    "row",
    [
        chat("Où ?", "Au premier.", weight=1),
        chat("Où ?", "Au premier.", weight=None),
        chat("Où ?", "Au premier.") | {"label": True},
        chat("Où ?", "Au premier.") | {"label": 0},
        {"question": "Où ?", "expected_answer": "Au premier.", "label": False},
    ],
)
def test_other_weights_and_labels_are_nobodys_business(tmp_path: Path, row: dict[str, Any]) -> None:
    path = jsonl(tmp_path / "x.jsonl", row)
    assert Session(tmp_path).validate(path).problems == ()
    assert read_conversations(path)[0].messages[-1].content == "Au premier."


# -- damaged text --------------------------------------------------------------------------------------------------

MOJIBAKE = [
    ("Oui, Ã  l'accueil, dÃ¨s 8 h.", "Oui, à l'accueil, dès 8 h."),
    ("Lâ€™Å“uvre dâ€™art", "L’œuvre d’art"),
    ("cafÃƒÂ©", "café"),
    ("12 Â°C", "12 °C"),
    ("l\x92été", "l’été"),
    ("Ð”Ð°", "Да"),
]
INVISIBLE = [
    ("Salle\u200b B", "Salle B"),
    ("\ufeffSalle B", "Salle B"),
    ("impri\u00admante", "imprimante"),
    ("Salle\u2060 B\u200d", "Salle B"),
    ("a\u200b\u200c\u200db", "ab"),
]
SOUND = [
    "L’été, à Noël : « oui » — 50 % de l’œuvre, 20 °C",
    "NÃO HÁ MAÇÃ À VENDA",
    "Straße – „Gänsefüßchen“, ÄÖÜ",
    "Zażółć gęślą jaźń",
    "数据库 на русском",
    "می\u200cخواهم",
    "👩\u200d💻 ❤\ufe0f",
    "क्\u200dष",
]


@pytest.mark.parametrize(("text", "mended"), [*MOJIBAKE, *INVISIBLE])
def test_damaged_text_is_named_and_mended_wherever_it_stands(tmp_path: Path, text: str, mended: str) -> None:
    kind = "mojibake" if (text, mended) in MOJIBAKE else "zero_width"
    path = jsonl(tmp_path / "x.jsonl", chat("Où ?", text), chat(f"Que dit {text} ?", "Rien."))
    assert not Session(tmp_path).validate(path).ok
    found, rows = fixed(path)
    assert (kinds(found), found.ok) == ({kind: 2}, True)
    assert rows == [("Où ?", mended), (f"Que dit {mended} ?", "Rien.")]


@pytest.mark.parametrize("text", SOUND)
def test_sound_text_of_any_language_stays_as_it_is(tmp_path: Path, text: str) -> None:
    path = jsonl(tmp_path / "x.jsonl", chat("Où ?", text))
    found, rows = fixed(path)
    assert (found.problems, rows) == ((), [("Où ?", text)])


def test_an_answer_of_nothing_visible_is_empty(tmp_path: Path) -> None:
    found, rows = fixed(jsonl(tmp_path / "x.jsonl", chat("Où ?", "\u200b\ufeff")))
    assert kinds(found) == {"zero_width": 1, "empty_turn": 1, "no_answer": 1}
    assert rows == []


def test_what_is_lost_for_good_is_named_and_left_to_people(tmp_path: Path) -> None:
    found, rows = fixed(jsonl(tmp_path / "x.jsonl", chat("Où ?", "Au caf\ufffd.")))
    assert (kinds(found), found.lasting, found.ok) == ({"lost_character": 1}, {"lost_character": 1}, False)
    assert rows == [("Où ?", "Au caf\ufffd.")]


def test_questions_that_differ_in_what_nobody_sees_are_one(tmp_path: Path) -> None:
    found, rows = fixed(jsonl(tmp_path / "x.jsonl", chat("Où\u200b ?", "Là."), chat("Où ?", "Là.")))
    assert kinds(found) == {"zero_width": 1, "duplicate": 1}
    assert rows == [("Où ?", "Là.")]


def test_export_warns_of_damaged_text_and_changes_nothing(tmp_path: Path, run_dyag: Any) -> None:
    jsonl(tmp_path / "x.jsonl", chat("Où ?", "Ã\u00a0 cÃ´tÃ©"), chat("Qui ?", "Elle."), chat("\u200bQuoi ?", "Rien."))
    done = run_dyag("export", "x.jsonl", "--format", "alpaca", "--output", "a.jsonl")
    assert done.returncode == 0
    assert "2 rows hold text in a wrong encoding or zero-width characters" in done.stderr
    assert "dyag validate x.jsonl --fix" in done.stderr
    assert "cÃ´tÃ©" in (tmp_path / "a.jsonl").read_text("utf-8")


def test_what_was_found_is_told_in_french_too(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "x.jsonl", chat("Où ?", "cafÃ©"), UNWANTED[0][0], SHAREGPT[0])
    Session(tmp_path, lang="fr").validate(path, report=tmp_path / "r.html")
    page = (tmp_path / "r.html").read_text("utf-8")
    for words in ("mauvais encodage", "comme à ne pas apprendre", "une liste de messages, pas un objet"):
        assert words in page
