"""promptfoo: tests in CSV (`__expected` beside columns of variables), in YAML, or in JSON.

The question is the variable that is called so, else the only one. The expected answer is what the assertions compare
with: the whole answer (`equals`, also of a bare `__expected`, `similar`, `levenshtein`, `factuality`), else one of
several texts (`contains-any`), else all that must stand in it (`contains`, `contains-all`). `is-refusal` is a question
that nothing answers. What computes or judges (`javascript`, `llm-rubric`, `latency` ...) is passed over.
https://www.promptfoo.dev/docs/configuration/test-cases/
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import yaml

from dyag_core.chat.question_files.headings import question_heading
from dyag_core.chat.question_files.rows import Row, asked, unanswerable
from dyag_core.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from dyag_core.chat.question_files.rows import Placed

EXPECTED = "__expected"
_WHOLE = ("equals", "similar", "levenshtein", "factuality", "model-graded-factuality")
_ANY = ("contains-any", "icontains-any")
_PARTS = ("contains", "icontains", "contains-all", "icontains-all", "starts-with")
_CODE = re.compile(r"(javascript|fn|eval|python|ruby|grade|llm-rubric|file):")
_DISTANCE = re.compile(r"(?:cosine|dot|euclidean)(?:\(\d+(?:\.\d+)?\))?:\s*", re.ASCII)
#: TYPE(THRESHOLD): VALUE. A text that only looks so ("Note: ...") is compared as it stands.
_ASSERTION = re.compile(r"(?:not-)?[a-z][a-z-]*(?:\(\d+(?:\.\d+)?\))?", re.ASCII)
_OTHER_TYPES = frozenset(
    "answer-relevance bleu classifier context-faithfulness context-recall context-relevance contains-html contains-json"
    " contains-sql contains-xml conversation-relevance cost finish-reason g-eval gleu guardrails human is-html is-json"
    " javascript llm-rubric python rouge-l rouge-s ruby skill-used trace-error-spans trace-span-count"
    " trace-span-duration"
    " is-refusal is-sql is-valid-function-call is-valid-openai-function-call is-valid-openai-tools-call is-xml latency"
    " max-score meteor model-graded-closedqa moderation perplexity perplexity-score pi regex rouge-n search-rubric"
    " select-best tool-call-f1 trajectory webhook word-count".split()
)
_VARIABLE = re.compile(r"\{\{\s*([\w.-]+)\s*\}\}")


def tests(path: Path) -> Iterator[Placed]:
    """The tests of a YAML file: a configuration with `tests`, or a list of tests.

    Raises:
        UsageError: it is no YAML, or holds no tests.
    """
    try:
        value = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise UsageError(f"{path}: no such file") from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UsageError(f"{path}: not readable as YAML: {' '.join(str(error).split())}") from error
    found = rows_of({"tests": value} if isinstance(value, list) else value) if value else None
    if found is None:
        raise UsageError(f"{path}: no promptfoo tests in it", 'a list of tests is needed, or "tests:" with one')
    yield from found


def rows_of(whole: Any) -> Iterator[Placed] | None:
    """The tests of a configuration, with what `defaultTest` asserts; None for any other object."""
    given = whole.get("tests") if isinstance(whole, Mapping) else None
    if isinstance(given, str):
        given = [given]
    if not isinstance(given, list):
        return None
    common = whole.get("defaultTest")
    return ((f"tests[{i}]", _with(common, test)) for i, test in enumerate(given))


def question(row: Row) -> Row | None:
    """A test as YAML and JSON have it; None for any other row."""
    if not isinstance(row.get("vars"), Mapping) and not (isinstance(row.get("assert"), list) and "vars" in row):
        return None
    variables, assertions = row["vars"], row.get("assert", [])
    if not isinstance(variables, Mapping) or not isinstance(assertions, list):
        raise ValueError(
            '"vars" is not a mapping, or "assert" not a list (promptfoo); a file that they name isn\'t read'
        )
    told = [one for one in assertions if isinstance(one, Mapping)]
    told += [part for one in told if isinstance(one.get("assert"), list) for part in one["assert"]]
    return _asked(variables, [(str(one.get("type")), one.get("value")) for one in told])


def from_cells(cells: Mapping[str, str]) -> Row:
    """A row of a CSV file, by heading. ValueError: why it can't be asked."""
    variables = {name: cell for name, cell in cells.items() if not name.startswith("__") and cell.strip()}
    told = [cell for name, cell in cells.items() if name.startswith(EXPECTED) and cell.strip()]
    return _asked(variables, [_assertion(cell.strip()) for cell in told])


def _with(common: Any, test: Any) -> Row | str:
    if isinstance(test, str):
        return f"its tests are in another file ({test.removeprefix('file://')}): name that one instead"
    if not isinstance(test, dict):
        return "not a test with vars and assert"
    if not isinstance(common, Mapping):
        return {"vars": {}, **test}
    variables = {**(common.get("vars") or {}), **(test.get("vars") or {})}
    return {**test, "vars": variables, "assert": [*(common.get("assert") or []), *(test.get("assert") or [])]}


def _assertion(cell: str) -> tuple[str, Any]:
    """(type, value) of a cell under `__expected`; a text without a known type must be equalled."""
    kind, colon, value = cell.partition(":")
    if code := _CODE.match(cell):
        return code[1], value
    if not colon:
        return (kind, None) if kind in _OTHER_TYPES else ("equals", cell)
    name = kind.partition("(")[0]
    known = {*_WHOLE, *_ANY, *_PARTS, *_OTHER_TYPES}
    if not _ASSERTION.fullmatch(kind) or name.removeprefix("not-") not in known:
        return "equals", cell
    value = _DISTANCE.sub("", value.strip(), count=1) if name == "similar" else value.strip()
    lists = name.endswith(("-any", "-all"))
    return name, [part.strip() for part in value.split(",")] if lists else value


def _asked(variables: Row, assertions: Sequence[tuple[str, Any]]) -> Row:
    name = question_heading(list(variables)) or (next(iter(variables)) if len(variables) == 1 else None)
    if name is None:
        listed = ", ".join(map(str, variables)) or "none"
        raise ValueError(f'which of its variables is the question ({listed})? Call it "question" (promptfoo)')
    asked_of = variables[name]
    assertions = [(kind.partition(":")[0], value) for kind, value in assertions]  # similar:cosine
    if any(kind == "is-refusal" for kind, _ in assertions):
        return unanswerable(asked_of)
    expected = _expected([(kind, _filled(value, variables)) for kind, value in assertions])
    if not expected:
        kinds = ", ".join(dict.fromkeys(kind for kind, _ in assertions)) or "none"
        raise ValueError(
            f'its assertions ({kinds}) name no expected answer: add "equals: ..." or "contains: ..." (promptfoo)'
        )
    return asked(asked_of, expected)


def _expected(assertions: Sequence[tuple[str, Any]]) -> list[Any]:
    whole = [value for kind, value in assertions if kind in _WHOLE]
    choices = [value for kind, value in assertions if kind in _ANY]
    parts = [value for kind, value in assertions if kind in _PARTS]
    if whole:
        return whole
    if choices and (parts or len(choices) > 1):
        raise ValueError("it asks for several things at once: one contains-any, or contains alone (promptfoo)")
    if choices:
        return list(choices[0]) if isinstance(choices[0], list) else [choices[0]]
    texts = [str(text) for value in parts for text in (value if isinstance(value, list) else [value])]
    return [", ".join(dict.fromkeys(texts))] if texts else []


def _filled(value: Any, variables: Row) -> Any:
    """A value with its variables put in. ValueError: it stands in another file, or is made by a template."""
    if isinstance(value, list):
        return [_filled(part, variables) for part in value]
    if not isinstance(value, str):
        return value
    if value.startswith("file://"):
        raise ValueError(f"its expected answer stands in another file ({value}), which isn't read (promptfoo)")
    filled = _VARIABLE.sub(lambda found: str(variables.get(found[1], found[0])), value)
    if "{{" in filled or "{%" in filled:
        raise ValueError(f"its expected answer is a template that isn't filled in here: {value[:60]!r} (promptfoo)")
    return filled
