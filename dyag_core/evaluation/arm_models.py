"""How a question becomes an answer: one path for all arms.

An arm is the base model or the fine-tuned one, asked with or without retrieved passages. Nothing else differs: same
messages, same decoding, same engine. The oracle is `rag` with a search that never misses.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dyag_core.artifacts import file_sha256, sha256_of
from dyag_core.errors import UsageError
from dyag_core.models.sources import opened_as, revision_of
from dyag_core.records.arm import Arm
from dyag_core.training.foreign_adapter import CONFIG, base_of, passport_of
from dyag_core.training.given_template import with_template
from dyag_core.training.passport import PASSPORT, model_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dyag_core.plugin.entry import Chosen
    from dyag_core.plugin.host import Plugins
    from dyag_core.plugin.protocols import Engine
    from dyag_core.plugin.run import Host, Run
    from dyag_core.progress import Progress
    from dyag_core.records import BaseModelPreset, Passport


@dataclass(frozen=True, eq=False)
class Models:
    """A base model on this machine and, where there is one, the fine-tuned model made from it.

    `passport` is None without a fine-tuned model, and for an adapter that another tool made.
    """

    base: BaseModelPreset
    base_path: str
    model: Path | None
    passport: Passport | None

    @classmethod
    def resolve(
        cls,
        model: Path | None,
        base_model: str | None,
        plugins: Host,
        progress: Progress,
        *,
        remote: bool = False,
        chat_template: str | None = None,
    ) -> Models:
        """Find the models. A fine-tuned model's passport says its base; `base_model` stands in if that can't be found,
        or if another tool made the adapter.

        For a `remote` engine, `base_model` is the name that the server knows the model by. `chat_template` is for a
        base model without one.

        Raises:
            UsageError: neither is given, there is no such model, the base is another than the passport's, or the
                template doesn't fit it.
        """
        if remote and chat_template is not None:
            raise UsageError(
                "--chat-template: this engine asks a server, which puts chats into its model's template itself",
                "give the template to the server (vLLM --chat-template, llama-server --chat-template-file), "
                "or use --engine transformers",
            )
        if remote and model is not None:
            raise UsageError(
                f"this engine asks a server and can't apply the adapter {model}",
                "serve the fine-tuned model and give its name as --base-model, or use --engine transformers",
            )
        if model is not None:
            passport, folder = passport_of(model), model_folder(model)
            base, base_path = base_of(folder, passport, plugins, base_model, progress)
            base = with_template(base, base_path, chat_template, passport, progress)
            return cls(base, base_path, folder, passport)
        if base_model is None:
            raise UsageError("no model was named", "give --model DIR or --base-model NAME (see: dyag models list)")
        base = plugins.base_model(base_model, remote=remote)
        base_path = opened_as(base, remote=remote, progress=progress)
        if not remote:
            base = with_template(base, base_path, chat_template, None, progress)
        return cls(base, base_path, None, None)

    def adapter(self, arm: Arm) -> Path | None:
        """What to apply to the base for `arm`. UsageError: the arm needs a fine-tuned model and there is none."""
        if arm.finetuned and self.model is None:
            raise UsageError(f"the {arm.name} arm needs a fine-tuned model", "give --model OUTPUT/final")
        return self.model if arm.finetuned else None

    def describe(self, arm: Arm) -> dict[str, Any]:
        """The models behind an arm, for results files: no path, only names and hashes."""
        described: dict[str, Any] = {
            "base_model": {
                "name": self.base.name,
                # a folder's place differs from machine to machine and says nothing about the model
                "source": "folder" if self.base.source.startswith("folder:") else self.base.source,
                "revision": revision_of(self.base, self.base_path),
            }
        }
        if self.base.chat_template is not None:
            described["base_model"]["chat_template"] = sha256_of(self.base.chat_template)[:16]
        if arm.finetuned and self.model is not None:
            folder = self.model.resolve()
            name = folder.parent.name if folder.name == "final" else folder.name
            described["model"] = {"name": name, "sha256": _fingerprint(folder)}
        return described

    def key(self, arm: Arm) -> str:
        """Changes whenever the weights behind `arm` do: for journals."""
        base = Path(self.base_path)
        files = sorted((p.name, p.stat().st_size) for p in base.iterdir() if p.is_file()) if base.is_dir() else []
        config = file_sha256(base / "config.json") if (base / "config.json").is_file() else None
        return sha256_of([self.describe(arm), files, config])


def _fingerprint(model: Path) -> str:
    """Hash over a fine-tuned model's passport (another tool's adapter has its configuration alone) and weights."""
    about = model / PASSPORT
    files = [about if about.is_file() else model / CONFIG, *sorted(model.glob("*.safetensors"))]
    return sha256_of([[file.name, file_sha256(file)] for file in files])


@contextmanager
def opened_engine(
    chosen: Chosen, models: Models, arm: Arm, plugins: Plugins, run: Run, chat_template: str | None = None
) -> Iterator[Engine]:
    """The engine that answers for `arm` (and for every arm on the same model); closed at the end.

    `chat_template` stands in for the one that the base model was given.
    """
    template = chat_template or models.base.chat_template
    engine = plugins.engine(chosen, models.base_path, models.adapter(arm), run, template)
    try:
        yield engine
    finally:
        engine.close()
