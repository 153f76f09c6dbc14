"""The five base models that DYAG has published presets for. Data, not code.

`vram_gb` is arithmetic, not measurement: weights at 2 bytes a parameter (0.6 with NF4) and about 2 GB for the adapter,
its optimiser and the activations of 8 x 512 tokens.
"""

from dyag_core.records import BaseModelPreset, ModelShape

qwen2_5_1_5b = BaseModelPreset(
    name="qwen2.5:1.5b",
    source="hub:Qwen/Qwen2.5-1.5B-Instruct",
    parameters=1.54e9,
    licence="Apache-2.0",
    context_length=32768,
    vram_gb={"lora": 5.5, "nf4": 3.0},
    shape=ModelShape(
        hidden=1536, intermediate=8960, layers=28, heads=12, key_value_heads=2, head=128, vocabulary=151936, tied=True
    ),
    template="ChatML; adds a system turn of its own when none is given; ends a turn with <|im_end|>",
    page="https://huggingface.co/Qwen/Qwen2.5-1.5B-Instruct",
)

tinyllama = BaseModelPreset(
    name="tinyllama",
    source="hub:TinyLlama/TinyLlama-1.1B-Chat-v1.0",
    parameters=1.1e9,
    licence="Apache-2.0",
    context_length=2048,
    vram_gb={"lora": 4.5, "nf4": 2.7},
    shape=ModelShape(
        hidden=2048, intermediate=5632, layers=22, heads=32, key_value_heads=4, head=64, vocabulary=32000, tied=False
    ),
    template="Zephyr style: <|user|> and <|assistant|> are plain text, only </s> is a control token; writes no BOS",
    page="https://huggingface.co/TinyLlama/TinyLlama-1.1B-Chat-v1.0",
)

llama3_2_1b = BaseModelPreset(
    name="llama3.2:1b",
    source="hub:meta-llama/Llama-3.2-1B-Instruct",
    parameters=1.24e9,
    licence="Llama 3.2 Community License",
    gated=True,
    context_length=131072,
    vram_gb={"lora": 4.5, "nf4": 2.8},
    shape=ModelShape(
        hidden=2048, intermediate=8192, layers=16, heads=32, key_value_heads=8, head=64, vocabulary=128256, tied=True
    ),
    template="writes BOS and a dated system turn (DYAG fixes the date); ends a turn with <|eot_id|>, not with eos",
    page="https://huggingface.co/meta-llama/Llama-3.2-1B-Instruct",
)

llama3_1_8b = BaseModelPreset(
    name="llama3.1:8b",
    source="hub:meta-llama/Llama-3.1-8B-Instruct",
    parameters=8.03e9,
    licence="Llama 3.1 Community License",
    gated=True,
    context_length=131072,
    vram_gb={"lora": 18.5, "nf4": 7.0},
    shape=ModelShape(
        hidden=4096, intermediate=14336, layers=32, heads=32, key_value_heads=8, head=128, vocabulary=128256, tied=False
    ),
    template="writes BOS and a dated system turn (DYAG fixes the date); ends a turn with <|eot_id|>, not with eos",
    page="https://huggingface.co/meta-llama/Llama-3.1-8B-Instruct",
)

phi3 = BaseModelPreset(
    name="phi3",
    source="hub:microsoft/Phi-3-mini-4k-instruct",
    parameters=3.82e9,
    licence="MIT",
    context_length=4096,
    vram_gb={"lora": 10.0, "nf4": 4.5},
    shape=ModelShape(
        hidden=3072, intermediate=8192, layers=32, heads=32, key_value_heads=32, head=96, vocabulary=32064, tied=False
    ),
    template="ends a turn with <|end|> and a finished chat with <|endoftext|>; writes no BOS",
    page="https://huggingface.co/microsoft/Phi-3-mini-4k-instruct",
)
