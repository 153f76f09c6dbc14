"""Merged models as GGUF files in DYAG's cache, each with the measure of how far it answers like transformers.

A file is made once: the adapter is merged into the unquantised base model, the result is saved, converted, and asked
twenty prompts beside the model it was made from. Its name is a hash of everything that went in.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dyag_core import Engine, Run
from dyag_core.api import (
    atomic_folder,
    atomic_text,
    cache_folder,
    file_sha256,
    output_lock,
    read_json,
    sha256_of,
    to_json,
)
from dyag_plugins.engines.llamacpp import convert, parity
from dyag_plugins.engines.llamacpp.parity import Parity
from dyag_plugins.engines.transformers.engine import TransformersEngine
from dyag_plugins.engines.transformers.merging import Merged

#: Counts up when files have to be made anew because DYAG makes them differently.
_RECIPE = 1
_MODEL, _MARKER, _PARITY = "model.gguf", "dyag-gguf.json", "parity.json"
_BASE_FILES = ("*.json", "*.jinja", "*.model", "*.safetensors")

#: Opens a GGUF file, with the tokenizer that belongs to it.
Opener = Callable[[Path, Any], Engine]


@dataclass(frozen=True)
class GGUF:
    """A converted model, and how it compared with the one it was made from."""

    path: Path
    quantization: str
    parity: Parity


def cached(source: Merged, quantization: str, opener: Opener, run: Run) -> GGUF:
    """The model as GGUF, from the cache or made now (some seconds for a small model, minutes for a large one).

    Raises:
        UsageError: no model there, or one that would run code. DyagError: the adapter has no effect, or the converter
            can't.
    """
    source.refuse_code("the engine llamacpp")
    folder = cache_folder() / "gguf" / _key(source, quantization)[:32]
    if not (_is_complete(folder) and (folder / _PARITY).is_file()):
        with output_lock(folder):
            if not _is_complete(folder):  # another process may have just finished
                _make(folder, source, quantization, run)
            if not (folder / _PARITY).is_file():
                _measure(folder, source, opener, run)
    return GGUF(folder / _MODEL, quantization, Parity(**read_json(folder / _PARITY)))


def _key(source: Merged, quantization: str) -> str:
    """Changes with everything that the file depends on."""
    made_from = [_hashes(folder) for folder in (Path(source.base_path), source.adapter) if folder is not None]
    template = [source.chat_template] if source.chat_template else []
    return sha256_of([_RECIPE, convert.SHA256, quantization, made_from, *template])


def _hashes(folder: Path) -> list[list[str]]:
    """Name and hash of a model folder's files. Large ones are hashed once, as long as they are not touched."""
    known_path = cache_folder() / "gguf" / "hashes.json"
    known = read_json(known_path) if known_path.is_file() else {}
    found, new = [], {}
    for file in sorted({file for pattern in _BASE_FILES for file in folder.glob(pattern)}):
        state = file.stat()
        place = sha256_of([str(file.resolve()), state.st_size, state.st_mtime_ns])
        if place not in known:
            new[place] = file_sha256(file)
        found.append([file.name, known.get(place) or new[place]])
    if new:
        known_path.parent.mkdir(parents=True, exist_ok=True)
        atomic_text(known_path, to_json(known | new, indent=1) + "\n")
    return found


def _is_complete(folder: Path) -> bool:
    """Whether `folder` holds a whole file; its marker is written last."""
    if not (folder / _MARKER).is_file() or not (folder / _MODEL).is_file():
        return False
    return bool(read_json(folder / _MARKER)["size"] == (folder / _MODEL).stat().st_size)


def _make(folder: Path, source: Merged, quantization: str, run: Run) -> None:
    """Merge, save, convert."""
    convert.fetched(run)
    with atomic_folder(folder) as partial:
        merged = partial / "merged"
        merged.mkdir()
        with run.progress.task(f"converting {Path(source.base_path).name} for llama.cpp ({quantization}), once"):
            source.save(merged)
            convert.convert(merged, source.loaded[1], partial / _MODEL, quantization, run)
        shutil.rmtree(merged)
        about = {"size": (partial / _MODEL).stat().st_size, "quantization": quantization}
        atomic_text(partial / _MARKER, to_json(about, indent=2) + "\n")


def _measure(folder: Path, source: Merged, opener: Opener, run: Run) -> None:
    """Ask the file and the model it was made from the same prompts."""
    model, tokenizer = source.loaded
    with run.progress.task("comparing llama.cpp with transformers, once"):
        with contextlib.closing(TransformersEngine(model, tokenizer, batch_size=20)) as engine:
            expected = parity.answers(engine, parity.prompts())
        with contextlib.closing(opener(folder / _MODEL, tokenizer)) as engine:
            measured = Parity.of(parity.answers(engine, parity.prompts()), expected)
    atomic_text(folder / _PARITY, to_json(asdict(measured), indent=2) + "\n")
