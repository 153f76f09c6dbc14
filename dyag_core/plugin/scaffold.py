"""The start of a plugin package: a small plugin that works, its tests, and what to do next.

The files come from `templates/`: one folder a family, with a plugin that does something real, and two files for all.
"""

from __future__ import annotations

import importlib.metadata
import keyword
import os
import re
import shlex
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from dyag_core.artifacts import disk_errors, relative_to
from dyag_core.errors import UsageError
from dyag_core.plugin import discovery
from dyag_core.plugin.families import family_of, normalise_name
from dyag_core.version import __version__

_TEMPLATES = Path(__file__).with_name("templates")
_NAME = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
_LONGEST_NAME = 60


@dataclass(frozen=True)
class Family:
    """What differs from family to family, beside the plugin itself.

    Args:
        about: what the plugin does, in one sentence.
        use: the command that uses it.
        attribute: of the package, which the entry point names; the package itself where it is empty.
        extra: of the distribution dyag, which the plugin needs.
    """

    about: str
    use: str
    attribute: str = ""
    extra: str = ""


_COMPARE = (
    "dyag compare-models --results rag=results_rag.json --results finetuned=results_finetuned.json --output comparison"
)

FAMILIES = {
    "generators": Family(
        "Asks for every field that a document carries: its licence, its version, whatever its metadata holds.",
        "dyag generate-training documents.jsonl --method {name} --output training.jsonl",
    ),
    "base_models": Family(
        "SmolLM2-360M-Instruct, the bigger brother of the model that DYAG brings along.",
        "dyag models show {name}",
        attribute="preset",
    ),
    "trainers": Family(
        "LoRA in a plain PyTorch loop, one row at a time: every step can be read and changed.",
        "dyag finetune --dataset training.jsonl --output models/{name} --trainer {name} --base-model smollm2:135m",
        extra="train",
    ),
    "metrics": Family(
        "Share of the numbers in the expected answer that stand in the answer, too.",
        _COMPARE + " --metric {name}",
    ),
    "reporters": Family(
        "All scores with their intervals as a table for a spreadsheet (TSV).",
        _COMPARE + " --reporter {name}",
    ),
    "retrievers": Family(
        "Search by groups of letters, which forgives misspelt words.",
        "dyag index-rag documents.jsonl --output documents.index --retriever {name}",
    ),
    "engines": Family(
        "Answers with a sentence from the passages, without any model: what retrieval alone is worth.",
        "dyag evaluate training_test.jsonl --arms base,rag --index documents.index --engine {name} --base-model none "
        "--output results",
    ),
    "exporters": Family(
        "Training data as rows of a prompt and a completion, under the field names that another tool wants.",
        "dyag export training.jsonl --format {name} --output exported.jsonl",
    ),
    "hooks": Family(
        "Keeps examples with e-mail addresses and phone numbers out of training data.",
        "dyag generate-training documents.jsonl --output training.jsonl",
    ),
    "commands": Family(
        "Shows rows of a training file, drawn at random, to be read by a person.",
        "dyag {name} training.jsonl",
        attribute="command",
    ),
}


@dataclass(frozen=True)
class Scaffold:
    """What was written: the package's folder as seen from here, the files in it, and the next commands to type."""

    family: str
    name: str
    folder: str
    files: tuple[str, ...]
    next: tuple[str, ...]


def new_plugin(family: str, name: str, folder: Path | None = None) -> Scaffold:
    """Write a package with a plugin `name` of `family` into `folder` (by default ./NAME), whole or not at all.

    Raises:
        UsageError: no such family; the name can't be a package's, or is taken; the folder exists or can't be written.
    """
    family = family_of(family)
    _check_name(family, name)
    folder = folder or Path(name)
    if folder.exists() or folder.is_symlink():
        raise UsageError(f"{folder} exists already", "choose another --output, or remove it first")
    if folder.parent.exists() and not folder.parent.is_dir():
        raise UsageError(f"{folder.parent} is a file", "choose another --output")
    files = _render(family, name)
    with disk_errors(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{name}.") as partial:
            whole = Path(partial) / "package"
            for place, text in files.items():
                (whole / place).parent.mkdir(parents=True, exist_ok=True)
                (whole / place).write_text(text, encoding="utf-8", newline="\n")
            os.rename(whole, folder)
    here = relative_to(folder, Path.cwd())
    commands = (
        f"pip install -e {shlex.quote(f'./{here}[test]')}",
        f"python -m pytest {shlex.quote(here)}",
        FAMILIES[family].use.format(name=name),
    )
    return Scaffold(family, name, here, tuple(files), commands)


def _check_name(family: str, name: str) -> None:
    """Refuse what pip, Python or another plugin would stumble over."""
    if not _NAME.fullmatch(name) or len(name) > _LONGEST_NAME:
        suggested = "-".join(re.findall(r"[a-z0-9]+", name.lower()))[:_LONGEST_NAME].strip("-")
        usable = suggested if _NAME.fullmatch(suggested) else "acme-numbers"
        raise UsageError(
            f"{name!r} can't be the name of a plugin",
            f"small letters and digits, words joined by -, at most {_LONGEST_NAME} characters: {usable}",
        )
    own = f"put a word of your own before it: acme-{name}"
    taken = [entry for entry in discovery.entries(family) if normalise_name(entry.name) == name]
    if taken:
        raise UsageError(f"a plugin of the family {family} is named {name!r} already: {taken[0]}", own)
    package = _package(name)
    if keyword.iskeyword(package):
        raise UsageError(f"{name!r} is a word of the language Python", own)
    if package in sys.stdlib_module_names:
        raise UsageError(f"{name!r} is a module of Python itself", own)
    # by the finders themselves: `importlib.util.find_spec` would take what this process has imported for installed
    if _is_installed(name) or any(finder.find_spec(package, None) for finder in sys.meta_path):
        raise UsageError(f"a package {package!r} is installed already", f"choose another name; {own}")


def _package(name: str) -> str:
    return name.replace("-", "_")


def _is_installed(name: str) -> bool:
    try:
        importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _render(family: str, name: str) -> dict[str, str]:
    """Every file of the package: place -> text."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES), keep_trailing_newline=True, undefined=jinja2.StrictUndefined
    )
    kind, package = FAMILIES[family], _package(name)
    facts = {
        "name": name,
        "package": package,
        "family": family,
        "about": kind.about,
        "use": kind.use.format(name=name),
        "target": f"{package}:{kind.attribute}" if kind.attribute else package,
        "test_class": "Test" + "".join(word.capitalize() for word in package.split("_")),
        "requirement": _requirement(kind.extra),
    }
    templates = {
        "pyproject.toml": "pyproject.toml.jinja",
        "README.md": "README.md.jinja",
        f"src/{package}/__init__.py": f"{family}/plugin.py.jinja",
        f"tests/test_{package}.py": f"{family}/test.py.jinja",
    }
    return {place: environment.get_template(template).render(facts) for place, template in templates.items()}


def _requirement(extra: str) -> str:
    """This DYAG or a newer one, up to the next major version: hooks may lose arguments there."""
    public = __version__.partition("+")[0]
    return f"dyag{f'[{extra}]' if extra else ''}>={public},<{int(public.partition('.')[0]) + 1}"
