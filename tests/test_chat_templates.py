"""Every chat template that TRL ships: the answer's words and the end of its turn are trained, or nothing is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import trl

from dyag_core import GateError
from dyag_core.api import Conversation
from dyag_core.chat.template import IGNORED, end_of_turn_ids, prompt_ids, takes_system, training_ids
from dyag_core.records import Message
from dyag_core.testing.tiny_model import build_tokenizer
from dyag_plugins.trainers.lora.encoding import check

TEMPLATES = {path.stem: path for path in sorted((Path(trl.__file__).parent / "chat_templates").glob("*.jinja"))}
#: Those that can't be trained on: pictures instead of texts, thoughts in the prompt alone, no end of turn.
REFUSED = re.compile(r"idefics|llava|smolvlm|deepseek|glm4moe$")
_CONTROL = re.compile(
    r"<[|｜][^<>{}'\"\s]{1,40}[|｜]?>|<turn\|>|</?(?:think|start_of_turn|end_of_turn|s)>|\[/?(?:INST|gMASK)\]"
)
ANSWER = "Maire de Pau, depuis 2014."
CHAT = [
    Message(role="system", content="Réponds brièvement."),
    Message(role="user", content="Qui est-ce ?"),
    Message(role="assistant", content=ANSWER),
]


def tokenizer_of(name: str) -> Any:
    template = TEMPLATES[name].read_text(encoding="utf-8")
    written = sorted(set(_CONTROL.findall(template)))
    return build_tokenizer(template, ("<pad>", "<bos>", "<eos>", *written), bos="<bos>", eos="<eos>", pad="<pad>")


@pytest.mark.parametrize("name", TEMPLATES)
def test_the_answer_and_its_end_are_trained_or_the_run_is_refused(name: str) -> None:
    tokenizer = tokenizer_of(name)
    if REFUSED.search(name):
        with pytest.raises(GateError):
            check(training_ids(tokenizer, CHAT), Conversation(line=1, messages=tuple(CHAT)), tokenizer)
        return
    ids = training_ids(tokenizer, CHAT)
    trained = [label for label in ids.labels if label != IGNORED]
    assert trained[-1] in end_of_turn_ids(tokenizer)
    assert tokenizer.decode(trained[:-1]).endswith(ANSWER)
    assert ids.input_ids[: -len(trained)] == prompt_ids(tokenizer, CHAT[:2])


@pytest.mark.parametrize("name", ["gemma", "gemma_training"])
def test_a_system_turn_without_a_place_begins_the_first_question(name: str) -> None:
    tokenizer = tokenizer_of(name)
    assert not takes_system(tokenizer)
    asked = tokenizer.decode(prompt_ids(tokenizer, CHAT[:2]))
    assert "user\nRéponds brièvement.\n\nQui est-ce ?" in asked
    trained = training_ids(tokenizer, CHAT)
    assert tokenizer.decode(trained.input_ids).startswith(asked)


def test_a_template_that_takes_a_system_turn_is_left_alone() -> None:
    tokenizer = tokenizer_of("qwen2_5")
    assert takes_system(tokenizer)
    assert "system\nRéponds brièvement." in tokenizer.decode(prompt_ids(tokenizer, CHAT[:2]))


def test_what_the_template_writes_before_an_answer_is_not_its_end() -> None:
    tokenizer = tokenizer_of("gptoss")
    names = set(tokenizer.convert_ids_to_tokens(sorted(end_of_turn_ids(tokenizer))))
    assert names == {"<eos>", "<|return|>"}
