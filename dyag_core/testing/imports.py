"""What plugin modules import when they are imported, found out in one fresh interpreter for all of them."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Libraries that take long to import, or that a light installation hasn't got: they belong inside the hooks.
HEAVY = (
    "torch transformers peft trl datasets accelerate bitsandbytes tensorflow jax onnxruntime llama_cpp vllm "
    "sentence_transformers sklearn scipy pandas pyarrow matplotlib spacy nltk sacrebleu bm25s datasketch "
    "openai httpx2 httpx requests markitdown bs4 pdfminer"
).split()

# Heavy libraries are refused rather than imported: it is quick, and none hides behind one that came before it.
_PROGRAM = """
import importlib, json, sys

wanted = json.load(sys.stdin)
sys.path[:] = wanted["path"]
import dyag_core.plugin.host, dyag_core.session

tried = []

class Refuse:
    def find_spec(self, name, path=None, target=None):
        library = name.partition(".")[0]
        if library in wanted["heavy"]:
            tried.append(library)
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Refuse())
found = {}
for module in wanted["modules"]:
    tried.clear()
    problem = None
    try:
        importlib.import_module(module)
    except BaseException as error:
        problem = f"{type(error).__name__}: {error}"
    found[module] = {"heavy": sorted(set(tried)), "problem": None if tried else problem}
json.dump(found, sys.__stdout__)
"""


def imports_of(modules: Iterable[str]) -> dict[str, dict[str, list[str] | str | None]]:
    """For each module: "heavy", the libraries it imports though it shouldn't, and "problem", why it can't be imported.

    Raises:
        RuntimeError: the interpreter itself failed.
    """
    modules = sorted(set(modules))
    if not modules:
        return {}
    wanted = {"path": sys.path, "heavy": HEAVY, "modules": modules}
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        input=json.dumps(wanted),
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"looking at imports failed:\n{done.stderr}")
    found: dict[str, dict[str, list[str] | str | None]] = json.loads(done.stdout)
    return found
