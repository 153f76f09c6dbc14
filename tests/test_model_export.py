"""A fine-tuned model leaves the house: what is in each format, that it answers the same outside, and when it fails."""

from __future__ import annotations

import json
import re
import shutil
import threading
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from dyag_core import Decoding, EndpointError, GateError, LockedError, Reply, ResourceError, Session, UsageError
from dyag_core.api import Parity, ParityTest, output_lock, prompt_ids, read_questions
from dyag_core.cli.root import root
from dyag_core.plugin.host import Plugins
from dyag_core.plugin.run import Run
from dyag_plugins.exporters.models.checking import Form
from dyag_plugins.exporters.models.go_template import NotTranslatedError, Turns, conversations, renderer
from dyag_plugins.exporters.models.quantize import KINDS, type_of
from dyag_plugins.exporters.models.source import ModelOptions, ModelSource, fixed_template

torch = pytest.importorskip("torch")
torch.set_num_threads(1)

SYSTEM = "Réponds brièvement. Si tu ne sais pas, dis-le."


@pytest.fixture(scope="module")
def converter(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The converter that any earlier run has downloaded."""
    from dyag_plugins.engines.llamacpp import convert

    try:
        return convert.fetched(Run(stage="export", folder=Path(), plugins=Plugins()))
    except EndpointError as error:
        pytest.skip(f"no package index: {error}")


@pytest.fixture(scope="module")
def questions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("questions") / "test.jsonl"
    rows = [{"question": f"Licence de l'outil {i} ?", "expected_answer": "MIT", "document": str(i)} for i in range(6)]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def folder(converter: Path, tiny_tuned: Path, questions: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """One export for Ollama with two files, of which the smaller answers otherwise: every weight is random."""
    output = tmp_path_factory.mktemp("exported") / "sill-ollama"
    options = {"quantization": "f16,q4_k_m", "questions": str(questions), "parity": 10, "quantizer": "xllamacpp"}
    with pytest.raises(GateError) as failed:
        Session(output.parent).export(tiny_tuned, format="ollama", output=output, options=options)
    manifest = json.loads((output.parent / "sill-ollama.manifest.json").read_text("utf-8"))
    forms = {form["form"]: form for form in manifest["details"]["forms"]}
    return SimpleNamespace(path=output, failed=failed.value, forms=forms)


# -- folders -----------------------------------------------------------------------------------------------------------


def test_a_merged_model_is_a_plain_one_and_the_same(tiny_tuned: Path, tiny_model: Path, tmp_path: Path) -> None:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig

    made = Session(tmp_path).export(tiny_tuned.parent, format="merged", output=tmp_path / "out")
    plain = AutoModelForCausalLM.from_pretrained(tmp_path / "out", use_safetensors=True)
    adapted = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(tiny_model), tiny_tuned)
    ids = torch.arange(40).unsqueeze(0)
    with torch.inference_mode():
        assert torch.allclose(plain(ids).logits, adapted(ids).logits, atol=1e-5)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "out")
    assert GenerationConfig.from_pretrained(tmp_path / "out").eos_token_id == [tokenizer.eos_token_id]
    about = json.loads((tmp_path / "out" / "tokenizer_config.json").read_text("utf-8"))
    assert about["tokenizer_class"] == "PreTrainedTokenizerFast", "transformers 4 and vLLM know no other"
    [form] = made.details["forms"]
    assert (form["parity"]["same"], form["parity"]["asked"], form["rendered_alike"]) == (20, 20, 20)
    texts = [file.read_text("utf-8") for file in made.files if file.suffix != ".safetensors"]
    assert not any(str(tmp_path) in text or str(tiny_model.parent) in text for text in texts)


def test_the_weights_are_as_exact_as_wanted(tiny_tuned: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    for dtype in ("auto", "bfloat16"):
        options = {"dtype": dtype, "parity": 0}
        Session(tmp_path).export(tiny_tuned, format="merged", output=tmp_path / dtype, options=options)
    found = {name: load_file(tmp_path / name / "model.safetensors") for name in ("auto", "bfloat16")}
    assert {tensor.dtype for tensor in found["auto"].values()} == {torch.float32}
    assert {tensor.dtype for tensor in found["bfloat16"].values()} == {torch.bfloat16}
    assert json.loads((tmp_path / "bfloat16" / "config.json").read_text("utf-8"))["dtype"] == "bfloat16"
    for name, tensor in found["auto"].items():
        assert torch.equal(tensor.bfloat16(), found["bfloat16"][name]), "rounded once, after merging"


def test_an_adapter_says_whose_it_is_and_how_vllm_takes_it(tiny_tuned: Path, tiny_model: Path, tmp_path: Path) -> None:
    made = Session(tmp_path).export(tiny_tuned, format="adapter", output=tmp_path / "out")
    config = json.loads((tmp_path / "out" / "adapter_config.json").read_text("utf-8"))
    assert config["base_model_name_or_path"] == tiny_model.name
    assert config["inference_mode"]
    assert (tmp_path / "out" / "adapter_model.safetensors").read_bytes() == (
        tiny_tuned / "adapter_model.safetensors"
    ).read_bytes()
    assert "--max-lora-rank 8 --lora-modules sill=" in made.next, "rank 4 is none that vLLM allows"
    assert any("can't fetch the base model" in note for note in made.notes)


def test_a_hub_folder_is_ready_to_be_uploaded(tiny_tuned: Path, tmp_path: Path) -> None:
    options = {"weights": "merged", "lang": "en", "parity": 0}
    made = Session(tmp_path).export(tiny_tuned, format="hub", output=tmp_path / "out", options=options)
    card = (tmp_path / "out" / "README.md").read_text("utf-8")
    front = yaml.safe_load(card.split("---")[1])
    assert (front["base_model"], front["library_name"]) == ("tiny-llama", "transformers")
    assert front["language"] == ["en"]
    assert "*.safetensors filter=lfs" in (tmp_path / "out" / ".gitattributes").read_text("utf-8")
    assert made.next.startswith("hf upload YOUR-NAME/sill ")


# -- cards -------------------------------------------------------------------------------------------------------------


def results(path: Path, sha256: str) -> Path:
    score = {"mean": 84.21, "low": 70.0, "high": 93.46, "n": 24}
    metrics = {"summaries": {"success": score}, "strata": {"recall": {"success": score | {"mean": 91.0}}}}
    path.write_text(json.dumps({"metadata": {"model": {"sha256": sha256}}, "metrics": metrics}), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("lang", "words"),
    [("fr", ("## Entraînement", "Consigne système", "| recall | 24 | 91.0 [70.0 ; 93.5] |")),
     ("en", ("## Training", "System prompt", "| recall | 24 | 91.0 [70.0, 93.5] |"))],
)  # fmt: skip
def test_a_card_tells_what_was_measured_and_of_this_model_only(
    tiny_tuned: Path, tmp_path: Path, lang: str, words: tuple[str, ...]
) -> None:
    session = Session(tmp_path)
    options = {"parity": 0, "lang": lang, "results": str(results(tmp_path / "other.json", "0" * 64))}
    with pytest.raises(UsageError, match="another model gave these answers"):
        session.export(tiny_tuned, format="adapter", output=tmp_path / "out", options=options)
    assert not (tmp_path / "out").exists()
    source = ModelSource.of(tiny_tuned, ModelOptions(), Run(stage="export", folder=tmp_path, plugins=Plugins()))
    fingerprint = source.models.describe(SimpleNamespace(finetuned=True))["model"]["sha256"]
    options["results"] = str(results(tmp_path / "own.json", fingerprint))
    session.export(tiny_tuned, format="adapter", output=tmp_path / "out", options=options)
    card = (tmp_path / "out" / "README.md").read_text("utf-8")
    ends = {"fr": "Les réponses finissent à", "en": "Answers end at"}[lang]
    for word in (*words, f"{ends} `<|im_end|>`.\n", "| all | 24 | 84.2", "ab" * 32, "-o rank=4", SYSTEM, fingerprint):
        assert word in card, word
    assert not re.search(r"\n{3}|[{}]{2}", card)


# -- GGUF --------------------------------------------------------------------------------------------------------------


def test_other_programs_see_the_same_tokens_and_answer_the_same(folder: Any) -> None:
    """Through llama.cpp's own server, with the file's template and tokenizer."""
    assert list(folder.forms) == ["F16", "Q4_K_M"]
    for form in folder.forms.values():
        assert form["rendered_alike"] == form["parity"]["asked"] == 6
        assert form["parity"]["difference"][0] == 0.0
    assert folder.forms["F16"]["parity"]["share"] > 10, "half precision alone changes long answers of a random model"
    assert not folder.forms["F16"]["fault"]


def test_one_that_answers_otherwise_keeps_a_name_that_says_so(folder: Any) -> None:
    bad = folder.forms["Q4_K_M"]
    assert len(bad["parity"]["parted"]) == 6 - bad["parity"]["same"]
    assert bad["fault"] in folder.failed.message
    assert "10 % are wanted" in bad["fault"]
    assert sorted(file.name for file in folder.path.glob("*.gguf")) == [
        "sill-F16.gguf", "sill-Q4_K_M.below-parity.gguf",
    ]  # fmt: skip
    assert "FROM ./sill-F16.gguf\n" in (folder.path / "Modelfile").read_text("utf-8")


def test_bits_are_measured_not_promised(folder: Any) -> None:
    """Rows of 64 elements are no multiple of 256: "Q4_K_M" is nothing of the kind."""
    assert folder.forms["F16"]["bits_per_weight"] == pytest.approx(16, abs=0.1)
    assert 6 < folder.forms["Q4_K_M"]["bits_per_weight"] < 8.6
    card = (folder.path / "README.md").read_text("utf-8")
    assert f"| sill-Q4_K_M.below-parity.gguf | 0.1 | {folder.forms['Q4_K_M']['bits_per_weight']:.2f} |" in card
    sizes = {file.name: file.stat().st_size for file in folder.path.iterdir()}
    assert sizes["sill-F16.gguf"] == folder.forms["F16"]["bytes"]
    assert sizes["sill-Q4_K_M.below-parity.gguf"] < 0.6 * sizes["sill-F16.gguf"]


def test_a_quantised_file_says_what_the_whole_one_says(folder: Any) -> None:
    from gguf import GGUFReader

    whole, small = (GGUFReader(folder.path / f"sill-{kind}.gguf") for kind in ("F16", "Q4_K_M.below-parity"))
    fields = [
        {name: field.contents() for name, field in one.fields.items() if not name.startswith("GGUF.")}
        for one in (whole, small)
    ]
    assert {name for name in fields[1] if fields[0].get(name) != fields[1][name]} == {"general.file_type"}
    assert fields[0]["general.name"] == "sill"
    assert [tensor.name for tensor in whole.tensors] == [tensor.name for tensor in small.tensors]
    assert "<|endoftext|>" in fields[0]["tokenizer.ggml.tokens"], "control tokens keep their names"


def test_the_kernels_write_what_ggufs_own_code_writes() -> None:
    import numpy as np
    from gguf import GGMLQuantizationType, quants

    from dyag_plugins.exporters.models.quantize import _kernel, _quantized

    data = np.random.default_rng(1).standard_normal((6, 320)).astype(np.float32)
    for name in ("Q8_0", "Q5_0", "Q5_1"):
        kind = GGMLQuantizationType[name]
        assert np.array_equal(_quantized(data, kind, _kernel()), quants.quantize(data, kind)), name


def smollm2() -> dict[str, tuple[int, ...]]:
    """The tensors of SmolLM2-135M, the length of a row first."""
    shapes: dict[str, tuple[int, ...]] = {"token_embd.weight": (576, 49152), "output_norm.weight": (576,)}
    layer = {
        "attn_norm": (576,), "ffn_norm": (576,), "attn_q": (576, 576), "attn_k": (576, 192), "attn_v": (576, 192),
        "attn_output": (576, 576), "ffn_gate": (576, 1536), "ffn_up": (576, 1536), "ffn_down": (1536, 576),
    }  # fmt: skip
    for number in range(30):
        shapes |= {f"blk.{number}.{name}.weight": shape for name, shape in layer.items()}
    return shapes


def test_each_tensor_gets_the_type_that_llama_cpp_gives_it() -> None:
    """The counts of llama.cpp's own quantiser on this model."""
    expected = {
        "q8_0": {"F32": 61, "Q8_0": 211},
        "q6_k": {"F32": 61, "Q8_0": 181, "Q6_K": 30},
        "q5_k_m": {"F32": 61, "Q5_1": 166, "Q8_0": 15, "Q5_K": 16, "Q6_K": 14},
        "q4_k_m": {"F32": 61, "Q5_0": 166, "Q8_0": 15, "Q4_K": 16, "Q6_K": 14},
    }
    for kind in KINDS:
        types = [type_of(name, shape, kind, 30, tied=True) or "F32" for name, shape in smollm2().items()]
        assert Counter(types) == expected[kind], kind
    assert type_of("output.weight", (2048, 32000), "q4_k_m", 22, tied=False) == "Q6_K"
    assert type_of("token_embd.weight", (2048, 32000), "q4_k_m", 22, tied=False) == "Q4_K"
    assert type_of("blk.3.attn_qkv.weight", (3072, 9216), "q4_k_m", 32, tied=False) == "Q5_K"
    assert type_of("blk.0.ffn_up.weight", (40, 64), "q4_k_m", 2, tied=True) == "F16"


# -- Ollama ------------------------------------------------------------------------------------------------------------


def parsed(text: str) -> list[tuple[str, str]]:
    """A Modelfile as Ollama's parser/parser.go reads it: a value ends with its line or with its quotation."""
    found, rest = [], text
    while rest.strip():
        command, _, rest = rest.lstrip().partition(" ")
        if command == "PARAMETER":
            name, _, rest = rest.partition(" ")
            command += f" {name}"
        value = re.match(r'"""(.*?)"""[ \t]*(?:\n|$)|"(.*?)"[ \t]*(?:\n|$)|([^\n]*)(?:\n|$)', rest, re.DOTALL)
        assert value is not None, rest
        found.append((command, next(group for group in value.groups() if group is not None)))
        rest = rest[value.end() :]
    return found


def test_a_modelfile_leaves_nothing_to_be_guessed(folder: Any, tiny_tuned: Path) -> None:
    commands = parsed((folder.path / "Modelfile").read_text("utf-8"))
    told = dict(commands)
    assert [name for name, _ in commands] == [
        "FROM", "TEMPLATE", "SYSTEM", "PARAMETER stop", "PARAMETER num_ctx", "PARAMETER temperature", "LICENSE",
    ]  # fmt: skip
    assert (folder.path / told["FROM"]).is_file()
    assert told["SYSTEM"] == SYSTEM
    assert told["PARAMETER stop"] == "<|im_end|>"
    assert told["PARAMETER num_ctx"] == "512"
    gotpl = pytest.importorskip("gotpl")
    from transformers import AutoTokenizer

    from dyag_core import Message

    tokenizer = AutoTokenizer.from_pretrained(tiny_tuned)
    asked = [Message(role="system", content=SYSTEM), Message(role="user", content="Licence de 7zip ?")]
    chat = [{"Role": message.role, "Content": message.content} for message in asked]
    rendered = gotpl.Template(told["TEMPLATE"]).render({"Messages": chat, "System": SYSTEM})
    ids = tokenizer(rendered, add_special_tokens=False)["input_ids"]
    assert ids == prompt_ids(tokenizer, asked), "what Ollama sends is what the model was trained with"
    readme = (folder.path / "README.md").read_text("utf-8")
    assert "ollama create sill -f Modelfile\nollama run sill" in readme


def stock_templates() -> dict[str, str]:
    trl = pytest.importorskip("trl")
    stock = Path(trl.__file__).parent / "chat_templates"
    names = ("qwen2_5", "llama3_2", "phi3", "qwen3")  # of the presets, and one that would think aloud
    return {name: fixed_template((stock / f"{name}.jinja").read_text("utf-8")) for name in names}


#: As in the files of TinyLlama and SmolLM2.
ZEPHYR = (
    "{% for message in messages %}\n{% if message['role'] == 'user' %}\n{{ '<|user|>\n' + message['content'] + "
    "eos_token }}\n{% elif message['role'] == 'system' %}\n{{ '<|system|>\n' + message['content'] + eos_token }}\n"
    "{% elif message['role'] == 'assistant' %}\n{{ '<|assistant|>\n'  + message['content'] + eos_token }}\n"
    "{% endif %}\n{% if loop.last and add_generation_prompt %}\n{{ '<|assistant|>' }}\n{% endif %}\n{% endfor %}"
)
SMOLLM2 = (
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nYou "
    "are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n' }}{% endif %}{{'<|im_start|>' + "
    "message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}"
    "{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def test_a_go_template_renders_what_the_chat_template_renders(make_tokenizer: Any) -> None:
    gotpl = pytest.importorskip("gotpl")
    from dyag_core.models.chat_templates import template_text

    gemma = fixed_template(template_text("gemma"), takes_system=False)
    templates = stock_templates() | {"tinyllama": ZEPHYR, "smollm2": SMOLLM2, "gemma": gemma}
    assert len(conversations()) == 20
    for name, template in templates.items():
        tokenizer = make_tokenizer(template, bos="<|im_start|>")
        render = renderer(tokenizer, template)
        program = gotpl.Template(Turns.of(render).go())
        for chat in conversations():
            messages = [{"Role": role, "Content": content} for role, content in chat]
            assert program.render({"Messages": messages, "System": ""}) == render(chat), name


def test_a_template_that_does_more_is_not_translated_and_says_where(make_tokenizer: Any) -> None:
    for template, told in (
        ("{% for m in messages %}{{ loop.index }} {{ m['content'] }}{% endfor %}", "otherwise than one turn after"),
        ("{{ messages[-1]['content'] }}", "leaves out a turn"),
        ("{% for m in messages %}{{ '{{' + m['content'] }}{% endfor %}", "mean something else in a Modelfile"),
        ("{{ raise_exception('no system') }}", "refuses a chat of system"),
    ):
        with pytest.raises(NotTranslatedError, match=told):
            Turns.of(renderer(make_tokenizer(), template))


def test_an_exported_template_holds_what_dyag_renders_with(make_tokenizer: Any) -> None:
    """Llama 3.2 would be told another date each day; a template without a place for it takes a system turn."""
    from dyag_core import Message

    chat = [Message(role="system", content="Brief."), Message(role="user", content="Why?")]
    dated = "{{ date_string is defined and date_string }}{% for m in messages %}{{ m['content'] }}{% endfor %}"
    no_system = (
        "{% for m in messages %}{% if m['role'] == 'system' %}{{ raise_exception('no') }}{% endif %}"
        "{{ '<|im_start|>' + m['role'] + m['content'] }}{% endfor %}"
    )
    for template, takes_system in ((dated, True), (no_system, False)):
        tokenizer = make_tokenizer(template)
        outside = renderer(tokenizer, fixed_template(template, takes_system))
        text = outside([(message.role, message.content) for message in chat])
        assert tokenizer(text, add_special_tokens=False)["input_ids"] == prompt_ids(tokenizer, chat)


# -- parity ------------------------------------------------------------------------------------------------------------


def replies(*texts: str) -> list[Reply]:
    return [Reply(text=text, completion_tokens=3, seconds=0.5) for text in texts]


def test_parity_says_how_much_where_and_what_it_costs(questions: Path, tmp_path: Path) -> None:
    plugins = Plugins()
    run = Run(stage="export", folder=tmp_path, plugins=plugins)
    asked = read_questions(questions, None)[:4]
    test = ParityTest([], lambda text: list(text.encode()), asked, plugins.choose("metrics", "success"), Decoding())
    found = test.compare(replies("MIT", "GPL", "MITT", "MI"), replies("MIT", "MIT", "MIT", "MIT"), run)
    assert (found.same, found.asked, found.share) == (1, 4, 25.0)
    assert found.parted == (0, 3, 2)
    assert (found.score, found.model_score) == (25.0, 100.0)
    assert found.difference is not None
    assert found.difference[1] <= found.difference[0] == -75.0 <= found.difference[2]
    assert found.tokens_a_second == 6.0
    failed = [Reply(text="", error="refused")] * 4
    assert test.compare(failed, failed, run).same == 0, "no answer equals none"


def test_a_file_that_answers_otherwise_says_so_in_its_name(tmp_path: Path) -> None:
    test = ParityTest([], lambda text: list(text.encode()))
    run = Run(stage="export", folder=tmp_path, plugins=Plugins())
    (tmp_path / "m-Q4_K_M.gguf").write_bytes(b"GGUF")
    parity = test.compare(replies("a", "b", "c"), replies("a", "b", "d"), run)
    for wanted, rendered, name in ((60.0, 3, "m-Q4_K_M.gguf"), (95.0, 3, "m-Q4_K_M.below-parity.gguf")):
        form = Form("Q4_K_M", ("m-Q4_K_M.gguf",), 4, 6.2, parity, rendered, wanted).named(tmp_path)
        assert form.weights == (name,)
        assert (tmp_path / name).is_file()
    other = Form("Q4_K_M", ("x",), 4, 6.2, parity, 2, 0.0)
    assert "1 of 3 prompts become other token ids" in other.fault, "whatever the answers are"


def test_below_the_threshold_the_command_fails_and_keeps_the_files(tiny_tuned: Path, tmp_path: Path) -> None:
    """bfloat16 rounds away what a model with random weights decides by."""
    arguments = ["export", str(tiny_tuned), "--format", "merged", "--output", str(tmp_path / "out")]
    arguments += ["-o", "dtype=bfloat16", "-o", "parity=100"]
    done = CliRunner().invoke(root, arguments)
    assert isinstance(done.exception, GateError), done.output
    assert done.exception.exit_code == 3
    assert "100 % are wanted" in done.exception.message
    assert "of 20 answers equal" in done.output
    assert [file.name for file in (tmp_path / "out").glob("*.safetensors")] == ["model.below-parity.safetensors"]
    manifest = json.loads((tmp_path / "out.manifest.json").read_text("utf-8"))
    assert manifest["details"]["forms"][0]["fault"]
    assert not (tmp_path / "out").with_name(".out.partial").exists()


def test_auto_keeps_the_smallest_that_shows_no_loss(tmp_path: Path) -> None:
    from dyag_plugins.exporters.models.gguf_files import _loses, _smallest

    def tried(label: str, size: int, same: int, difference: tuple[float, float, float] | None) -> Form:
        (tmp_path / f"m-{label}.gguf").write_bytes(b"GGUF")
        parity = Parity(20, same, (), 1.0, 1.0, difference=difference)
        return Form(label, (f"m-{label}.gguf",), size, 8.0, parity, 20, 95.0)

    known = [("F16", 16, 20, (0, -1, 1)), ("Q8_0", 8, 12, (-2, -9, 5)), ("Q6_K", 9, 12, (0, -3, 3))]
    for forms, losing, kept in (
        ([*known, ("Q4_K_M", 4, 3, (-30.0, -50.0, -10.0))], "Q4_K_M", "m-Q8_0.gguf"),
        ([("F16", 16, 20, None), ("Q8_0", 8, 19, None), ("Q6_K", 6, 18, None)], "Q6_K", "m-Q8_0.gguf"),
    ):
        made = [tried(*form) for form in forms]
        assert [form.label for form in made if _loses(form)] == [losing]
        chosen = _smallest(made, tmp_path)
        assert [form.weights for form in chosen if form.weights] == [(kept,)]
        assert [form.size for form in chosen] == [form.size for form in made], "what was tried is told, too"
        assert [file.name for file in tmp_path.iterdir()] == [kept]
        assert not next(form for form in chosen if form.weights).fault
        (tmp_path / kept).unlink()


# -- faults ------------------------------------------------------------------------------------------------------------


def test_what_cannot_be_exported_leaves_everything_as_it_was(
    tiny_tuned: Path, tiny_model: Path, tmp_path: Path
) -> None:
    session = Session(tmp_path)

    def refused(source: Path, output: Path, told: str) -> None:
        before = [path for path in sorted(tmp_path.rglob("*")) if path.name != ".out.lock"]
        with pytest.raises(UsageError, match=told):
            session.export(source, format="merged", output=output, options={"base_model": str(tiny_model)})
        assert [path for path in sorted(tmp_path.rglob("*")) if path.name != ".out.lock"] == before

    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "notes.txt").write_text("mine", encoding="utf-8")
    refused(tiny_tuned, mine, "something else in it")
    refused(mine, tmp_path / "out", "holds no fine-tuned model")
    hostile = shutil.copytree(tiny_tuned, tmp_path / "hostile")
    (hostile / "modeling.py").write_text("raise SystemExit", encoding="utf-8")
    refused(hostile, tmp_path / "out", "holds program code")
    refused(hostile, tmp_path, "something else in it")
    refused(tiny_tuned, tiny_tuned, "is the input")


def test_without_converter_and_network_nothing_is_left(
    tiny_tuned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DYAG_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(EndpointError, match="which holds the converter"):
        Session(tmp_path).export(tiny_tuned, format="gguf", output=tmp_path / "out", options={"parity": 0})
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / ".out.partial").exists()


def test_two_exports_at_once(tiny_tuned: Path, tmp_path: Path) -> None:
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with output_lock(tmp_path / "busy"):
            held.set()
            done.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(30)
    with pytest.raises(LockedError, match="another process"):
        Session(tmp_path).export(tiny_tuned, format="merged", output=tmp_path / "busy", options={"parity": 0})
    done.set()
    thread.join()


def test_a_full_disk_leaves_the_older_export(tiny_tuned: Path, tmp_path: Path) -> None:
    """The limit on a file's size stands in for a full disk: every writer meets it."""
    import resource

    session, output = Session(tmp_path), tmp_path / "out"

    def export() -> None:
        session.export(tiny_tuned, format="merged", output=output, options={"parity": 0})

    export()
    before = {file.name: file.read_bytes() for file in output.iterdir()}
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(ResourceError, match="no room to write"):
            export()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert {file.name: file.read_bytes() for file in output.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir() if "partial" in path.name] == []


# -- adapters of every origin ------------------------------------------------------------------------------------------


def test_another_tools_adapter_is_exported_and_the_card_says_what_is_unknown(
    tiny_tuned: Path, tiny_model: Path, tmp_path: Path
) -> None:
    foreign = shutil.copytree(tiny_tuned, tmp_path / "foreign")
    (foreign / "dyag.json").unlink()
    options = {"base_model": str(tiny_model), "lang": "en", "name": "Mon modèle/1"}
    made = Session(tmp_path).export(foreign, format="merged", output=tmp_path / "out", options=options)
    assert made.details["model"] == "Mon-modèle-1"
    assert made.details["forms"][0]["parity"]["same"] == 20
    assert "Another tool made this adapter" in (tmp_path / "out" / "README.md").read_text("utf-8")


def test_the_card_of_a_continued_adapter_and_of_another_trainer(
    tiny_tuned: Path, tiny_model: Path, tmp_path: Path
) -> None:
    """`parent` as `--from-adapter` writes it; a trainer of somebody else's has no rank to tell."""
    later = shutil.copytree(tiny_tuned, tmp_path / "later" / "final")
    passport = json.loads((later / "dyag.json").read_text("utf-8"))
    passport["base_source"] = f"folder:{tiny_model}"
    passport["parent"] = {"sha256": "cd" * 32, "data": {"train": {"file": "old.jsonl", "sha256": "ef" * 32, "rows": 7}}}
    passport["options"] = {"epochs": 1.0, "quantization": "nf4"}
    (later / "dyag.json").write_text(json.dumps(passport), encoding="utf-8")
    Session(tmp_path).export(later, format="adapter", output=tmp_path / "out", options={"parity": 0, "lang": "en"})
    card = (tmp_path / "out" / "README.md").read_text("utf-8")
    assert f"It went on from an older adapter: 7 rows, SHA-256 `{'ef' * 32}`" in card
    assert "It was trained on a base in nf4 and is merged into the unquantised one." in card
    assert "--epochs 1.0\ndyag export later --format adapter" in card


# -- an exporter of somebody else's ------------------------------------------------------------------------------------


def test_an_exporter_can_keep_its_files_and_fail_its_gate(tiny_tuned: Path, tmp_path: Path) -> None:
    from dyag_core import Exported, hookimpl

    class Strict:
        name = "strict"

        @hookimpl
        def dyag_export(self, source: Path, output: Path) -> Exported:
            output.write_text("weights", encoding="utf-8")
            return Exported(files=(output,), gate="it answers nothing", next="train it first")

    with pytest.raises(GateError, match="it answers nothing"):
        Session(tmp_path, plugins=[Strict()]).export(tiny_tuned, format="strict", output=tmp_path / "out.bin")
    assert (tmp_path / "out.bin").read_text("utf-8") == "weights"
    assert json.loads((tmp_path / "out.manifest.json").read_text("utf-8"))["files"] == ["out.bin"]


# -- the embedded model ------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_embedded_model_answers_outside_as_inside(converter: Path, tmp_path: Path) -> None:
    """SmolLM2-135M after a few steps of training, as GGUF files: its rows of 576 elements, its own tokenizer."""
    rows = [
        {"messages": [{"role": "user", "content": f"Licence de {name} ?"}, {"role": "assistant", "content": licence}]}
        for name, licence in {"7zip": "LGPL-2.0-only", "Héron": "MIT", "Loutre": "AGPL-3.0", "Ceph": "LGPL-3.0"}.items()
    ]
    training = tmp_path / "rows.jsonl"
    training.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    session = Session(tmp_path)
    try:
        model = session.finetune(training, base_model="smollm2:135m", epochs=10, options={"device": "cpu"})
    except EndpointError as error:
        pytest.skip(f"no package index: {error}")
    options = {"quantization": "f16,q4_k_m", "questions": str(training), "parity": 0.001, "quantizer": "xllamacpp"}
    made = session.export(model.folder, format="gguf", output=tmp_path / "files", options=options)
    whole, small = made.details["forms"]
    assert whole["rendered_alike"] == small["rendered_alike"] == 4
    assert whole["parity"]["same"] == 4
    assert small["bits_per_weight"] == pytest.approx(6.17, abs=0.01)
    assert small["bytes"] == pytest.approx(105e6, rel=0.02)
    auto = session.export(
        model.folder, format="gguf", output=tmp_path / "auto", options=options | {"quantization": "auto"}
    )
    [kept] = [file for file in auto.files if file.suffix == ".gguf"]
    tried = auto.details["forms"]
    assert [form["files"] for form in tried if form["files"]] == [[kept.name]]
    assert kept.stat().st_size == min(form["bytes"] for form in tried if form["parity"]["difference"][2] >= 0)
