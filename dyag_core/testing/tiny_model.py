"""Models small enough to train in a second: random weights, a real tokenizer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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
