"""Bad input among good: every kind, each in its place and all in one file, in JSON Lines, JSON arrays and CSV."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from dyag_core import Session, UsageError
from dyag_core.artifacts import BadLine
from dyag_core.chat.conversations import read_conversations
from dyag_core.documents import read_documents

#: kind -> (a bad line, part of the reason); the same bytes are tried as a line and as an element of an array
BAD = {
    "bad UTF-8": (b'{"id": "x1", "content": "caf\xe9"}', "UTF-8"),
    "NUL": (b'{"id": "x2", "content": "a\x00b"}', "JSON"),
    "two objects": (b'{"id": "x3", "content": "a"} {"id": "y", "content": "b"}', "Extra data"),
    "array": (b'["a"]', "list"),
    "scalar": (b"42", "int"),
    "duplicate key": (b'{"id": "x4", "content": "a", "content": "b"}', "twice"),
    "NaN": (b'{"id": "x5", "content": "a", "metadata": {"n": NaN}}', "NaN"),
    "huge int": (b'{"id": "x6", "content": "a", "metadata": {"n": ' + b"9" * 5000 + b"}}", "digits"),
    "deep nesting": (b'{"a":' * 200_000 + b"1" + b"}" * 200_000, "deep"),
    "lone surrogate": (b'{"id": "x7", "content": "\\ud800"}', "surrogate"),
    "missing field": (b'{"id": "x8", "metadata": {}}', "missing"),
    "wrong type": (b'{"id": "x9", "content": 3}', "int"),
    "wrong type of metadata": (b'{"id": "x12", "content": "a", "metadata": []}', "list"),
    "wrong type of id": (b'{"id": {}, "content": "a"}', "dict"),
    "duplicate id": (b'{"id": "0", "content": "another"}', "line 1"),
    "empty content": (b'{"id": "x10", "content": " "}', "empty"),
}
#: what breaks the structure: in a line it costs that line, in an array everything up to the end
STRUCTURAL = {
    "torn": (b'{"id": "x11", "content": "a', "JSON"),
    "unclosed nesting": (b'{"a":' * 200_000, "deep"),
    "no JSON at all": (b"<html>", "JSON"),
}
#: oddities that are no errors
HARMLESS = {
    "CRLF": b'{"id": "h1", "content": "a"}\r',
    "blank": b"  ",
    "U+2028": '{"id": "h2", "content": "a\u2028b"}'.encode(),
    "escaped quotes and brackets": rb'{"id": "h3", "content": "\"]}\\"}',
}


def good(number: int) -> bytes:
    return json.dumps({"id": str(number), "content": f"Document {number} é."}, ensure_ascii=False).encode()


def read(path: Path) -> tuple[list[str], list[BadLine]]:
    bad: list[BadLine] = []
    return [d.id for d in read_documents(path, bad.append)], bad


@pytest.mark.parametrize("kind", [*BAD, *STRUCTURAL])
def test_a_bad_line_is_named_and_its_neighbours_are_kept(tmp_path: Path, kind: str) -> None:
    raw, reason = (BAD | STRUCTURAL)[kind]
    path = tmp_path / "d.jsonl"
    path.write_bytes(b"\n".join([good(0), raw, good(1)]))
    found, bad = read(path)
    assert found == ["0", "1"]
    assert [line.line for line in bad] == [2]
    assert reason in bad[0].reason
    with pytest.raises(UsageError, match=r"d\.jsonl, line 2: "):
        list(read_documents(path, print, strict=True))


@pytest.mark.parametrize("kind", [*BAD, *STRUCTURAL])
def test_a_bad_element_of_an_array_costs_itself_alone(tmp_path: Path, kind: str) -> None:
    raw, reason = (BAD | STRUCTURAL)[kind]
    path = tmp_path / "d.json"
    path.write_bytes(b"\xef\xbb\xbf\n [" + good(0) + b",\n" + raw + b"\n,\n" + good(1) + b"]\n")
    found, bad = read(path)
    swallowed = kind in ("torn", "unclosed nesting")
    assert found == (["0"] if swallowed else ["0", "1"])
    assert [line.line for line in bad] == [3]
    assert reason.replace("line 1", "line 2") in bad[0].reason
    with pytest.raises(UsageError, match=r"d\.json, line 3: "):
        list(read_documents(path, print, strict=True))


def test_arrays_are_read_across_blocks_whatever_stands_in_their_strings(tmp_path: Path) -> None:
    path = tmp_path / "d.json"
    contents = [f'{"é" * n} \\ " ]}}[{{ , \n{n}' for n in range(0, 700_000, 69_997)]
    rows = [{"id": str(n), "content": text, "metadata": {"list": [1, [2]]}} for n, text in enumerate(contents)]
    for indent in (None, 1):
        path.write_text(json.dumps(rows, ensure_ascii=False, indent=indent), encoding="utf-8")
        documents = list(read_documents(path, pytest.fail))
        assert [document.text for document in documents] == contents
    path.write_text("[]", encoding="utf-8")
    with pytest.raises(UsageError, match="is empty"):
        read(path)
    path.write_bytes(b"[" + good(0) + b"," + good(1))
    assert read(path)[0] == ["0", "1"]  # the closing bracket is missing, the objects are whole
    path.write_bytes(b"[" + good(0) + b"] rubbish")
    assert [line.reason[:8] for line in read(path)[1]] == ["not JSON"]


@pytest.mark.parametrize("seed", range(3))
def test_one_line_in_ten_is_bad_and_every_good_one_is_kept(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    bad_kinds = list((BAD | STRUCTURAL).values())
    lines, expected, reasons = [good(0)], ["0"], {}
    for number in range(1, 1000):
        if chance.random() < 0.1:
            raw, reason = bad_kinds.pop() if bad_kinds else chance.choice(list(STRUCTURAL.values()))
            reasons[number + 1] = reason
            lines.append(raw)
        else:
            lines.append(good(number) + chance.choice([b"", b"\r"]))
            expected.append(str(number))
    path = tmp_path / "mixed.jsonl"
    path.write_bytes(b"\n".join([*lines, b'{"id": "torn", "content": "the last li']))
    reasons[len(lines) + 1] = "JSON"
    assert not bad_kinds  # every kind took part
    made = Session(tmp_path).ingest(path)
    kept = [json.loads(line) for line in made.output.read_text(encoding="utf-8").split("\n") if line]
    assert [row["id"] for row in kept] == expected
    assert made.rejects is not None
    rejected = [json.loads(line) for line in made.rejects.read_text(encoding="utf-8").split("\n") if line]
    assert [row["line"] for row in rejected] == list(reasons)
    for row in rejected:
        assert reasons[row["line"]] in row["reason"]
    assert made.bad_lines == len(rejected)


def test_harmless_oddities_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "d.jsonl"
    path.write_bytes(b"\n".join([b"\xef\xbb\xbf" + good(0), *HARMLESS.values(), good(1)]))
    assert read(path) == (["0", "h1", "h2", "h3", "1"], [])


@pytest.mark.parametrize("suffix", [".jsonl", ".json"])
def test_a_line_of_100_mb_is_one_bad_line(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"d{suffix}"
    before, between, after = (b"[", b",", b"]") if suffix == ".json" else (b"", b"", b"")
    with path.open("wb") as handle:
        handle.write(before + good(0) + between + b'\n{"id": "long", "content": "')
        for _ in range(100):
            handle.write(b"x" * 2**20)
        handle.write(b'"}' + between + b"\n" + good(1) + after)
    found, bad = read(path)
    assert found == ["0", "1"]
    assert [(line.line, "64 MB" in line.reason) for line in bad] == [(2, True)]


CSV_ROWS = {
    "bad UTF-8": (b"x;caf\xe9;y", "UTF-8"),
    "NUL": (b"x;a\x00b;y", "NUL"),
    "too few fields": (b"x;y", "2 fields where the header has 3"),
    "too many fields": (b"x;y;z;z", "4 fields"),
    "duplicate id": (b"0;again;z", "line 2"),
    "huge field": (b"x;" + b"y" * 200_000 + b";z", "not CSV"),
    "nothing but an id": (b"x;;", "empty"),
}


@pytest.mark.parametrize("kind", CSV_ROWS)
def test_a_bad_row_costs_itself_alone(tmp_path: Path, kind: str) -> None:
    raw, reason = CSV_ROWS[kind]
    path = tmp_path / "d.csv"
    path.write_bytes(b"\xef\xbb\xbfid;nom;Licence\r\n0;7zip;LGPL\r\n" + raw + b"\r\n1;Gimp;GPL\r\n")
    found, bad = read(path)
    assert found == ["0", "1"]
    assert [line.line for line in bad] == [3]
    assert reason in bad[0].reason


def test_a_quote_that_is_not_closed_is_named_where_its_row_begins(tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    path.write_bytes(b'id,nom,use\n0,7zip,"line one\nline two"\n1,"Gimp,x\n2,Vlc,y\n')
    found, bad = read(path)
    assert found == ["0"]
    assert [(line.line, line.reason) for line in bad] == [(4, "not CSV: unexpected end of data")]


@pytest.mark.parametrize("raw", [b"", b"id,nom\n", "id,nom\n".encode("utf-16"), b"\x00\x01\x02"])
def test_a_table_without_rows_is_a_usage_error(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "d.csv"
    path.write_bytes(raw)
    with pytest.raises(UsageError, match=r"d\.csv"):
        read(path)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"question": "q", "expected_answer": "a", "system": [{}]}, '"system" is a list'),
        ({"instruction": "q", "output": "a", "system": {"a": 1}}, '"system" is a dict'),
        ({"instruction": "q", "output": "a", "input": 3}, '"input" is a int'),
        ({"instruction": "q", "output": "a", "history": 3}, '"history" is not a list'),
        ({"conversations": [{"from": [], "value": "x"}]}, "a turn from []"),
    ],
)
def test_a_training_row_with_a_field_of_another_type_is_named(tmp_path, row, reason):
    path = tmp_path / "d.jsonl"
    path.write_text(json.dumps(row), encoding="utf-8")
    with pytest.raises(UsageError) as error:
        read_conversations(path)
    assert "line 1" in error.value.message
    assert reason in error.value.message


def test_bad_training_rows_of_other_tools_are_named(tmp_path: Path) -> None:
    good_row = {"instruction": "q", "input": "i", "output": "a"}
    bad: list[Any] = [
        {"conversations": [{"from": "tool", "value": "x"}]},
        {"conversations": "x"},
        {"conversations": [{"from": "human", "value": "q"}]},
        {"instruction": "q", "output": "a", "history": [["only one"]]},
        {"instruction": "q", "output": ""},
    ]
    path = tmp_path / "d.jsonl"
    path.write_text("\n".join(map(json.dumps, [good_row, *bad])), encoding="utf-8")
    with pytest.raises(UsageError, match="5 of 6 lines") as error:
        read_conversations(path)
    for reason in ("turn from 'tool'", "not a list of turns", "needed", "[question, answer]", "answer is empty"):
        assert reason in error.value.message
    path.write_text(json.dumps(good_row), encoding="utf-8")
    (row,) = read_conversations(path)
    assert [(turn.role, turn.content) for turn in row.messages] == [("user", "q\n\ni"), ("assistant", "a")]
