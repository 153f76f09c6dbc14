"""The plugin families: how they are called, and the hook that each must implement."""

from __future__ import annotations

import re

from dyag_core.errors import UsageError, nearest

#: family -> the hook that a plugin of this family must implement
FAMILY_HOOKS = {
    "generators": "dyag_generate",
    "base_models": "dyag_base_model",
    "trainers": "dyag_train",
    "metrics": "dyag_score",
    "reporters": "dyag_report",
    "retrievers": "dyag_retrieve",
    "engines": "dyag_open_engine",
    "exporters": "dyag_export",
}


LIFECYCLE = "hooks"


COMMANDS = "commands"


FAMILIES = (*FAMILY_HOOKS, LIFECYCLE, COMMANDS)


def family_of(name: str) -> str:
    """The family that `name` means, however it is written: metric, metrics, base-model.

    Raises:
        UsageError: there is none (with the nearest ones).
    """
    wanted = name.strip().lower().replace("-", "_")
    for family in FAMILIES:
        if wanted in (family, family.rstrip("s")):
            return family
    raise UsageError(f"no plugin family is named {name!r}", nearest(wanted, FAMILIES))


def kind(family: str) -> str:
    """What messages call one plugin of a family: "base model" of base_models."""
    return family.rstrip("s").replace("_", " ")


def normalise_name(name: str) -> str:
    """The form in which plugin names are compared: lower case, `-` for `:` (so `qwen2.5:1.5b` is `qwen2.5-1.5b`)."""
    return name.strip().lower().replace(":", "-")


def canonical(distribution: str) -> str:
    """The form in which names of distributions are compared (PEP 503)."""
    return re.sub(r"[-_.]+", "-", distribution).lower()
