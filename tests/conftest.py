"""Models small enough to train in a second (random weights, a real tokenizer), and commands that can be killed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from dyag_core.models.sources import config_sha256
from dyag_core.progress import SilentProgress
from dyag_core.records import Passport
from dyag_core.testing.tiny_model import build_model, build_tokenizer
from dyag_core.training.passport import write_passport

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


def build_encoder(folder: Path) -> Path:
    """A random BERT of two layers with a WordPiece tokenizer of a few words, saved under `folder`."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizer

    folder.mkdir(parents=True)
    words = "[PAD] [UNK] [CLS] [SEP] [MASK] [ ] sep mail logging the of paris is here log ##ged".split()
    (folder / "vocab.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    torch.manual_seed(0)
    shape = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    config = BertConfig(vocab_size=len(words), max_position_embeddings=64, **shape)
    BertModel(config).save_pretrained(folder)
    BertTokenizer(str(folder / "vocab.txt"), model_max_length=10**9).save_pretrained(folder)
    return folder


def build_gguf(folder: Path, target: Path) -> Path:
    """`folder`'s Llama in llama.cpp's format: its names, and query and key rows in its rotary order."""
    import gguf
    from safetensors.numpy import load_file

    config = json.loads((folder / "config.json").read_text("utf-8"))
    tokenizer = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    vocabulary = tokenizer["model"]["vocab"] | {token["content"]: token["id"] for token in tokenizer["added_tokens"]}
    special = {token["content"] for token in tokenizer["added_tokens"]}
    words = sorted(vocabulary, key=vocabulary.get)
    writer = gguf.GGUFWriter(target, "llama")
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_freq_base(config["rope_parameters"]["rope_theta"])
    writer.add_rope_dimension_count(config["hidden_size"] // config["num_attention_heads"])
    writer.add_vocab_size(config["vocab_size"])
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(words)
    writer.add_token_types([3 if word in special else 1 for word in words])
    writer.add_token_merges([" ".join(merge) for merge in tokenizer["model"]["merges"]])
    writer.add_eos_token_id(config["eos_token_id"])
    writer.add_chat_template((folder / "chat_template.jinja").read_text("utf-8"))
    names = {
        "model.embed_tokens": "token_embd",
        "model.norm": "output_norm",
        "input_layernorm": "attn_norm",
        "post_attention_layernorm": "ffn_norm",
        "self_attn.q_proj": "attn_q",
        "self_attn.k_proj": "attn_k",
        "self_attn.v_proj": "attn_v",
        "self_attn.o_proj": "attn_output",
        "mlp.gate_proj": "ffn_gate",
        "mlp.up_proj": "ffn_up",
        "mlp.down_proj": "ffn_down",
        "model.layers.": "blk.",
    }
    for name, tensor in load_file(folder / "model.safetensors").items():
        heads = {"q_proj": config["num_attention_heads"], "k_proj": config["num_key_value_heads"]}
        for projection, count in heads.items():
            if projection in name:
                rows, columns = tensor.shape
                tensor = tensor.reshape(count, 2, rows // count // 2, columns).swapaxes(1, 2).reshape(rows, columns)
        for ours, theirs in names.items():
            name = name.replace(ours, theirs)
        writer.add_tensor(name, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return target


def passport_of(base: Path, system_prompt: str) -> Passport:
    """What a model trained from the one in `base` carries."""
    return Passport(
        base_model=base.name,
        base_source=f"folder:{base}",
        base_revision=None,
        base_config_sha256=config_sha256(str(base)),
        chat_template_sha256="0",
        system_prompt=system_prompt,
        lang="fr",
        data={"train": {"file": "rows.jsonl", "sha256": "ab" * 32, "rows": 24}},
        options={"epochs": 2.0, "rank": 4, "learning_rate": 0.01, "quantization": "none"},
        versions={"dyag": "3.0"},
        seed=1,
        training={},
    )


def build_tuned(base: Path, folder: Path, rank: int = 4) -> Path:
    """A random adapter on the model in `base`, saved under `folder` as DYAG saves one."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.manual_seed(1)
    config = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules="all-linear", task_type="CAUSAL_LM")
    wrapped = get_peft_model(AutoModelForCausalLM.from_pretrained(base), config)
    for name, weight in wrapped.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.5)
    wrapped.save_pretrained(folder)
    AutoTokenizer.from_pretrained(base).save_pretrained(folder)
    write_passport(folder, passport_of(base, "Réponds brièvement. Si tu ne sais pas, dis-le."))
    return folder


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a tiny random BERT; `Encoder` takes it. Don't write into it."""
    return build_encoder(tmp_path_factory.mktemp("encoder") / "tiny-bert")


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a tiny random Llama with a ChatML tokenizer; `from_pretrained` takes it. Don't write into it."""
    return build_model(tmp_path_factory.mktemp("tiny") / "tiny-llama")


@pytest.fixture(scope="session")
def bare(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base model without a chat template; its tokenizer has ChatML's tokens. Don't write into it."""
    folder = shutil.copytree(tiny_model, tmp_path_factory.mktemp("bare") / "bare-base")
    (folder / "chat_template.jinja").unlink()
    return folder


@pytest.fixture(scope="session")
def tiny_tuned(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of an adapter on the tiny Llama that changes its answers, with tokenizer and passport."""
    return build_tuned(tiny_model, tmp_path_factory.mktemp("tuned") / "sill" / "final")


@pytest.fixture(scope="session")
def tiny_gguf(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny Llama as a GGUF file."""
    pytest.importorskip("gguf")
    return build_gguf(tiny_model, tmp_path_factory.mktemp("gguf") / "tiny.gguf")


@pytest.fixture
def make_model(tmp_path: Path) -> Any:
    """`make_model(name, config_class="Qwen2Config", seed=1, ...)` builds another tiny model, and returns its folder."""
    return lambda name, **config: build_model(tmp_path / name, **config)


@pytest.fixture
def make_tokenizer() -> Any:
    """`make_tokenizer(template, tokens, bos=..., eos=..., pad=...)` builds a tiny tokenizer."""
    return build_tokenizer


@pytest.fixture
def make_passport() -> Any:
    """`make_passport(folder, base, system_prompt)` writes the passport of a model that was trained from `base`."""

    def make(folder: Path, base: Path, system_prompt: str) -> None:
        write_passport(folder, passport_of(base, system_prompt))

    return make


class Heard(SilentProgress):
    """Progress that keeps the lines which the user is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def message(self, text: str) -> None:
        self.lines.append(text)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the path of this process and of the commands it starts."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("PYTHONPATH", str(folder))
    return folder


@pytest.fixture
def heard() -> Heard:
    """For a run's or a session's `progress`; what was told stands in `heard.lines`."""
    return Heard()


class Page(HTMLParser):
    """A page's tags with their attributes, its text, and its Content-Security-Policy."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    @property
    def policy(self) -> str:
        return next(a["content"] or "" for _, a in self.tags if a.get("http-equiv") == "Content-Security-Policy")


@pytest.fixture
def page_of() -> type[Page]:
    """`page_of(html)` has the page's `tags`, its `text` and its `policy`."""
    return Page


@pytest.fixture
def run_dyag(tmp_path: Path) -> Any:
    """`run_dyag("ingest", "docs", LANG="C")` is `LANG=C dyag ingest docs`, typed in the test's own folder."""

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "dyag_core.cli", *arguments],
            capture_output=True,
            text=True,
            encoding="utf-8",
            cwd=tmp_path,
            env=os.environ | environment,
            timeout=120,
            check=False,
        )

    return run


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
