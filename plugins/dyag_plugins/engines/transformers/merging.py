"""A fine-tuned model as one: the adapter merged into the unquantised base, in memory and as a folder."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from dyag_core import UsageError
from dyag_core.api import quiet_libraries
from dyag_plugins.engines.transformers import loading


@dataclass(frozen=True)
class Merged:
    """Base model and adapter; they are loaded and merged when that is first needed."""

    base_path: str
    adapter: Path | None
    chat_template: str | None = None

    @cached_property
    def loaded(self) -> tuple[Any, Any]:
        """Model in float32 with the adapter in its weights, which `load` has checked; and tokenizer."""
        return loading.load(self.base_path, self.adapter, "cpu", "float32", self.chat_template)

    def refuse_code(self, needed_by: str) -> None:
        """Refuse what a tokenizer's or a converter's loading would run as code, before anything is read.

        Raises:
            UsageError: no model there, or one with program code in it.
        """
        if not Path(self.base_path).is_dir():
            raise UsageError(f"{self.base_path}: {needed_by} needs the model in a folder", "use --engine transformers")
        loading.refuse_custom_code(self.base_path)
        if self.adapter is not None:
            loading.check_adapter_folder(self.adapter)
            loading.refuse_code_keys(self.adapter)
        for folder in filter(None, (Path(self.base_path), self.adapter)):
            code = sorted(folder.rglob("*.py"))
            if code:
                raise UsageError(
                    f"{folder} holds program code ({code[0].relative_to(folder)}), which a conversion might run",
                    "remove the file if the model needs none of its own code; DYAG loads no custom code",
                )

    def release(self) -> None:
        """Free the memory of what is loaded; it is loaded again if need be."""
        self.__dict__.pop("loaded", None)

    @cached_property
    def tokenizer(self) -> Any:
        """The adapter's own tokenizer where it has one, else the base model's."""
        return loading.tokenizer_of(self.base_path, self.adapter, self.chat_template)

    def save(self, folder: Path, dtype: str = "float32") -> None:
        """Weights (safetensors) in `dtype`, configuration and tokenizer. OSError: no room."""
        import torch
        from safetensors import SafetensorError

        model, tokenizer = self.loaded
        weights = {name: tensor.to(getattr(torch, dtype)) for name, tensor in model.state_dict().items()}
        # saving draws a bar that no setting turns off; a failure is raised, not printed
        with quiet_libraries(), contextlib.redirect_stderr(io.StringIO()):
            try:
                model.save_pretrained(folder, state_dict=weights)
            except SafetensorError as error:
                number = re.search(r"os error (\d+)", str(error))
                raise (OSError(int(number[1]), os.strerror(int(number[1]))) if number else error) from error
            tokenizer.save_pretrained(folder)
        if dtype != "float32":  # what is loaded is in float32, and its configuration says so
            config = json.loads((folder / "config.json").read_text(encoding="utf-8")) | {"dtype": dtype}
            (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        pieces = Path(self.base_path) / "tokenizer.model"
        if pieces.is_file():  # the converter reads some tokenizers from their sentencepiece file alone
            shutil.copyfile(pieces, folder / pieces.name)
