"""Texts as unit vectors, by an embedding model in the layout of sentence-transformers (Reimers & Gurevych 2019).

transformers does the work; pooling (mean, first or last token) is read from the model's folder. The library
sentence-transformers is left out: for these three it adds scikit-learn and several seconds of imports, and it takes
pickled weights, and modules that a model's files name. A model that needs more than pooling is refused by name.

The other kind of model is the Universal Sentence Encoder, told by its files: it gives a text its vector by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from dyag_core import UsageError
from dyag_core.api import file_sha256, read_json, sha256_of
from dyag_plugins.encoders import Encoder
from dyag_plugins.sentence_encoder import WEIGHTS, SentenceEncoder

#: The longest text in tokens, where the model's folder doesn't say.
_LENGTH = 512
#: What a vector depends on.
_FILES = (".safetensors", ".npz", ".json", ".txt", ".model")
_MODULES = ("Transformer", "Pooling", "Normalize")
_POOLINGS = {
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_cls_token": "first",
    "pooling_mode_lasttoken": "last",
}


class Embedder:
    """Loads its model when it is first asked for a vector.

    Args:
        folder: the model, as `from_pretrained` takes it, with weights in safetensors; or a sentence encoder's files.
        batch_size: texts at once, where a model is one of transformers.

    Raises:
        UsageError: the model's folder asks for something that is not done here.
    """

    def __init__(self, folder: Path, batch_size: int) -> None:
        self.folder = folder
        self._batch_size = batch_size
        self._pooling = None if (folder / WEIGHTS).is_file() else _pooling(folder)

    @cached_property
    def sha256(self) -> str:
        """Hash of everything that a vector depends on: weights, tokenizer, configuration."""
        files = sorted(p for p in self.folder.rglob("*") if p.suffix in _FILES)
        own = [file for file in files if file.name != "dyag-model.json"]
        return sha256_of([[file.relative_to(self.folder).as_posix(), file_sha256(file)] for file in own])

    def vectors(self, texts: Sequence[str], advance: Callable[[int], None] | None = None) -> Any:
        """Unit vectors, float32 (texts x width). `advance` is told how many more are there, batch by batch.

        A text longer than the model takes is cut.
        """
        import numpy as np

        rows: list[Any] = [None] * len(texts)
        for places, vectors in self._batches(texts):
            for place, row in zip(places, vectors, strict=True):
                rows[place] = row
            if advance is not None:
                advance(len(places))
        return np.stack(rows) if rows else np.zeros((0, 0), dtype=np.float32)

    def _batches(self, texts: Sequence[str]) -> Iterator[tuple[list[int], Any]]:
        """The texts' places, and their unit vectors."""
        if self._pooling is None:
            yield from self._sentence_encoder.batches(texts)
            return
        import torch

        for places, states, mask, _ in self._encoder.batches(texts, longest=self._length):
            yield places, torch.nn.functional.normalize(_POOL[self._pooling](states, mask), dim=-1).cpu().numpy()

    @cached_property
    def _encoder(self) -> Encoder:
        return Encoder(self.folder, self._batch_size)

    @cached_property
    def _sentence_encoder(self) -> SentenceEncoder:
        return SentenceEncoder(self.folder)

    @cached_property
    def _length(self) -> int:
        """The longest text in tokens."""
        told = self.folder / "sentence_bert_config.json"
        length = read_json(told).get("max_seq_length") if told.is_file() else None
        positions = read_json(self.folder / "config.json").get("max_position_embeddings") or _LENGTH
        return int(length or min(positions, _LENGTH))


def _pooling(folder: Path) -> str:
    modules = folder / "modules.json"
    if modules.is_file():
        kinds = [str(module.get("type")).rsplit(".", 1)[-1] for module in read_json(modules)]
        others = [kind for kind in kinds if kind not in _MODULES]
        if others:
            raise UsageError(
                f"{folder}: this embedding model has a layer {others[0]!r}, which is not computed here",
                "choose one made of Transformer, Pooling and Normalize (MiniLM, E5, BGE, GTE, ...)",
            )
    told = folder / "1_Pooling" / "config.json"
    config = read_json(told) if told.is_file() else {"pooling_mode_mean_tokens": True}
    wanted = [key for key, value in config.items() if key.startswith("pooling_mode_") and value is True]
    if len(wanted) != 1 or wanted[0] not in _POOLINGS:
        raise UsageError(
            f"{told}: this pooling is not known here: {', '.join(wanted) or 'none'}", "mean, cls, lasttoken"
        )
    return _POOLINGS[wanted[0]]


def _mean(states: Any, mask: Any) -> Any:
    weights = mask.unsqueeze(-1).to(states.dtype)
    return (states * weights).sum(1) / weights.sum(1).clamp(min=1e-9)


def _first(states: Any, mask: Any) -> Any:
    return states[:, 0]


def _last(states: Any, mask: Any) -> Any:
    """The last token that is no padding (padding stands on the right)."""
    last = mask.sum(1) - 1
    return states[range(len(states)), last]


_POOL = {"mean": _mean, "first": _first, "last": _last}
