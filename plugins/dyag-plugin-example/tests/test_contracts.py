"""Each plugin passes the contract of its family; then what is particular about it."""

from dyag_core import Example, Prediction
from dyag_core.testing import GeneratorContract, HookContract, MetricContract, ReporterContract
from dyag_plugin_example import csv_report, mask, numbers
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


class TestMask(HookContract):
    plugin = mask

    def test_addresses_are_masked(self, host, run_of):
        made = Example(question="Who is ann.lee@example.org?", answer="ann.lee@example.org, she said.", document="d")
        (masked,) = host.filter_examples([made], run_of("generate"))
        assert (masked.question, masked.answer) == ("Who is [mail]?", "[mail], she said.")
