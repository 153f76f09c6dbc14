"""A base model from the model hub: its cache, and the download with what can go wrong there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from dyag_core.artifacts import disk_errors
from dyag_core.errors import EndpointError, UsageError

if TYPE_CHECKING:
    from dyag_core.progress import Progress
    from dyag_core.records import BaseModelPreset

# No pickled weights and no code are ever fetched.
MODEL_FILES = ["*.safetensors", "*.safetensors.index.json", "*.json", "*.jinja", "*.model", "*.txt", "LICENSE*"]
_LEFT_OUT = ["original/*", "onnx/*", "runs/*", "*.py"]


def cached_on_hub(preset: BaseModelPreset) -> str | None:
    """The hub cache's folder if config, tokenizer and every weight file are there."""
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import LocalEntryNotFoundError
    except ModuleNotFoundError:
        return None
    try:
        path = Path(snapshot_download(_repository(preset), revision=preset.revision, local_files_only=True))
    except LocalEntryNotFoundError:
        return None
    return str(path) if _has_weights(path) else None


def _has_weights(folder: Path) -> bool:
    if not (folder / "config.json").exists() or not any(folder.glob("tokenizer*")):
        return False
    if (folder / "model.safetensors").exists():
        return True
    try:
        index = json.loads((folder / "model.safetensors.index.json").read_text(encoding="utf-8"))
        return all((folder / name).exists() for name in set(index["weight_map"].values()))
    except (OSError, ValueError, KeyError, AttributeError):
        return False


def download_from_hub(preset: BaseModelPreset, progress: Progress) -> str:
    """The hub cache's folder, once all of the model is in it.

    Raises:
        UsageError: gated, unknown, private, or offline was asked for. EndpointError: the hub can't be reached.
    """
    from huggingface_hub import constants, snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    repository = _repository(preset)
    page = preset.page or f"https://huggingface.co/{repository}"
    if constants.HF_HUB_OFFLINE:
        raise UsageError(
            f"base model {preset.name!r} ({repository}) is not in the local hub cache, and HF_HUB_OFFLINE is set",
            f"unset it and run: dyag models pull {preset.name}",
        )
    progress.message(f"downloading {preset.name} from {page}")
    try:
        with disk_errors(Path(constants.HF_HUB_CACHE)), progress.task(f"downloading {preset.name}"):
            path = snapshot_download(
                repository, revision=preset.revision, allow_patterns=MODEL_FILES, ignore_patterns=_LEFT_OUT
            )
    except GatedRepoError as error:
        raise UsageError(
            f"base model {preset.name!r} ({repository}) is gated: its licence must be accepted first",
            f"accept it at {page}, then run: hf auth login",
        ) from error
    except RevisionNotFoundError as error:
        raise UsageError(f"{repository} has no revision {preset.revision!r}", f"see {page}") from error
    except RepositoryNotFoundError as error:
        raise UsageError(
            f"the hub has no model {repository!r}, or it is private", f"see {page}; for a private one: hf auth login"
        ) from error
    except (HfHubHTTPError, LocalEntryNotFoundError, ConnectionError) as error:
        raise EndpointError(
            f"the model hub could not be reached for {repository}: {type(error).__name__}",
            "check the network and run the same command again; smollm2:135m needs no hub",
        ) from error
    return str(path)


def _repository(preset: BaseModelPreset) -> str:
    return preset.source.removeprefix("hub:")
