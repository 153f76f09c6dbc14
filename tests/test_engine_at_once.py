"""The transformers engine with several callers: rows join and leave one batch, arms share one base model."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from dyag_core import Decoding, DyagError, Engine, Message, Reply
from dyag_core.plugin.host import Plugins
from dyag_core.plugin.run import Run

torch = pytest.importorskip("torch")

PROMPTS = [[Message(role="user", content=f"{'licence outil version ' * (1 + n % 5)} {n} ?")] for n in range(12)]
LONG = Decoding(max_new_tokens=40)


def engine(base: Path, adapter: Path | None = None, **options: Any) -> Any:
    plugins = Plugins()
    run = Run(stage="serve", folder=base, plugins=plugins)
    return plugins.engine(plugins.choose("engines", "transformers", options), str(base), adapter, run)


def streamed(model: Engine, prompt: Sequence[Message], decoding: Decoding = LONG) -> Reply:
    stream = model.stream(prompt, decoding)
    pieces, reply = [], None
    while reply is None:
        try:
            pieces.append(next(stream))
        except StopIteration as end:
            reply = end.value
    assert "".join(pieces) == reply.text
    return reply


def alone(model: Engine, prompts: Sequence[Sequence[Message]], decoding: Decoding = LONG) -> list[str]:
    return [next(model.answer([prompt], decoding))[1].text for prompt in prompts]


@pytest.fixture
def lively(make_model: Any) -> Callable[..., Path]:
    return lambda **config: make_model("lively", initializer_range=0.4, tie_word_embeddings=False, **config)


def adapter_of(base: Path, folder: Path, *, scale: float = 0.5, **config: Any) -> Path:
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.manual_seed(1)
    settings = {"r": 4, "lora_alpha": 8, "target_modules": "all-linear", "task_type": "CAUSAL_LM"} | config
    wrapped = get_peft_model(AutoModelForCausalLM.from_pretrained(base), LoraConfig(**settings))
    for key, weight in wrapped.named_parameters():
        if "lora_B" in key:
            torch.nn.init.normal_(weight, std=scale) if scale else torch.nn.init.zeros_(weight)
    wrapped.save_pretrained(folder)
    AutoTokenizer.from_pretrained(base).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("kind", [{}, {"config_class": "Gemma3TextConfig", "head_dim": 16, "sliding_window": 32}])
def test_streams_that_come_and_go_say_what_each_says_alone(lively: Callable[..., Path], kind: dict[str, Any]) -> None:
    """Gemma's cache keeps a window: its rows wait for each other, and the answers are the same."""
    model = engine(lively(**kind), batch_size=4)
    decodings = [Decoding(max_new_tokens=5 + 5 * (n % 7), temperature=float(n % 2), seed=n) for n in range(12)]
    expected = [alone(model, [prompt], each)[0] for prompt, each in zip(PROMPTS, decodings, strict=True)]

    def ask(n: int) -> str:
        time.sleep(0.01 * n)
        return streamed(model, PROMPTS[n], decodings[n]).text

    with ThreadPoolExecutor(12) as pool:
        assert list(pool.map(ask, range(12))) == expected
    assert len(set(expected)) > 6
    model.close()


def test_rows_really_are_decoded_together_and_the_cache_does_not_grow_for_ever(lively: Callable[..., Path]) -> None:
    model = engine(lively(), batch_size=4)
    shapes: list[tuple[int, int]] = []
    model._model.register_forward_pre_hook(
        lambda _m, _a, given: shapes.append(tuple(given["attention_mask"].shape)), with_kwargs=True
    )
    stop = threading.Event()

    def chat() -> None:
        while not stop.is_set():
            streamed(model, PROMPTS[0], Decoding(max_new_tokens=8))

    threads = [threading.Thread(target=chat) for _ in range(4)]
    for number, thread in enumerate(threads):
        time.sleep(0.02 * number)  # so that they never all end at one step
        thread.start()
    time.sleep(1.5)
    stop.set()
    for thread in threads:
        thread.join()
    assert max(rows for rows, _ in shapes) > 1
    length = model.count_tokens(PROMPTS[0]) + 8
    assert max(width for _, width in shapes) <= 2 * length
    model.close()


def test_a_stream_that_is_closed_leaves_the_batch(lively: Callable[..., Path]) -> None:
    model = engine(lively(), batch_size=1)
    expected = alone(model, PROMPTS[1:2])
    stream = model.stream(PROMPTS[0], Decoding(max_new_tokens=400))
    next(stream)
    stream.close()
    assert [streamed(model, PROMPTS[1]).text] == expected  # its place is free, though one row is all there is
    model.close()


def test_what_computing_raises_reaches_every_caller_and_the_next_is_answered(lively: Callable[..., Path]) -> None:
    model = engine(lively(), batch_size=4)
    expected = alone(model, PROMPTS[:1])
    broken = model._model.register_forward_pre_hook(lambda *_: (_ for _ in ()).throw(RuntimeError("no more")))
    for _ in range(2):
        with pytest.raises(RuntimeError, match="no more"):
            streamed(model, PROMPTS[0])
    broken.remove()
    assert [streamed(model, PROMPTS[0]).text] == expected
    model.close()


def test_base_and_fine_tuned_answers_from_one_model_in_memory(lively: Callable[..., Path], tmp_path: Path) -> None:
    base = lively()
    adapter = adapter_of(base, tmp_path / "final")
    merged, plain = alone(engine(base, adapter), PROMPTS), alone(engine(base), PROMPTS)
    assert merged != plain
    first = engine(base, batch_size=8)
    tuned = first.with_adapter(adapter)
    assert tuned._model is first._model
    assert alone(first, PROMPTS) == plain
    assert alone(tuned, PROMPTS) == merged
    with ThreadPoolExecutor(12) as pool:
        mixed = list(pool.map(lambda n: streamed((first, tuned)[n % 2], PROMPTS[n]).text, range(12)))
    assert mixed == [(plain, merged)[n % 2][n] for n in range(12)]
    assert first.with_adapter(adapter) is None
    first.close()


def test_an_adapter_that_can_not_stand_beside_is_left_to_be_merged(lively: Callable[..., Path], tmp_path: Path) -> None:
    base = lively()
    dora = adapter_of(base, tmp_path / "dora", use_dora=True)
    model = engine(base)
    assert model.with_adapter(dora) is None
    assert alone(model, PROMPTS[:1])
    with pytest.raises(DyagError, match="exactly as its base"):
        model.with_adapter(adapter_of(base, tmp_path / "nothing", scale=0))
