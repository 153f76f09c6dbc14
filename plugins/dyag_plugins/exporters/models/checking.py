"""Does an exported form still answer like the model? The test that every exporter of models ends with."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from dyag_core import Decoding, Engine, Reply, Run
from dyag_core.api import Parity, ParityTest, bytes_text, prompt_ids, read_questions
from dyag_plugins.engines.llamacpp import parity
from dyag_plugins.engines.transformers import loading
from dyag_plugins.engines.transformers.engine import TransformersEngine
from dyag_plugins.exporters.models.source import ModelOptions, ModelSource

#: What stands in the name of a weights file that answers too differently. It still loads, once it is renamed.
BELOW = ".below-parity"


@dataclass(frozen=True)
class Form:
    """One exported form of a model: what it is called, its weights files with their size in bytes, and how it answers.
    One that was only tried has no files.

    `bits` is per weight, as measured. `rendered` counts the prompts that the other program turned into the same token
    ids as DYAG. `wanted` is the share of equal answers that it has to reach, in percent.
    """

    label: str
    weights: tuple[str, ...]
    size: int
    bits: float | None = None
    parity: Parity | None = None
    rendered: int | None = None
    wanted: float = 0.0

    @property
    def fault(self) -> str:
        """Why it should not be used; "" where it answers as it has to."""
        if self.parity is None:
            return ""
        asked = self.parity.asked
        if self.rendered is not None and self.rendered < asked:
            return (
                f"{self.label}: {asked - self.rendered} of {asked} prompts become other token ids than in training "
                "(its tokenizer or its chat template is not understood)"
            )
        if self.parity.share < self.wanted:
            return f"{self.label}: {self.parity.same} of {asked} answers are equal, {self.wanted:g} % are wanted"
        return ""

    def named(self, folder: Path) -> Form:
        """The same; its files in `folder` have a name that says so where it answers too differently."""
        if not self.fault:
            return self
        names = {name: f"{Path(name).stem}{BELOW}{Path(name).suffix}" for name in self.weights}
        for name, telling in names.items():
            (folder / name).rename(folder / telling)
        return replace(self, weights=tuple(names.values()))

    def to_json(self) -> dict[str, Any]:
        """For the manifest."""
        told: dict[str, Any] = {"form": self.label, "files": list(self.weights), "bytes": self.size}
        told |= {"bits_per_weight": round(self.bits, 2)} if self.bits else {}
        told |= {"rendered_alike": self.rendered} if self.rendered is not None else {}
        return told | {"parity": self.parity.to_json() if self.parity else None, "fault": self.fault}

    def __str__(self) -> str:
        """In one line, for people."""
        told = [f"{self.label}: {bytes_text(self.size)}"]
        told += [f"{self.bits:.2f} bits a weight"] if self.bits else []
        measured = self.parity
        if measured is None:
            return ", ".join(told)
        told.append(f"{measured.same} of {measured.asked} answers equal")
        if measured.parted:
            places = ", ".join(str(place + 1) for place in sorted(measured.parted)[:5])
            told.append(f"the others part at token {places}{' ...' if len(measured.parted) > 5 else ''}")
        if measured.difference is not None:
            difference, low, high = measured.difference
            told.append(
                f"success {measured.score:.1f} %, the model {measured.model_score:.1f} % "
                f"({difference:+.1f} points, 95 % interval {low:+.1f} to {high:+.1f})"
            )
        return ", ".join([*told, f"{measured.tokens_a_second:.0f} tokens/s"])


@dataclass(eq=False)
class Check:
    """The model's own answers to the test questions (or to 20 prompts), and what the exported forms answer."""

    source: ModelSource
    options: ModelOptions
    run: Run
    _test: ParityTest = field(init=False)

    def __post_init__(self) -> None:
        """Read the questions, before anything long begins."""
        tokenizer = self.source.merged.tokenizer

        def encode(text: str) -> list[int]:
            return list(tokenizer(text, add_special_tokens=False)["input_ids"])

        if self.options.questions is None:
            self._test = ParityTest(parity.prompts(), encode, decoding=parity.DECODING)
            return
        left_out: list[str] = []
        questions = read_questions(self.options.questions, self.source.system, left_out)
        if left_out:
            self.run.warn(f"{self.options.questions}: {len(left_out)} rows are no questions, and are not asked")
        if len(questions) > self.options.limit:
            questions = [questions[i * len(questions) // self.options.limit] for i in range(self.options.limit)]
        metric = self.run.plugins.choose("metrics", "success")
        self._test = ParityTest([question.messages for question in questions], encode, questions, metric, Decoding())

    @property
    def asked(self) -> bool:
        """Whether the user wants it measured."""
        return self.options.parity > 0

    @cached_property
    def expected(self) -> list[Reply]:
        """What the model itself answers, through its adapter."""
        with contextlib.closing(TransformersEngine(*self.source.merged.loaded, batch_size=20)) as engine:
            return self._test.answers(engine, self.run, "the model itself")

    @cached_property
    def prompts(self) -> list[list[int]]:
        """The prompts as token ids, as DYAG trains and asks with."""
        return [prompt_ids(self.source.merged.tokenizer, prompt) for prompt in self._test.prompts]

    def compare(self, engine: Engine, what: str) -> Parity:
        """How another form answers, opened as `engine`."""
        expected = self.expected
        return self._test.compare(self._test.answers(engine, self.run, what), expected, self.run)

    def rendered_alike(self, rendered: Sequence[Sequence[int]]) -> int:
        """How many prompts another program turned into the same ids."""
        return sum(list(theirs) == ours for theirs, ours in zip(rendered, self.prompts, strict=True))

    @property
    def messages(self) -> Sequence[Any]:
        """The prompts as chats."""
        return self._test.prompts

    def of_folder(self, label: str, folder: Path, base_path: str, adapter: Path | None) -> Form:
        """A form in `folder` that transformers opens: a whole model, or an adapter on its base."""
        weights = sorted(folder.glob("*.safetensors"))
        form = Form(label, tuple(file.name for file in weights), sum(file.stat().st_size for file in weights))
        if not self.asked:
            return form
        expected = self.expected
        self.source.merged.release()  # there is seldom room for two
        # a model that was given its template ends where the template does, see `ends`; a client is told in the card
        given = self.source.template if self.source.merged.chat_template is not None else None
        model, tokenizer = loading.load(base_path, adapter, "cpu", "float32", given)
        with contextlib.closing(TransformersEngine(model, tokenizer, batch_size=20)) as engine:
            answers = self._test.answers(engine, self.run, label)
        rendered = self.rendered_alike([prompt_ids(tokenizer, prompt) for prompt in self.messages])
        measured = self._test.compare(answers, expected, self.run)
        return replace(form, parity=measured, rendered=rendered, wanted=self.options.parity)
