"""A base model preset: data, not code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dyag_core.markers import hookimpl


@dataclass(frozen=True, kw_only=True)
class ModelShape:
    """The sizes of a decoder that decide how much memory it takes.

    Args:
        hidden: width of the residual stream.
        intermediate: width inside the MLP.
        layers: number of decoder layers.
        heads: query heads of `head` elements each.
        key_value_heads: key and value heads.
        head: elements of a head.
        vocabulary: tokens.
        tied: whether output and input embeddings are one matrix.
    """

    hidden: int
    intermediate: int
    layers: int
    heads: int
    key_value_heads: int
    head: int
    vocabulary: int
    tied: bool = True

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> ModelShape:
        """The shape that a `config.json` describes. KeyError: it doesn't say (a kind of model we don't know)."""
        config = config.get("text_config") or config
        hidden, heads = int(config["hidden_size"]), int(config["num_attention_heads"])
        return cls(
            hidden=hidden,
            intermediate=int(config["intermediate_size"]),
            layers=int(config["num_hidden_layers"]),
            heads=heads,
            key_value_heads=int(config.get("num_key_value_heads") or heads),
            head=int(config.get("head_dim") or hidden // heads),
            vocabulary=int(config["vocab_size"]),
            tied=bool(config.get("tie_word_embeddings", True)),
        )

    def linears(self) -> list[tuple[str, int, int]]:
        """(name, outputs, inputs) of every linear layer of the decoder, without the output embedding."""
        query, keys = self.heads * self.head, self.key_value_heads * self.head
        one_layer = [
            ("q_proj", query, self.hidden),
            ("k_proj", keys, self.hidden),
            ("v_proj", keys, self.hidden),
            ("o_proj", self.hidden, query),
            ("gate_proj", self.intermediate, self.hidden),
            ("up_proj", self.intermediate, self.hidden),
            ("down_proj", self.hidden, self.intermediate),
        ]
        return one_layer * self.layers


@dataclass(frozen=True, eq=False, kw_only=True)
class BaseModelPreset:
    """A base model that DYAG knows how to get and to train. An instance is a whole plugin: it answers with itself.

    Args:
        name: what the user types (`qwen2.5:1.5b`).
        source: `hub:ORG/NAME`, `pypi:PACKAGE==VERSION!FILE.gguf`, `pypi:PACKAGE==VERSION!FOLDER/`, `folder:PATH`, or
            `server:NAME` for remote engines. Several `PACKAGE==VERSION!PART` after `pypi:`, joined by "+", are parts of
            one GGUF file.
        parameters: number of parameters.
        licence: SPDX id or the licence's own name.
        gated: True where the hub asks for acceptance and a token.
        context_length: tokens.
        revision: commit or tag on the hub; None means the hub's newest, recorded in the passport when loaded.
        sha256: for `pypi:` sources, of the distribution file; of the GGUF file where that is in parts.
        terms: `PACKAGE==VERSION!FILE` with the text of a licence that a person has to accept before the model is
            fetched; "" where nothing has to be.
        vram_gb: {"lora": GB, "nf4": GB} to train with, as published; None where nobody measured it.
        shape: the model's sizes, for estimates before it is downloaded.
        lora_targets: module names, or "all-linear".
        learning_rate: the LoRA trainer's default for a model of this size.
        template: what is particular about the chat template.
        chat_template: one for a model that comes without its own: `chatml`, `gemma`, `plain`, or a template's text.
    """

    name: str
    source: str
    parameters: float
    licence: str
    gated: bool = False
    context_length: int = 2048
    revision: str | None = None
    sha256: str | None = None
    terms: str = ""
    vram_gb: dict[str, float] | None = None
    shape: ModelShape | None = None
    lora_targets: str | tuple[str, ...] = "all-linear"
    learning_rate: float = 2e-4
    template: str = ""
    chat_template: str | None = None
    page: str = ""
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def training_length(self) -> int:
        """The longest training example in tokens, unless the user says otherwise: the context, up to 2048.

        Longer rows are mistakes more often than not.
        """
        return min(self.context_length, 2048)

    @classmethod
    def from_folder(cls, folder: Path) -> BaseModelPreset:
        """A preset for a model on disk; what its `config.json` doesn't say is left at the defaults."""
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        return cls(
            name=folder.resolve().name,
            source=f"folder:{folder}",
            parameters=0.0,
            licence="unknown",
            context_length=int(config.get("max_position_embeddings") or 2048),
        )

    @classmethod
    def from_hub(cls, repository: str) -> BaseModelPreset:
        """A preset for a model on the hub that none of the presets describes."""
        return cls(
            name=repository,
            source=f"hub:{repository}",
            parameters=0.0,
            licence="unknown",
            page=f"https://huggingface.co/{repository}",
        )

    @classmethod
    def on_server(cls, name: str) -> BaseModelPreset:
        """A preset for a model that a server holds under `name`; nothing else is known about it."""
        return cls(name=name, source=f"server:{name}", parameters=0.0, licence="unknown")

    @hookimpl
    def dyag_base_model(self) -> BaseModelPreset:
        """The preset is its own plugin."""
        return self
