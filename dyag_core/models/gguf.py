"""A GGUF file as a model that `from_pretrained` loads."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

from dyag_core.models.library_output import quiet_libraries


def convert_gguf(weights: Path, target: Path, context_length: int) -> None:
    """Write the model that a GGUF file holds as safetensors with its tokenizer; full precision, loads in a second."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    # the dequantising loop draws a bar that no setting turns off; a failure is raised, not printed
    with quiet_libraries(), contextlib.redirect_stderr(io.StringIO()):
        tokenizer = AutoTokenizer.from_pretrained(weights.parent, gguf_file=weights.name)
        model = AutoModelForCausalLM.from_pretrained(weights.parent, gguf_file=weights.name, dtype=torch.float32)
        # transformers has dequantised the weights but still calls the model quantised, and refuses to save it so.
        del model.config.quantization_config
        model.hf_quantizer = None
        model.is_quantized = False
        model.config._name_or_path = ""
        tokenizer.model_max_length = context_length
        model.save_pretrained(target)
        tokenizer.save_pretrained(target)
    for file in filter(Path.is_file, target.iterdir()):
        file.chmod(0o644)  # safetensors writes for the owner alone; a cache may be shared
