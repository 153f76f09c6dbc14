"""`dyag.json`, the passport beside an adapter: which base it needs, and what it has seen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from dyag_core.artifacts import atomic_text, read_json, relative_to, to_json
from dyag_core.errors import DyagError, UsageError
from dyag_core.models.sources import config_sha256, locate
from dyag_core.records import BaseModelPreset, Passport

if TYPE_CHECKING:
    from dyag_core.plugin.run import Host
    from dyag_core.progress import Progress

PASSPORT = "dyag.json"


def read_passport(model_dir: Path) -> Passport:
    """The passport of a fine-tuned model; `model_dir` is the run's folder or its `final`.

    A base model in a folder is named by its path from the model; in what is returned, that path can be opened.

    Raises:
        UsageError: there is no passport, or it can't be read.
    """
    folder = model_folder(model_dir)
    path = folder / PASSPORT
    if not path.is_file():
        if (folder / "adapter_config.json").is_file():
            raise UsageError(
                f"{folder} is an adapter without a passport ({PASSPORT}): its training was not finished by DYAG",
                "run the same dyag finetune command again",
            )
        raise UsageError(f"{model_dir} holds no fine-tuned model", "give the folder that dyag finetune --output made")
    try:
        passport = Passport.model_validate(read_json(path))
    except ValidationError as error:
        problem = error.errors()[0]
        raise UsageError(f"{path}: {'.'.join(map(str, problem['loc']))}: {problem['msg']}") from error
    kind, _, where = passport.base_source.partition(":")
    if kind == "folder" and not Path(where).is_absolute():
        found = (folder / where).resolve()
        passport = passport.model_copy(update={"base_source": f"folder:{found}"})
    return passport


def write_passport(folder: Path, passport: Passport) -> None:
    """Write `folder`/dyag.json, the base model's folder as a path from there."""
    kind, _, where = passport.base_source.partition(":")
    if kind == "folder":
        passport = passport.model_copy(update={"base_source": f"folder:{relative_to(Path(where), folder)}"})
    atomic_text(folder / PASSPORT, to_json(passport.model_dump(mode="json"), indent=2) + "\n")


def training_seconds(passport: Passport) -> float | None:
    """Seconds of training behind an adapter, those of the adapters it went on from included; None if not recorded."""
    own = passport.training.get("seconds")
    if passport.parent is None or own is None:
        return own
    before = passport.parent.get("training_seconds")
    return None if before is None else round(float(own + before), 1)


def model_folder(model_dir: Path) -> Path:
    """The folder that holds the adapter: `model_dir` itself or its `final`."""
    inner = model_dir / "final"
    return inner if not (model_dir / "adapter_config.json").is_file() and inner.is_dir() else model_dir


def resolve_base(
    passport: Passport, plugins: Host, override: str | None = None, progress: Progress | None = None
) -> tuple[BaseModelPreset, str]:
    """The base model that a passport asks for, and the folder to load it from.

    Args:
        passport: from `read_passport`.
        plugins: the run's host, which knows the presets.
        override: what the user gave as --base-model; it must be the same model.
        progress: where a download is reported.

    Raises:
        UsageError: the base is missing, or is another model than the adapter was trained on; names both.
    """
    trained_on = f"the adapter was trained on {passport.base_model!r} ({passport.base_source})"
    preset = plugins.base_model(override) if override else _preset(passport, plugins)
    if passport.base_revision and preset.source.startswith("hub:") and preset.source == passport.base_source:
        preset = replace(preset, revision=passport.base_revision)
    published = [not source.startswith("folder:") for source in (preset.source, passport.base_source)]
    if all(published) and preset.source != passport.base_source:  # known without fetching anything
        raise UsageError(f"{trained_on}, not on {preset.name!r} ({preset.source})", "leave out --base-model")
    try:
        path = locate(preset, progress)
    except DyagError as error:
        raise type(error)(f"{trained_on}; {error.message}", error.hint) from error
    if config_sha256(path) != passport.base_config_sha256:
        raise UsageError(
            f"{trained_on}, but {preset.name!r} ({path}) is another model",
            "leave out --base-model" if override else "put the right model back, or give it as --base-model",
        )
    return preset, path


def _preset(passport: Passport, plugins: Host) -> BaseModelPreset:
    """The preset by its name; by its source where that name is nobody's on this machine."""
    if passport.base_source.startswith("folder:"):
        folder = Path(passport.base_source.removeprefix("folder:"))
        if not (folder / "config.json").is_file():
            raise UsageError(
                f"the adapter was trained on {passport.base_model!r}, which is not at {folder} any more",
                "say where it is now: --base-model FOLDER",
            )
        return BaseModelPreset.from_folder(folder)
    try:
        return plugins.base_model(passport.base_model)
    except UsageError:
        return plugins.base_model(passport.base_source)
