"""What a base model preset keeps to."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

import pytest

from dyag_core.records import BaseModelPreset
from dyag_core.testing.contract import FamilyContract

if TYPE_CHECKING:
    from dyag_core.plugin.host import Plugins
    from dyag_core.records import ModelShape

_SOURCE = re.compile(r"hub:[\w.-]+/[\w.-]+|pypi:[\w.-]+==[\w.]+!\S+|folder:.+")


class BaseModelContract(FamilyContract):
    """A preset that can be fetched, loaded and judged from what it says about itself."""

    family = "base_models"
    section: ClassVar[str] = "Base models"

    @pytest.fixture
    def preset(self, dyag_host: Plugins) -> BaseModelPreset:
        """The preset as a stage gets it."""
        return dyag_host.base_model(self.name(dyag_host.objects[0]))

    def test_it_names_the_api_it_was_written_for(self) -> None:
        """A bare preset is data and needs no `dyag_api`; a plugin of another kind does."""
        if not isinstance(self.instance(), BaseModelPreset):
            super().test_it_names_the_api_it_was_written_for()

    def test_it_says_where_the_model_comes_from(self, preset: BaseModelPreset) -> None:
        """A source that `dyag models pull` knows, with the hash of a file that a package index serves."""
        self.wants(
            _SOURCE.fullmatch(preset.source),
            f"source {preset.source!r} is none of hub:ORG/NAME, pypi:PACKAGE==VERSION!FILE, folder:PATH",
        )
        if preset.source.startswith("pypi:"):
            self.wants(
                re.fullmatch("[0-9a-f]{64}", preset.sha256 or ""),
                "a pypi: source needs the file's sha256 (64 hex digits)",
            )
        if preset.page or preset.gated:
            self.wants(
                re.match("https://", preset.page),
                "page must be an https address; a gated model's is where to ask for access",
            )

    def test_its_numbers_make_sense(self, preset: BaseModelPreset) -> None:
        """Parameters, context, learning rate and memory are positive numbers of the right size."""
        self.wants(preset.licence.strip(), "licence is empty: give its SPDX id or its own name")
        self.wants(preset.parameters >= 1000, f"parameters is {preset.parameters:g}: the number itself, as 1.5e9")
        self.wants(preset.context_length >= 64, f"context_length is {preset.context_length} tokens")
        self.wants(0 < preset.learning_rate < 0.1, f"learning_rate is {preset.learning_rate:g}")
        self.wants(preset.lora_targets, 'lora_targets is empty: "all-linear", or names of modules')
        memory = preset.vram_gb or {}
        self.wants(
            set(memory) <= {"lora", "nf4"} and all(0 < value < 10_000 for value in memory.values()),
            f'vram_gb is {memory}: gigabytes under "lora" and "nf4"',
        )

    def test_its_shape_adds_up_to_its_parameters(self, preset: BaseModelPreset) -> None:
        """Estimates before the download rest on the shape."""
        if preset.shape is None:
            return
        counted = weights(preset.shape)
        self.wants(
            abs(counted / preset.parameters - 1) < 0.1,
            f"the shape has {counted:.4g} weights and parameters says {preset.parameters:.4g}",
        )


def weights(shape: ModelShape) -> int:
    """Weights of a decoder's matrices; norms and biases are too few to matter."""
    embeddings = shape.vocabulary * shape.hidden * (1 if shape.tied else 2)
    return embeddings + sum(outputs * inputs for _, outputs, inputs in shape.linears())
