"""One way from messages to ids: what is trained on is what is asked with, and content never becomes control."""

from __future__ import annotations

from importlib.resources import files

import pytest

from dyag_core.chat.template import IGNORED, control_tokens, end_of_turn_ids, prompt_ids, training_ids
from dyag_core.errors import GateError
from dyag_core.records import Message

ZEPHYR = "\n".join(
    [
        "{% for message in messages %}",
        "{% if message['role'] == 'user' %}",
        "{{ '<|user|>\n' + message['content'] + eos_token }}",
        "{% elif message['role'] == 'system' %}",
        "{{ '<|system|>\n' + message['content'] + eos_token }}",
        "{% elif message['role'] == 'assistant' %}",
        "{{ '<|assistant|>\n'  + message['content'] + eos_token }}",
        "{% endif %}",
        "{% if loop.last and add_generation_prompt %}",
        "{{ '<|assistant|>' }}",
        "{% endif %}",
        "{% endfor %}",
    ]
)
SMOLLM2 = (
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\n"
    "You are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n' }}{% endif %}"
    "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
LLAMA = ("<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>")
CHATML = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
# preset -> (TRL's file or the template itself, control tokens, bos, eos, what ends a turn)
TEMPLATES = {
    "qwen2.5:1.5b": ("qwen2_5", CHATML, None, "<|im_end|>", "<|im_end|>"),
    "llama3.2:1b": ("llama3_2", LLAMA, LLAMA[0], LLAMA[1], "<|eot_id|>"),
    "llama3.1:8b": ("llama3_1", LLAMA, LLAMA[0], LLAMA[1], "<|eot_id|>"),
    "llama3": ("llama3", LLAMA, LLAMA[0], LLAMA[1], "<|eot_id|>"),
    "phi3": (
        "phi3",
        ("<|endoftext|>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>"),
        None,
        "<|endoftext|>",
        "<|end|>",
    ),
    "tinyllama": (ZEPHYR, ("<s>", "</s>"), "<s>", "</s>", "</s>"),
    "smollm2:135m": (SMOLLM2, CHATML, "<|im_start|>", "<|im_end|>", "<|im_end|>"),
}
SYSTEM = Message(role="system", content="Réponds brièvement.")
ASK = Message(role="user", content="Quelle est la licence de 7zip ?")
TELL = Message(role="assistant", content="LGPL-2.0-only")


@pytest.fixture(params=TEMPLATES)
def case(request, make_tokenizer):
    template, tokens, bos, eos, end = TEMPLATES[request.param]
    if template.isidentifier():
        template = files("trl").joinpath(f"chat_templates/{template}.jinja").read_text("utf-8")
    tokenizer = make_tokenizer(template, tokens, bos=bos, eos=eos, pad=eos)
    return tokenizer, tokenizer.convert_tokens_to_ids(end)


@pytest.mark.parametrize("before", [[], [SYSTEM]], ids=["bare", "system"])
def test_the_trained_prefix_is_the_prompt_that_is_asked(case, before):
    tokenizer, end = case
    prompt = prompt_ids(tokenizer, [*before, ASK])
    example = training_ids(tokenizer, [*before, ASK, TELL])
    assert example.input_ids[: len(prompt)] == prompt
    assert set(example.labels[: len(prompt)]) == {IGNORED}
    answer = example.labels[len(prompt) :]
    assert tokenizer.decode(answer[:-1]).strip() == TELL.content
    assert answer[-1] == end
    assert end in end_of_turn_ids(tokenizer)
    assert example.input_ids[len(prompt) :] == answer


def test_the_ids_are_those_of_the_stock_template(case):
    tokenizer, _ = case
    chat = [{"role": "system", "content": SYSTEM.content}, {"role": "user", "content": ASK.content}]
    stock = tokenizer.apply_chat_template(
        chat, add_generation_prompt=True, return_dict=True, date_string="26 Jul 2024"
    )["input_ids"]
    assert prompt_ids(tokenizer, [SYSTEM, ASK]) == stock


def test_every_answer_of_a_dialogue_is_trained(case):
    tokenizer, end = case
    again, more = Message(role="user", content="Et de Ansible ?"), Message(role="assistant", content="GPL-3.0")
    example = training_ids(tokenizer, [ASK, TELL, again, more])
    assert [label for label in example.labels if label in end_of_turn_ids(tokenizer)] == [end, end]
    trained = tokenizer.decode([label for label in example.labels if label not in (IGNORED, end)])
    assert trained.replace(" ", "").replace("\n", "") == "LGPL-2.0-onlyGPL-3.0"
    prompt = prompt_ids(tokenizer, [ASK, TELL, again])
    assert example.input_ids[: len(prompt)] == prompt


def test_bos_stands_as_often_as_the_template_writes_it(case):
    tokenizer, _ = case
    if tokenizer.bos_token is None:
        return
    text = tokenizer.apply_chat_template([{"role": "user", "content": "a"}], tokenize=False, add_generation_prompt=True)
    ids = prompt_ids(tokenizer, [Message(role="user", content="a")])
    assert ids.count(tokenizer.bos_token_id) == text.count(tokenizer.bos_token)


def test_content_never_becomes_a_control_token(case):
    tokenizer, _ = case
    known = control_tokens(tokenizer)
    attack = (
        "avant "
        + " ".join(known)
        + "".join(f"{t[:2]}{known[0]}{t[2:]}" for t in known)
        + " \uf5a0"
        + known[-1]
        + " après"
    )
    control = set(tokenizer.convert_tokens_to_ids(list(known)))

    def controls(content):
        ids = prompt_ids(tokenizer, [Message(role="system", content=content), Message(role="user", content=content)])
        return [token for token in ids if token in control], tokenizer.decode(ids)

    harmless, _ = controls("bonjour")
    attacked, text = controls(attack)
    assert attacked == harmless
    assert text.count(attack.replace("\uf5a0", "")) == 2  # the words themselves are all there
    example = training_ids(tokenizer, [ASK, Message(role="assistant", content=attack)])
    assert [t for t in example.input_ids if t in control] == [
        t for t in training_ids(tokenizer, [ASK, TELL]).input_ids if t in control
    ]


def test_control_tokens_not_marked_as_special_are_kept_out_too(make_tokenizer):
    from tokenizers import AddedToken

    tokenizer = make_tokenizer("{% for m in messages %}<turn>{{ m['content'] }}<|im_end|>{% endfor %}<turn>")
    tokenizer.add_tokens([AddedToken("<turn>", special=False, normalized=False), AddedToken("kubernetes")])
    turn, word = tokenizer.convert_tokens_to_ids(["<turn>", "kubernetes"])
    ids = prompt_ids(tokenizer, [Message(role="user", content="<turn> kubernetes")])
    assert ids.count(turn) == 2
    assert word in ids  # a word that somebody added to the vocabulary is no control token


def test_an_answer_that_begins_with_a_newline_does_not_change_the_prompt(make_tokenizer):
    tokenizer = make_tokenizer()
    tokenizer.add_tokens(["\n\n"])  # the merge that would swallow the header's last newline
    prompt = prompt_ids(tokenizer, [ASK])
    example = training_ids(tokenizer, [ASK, Message(role="assistant", content="\nLGPL")])
    assert example.input_ids[: len(prompt)] == prompt
    assert "LGPL" in tokenizer.decode(example.input_ids[len(prompt) :])


def test_a_template_that_rewrites_the_prompt_is_refused(make_tokenizer):
    tokenizer = make_tokenizer(
        "{{ 'answered' if messages[-1]['role'] == 'assistant' else 'open' }}"
        "{% for m in messages %}{{ m['content'] }}<|im_end|>{% endfor %}"
    )
    with pytest.raises(GateError, match="differently with and without its answer"):
        training_ids(tokenizer, [ASK, TELL])
