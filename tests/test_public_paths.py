"""What plugins of API 1 import stays where they find it, and is the same as at its new place."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

from dyag_core import api

#: As the reference listed them before `dyag_core.api`, each of them in a module of its own.
PATHS = """
artifacts.atomic_write base_models.load_tokenizer chat.TrainingIds chat.training_ids
conversations.Conversation conversations.read_conversations exporting.export_rows normalise.fold normalise.tokens
plain.plain prompts.UNKNOWN prompts.question_messages prompts.with_context sentences.sentences tokens.guessed_tokens
""".split()


@pytest.mark.parametrize("path", PATHS)
def test_a_public_path_of_old_hands_on_what_the_api_holds(path: str) -> None:
    module, _, name = path.partition(".")
    old = getattr(importlib.import_module(f"dyag_core.{module}"), name)
    assert old is getattr(api, name)


def test_every_name_of_the_api_is_there_and_documented() -> None:
    for name in api.__all__:
        value = getattr(api, name)
        if callable(value):
            assert value.__doc__, name


def test_importing_the_api_loads_no_model_library() -> None:
    heavy = "{'torch', 'transformers', 'peft', 'scipy'}"
    code = f"import sys, dyag_core.api; print(*{heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
