"""Base models that each break one check; the good one breaks none."""

from __future__ import annotations

from dyag_core import (
    BaseModelPreset,
    hookimpl,
)
from dyag_core.records import ModelShape
from dyag_core.testing import (
    BaseModelContract,
)

SHAPE = ModelShape(hidden=64, intermediate=96, layers=2, heads=4, key_value_heads=2, head=16, vocabulary=400)


def preset(**changed):
    good = {"name": "tiny", "source": "hub:acme/tiny", "parameters": 87_000, "licence": "MIT", "shape": SHAPE}
    return BaseModelPreset(**(good | changed))


class TestGoodPreset(BaseModelContract):
    plugin = preset()


class TestPresetOfAnotherKind(BaseModelContract):
    breaks, says = "test_it_names_the_api_it_was_written_for", "dyag_api"

    class plugin:
        """A preset made on the way."""

        @hookimpl
        def dyag_base_model(self):
            return preset()


class TestBadSource(BaseModelContract):
    breaks, says = "test_it_says_where_the_model_comes_from", "hub:ORG/NAME"
    plugin = preset(source="https://example.org/model.bin")


class TestNoHash(BaseModelContract):
    breaks, says = "test_it_says_where_the_model_comes_from", "sha256"
    plugin = preset(source="pypi:acme==1.0!model.gguf")


class TestGatedWithoutPage(BaseModelContract):
    breaks, says = "test_it_says_where_the_model_comes_from", "where to ask for access"
    plugin = preset(gated=True)


class TestBillions(BaseModelContract):
    breaks, says = "test_its_numbers_make_sense", "as 1.5e9"
    plugin = preset(parameters=1.5)


class TestNoLicence(BaseModelContract):
    breaks, says = "test_its_numbers_make_sense", "licence is empty"
    plugin = preset(licence=" ")


class TestBytes(BaseModelContract):
    breaks, says = "test_its_numbers_make_sense", "gigabytes"
    plugin = preset(vram_gb={"lora": 5.5e9})


class TestOtherShape(BaseModelContract):
    breaks, says = "test_its_shape_adds_up_to_its_parameters", "the shape has"
    plugin = preset(parameters=2e5)
