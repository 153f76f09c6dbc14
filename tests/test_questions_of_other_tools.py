"""Questions as other tools write them, and tables of questions: read as they are, or refused by line and remedy."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from dyag_core import Question, Reply, Session, UsageError, hookimpl
from dyag_core.chat.questions import read_questions
from dyag_core.errors import PluginError
from dyag_core.text.abstention import UNKNOWN


def read(path: Path, content: Any) -> list[Question]:
    text = content if isinstance(content, str | bytes) else json.dumps(content, ensure_ascii=False)
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
    return read_questions(path, None)


def answers(questions: list[Question]) -> list[tuple[str, tuple[str, ...]]]:
    return [(q.question, (q.expected_answer, *q.expected_answers)) for q in questions]


def lines(*rows: Any) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


# -- SQuAD -------------------------------------------------------------------------------------------------------------

PARAGRAPH = {
    "context": "Alba est un logiciel libre publié sous licence MIT. Elle écoute sur le port 8000 de la machine.",
    "qas": [
        {
            "id": "a1",
            "question": "Quelle est la licence d'Alba ?",
            "answers": [{"text": "MIT", "answer_start": 47}, {"text": "licence MIT", "answer_start": 39}],
        },
        {"id": "a2", "question": "Sur quel port ?", "answers": [{"text": "8000", "answer_start": 73}]},
    ],
}
SQUAD = {"version": "1.1", "data": [{"title": "Alba", "paragraphs": [PARAGRAPH]}]}
NOT_TOLD = {
    "id": "a3",
    "question": "Qui maintient Alba ?",
    "answers": [],
    "is_impossible": True,
    "plausible_answers": [{"text": "MIT", "answer_start": 47}],
}


@pytest.mark.parametrize("indent", [None, 2])
def test_squad_as_its_files_are(tmp_path: Path, indent: int | None) -> None:
    first, second = read(tmp_path / "dev-v1.1.json", json.dumps(SQUAD, indent=indent))
    assert (first.id, first.document, first.answerable) == ("a1", "Alba", True)
    assert answers([first, second]) == [
        ("Quelle est la licence d'Alba ?", ("MIT", "licence MIT")),
        ("Sur quel port ?", ("8000",)),
    ]


def test_squad_2_knows_questions_that_nothing_answers(tmp_path: Path) -> None:
    paragraph = {**PARAGRAPH, "qas": [{**PARAGRAPH["qas"][0], "is_impossible": False}, NOT_TOLD]}
    told, not_told = read(tmp_path / "dev-v2.0.json", {"data": [{"title": "Alba", "paragraphs": [paragraph]}]})
    assert (told.answerable, not_told.answerable) == (True, False)
    assert (not_told.id, not_told.document) == ("a3", "Alba")
    assert not_told.expected_answer == UNKNOWN["fr"]


def test_squad_rows_of_a_hub(tmp_path: Path) -> None:
    told = {"id": "b1", "title": "Alba", "context": "It is MIT.", "question": "Which licence is it?"}
    rows = [
        {**told, "answers": {"text": ["MIT", "MIT"], "answer_start": [6, 6]}},
        {**told, "id": "b2", "answers": {"text": [], "answer_start": []}},
    ]
    first, second = read(tmp_path / "squad_v2.jsonl", lines(*rows))
    assert (first.answerable, first.expected_answer, first.expected_answers) == (True, "MIT", ())
    assert (second.answerable, second.expected_answer) == (False, UNKNOWN["en"])
    assert first.document == second.document == "Alba"


def test_a_squad_question_without_answers_is_named_by_its_place(tmp_path: Path) -> None:
    qas = [PARAGRAPH["qas"][0], {"id": "x", "question": "Et alors ?", "answers": []}]
    with pytest.raises(
        UsageError, match=r"data\[0\].paragraphs\[0\].qas\[1\]: it has no answers, and is_impossible"
    ) as bad:
        read(tmp_path / "test.json", {"data": [{"title": "t", "paragraphs": [{"context": "c", "qas": qas}]}]})
    assert "1 of 2" in bad.value.message


# -- ragas, AutoRAG, deepeval ------------------------------------------------------------------------------------------


def test_ragas_now_and_before(tmp_path: Path) -> None:
    found = read(
        tmp_path / "ragas.jsonl",
        lines(
            {
                "user_input": "Licence of Alba?",
                "reference": "MIT",
                "reference_contexts": ["Alba is MIT."],
                "retrieved_contexts": ["x"],
                "response": "GPL",
                "reference_context_ids": ["c7", 8],
            },
            {"question": "Port?", "ground_truth": "8000", "answer": "I think 80", "contexts": ["..."]},
            {"question": "Port?", "ground_truths": ["8000", "port 8000"], "answer": "80", "contexts": []},
        ),
    )
    assert answers(found) == [("Licence of Alba?", ("MIT",)), ("Port?", ("8000",)), ("Port?", ("8000", "port 8000"))]
    assert found[0].chunks == ("c7", "8")
    assert found[1].chunks == ()


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ({"user_input": "Q?", "response": "MIT"}, '"reference", the right answer, is missing'),
        ({"user_input": [{"content": "Q?", "type": "human"}], "reference": "MIT"}, "a whole conversation"),
        ({"input": "Q?", "actual_output": "MIT"}, '"expected_output", the right answer, is missing'),
        ({"scenario": "A user asks", "turns": [], "expected_outcome": "x"}, "a conversation"),
        ({"query": "Q?", "generation_gt": []}, "it has no expected answer"),
        ({"query": "", "generation_gt": ["MIT"]}, "the question is empty"),
    ],
)
def test_what_is_missing_is_said_in_the_tools_own_words(tmp_path: Path, row: Any, why: str) -> None:
    with pytest.raises(UsageError, match=f"line 2: .*{why}"):
        read(tmp_path / "q.jsonl", lines({"question": "A?", "answer": "b"}, row))


def test_a_row_in_our_words_is_not_taken_for_another_tools(tmp_path: Path) -> None:
    rows = [
        {"question": "A?", "expected_answer": "ours", "ground_truth": "theirs"},
        {"instruction": "B?", "input": "", "output": "ours", "expected_output": "theirs"},
    ]
    assert [q.expected_answer for q in read(tmp_path / "q.jsonl", lines(*rows))] == ["ours", "ours"]


AUTORAG = [
    {"qid": "q1", "query": "Licence?", "retrieval_gt": [["c1"], ["c2"]], "generation_gt": ["MIT", "MIT License"]},
    {"qid": "q2", "query": "Port?", "retrieval_gt": [["c1", "c3"]], "generation_gt": "8000"},
]


def test_autorag_with_the_passages_that_are_all_needed(tmp_path: Path) -> None:
    both, either = read(tmp_path / "qa.jsonl", lines(*AUTORAG))
    assert answers([both, either]) == [("Licence?", ("MIT", "MIT License")), ("Port?", ("8000",))]
    assert (both.id, both.chunks) == ("q1", ("c1", "c2"))
    assert (either.id, either.chunks) == ("q2", ())  # one of two, nobody knows which


def test_autorag_as_its_parquet_file(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    rows = [
        {
            **row,
            "generation_gt": [row["generation_gt"]] if isinstance(row["generation_gt"], str) else row["generation_gt"],
        }
        for row in AUTORAG
    ]
    parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "qa.parquet")
    both, either = read_questions(tmp_path / "qa.parquet", None)
    assert answers([both, either]) == [("Licence?", ("MIT", "MIT License")), ("Port?", ("8000",))]
    assert (both.chunks, either.chunks) == (("c1", "c2"), ())


def test_parquet_without_its_library_names_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (tmp_path / "qa.parquet").write_bytes(b"PAR1")
    with pytest.raises(PluginError) as missing:
        read_questions(tmp_path / "qa.parquet", None)
    assert missing.value.hint == 'pip install "dyag[ingest]"'


GOLDEN = {
    "input": "Licence of Alba?",
    "actual_output": None,
    "expected_output": "MIT",
    "retrieval_context": None,
    "context": ["Alba is MIT."],
    "name": None,
    "source_file": "alba.md",
}


def test_deepeval_goldens_and_the_file_of_a_test_run(tmp_path: Path) -> None:
    (golden,) = read(tmp_path / "goldens.json", json.dumps([GOLDEN], indent=4))
    assert (golden.question, golden.expected_answer, golden.document) == ("Licence of Alba?", "MIT", "alba.md")
    case = {"name": "test_case_0", "input": "Port?", "actualOutput": "80", "expectedOutput": "8000"}
    run = {"testRunData": {"testCases": [case], "conversationalTestCases": []}}
    assert answers(read(tmp_path / "run.json", json.dumps(run, indent=2))) == [("Port?", ("8000",))]


# -- promptfoo ---------------------------------------------------------------------------------------------------------


def test_promptfoo_csv(tmp_path: Path) -> None:
    table = (
        "question,context,__expected,__expected2,__description\n"
        "Licence?,x,MIT,latency(500):,\n"
        "Port?,x,equals: 8000,javascript: output.length < 9,\n"
        'Who?,x,"icontains-any: Anna Kern, A. Kern",,\n'
        'Colours?,x,"contains-all: red, blue",,\n'
        "Note?,x,Note: read this,,kept as it stands\n"
        "When?,x,similar(0.8): in spring,not-contains: autumn,\n"
        "How?,x,similar:cosine(0.8): by hand,,\n"
        "Why?,x,is-refusal,,\n"
    )
    found = read(tmp_path / "tests.csv", table)
    assert answers(found[:-1]) == [
        ("Licence?", ("MIT",)),
        ("Port?", ("8000",)),
        ("Who?", ("Anna Kern", "A. Kern")),
        ("Colours?", ("red, blue",)),
        ("Note?", ("Note: read this",)),
        ("When?", ("in spring",)),
        ("How?", ("by hand",)),
    ]
    assert [q.answerable for q in found] == [True] * 7 + [False]


@pytest.mark.parametrize(
    ("table", "why"),
    [
        (
            "city,country,__expected\nParis,France,MIT\n",
            r"line 2: which of its variables is the question \(city, country\)",
        ),
        (
            "topic,__expected\nAlba,llm-rubric: is kind\n",
            r"line 2: its assertions \(llm-rubric\) name no expected answer",
        ),
        ("topic,__expected\nAlba,file://right.txt\n", "line 2: its assertions"),
        ("topic,__expected\nAlba,equals:{{missing}}\n", "line 2: its expected answer is a template"),
    ],
)
def test_promptfoo_rows_that_name_no_answer(tmp_path: Path, table: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        read(tmp_path / "tests.csv", table)


def test_promptfoo_yaml_with_a_default_test(tmp_path: Path) -> None:
    config = {
        "prompts": ["{{question}}"],
        "defaultTest": {"assert": [{"type": "equals", "value": "{{right}}"}]},
        "tests": [
            {"vars": {"question": "Licence?", "right": "MIT"}},
            {"description": "d", "vars": {"question": "Port?", "right": 8000}, "assert": [{"type": "latency"}]},
        ],
    }
    assert answers(read(tmp_path / "promptfooconfig.yaml", yaml.safe_dump(config))) == [
        ("Licence?", ("MIT",)),
        ("Port?", ("8000",)),
    ]
    only = [
        {"vars": {"topic": "Free?"}, "assert": [{"type": "contains-any", "value": ["yes", "true"]}]},
        {"vars": {"topic": "How?"}, "assert": [{"type": "similar:dot", "value": "by hand"}]},
    ]
    assert answers(read(tmp_path / "tests.json", only)) == [("Free?", ("yes", "true")), ("How?", ("by hand",))]
    with pytest.raises(UsageError, match=r"tests\[0\]: its tests are in another file \(tests.csv\)"):
        read(tmp_path / "other.yaml", yaml.safe_dump({"tests": "file://tests.csv"}))
    with pytest.raises(UsageError, match="not readable as YAML"):
        read(tmp_path / "broken.yaml", "tests: [")


# -- tables ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "table",
    [
        "question,answer\nLicence ?,MIT\n",
        "Question;Réponse\nLicence ?;MIT\n",
        "Réponse attendue\tQuestion\nMIT\tLicence ?\n",
        "id,user_input,response,reference\n1,Licence ?,GPL,MIT\n",
        "question,contexts,answer,ground_truth\nLicence ?,[],GPL,MIT\n",
        "input,actual_output,expected_output\nLicence ?,GPL,MIT\n",
        "Questions du service,\n,\nquestion,expected_answer\nLicence ?,MIT\n",
        "sep=;\nQUESTION;REPONSE\nLicence ?;MIT\n",
    ],
)
def test_a_table_of_questions_by_its_headings(tmp_path: Path, table: str) -> None:
    assert answers(read(tmp_path / "q.csv", table)) == [("Licence ?", ("MIT",))]


def test_several_answers_in_one_cell_or_in_several_columns(tmp_path: Path) -> None:
    table = (
        "question;réponse 1;réponse 2;autres réponses acceptées\n"
        "Licence ?;MIT;MIT License;X11|Expat\n"
        "Couleurs ?;rouge | bleu;;\n"
        "Port ?;;8000;['8000/tcp', 80]\n"
    )
    assert answers(read(tmp_path / "q.csv", table)) == [
        ("Licence ?", ("MIT", "MIT License", "X11", "Expat")),
        ("Couleurs ?", ("rouge | bleu",)),
        ("Port ?", ("8000", "8000/tcp", "80")),
    ]


def test_what_a_table_says_beside_them(tmp_path: Path) -> None:
    table = (
        "id,question,answer,document,chunk,answerable,system\n"
        'q1,"Licence, exactly?","MIT\nLicense",alba,c1,true,Be brief.\n'
        "q2,Who wrote it?,,alba,,no,\n"
    )
    first, second = read(tmp_path / "q.csv", table)
    assert (first.id, first.document, first.chunk, first.expected_answer) == ("q1", "alba", "c1", "MIT\nLicense")
    assert [turn.content for turn in first.messages] == ["Be brief.", "Licence, exactly?"]
    assert (second.answerable, second.expected_answer) == (False, UNKNOWN["en"])


def test_a_table_as_excel_writes_it_in_france(tmp_path: Path) -> None:
    table = "Question;Réponse\r\nOù est né l'éditeur ?;Évry\r\n".encode("cp1252")
    assert answers(read(tmp_path / "q.csv", table)) == [("Où est né l'éditeur ?", ("Évry",))]


def test_bad_rows_of_a_table_are_named_by_the_line_on_which_they_begin(tmp_path: Path) -> None:
    table = 'question,answer,answerable\n"two\nlines",yes,\nA?,,\nB?,b,maybe\nC?,c,,d\n'
    with pytest.raises(UsageError) as bad:
        read(tmp_path / "q.csv", table)
    assert "3 of 4" in bad.value.message
    assert "line 4: it has no expected answer" in bad.value.message
    assert "line 5: \"answerable\" is 'maybe'" in bad.value.message
    assert "line 6: 4 cells under 3 headings" in bad.value.message


@pytest.mark.parametrize("table", ["name,licence\nAlba,MIT\n", "question\nLicence?\n", ""])
def test_a_table_without_the_two_columns(tmp_path: Path, table: str) -> None:
    with pytest.raises(UsageError, match="no column of questions and one of answers") as bad:
        read(tmp_path / "q.csv", table)
    assert "name them question and answer" in str(bad.value.hint)


def test_other_objects_and_missing_files_are_told_what_is_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the object: none of the known shapes") as bad:
        read(tmp_path / "q.json", json.dumps({"rows": [{"a": 1}]}, indent=2))
    assert "SQuAD, ragas, AutoRAG, deepeval, promptfoo and dyag serve --votes" in str(bad.value.hint)
    for name in ("none.csv", "none.yaml", "none.json"):
        with pytest.raises(UsageError, match="no such file"):
            read_questions(tmp_path / name, None)


@pytest.mark.parametrize(
    ("row", "accepted"),
    [
        ({"expected": ["a", "b"]}, ("a", "b")),
        ({"answer": ["a", "b"]}, ("a", "b")),
        ({"answer": False}, ("false",)),
        ({"expected": 3.5}, ("3.5",)),
        ({"expected": "right", "answer": 5}, ("right",)),
        ({"expected_answers": [True, 2]}, ("true", "2")),
    ],
)
def test_lists_numbers_and_booleans_under_every_name(tmp_path: Path, row: Any, accepted: tuple[str, ...]) -> None:
    assert answers(read(tmp_path / "q.jsonl", lines({"question": "A?", **row}))) == [("A?", accepted)]


# -- the command -------------------------------------------------------------------------------------------------------


class Says:
    """An engine that knows the licence, and says so of everything."""

    name, remote, context_length = "says", True, 1000

    @hookimpl
    def dyag_open_engine(self) -> Says:
        return self

    def answer(self, prompts: Any, decoding: Any) -> Any:
        for i, _ in enumerate(prompts):
            yield i, Reply(text="licence MIT")

    def count_tokens(self, prompt: Any) -> int:
        return 1

    def close(self) -> None: ...


def test_evaluate_takes_such_a_file_as_it_is(tmp_path: Path) -> None:
    paragraph = {**PARAGRAPH, "qas": [*PARAGRAPH["qas"], NOT_TOLD]}
    (tmp_path / "fquad.json").write_text(json.dumps({"data": [{"title": "Alba", "paragraphs": [paragraph]}]}), "utf-8")
    asked = {"arms": ["base"], "base_model": "none", "engine": "says", "metrics": ["token_f1", "squad"]}
    made = Session(tmp_path, plugins=[Says()]).evaluate(tmp_path / "fquad.json", **asked)
    results = made.evaluations["base"].results
    assert [item["success"] for item in results] == [True, False, False]
    assert [item["metrics"]["squad"] for item in results] == [1.0, 0.0, None]
    assert made.evaluations["base"].metrics["details"]["squad"] == {"exact_match": 50.0, "f1": 50.0}


def test_a_bad_file_is_refused_before_anything_is_asked(tmp_path: Path) -> None:
    (tmp_path / "q.csv").write_text("question,answer\nA?,\n", "utf-8")
    with pytest.raises(UsageError, match=r"q.csv: 1 of 1 lines are no questions\n  line 2: it has no expected answer"):
        Session(tmp_path, plugins=[Says()]).evaluate(
            tmp_path / "q.csv", arms=["base"], base_model="none", engine="says"
        )
    assert not list(tmp_path.glob("*.json"))
