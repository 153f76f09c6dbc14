"""Base models without a chat template: one is given, checked, trained with, kept, and answers end at its turns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from dyag_core import BaseModelPreset, Decoding, Message, Reply, Session, UsageError, hookimpl
from dyag_core.api import end_of_turn_ids, load_tokenizer, prompt_ids, stop_texts, training_ids
from dyag_core.artifacts import read_json
from dyag_core.chat.template_check import refuse_unfit
from dyag_core.cli.root import root
from dyag_core.errors import DyagError
from dyag_core.models.chat_templates import template_text
from dyag_core.testing.tiny_model import build_tokenizer
from dyag_plugins.engines.transformers.engine import TransformersEngine

ROWS = [
    {"question": f"Quelle est la licence de l'outil {i} ?", "expected_answer": "MIT", "document": f"d{i}"}
    for i in range(8)
]
ALPACA = (
    "{% for m in messages %}{{ ('### Response:\n' if m['role'] == 'assistant' else '### Instruction:\n')"
    " + m['content'] + (eos_token + '\n\n' if m['role'] == 'assistant' else '\n\n') }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '### Response:\n' }}{% endif %}"
)
ZEPHYR = (
    "{% for m in messages %}{{ '<|' + m['role'] + '|>\n' + m['content'] + eos_token + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}"
)
GEMMA_TOKENS = ("<pad>", "<bos>", "<eos>", "<start_of_turn>", "<end_of_turn>")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "mine_train.jsonl"
    path.write_text("\n".join(map(json.dumps, ROWS)), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def trained(bare: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that was trained with ChatML on such a base."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "rows.jsonl").write_text("\n".join(map(json.dumps, ROWS)), encoding="utf-8")
    options = {"rank": 4, "learning_rate": 0.02, "device": "cpu"}
    Session(folder).finetune(
        folder / "rows.jsonl",
        base_model=str(bare),
        chat_template="chatml",
        epochs=1,
        output=folder / "ft",
        options=options,
    )
    return folder / "ft"


def given(
    template: str, tokens: tuple[str, ...] = ("<|endoftext|>", "<|im_start|>", "<|im_end|>"), **named: Any
) -> Any:
    """A tokenizer to which a template was given."""
    tokenizer = build_tokenizer(template, tokens, **named)
    tokenizer._dyag_template_given = True
    return tokenizer


def gemma() -> Any:
    return given(template_text("gemma"), GEMMA_TOKENS, bos="<bos>", eos="<eos>", pad="<pad>")


# -- training and asking -----------------------------------------------------------------------------------------------


def test_without_one_the_option_is_named(bare: Path, data: Path) -> None:
    with pytest.raises(UsageError, match="this model has no chat template") as refused:
        Session(data.parent).finetune(data, base_model=str(bare))
    assert "--chat-template chatml|gemma|plain|FILE" in str(refused.value.hint)


def test_every_command_that_puts_chats_to_a_model_takes_the_option() -> None:
    taking = {
        name
        for name in root.list_commands(None)  # type: ignore[arg-type]
        if any("--chat-template" in option.opts for option in root.get_command(None, name).params)  # type: ignore
    }
    assert taking == {
        *("finetune", "query-finetuned", "query-rag", "serve", "evaluate", "evaluate-finetuned", "evaluate-rag"),
    }


def test_the_template_is_kept_in_the_passport_and_with_the_adapter(trained: Path) -> None:
    passport = read_json(trained / "final" / "dyag.json")
    assert passport["chat_template"] == template_text("chatml")
    assert load_tokenizer(str(trained / "final")).chat_template == template_text("chatml")
    assert read_json(trained / "manifest.json")["options"]["chat_template"] == template_text("chatml")


def test_asking_uses_what_training_used(trained: Path, tmp_path: Path) -> None:
    questions = tmp_path / "q.jsonl"
    questions.write_text("\n".join(map(json.dumps, ROWS[:3])), encoding="utf-8")
    session = Session(tmp_path)
    decoding = Decoding(max_new_tokens=4)
    assert session.query("Quelle licence ?", model=trained, decoding=decoding).prompt_tokens
    made = session.evaluate(questions, model=trained, arms=["base", "finetuned"], decoding=decoding)
    bases = [made.evaluations[arm].metadata["base_model"] for arm in ("base", "finetuned")]
    assert bases[0] == bases[1]
    assert len(bases[0]["chat_template"]) == 16
    assert [made.evaluations[arm].metrics["errors"] for arm in ("base", "finetuned")] == [0, 0]
    prompts = [[item["prompt_tokens"] for item in made.evaluations[arm].results] for arm in ("base", "finetuned")]
    assert prompts[0] == prompts[1]


def test_another_template_than_the_trained_one_is_refused(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "alpaca.jinja").write_text(ALPACA, encoding="utf-8")
    session = Session(tmp_path)
    with pytest.raises(UsageError, match="was trained with another chat template"):
        session.query("Quoi ?", model=trained, chat_template=str(tmp_path / "alpaca.jinja"))
    assert (
        session.query("Quoi ?", model=trained, chat_template="chatml", decoding=Decoding(max_new_tokens=2)).answer
        is not None
    )


def test_a_run_with_another_template_does_not_go_on_with_this_one(trained: Path, bare: Path, tmp_path: Path) -> None:
    (tmp_path / "alpaca.jinja").write_text(ALPACA, encoding="utf-8")
    options = {"rank": 4, "learning_rate": 0.02, "device": "cpu"}
    with pytest.raises(DyagError, match="chat_template"):
        Session(tmp_path).finetune(
            trained.parent / "rows.jsonl",
            base_model=str(bare),
            chat_template=str(tmp_path / "alpaca.jinja"),
            epochs=1,
            output=trained,
            options=options,
        )


def test_a_preset_may_bring_its_template(bare: Path, tmp_path: Path) -> None:
    preset = BaseModelPreset(
        name="bare:1m",
        source=f"folder:{bare}",
        parameters=1e5,
        licence="MIT",
        context_length=512,
        chat_template="chatml",
    )
    session = Session(tmp_path, plugins=[preset])
    assert session.query("Quoi ?", base_model="bare:1m", decoding=Decoding(max_new_tokens=2)).prompt_tokens > 0
    rows = tmp_path / "rows.jsonl"
    rows.write_text("\n".join(map(json.dumps, ROWS)), encoding="utf-8")
    assert session.validate(rows, base_model="bare:1m").quality.lengths.unit == "tokens"


# -- what is refused ---------------------------------------------------------------------------------------------------


def test_missing_tokens_are_named_with_those_that_there_are(bare: Path, data: Path) -> None:
    with pytest.raises(UsageError) as refused:
        Session(data.parent).finetune(data, base_model=str(bare), chat_template="gemma")
    assert refused.value.message == "--chat-template gemma: the tokenizer has no token <start_of_turn>, <end_of_turn>"
    assert "<|im_start|>" in str(refused.value.hint)
    assert not (data.parent / "model").exists()


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("{% for m in messages %}", "it can't be rendered|refuses this chat"),
        ("{{ messages[0]['content'] | nothing }}", "refuses this chat|can't be rendered"),
        (
            "{% for m in messages %}{{ m['role'] }}{{ eos_token }}{% endfor %}",
            "doesn't write the answer|leaves the question out",
        ),
        (
            "{% for m in messages %}{% if m['role'] == 'assistant' %}{{ m['content'] + eos_token }}{% else %}Q:"
            "{% endif %}{% endfor %}",
            "leaves the question out",
        ),
        (
            "{% for m in messages %}{{ m['role'] + ':' + (m['content'] | upper) + eos_token }}{% endfor %}"
            "{% if add_generation_prompt %}{{ 'assistant:' }}{% endif %}",
            "doesn't write the answer as it stands",
        ),
        (
            "{% for m in messages %}{{ m['role'] + ':' + m['content'] + '\n' }}{% endfor %}"
            "{% if add_generation_prompt %}{{ 'assistant:' }}{% endif %}",
            "nothing ends it",
        ),
        (
            "{% for m in messages %}{{ '<|turn|>' + m['role'] + ':' + m['content'] + '<|over|>' }}{% endfor %}"
            "{% if add_generation_prompt %}{{ '<|turn|>assistant:' }}{% endif %}",
            r"the tokenizer has no token <\|turn\|>, <\|over\|>",
        ),
    ],
)
def test_a_file_that_does_not_fit_is_refused_before_training(bare: Path, data: Path, template: str, why: str) -> None:
    file = data.parent / "own.jinja"
    file.write_text(template, encoding="utf-8")
    with pytest.raises(UsageError, match=why) as refused:
        Session(data.parent).finetune(data, base_model=str(bare), chat_template=str(file))
    assert refused.value.message.startswith(f"--chat-template {file}: ")
    assert not (data.parent / "model").exists()


def test_a_missing_file_and_a_misspelt_name(bare: Path, tmp_path: Path) -> None:
    for name in ("chatlm", str(tmp_path)):
        with pytest.raises(UsageError, match=f"--chat-template {name}: "):
            Session(tmp_path).query("Quoi ?", base_model=str(bare), chat_template=name)


def test_marks_that_are_text_to_the_tokenizer_are_told_where_the_turn_ends_all_the_same() -> None:
    tokenizer = given(ZEPHYR)
    assert refuse_unfit(tokenizer, "zephyr.jinja", built_in=False) == ["<|user|>", "<|assistant|>"]
    with pytest.raises(UsageError, match="has no token"):
        refuse_unfit(tokenizer, "zephyr", built_in=True)


def test_a_server_has_its_own_template(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="asks a server") as refused:
        Session(tmp_path).query(
            "Quoi ?",
            base_model="m",
            engine="openai",
            engine_options={"base_url": "http://127.0.0.1:9/v1"},
            chat_template="chatml",
        )
    assert "llama-server --chat-template-file" in str(refused.value.hint)


class Deaf:
    """An engine that has never heard of given templates."""

    name, context_length = "deaf", 512

    @hookimpl
    def dyag_open_engine(self, base_path: str) -> Deaf:
        return self

    def answer(self, prompts: Any, decoding: Any) -> Any:
        yield from ((i, Reply(text="MIT")) for i, _ in enumerate(prompts))

    def count_tokens(self, prompt: Any) -> int:
        return 1

    def close(self) -> None: ...


def test_an_engine_that_takes_no_template_is_not_asked_without_it(bare: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="takes no chat template"):
        Session(tmp_path, plugins=[Deaf()]).query("Quoi ?", base_model=str(bare), engine="deaf", chat_template="chatml")


# -- where answers end -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tokenizer", "texts", "ends"),
    [
        (lambda: given(template_text("chatml")), ("<|im_end|>", "<|im_start|>user"), {"<|im_end|>", "<|im_start|>"}),
        (gemma, ("<end_of_turn>", "<start_of_turn>user"), {"<end_of_turn>", "<start_of_turn>", "<eos>"}),
        (lambda: given(ALPACA), ("<|im_end|>", "\n\n### Instruction:"), {"<|im_end|>"}),
        (lambda: given(ZEPHYR), ("<|im_end|>", "\n<|user|>"), {"<|im_end|>"}),
        (lambda: build_tokenizer(), (), {"<|im_end|>"}),
    ],
)
def test_stops_are_what_the_template_writes_behind_an_answer(tokenizer: Any, texts: Any, ends: set[str]) -> None:
    built = tokenizer()
    assert stop_texts(built) == texts
    assert set(built.convert_ids_to_tokens(sorted(end_of_turn_ids(built)))) == ends


@pytest.mark.parametrize("tokenizer", [lambda: given(template_text("chatml")), gemma, lambda: given(ALPACA)])
def test_only_the_answer_and_its_end_are_trained(tokenizer: Any) -> None:
    built = tokenizer()
    asked = [Message(role="system", content="Brièvement."), Message(role="user", content="Licence ?")]
    ids = training_ids(built, [*asked, Message(role="assistant", content="MIT")])
    trained = [label for label in ids.labels if label >= 0]
    assert built.decode(trained[:-1]) == "MIT"
    assert trained[-1] in end_of_turn_ids(built)
    assert "Brièvement." in built.decode(prompt_ids(built, asked))


class Scripted(torch.nn.Module):
    """A causal model that says what it was told to say, token by token, whatever it is asked."""

    def __init__(self, folder: Path, prompt: int, tokens: list[int]) -> None:
        super().__init__()
        from transformers import AutoConfig

        self.config = AutoConfig.from_pretrained(folder)
        self.device, self.dtype = torch.device("cpu"), torch.float32
        self._prompt, self._tokens = prompt, tokens

    def forward(self, input_ids: Any, position_ids: Any, **_: Any) -> Any:
        from transformers.modeling_outputs import CausalLMOutputWithPast

        said = min(max(0, int(position_ids[0, -1]) - self._prompt + 1), len(self._tokens) - 1)
        logits = torch.zeros(1, 1, self.config.vocab_size)
        logits[0, 0, self._tokens[said]] = 1
        return CausalLMOutputWithPast(logits=logits)


@pytest.mark.parametrize(
    ("template", "said", "answer"),
    [
        (ALPACA, "MIT est la licence.\n\n### Instruction:\nEt la version ?", "MIT est la licence."),
        (ALPACA, "MIT.\n\n### Note", "MIT.\n\n### Note"),
        ("chatml", "MIT\n<|im_start|>user\nEt la version ?", "MIT"),
        ("chatml", "MIT<|im_end|>", "MIT"),
    ],
)
def test_an_answer_ends_where_the_next_turn_begins(bare: Path, template: str, said: str, answer: str) -> None:
    tokenizer = load_tokenizer(str(bare), 512, template)
    asked = [Message(role="user", content="Licence ?")]
    tokens = tokenizer(said, add_special_tokens=False)["input_ids"]
    model = Scripted(bare, len(prompt_ids(tokenizer, asked)), tokens)
    engine = TransformersEngine(model, tokenizer, 4)
    limit = Decoding(max_new_tokens=len(tokens))
    [(_, reply)] = engine.answer([asked], limit)
    assert reply.text == answer
    assert reply.truncated == (said == answer)
    pieces = list(engine.stream(asked, limit))
    assert "".join(pieces) == answer


def test_a_token_that_the_model_spells_out_ends_its_answer(bare: Path) -> None:
    tokenizer = load_tokenizer(str(bare), 512, "chatml")
    asked = [Message(role="user", content="Licence ?")]
    spelt = [
        number
        for letter in "MIT<|im_end|> et encore"
        for number in tokenizer(letter, add_special_tokens=False)["input_ids"]
    ]
    engine = TransformersEngine(Scripted(bare, len(prompt_ids(tokenizer, asked)), spelt), tokenizer, 4)
    [(_, reply)] = engine.answer([asked], Decoding(max_new_tokens=len(spelt)))
    assert (reply.text, reply.truncated) == ("MIT", False)
    assert "".join(engine.stream(asked, Decoding(max_new_tokens=len(spelt)))) == "MIT"


# -- comparing ---------------------------------------------------------------------------------------------------------


def answered(folder: Path, arm: str, template: str | None) -> Path:
    """A results file of one arm of the same base model, with the template that was given to it."""
    base = {
        "name": "bare:1m",
        "source": "folder",
        "revision": None,
        **({"chat_template": template} if template else {}),
    }
    said = {"expected_answer": "MIT", "generated_answer": "MIT"}
    items = [{"id": f"q{i}", "question": f"Licence {i} ?", "document": f"d{i}", **said} for i in range(9)]
    about = {"arm": arm, "base_model": base, "questions": {"file": "q.jsonl", "asked": 9}, "seed": 1}
    path = folder / f"{arm}.json"
    path.write_text(json.dumps({"metadata": about, "results": items}), encoding="utf-8")
    return path


def test_arms_with_different_templates_are_not_compared_unsaid(tmp_path: Path) -> None:
    files = {"base": answered(tmp_path, "base", "a" * 16), "rag": answered(tmp_path, "rag", "b" * 16)}
    with pytest.raises(UsageError, match=r"a{16}.*b{16}|b{16}.*a{16}"):
        Session(tmp_path).compare(files, reporters=["json"])


@pytest.mark.parametrize(("template", "named"), [("a" * 16, True), (None, False)])
def test_the_command_that_measures_again_asks_for_the_template(tmp_path: Path, template: str, named: bool) -> None:
    files = {arm: answered(tmp_path, arm, template) for arm in ("base", "rag")}
    command = Session(tmp_path).compare(files, reporters=["json"]).comparison.method["commands"][0]
    assert ("--chat-template TEMPLATE" in command) == named
