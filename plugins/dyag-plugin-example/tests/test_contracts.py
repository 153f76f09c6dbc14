"""Each plugin passes the contract of its family; then what is particular about it."""

import json

import pytest

from dyag_core import Example, Prediction
from dyag_core.testing import ExporterContract, GeneratorContract, HookContract, MetricContract, ReporterContract
from dyag_plugin_example import csv_report, mask, npz, numbers
from dyag_plugin_example.cloze import ClozeGenerator


class TestNumbers(MetricContract):
    plugin = numbers
    options = {"decimals": "1"}

    def test_notations_of_a_number_are_one_number(self, score):
        answer = Prediction(id="1", question="How much?", expected="1 200,50 and 7", answer="It is 1,200.49, not 8.")
        assert score([answer]).items == [0.5]


class TestCloze(GeneratorContract):
    plugin = ClozeGenerator

    def test_the_answer_is_the_missing_word(self, generate, dyag_documents):
        for example in generate(dyag_documents):
            sentence = example.question.partition("“")[2].rstrip("”").replace("_____", example.answer)
            assert any(sentence in document.text for document in dyag_documents)


class TestCSV(ReporterContract):
    plugin = csv_report
    options = {"delimiter": ";"}


class TestNPZ(ExporterContract):
    plugin = npz
    options = {"dtype": "float16"}
    suffix = ""

    @pytest.fixture
    def source(self, tmp_path, dyag_tiny_model):
        """An adapter as PEFT saves it: what this exporter takes in place of training rows."""
        numpy = pytest.importorskip("numpy")
        from safetensors.numpy import save_file

        folder = tmp_path / "adapter"
        folder.mkdir()
        (folder / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": str(dyag_tiny_model)}))
        save_file({"b.lora_B": numpy.ones((2, 3), numpy.float32)}, folder / "adapter_model.safetensors")
        return folder

    def test_every_tensor_is_in_the_archive(self, export, source):
        numpy = pytest.importorskip("numpy")
        archive = numpy.load(export(source).files[0])
        assert {name: archive[name].tolist() for name in archive} == {"b.lora_B": [[1.0] * 3] * 2}
        assert archive["b.lora_B"].dtype == numpy.float16


class TestMask(HookContract):
    plugin = mask

    def test_addresses_are_masked(self, host, run_of):
        made = Example(question="Who is ann.lee@example.org?", answer="ann.lee@example.org, she said.", document="d")
        (masked,) = host.filter_examples([made], run_of("generate"))
        assert (masked.question, masked.answer) == ("Who is [mail]?", "[mail], she said.")
