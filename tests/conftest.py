"""Models small enough to train in a second (random weights, a real tokenizer), and commands that can be killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
CHATML_TOKENS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
_CORPUS = [
    "Quelle est la licence de 7zip ? LGPL-2.0-only. Réponds brièvement. Si tu ne sais pas, dis-le.",
    "What is the licence of the editor? Answer briefly. If you do not know, say so. I don't know.",
    "Catégorie : compression de fichiers. Version minimale 19. À quoi sert Ansible ? Outil de déploiement.",
    "0 1 2 3 4 5 6 7 8 9 . , ; : ! ? - _ / ( ) ' « » œ é è ê à ç ù î ô",
]


def build_tokenizer(
    template: str = CHATML,
    tokens: tuple[str, ...] = CHATML_TOKENS,
    *,
    bos: str | None = None,
    eos: str = "<|im_end|>",
    pad: str = "<|endoftext|>",
) -> Any:
    """A byte-level BPE tokenizer learnt from four sentences, with `tokens` as its control tokens."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    learner = trainers.BpeTrainer(
        vocab_size=400, special_tokens=list(tokens), initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(_CORPUS, learner)
    special = {"eos_token": eos, "pad_token": pad} | ({"bos_token": bos} if bos else {})
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=512, **special)
    fast.chat_template = template
    return fast


def build_model(folder: Path, *, config_class: str = "LlamaConfig", seed: int = 0, **config: Any) -> Path:
    """A random causal model of about 0.1 million parameters with its tokenizer, saved under `folder`."""
    import torch
    import transformers

    tokenizer = build_tokenizer()
    torch.manual_seed(seed)
    shape = {
        "vocab_size": len(tokenizer),
        "hidden_size": 64,
        "intermediate_size": 96,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 512,
        "bos_token_id": None,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        "tie_word_embeddings": True,
    }
    model = transformers.AutoModelForCausalLM.from_config(getattr(transformers, config_class)(**(shape | config)))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a tiny random Llama with a ChatML tokenizer; `from_pretrained` takes it. Don't write into it."""
    return build_model(tmp_path_factory.mktemp("tiny") / "tiny-llama")


@pytest.fixture
def make_model(tmp_path: Path) -> Any:
    """`make_model(name, config_class="Qwen2Config", seed=1, ...)` builds another tiny model, and returns its folder."""
    return lambda name, **config: build_model(tmp_path / name, **config)


@pytest.fixture
def make_tokenizer() -> Any:
    """`make_tokenizer(template, tokens, bos=..., eos=..., pad=...)` builds a tiny tokenizer."""
    return build_tokenizer


class Dyag:
    """`dyag` commands in forks of a process that has imported everything."""

    def __init__(self) -> None:
        quiet = {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
        self._server = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("crash") / "server.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | quiet,
            start_new_session=True,
        )

    def close(self) -> None:
        self._server.communicate(timeout=60)

    def start(self, log, *arguments, **order):
        """The child's pid, once it stands as the leader of its own process group."""
        pid = self._ask({"start": {"arguments": [*map(str, arguments)], "log": str(log), **order}})["pid"]
        self.until(lambda: os.getpgid(pid) == pid)
        return pid

    def wait(self, pid):
        return self._ask({"wait": pid})["code"]

    def __call__(self, log, *arguments, **order):
        """Exit code of a command; below 0: the signal that ended it."""
        return self.wait(self.start(log, *arguments, **order))

    def _ask(self, order):
        self._server.stdin.write(json.dumps(order) + "\n")
        self._server.stdin.flush()
        return json.loads(self._server.stdout.readline())

    @staticmethod
    def until(condition, seconds=60):
        """Wait for something that another process does."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "it never happened"
            time.sleep(0.002)


@pytest.fixture(scope="session")
def dyag():
    """`dyag` commands that can be killed at a chosen place."""
    server = Dyag()
    yield server
    server.close()
