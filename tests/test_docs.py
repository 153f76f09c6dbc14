"""The documentation against the code: reference pages, links, commands, Python, plugin names, quoted messages."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import shlex
import sys
import textwrap
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
import pytest

from dyag_core import Session, errors
from dyag_core.cli.root import root
from dyag_core.plugin import discovery, options
from dyag_core.plugin.families import FAMILY_HOOKS

HOME = Path(__file__).parent.parent
DOCS = HOME / "docs"
PAGES = sorted([*DOCS.rglob("*.md"), HOME / "README.md", HOME / "CONTRIBUTING.md"])
#: About packages that its reader writes: tests/test_writing_a_plugin.py runs what stands there.
GUIDE = DOCS / "writing-a-plugin.md"
WRITTEN = [page for page in PAGES if "reference" not in page.parts and page != GUIDE]
_FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`([^`]+)`")

sys.path.insert(0, str(DOCS))
generate = importlib.import_module("generate")
sys.path.remove(str(DOCS))


def name_of(page: Path) -> str:
    return page.relative_to(HOME).as_posix()


def test_the_picture_of_the_architecture_is_what_the_code_imports() -> None:
    assert generate.picture.FILE.read_text(encoding="utf-8") == generate.picture.svg(), "run: make docs-reference"


def test_the_map_names_every_package_and_files_that_exist() -> None:
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    for name in (name for row in generate.picture.layers() for name in row):
        assert f"`{name.partition('.')[2]}`" in text or f"{name.replace('.', '/')}" in text, f"{name} is on no row"
    for path in re.findall(r"`((?:dyag_core|plugins|docs|tests)/[\w/.-]+)`", text):
        assert (HOME / path).exists(), path


# -- the reference ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", generate.PAGES)
def test_a_reference_page_is_what_the_code_says(name: str) -> None:
    page = DOCS / "reference" / name
    assert page.read_text(encoding="utf-8") == generate.PAGES[name](), "run: make docs-reference"


def test_no_reference_page_is_left_over() -> None:
    assert {page.name for page in (DOCS / "reference").iterdir()} == set(generate.PAGES)


def test_every_option_hook_plugin_and_record_stands_in_the_reference() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in (DOCS / "reference").iterdir())
    for option in ("--from-adapter", "--group-by", "gradient_accumulation", "requests_per_minute"):
        assert f"`{option}`" in text
    for family, hook in FAMILY_HOOKS.items():
        assert f"## {hook}\n" in text, family
    for heading in ("### Metric bleu", "### Exporter sharegpt", "### Passport", "### Session.finetune", "## Retriever"):
        assert f"{heading}\n" in text


def test_what_a_session_returns_and_what_plugins_import_stands_in_the_reference() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in (DOCS / "reference").iterdir())
    methods = [method for name, method in vars(Session).items() if inspect.isfunction(method) and name[0] != "_"]
    for returned in {inspect.signature(method).return_annotation for method in methods}:
        assert f"## {returned}\n" in text
    templates = "".join(
        file.read_text(encoding="utf-8") for file in (HOME / "dyag_core/plugin/templates").rglob("*.jinja")
    )
    imported = re.findall(r"from (dyag_core\.\w+) import ([\w, ]+)", templates)
    assert imported
    for module, names in imported:
        for name in names.split(", "):
            assert f"`{module}`" in text or f"`{module}.{name}`" in text or f"### {module}.{name}\n" in text


def test_exit_codes_are_those_of_the_table() -> None:
    readme = (HOME / "README.md").read_text(encoding="utf-8").replace("\n", " ")
    for code, meaning in errors.EXIT_CODES.items():
        if code < 100:
            assert f"{code} {meaning}" in readme
    classes = [thing for _, thing in inspect.getmembers(errors, inspect.isclass) if issubclass(thing, Exception)]
    assert {thing.exit_code for thing in classes} <= set(errors.EXIT_CODES)


# -- links -----------------------------------------------------------------------------------------------------------


@cache
def prose(page: Path) -> str:
    """A page without its code."""
    return _INLINE.sub("code", _FENCE.sub("", page.read_text(encoding="utf-8")))


@cache
def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, made as GitHub and the site make them."""
    found: set[str] = set()
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    for heading in re.findall(r"^#{1,4} (.+)$", text, re.MULTILINE):
        slug = re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
        number = next(i for i in range(99) if (f"{slug}-{i}" if i else slug) not in found)
        found.add(f"{slug}-{number}" if number else slug)
    return found


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        there = (page.parent / file).resolve() if file else page
        assert there.exists(), target
        assert DOCS not in page.parents or DOCS in there.parents, f"{target}: the site holds docs/ alone"
        if anchor:
            assert anchor in anchors(there), target


def test_the_front_page_leads_to_every_page() -> None:
    front = (DOCS / "index.md").read_text(encoding="utf-8")
    listed = {
        line.strip() for _, fence in _FENCE.findall(front.replace("{toctree}", "toctree")) for line in fence.split()
    }
    pages = {page.relative_to(DOCS).with_suffix("").as_posix() for page in DOCS.rglob("*.md")}
    for page in pages - {"index"}:
        assert page in listed or f"{page.rpartition('/')[0]}/*" in listed, f"{page} is missing in docs/index.md"


# -- commands --------------------------------------------------------------------------------------------------------


def command_lines(page: Path) -> Iterator[str]:
    """Every command line that a page quotes, in a block or in a sentence; a choice `a|b` gives one line each."""
    text = page.read_text(encoding="utf-8")
    lines = [line for _, block in _FENCE.findall(text) for line in re.sub(r"\s*\\\n\s*", " ", block).splitlines()]
    lines += [" ".join(span.split()) for span in _INLINE.findall(_FENCE.sub("", text))]
    for line in lines:
        found = re.match(r"\s*(?:\$ )?((?:dyag|make) .*)", line)
        if found:
            command = re.split(r" (?:\||>|2>|&&|;) ", found[1])[0]
            choice = re.match(r"dyag (?:\w+ )?([\w-]+(?:\|[\w-]+)+)", command)
            yield from (command.replace(choice[1], one, 1) for one in choice[1].split("|")) if choice else [command]


def is_placeholder(word: str) -> bool:
    return "..." in word or word.strip("[]").isupper()


@pytest.mark.parametrize("page", WRITTEN, ids=name_of)
def test_every_command_can_be_typed(page: Path) -> None:
    targets = set(re.findall(r"^([\w-]+):", (HOME / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for line in command_lines(page):
        program, *words = shlex.split(line, comments=True)
        if program == "make":
            assert {word for word in words[:1] if re.fullmatch(r"[a-z-]+", word)} <= targets, line
        else:
            check_command(line, words, page)


def check_command(line: str, words: list[str], page: Path) -> None:
    command: click.Command = root
    context = click.Context(root, info_name="dyag")
    while isinstance(command, click.Group) and words and not words[0].startswith("-") and not is_placeholder(words[0]):
        name = words.pop(0)
        inner = command.get_command(context, name)
        assert inner is not None, f"{line}: no command {name}"
        command, context = inner, click.Context(inner, info_name=name, parent=context)
    if len(words) == 1 and words[0].startswith("-"):  # an option that is spoken of, without its value
        assert words[0].partition("=")[0] in {o for p in command.get_params(context) for o in p.opts}, line
        return
    # Options that the line itself chooses a plugin for are known, as when it is typed.
    context = command.make_context(context.info_name, list(words), parent=context.parent, resilient_parsing=True)
    context.resilient_parsing = False
    try:
        given, _, _ = command.make_parser(context).parse_args([word for word in words if word != "..."])
    except click.UsageError as error:
        pytest.fail(f"{line}: {error.format_message()}")
    if command.name == "show" and isinstance(given.get("family"), str) and not is_placeholder(given["family"]):
        family = next(each for each in FAMILY_HOOKS if given["family"] in (each, each.rstrip("s")))
        assert is_placeholder(given["name"]) or given["name"] in known(family, page), line
    for parameter in command.params:
        value = given.get(parameter.name or "")
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, str) and not is_placeholder(each):
                check_value(line, command, parameter, each, page)


_FAMILY_OF = {
    "method": "generators",
    "trainer": "trainers",
    "engine": "engines",
    "retriever": "retrievers",
    "metric": "metrics",
    "reporter": "reporters",
}


def check_value(line: str, command: click.Command, parameter: click.Parameter, value: str, page: Path) -> None:
    name = parameter.name or ""
    if isinstance(parameter.type, click.Choice):
        assert value in parameter.type.choices, line
    elif family := _FAMILY_OF.get(name) or ("exporters" if command.name == "export" and "format" in name else None):
        assert value in known(family, page), f"{line}: no {family} is named {value}"
    elif name == "base_model" and ":" in value:
        assert value in known("base_models", page), line
    elif name == "option":
        key = value.partition("=")[0]
        assert key in all_options() or re.search(rf"^\s+{key}:", page.read_text(encoding="utf-8"), re.M), line
    elif name == "metric_option":
        metric, _, key = value.partition("=")[0].rpartition(".")
        assert key in options.options_model(discovery.load(discovery.find("metrics", metric))).model_fields, line


@pytest.mark.parametrize("page", WRITTEN, ids=name_of)
def test_every_plugin_option_spoken_of_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for key in re.findall(r"(?<![\w-])-o \"?(\w+)=", text):
        shown = key.isupper() or key == "key" or re.search(rf"^\s+{key}:", text, re.MULTILINE)
        assert shown or key in all_options(), f"-o {key}="


def known(family: str, page: Path) -> set[str]:
    """Names of installed plugins, and of those that the page itself shows how to publish."""
    text = page.read_text(encoding="utf-8")
    shown = re.findall(rf'entry-points\."?dyag\.{family}"?\]\s*([\w.:-]+)\s*=', text)
    named = {entry.name for entry in discovery.entries(family)}
    return named | set(shown) | ({name.replace("-", ":", 1) for name in named} if family == "base_models" else set())


@cache
def all_options() -> frozenset[str]:
    """Every option of every installed plugin."""
    plugins = [discovery.load(entry) for family in FAMILY_HOOKS for entry in discovery.entries(family)]
    return frozenset(key for plugin in plugins for key in options.options_model(plugin).model_fields)


def test_a_wrong_command_would_be_found() -> None:
    for line in (
        "dyag finetun --dataset x",
        "dyag finetune --epoch-s 3",
        "dyag export x --format exel",
        "dyag finetune -o rnak=3",
        "dyag compare-models --format pdf",
        "dyag evaluate q.jsonl -m bleu.tokenise=intl",
        "dyag models fetch x",
        "dyag plugins show trainer qlora",
    ):
        with pytest.raises((AssertionError, pytest.fail.Exception)):
            check_command(line, shlex.split(line)[1:], HOME / "README.md")


# -- Python ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", WRITTEN, ids=name_of)
def test_python_uses_names_and_arguments_that_exist(page: Path) -> None:
    for language, block in _FENCE.findall(page.read_text(encoding="utf-8")):
        if language != "python":
            continue
        for node in ast.walk(ast.parse(textwrap.dedent(block))):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("dyag_"):
                module = importlib.import_module(node.module)
                assert all(hasattr(module, alias.name) for alias in node.names), ast.unparse(node)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                owner = node.func.value
                if isinstance(owner, ast.Name) and owner.id in ("s", "session"):
                    method = inspect.signature(getattr(Session, node.func.attr))
                    method.bind(None, *node.args, **{keyword.arg: 0 for keyword in node.keywords if keyword.arg})


# -- tests that pages name ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", WRITTEN, ids=name_of)
def test_every_test_that_a_page_names_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    suite = "".join(file.read_text(encoding="utf-8") for file in (HOME / "tests").rglob("test_*.py"))
    for name in re.findall(r"`(test_\w+)`", text):
        assert f"def {name}(" in suite, name
    for file in re.findall(r"(?<![\w/])((?:tests|benchmarks|docs|dyag_core|examples|plugins)/[\w/]+\.py)\b", text):
        assert (HOME / file).is_file(), file


# -- messages --------------------------------------------------------------------------------------------------------


@cache
def texts_of_the_code() -> tuple[str, ...]:
    """Every text in the code, first line; what is filled in at run time is a NUL."""
    found: list[str] = []
    for file in sorted([*(HOME / "dyag_core").rglob("*.py"), *(HOME / "plugins").rglob("*.py")]):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                parts = [part.value if isinstance(part, ast.Constant) else "\0" for part in node.values]
                found.append("".join(map(str, parts)).split("\n")[0])
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value.split("\n")[0])
    return tuple(found)


def stands_in_the_code(message: str) -> bool:
    """Words in capitals and "..." in `message` stand for what is filled in; more may be filled in at its end."""
    fixed = re.split(r"'?(?:[A-Z][A-Z_./]*[A-Z]|\b[A-Z]\b|\.\.\.)+'?", message)
    pattern = re.compile(".*".join(map(re.escape, fixed)) + r"(?:\0.*)?")
    return any(pattern.fullmatch(text) for text in texts_of_the_code())


def quoted_messages() -> list[str]:
    text = (DOCS / "troubleshooting.md").read_text(encoding="utf-8")
    return re.findall(r"^\| `([^`]+)`", text, re.MULTILINE)


@pytest.mark.parametrize("message", quoted_messages())
def test_a_quoted_message_still_occurs_in_the_code(message: str) -> None:
    assert stands_in_the_code(message)


def test_a_message_that_is_nowhere_would_be_found() -> None:
    assert len(quoted_messages()) > 50
    assert not stands_in_the_code("FILE: no answers in it")
