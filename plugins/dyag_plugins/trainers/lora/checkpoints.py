"""Checkpoints that are used only when they are whole and belong to this run."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from dyag_core import DyagError, ResourceError, Run
from dyag_core.api import atomic_text, disk_errors, file_sha256, read_json, remove_leftovers, sha256_of, to_json
from dyag_plugins.trainers.lora.budget import Within
from dyag_plugins.trainers.lora.device import Numerics

MARKER = "dyag-checkpoint.json"
NUMERICS = "numerics.json"
PLAN = "time-budget.json"
BEST = "best"


class Checkpoints:
    """The checkpoints of one run: `checkpoint-STEP` folders as transformers writes them, each with a marker.

    transformers writes straight into the folder and takes the highest number, whole or not (transformers#35782), so
    a folder counts only when its marker, renamed in last, matches every file.

    Args:
        folder: where they stand.
        fingerprint: of data, base and options; another run's checkpoints are never used.
        keep: how many to keep, the newest ones.
    """

    def __init__(self, folder: Path, fingerprint: dict[str, Any], keep: int) -> None:
        self.folder = folder
        self._fingerprint = sha256_of(fingerprint)
        self._keep = keep

    def seal(self, checkpoint: Path, base_name: str) -> None:
        """Mark `checkpoint` as whole, then let go of the oldest ones and of damaged ones that it makes up for."""
        with disk_errors(checkpoint):
            # transformers pickles its arguments beside the weights: nothing reads them, and they hold paths
            (checkpoint / "training_args.bin").unlink(missing_ok=True)
            (checkpoint / "README.md").unlink(missing_ok=True)
            if (checkpoint / "adapter_config.json").exists():
                name_base(checkpoint / "adapter_config.json", base_name)
            files = {}
            for file in sorted(path for path in checkpoint.rglob("*") if path.is_file() and path.name != MARKER):
                with file.open("rb+") as handle:
                    os.fsync(handle.fileno())
                files[file.relative_to(checkpoint).as_posix()] = [file.stat().st_size, file_sha256(file)]
            marker = {"fingerprint": self._fingerprint, "files": files}
            atomic_text(checkpoint / MARKER, to_json(marker, indent=2))  # no line end: one byte less is not JSON
            self._rotate()

    def newest(self, run: Run) -> Path | None:
        """The newest whole checkpoint of this run. Damaged ones are named and set aside."""
        for checkpoint in self._numbered():
            problem = self._problem(checkpoint)
            if problem is None:
                self._rotate()  # a kill may have left it half done
                return checkpoint
            run.warn(f"{checkpoint.name} is not used: {problem}")
            aside = checkpoint.with_name(f"broken-{checkpoint.name}")
            shutil.rmtree(aside, ignore_errors=True)
            checkpoint.rename(aside)
        return None

    def note(self, numerics: Numerics) -> None:
        """Remember what the run computes with, for `noted`."""
        remove_leftovers(self.folder / NUMERICS)
        atomic_text(self.folder / NUMERICS, to_json(asdict(numerics), indent=2) + "\n")

    def noted(self, numerics: Numerics) -> Numerics:
        """`numerics` with the dtype and the quantisation that the stopped run had: memory may look different now."""
        try:
            before = read_json(self.folder / NUMERICS)
            return replace(numerics, dtype=before["dtype"], quantization=before["quantization"])
        except (DyagError, KeyError, TypeError):
            return numerics

    def note_plan(self, within: Within) -> None:
        """Remember what the time allows, for `planned`: a run that goes on trains the same examples."""
        atomic_text(self.folder / PLAN, to_json(asdict(within), indent=2) + "\n")

    def planned(self) -> Within | None:
        """What the stopped run had chosen; None where that can't be read."""
        try:
            return Within(**read_json(self.folder / PLAN))
        except (DyagError, TypeError):
            return None

    def clear(self) -> None:
        """Forget everything."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _rotate(self) -> None:
        """Remove what is older than the newest ones, and damaged checkpoints that the run has left behind."""
        numbered = self._numbered()
        for old in numbered[self._keep :]:
            (old / MARKER).unlink(missing_ok=True)  # half a removed checkpoint must not look whole
            shutil.rmtree(old)
        for broken in self.folder.glob("broken-checkpoint-*"):
            if _step(broken) <= _step(numbered[0]):
                shutil.rmtree(broken)

    def _numbered(self) -> list[Path]:
        found = [path for path in self.folder.glob("checkpoint-*") if path.name.split("-")[-1].isdecimal()]
        return sorted(found, key=_step, reverse=True)

    def _problem(self, checkpoint: Path) -> str | None:
        try:
            marker = read_json(checkpoint / MARKER)
            if marker["fingerprint"] != self._fingerprint:
                return "it belongs to another run"
            for name, (size, sha256) in marker["files"].items():
                file = checkpoint / name
                if not file.is_file():
                    return f"{name} is missing"
                if file.stat().st_size != size or file_sha256(file) != sha256:
                    return f"{name} is damaged"
        except DyagError:
            return "it was not finished"
        except (KeyError, TypeError, ValueError, AttributeError):
            return "its marker is damaged"
        return None


def _step(checkpoint: Path) -> int:
    return int(checkpoint.name.split("-")[-1])


#: How torch and safetensors say that a file could not be written; neither raises OSError.
_WRITE_FAILED = ("os error 27", "os error 28", "os error 122", "no space left", "file too large", "inline_container")


@contextmanager
def saving_errors(folder: Path) -> Iterator[None]:
    """Turn a full disk inside the block into an error that says what to do, whichever library met it."""
    try:
        with disk_errors(folder):
            yield
    except Exception as error:
        # safetensors' error type can't be named before safetensors is imported; torch's is a plain RuntimeError
        if isinstance(error, DyagError) or not any(text in str(error).lower() for text in _WRITE_FAILED):
            raise
        raise ResourceError(
            f"no room to write {folder}: {str(error).splitlines()[0][:200]}",
            "free some space and run the same command again: it goes on from the last whole checkpoint",
        ) from error


def name_base(adapter_config: Path, base_name: str) -> None:
    """Write the base model's name into an adapter's config, where PEFT has left this machine's path."""
    config = read_json(adapter_config)
    config["base_model_name_or_path"] = base_name
    if isinstance(config.get("target_modules"), list):  # a set in PEFT, written in another order each time
        config["target_modules"].sort()
    atomic_text(adapter_config, to_json(config, indent=2) + "\n")
