"""What every exporter of models starts from: the fine-tuned model that the user named, and what to call it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field

from dyag_core import Run
from dyag_core.api import Models, detect_language, end_of_turn_ids, stop_texts, takes_system
from dyag_plugins.engines.transformers.merging import Merged

#: DYAG renders every prompt with these values (see `dyag_core.chat.template`). Other programs know nothing of them, so
#: they go into the exported template: else Llama 3.2 is told another date each day, and Qwen 3 thinks aloud.
_VARIABLES = {"date_string": '"26 Jul 2024"', "enable_thinking": "false"}

_SEATED = (
    "{%- if messages|length > 1 and messages[0]['role'] == 'system' and messages[1]['role'] == 'user' %}"
    "{%- set messages = [{'role': 'user', 'content': messages[0]['content'] + '\\n\\n' + messages[1]['content']}]"
    " + messages[2:] %}{%- endif %}"
)


class ModelOptions(BaseModel, extra="forbid"):
    """What all exporters of models can be told."""

    name: str | None = Field(None, description="what the files are called; by default the run's folder")
    base_model: str | None = Field(None, description="the base model, where it can't be found from the adapter")
    chat_template: str | None = Field(None, description="chatml, gemma, plain or a file, for another tool's adapter")
    lang: Literal["en", "fr"] | None = Field(None, description="of the model card; by default the training data's")
    results: Path | None = Field(None, description="results file of this model (dyag evaluate), for the card")
    questions: Path | None = Field(None, description="test questions to compare with; by default 20 prompts")
    limit: int = Field(100, ge=1, description="so many of the questions at most, spread over the file")
    parity: float = Field(
        95.0, ge=0, le=100, description="share of equal answers, in %, under which the export fails; 0: don't ask"
    )


@dataclass(frozen=True, eq=False)
class ModelSource:
    """A fine-tuned model on this machine."""

    models: Models
    merged: Merged
    adapter: Path
    name: str
    lang: str
    system: str | None

    @classmethod
    def of(cls, source: Path, options: ModelOptions, run: Run) -> ModelSource:
        """The model in the folder `source`, checked: nothing in it runs code.

        Raises:
            UsageError: no fine-tuned model there, its base can't be had, or it brings program code.
        """
        models = Models.resolve(
            source, options.base_model, run.plugins, run.progress, chat_template=options.chat_template
        )
        assert models.model is not None
        merged = Merged(models.base_path, models.model, models.base.chat_template)
        merged.refuse_code("an export")
        passport = models.passport
        system = passport.system_prompt if passport else None
        told = (passport.lang if passport else None) or (detect_language([system]) if system else "en")
        folder = models.model.resolve()
        name = options.name or (folder.parent.name if folder.name == "final" else folder.name)
        safe = re.sub(r"[^\w.-]+", "-", name).strip("-.") or "model"
        return cls(models, merged, models.model, safe, options.lang or told, system)

    @property
    def template(self) -> str:
        """The chat template as other programs need it: it renders what DYAG trained with."""
        tokenizer = self.merged.tokenizer
        return fixed_template(tokenizer.chat_template, takes_system(tokenizer))

    @property
    def ends(self) -> list[str]:
        """The texts that end an answer: control tokens, and for a template that was given what it writes there."""
        tokenizer = self.merged.tokenizer
        tokens = [tokenizer.convert_ids_to_tokens(number) for number in sorted(end_of_turn_ids(tokenizer))]
        return list(dict.fromkeys([*tokens, *stop_texts(tokenizer)]))

    def save_merged(self, folder: Path, dtype: str = "auto") -> None:
        """One model without an adapter, as plain `from_pretrained` and vLLM read it.

        Args:
            dtype: float32, float16, bfloat16; auto: what the base model's weights are in.
        """
        self.merged.save(folder, self._dtype(dtype))
        self.settle(folder)

    def settle(self, folder: Path) -> None:
        """Make a saved tokenizer fit for other programs: template, older readers, how answers end."""
        from transformers import GenerationConfig

        tokenizer = self.merged.tokenizer
        (folder / "chat_template.jinja").write_text(self.template, encoding="utf-8")
        path = folder / "tokenizer_config.json"
        config: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if config.get("tokenizer_class") == "TokenizersBackend":  # transformers 5 reads this name, too; 4 no other
            config["tokenizer_class"] = "PreTrainedTokenizerFast"
        for key in ("backend", "is_local", "local_files_only", "chat_template"):
            config.pop(key, None)
        path.write_text(json.dumps(config, indent=2, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")
        GenerationConfig(
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=sorted(end_of_turn_ids(tokenizer)),
            pad_token_id=tokenizer.pad_token_id,
            do_sample=False,
        ).save_pretrained(folder)

    def _dtype(self, wanted: str) -> str:
        if wanted != "auto":
            return wanted
        config = json.loads((Path(self.merged.base_path) / "config.json").read_text(encoding="utf-8"))
        found = config.get("dtype") or config.get("torch_dtype") or "float32"
        return found if found in ("float32", "float16", "bfloat16") else "float32"


def fixed_template(template: str, takes_system: bool = True) -> str:
    """`template` with what DYAG does around it written into it: the values it is rendered with, where it asks for them,
    and the system turn at the head of the first question, where it has no place of its own for one.
    """
    fixed = [f"set {name} = {value}" for name, value in _VARIABLES.items() if re.search(rf"\b{name}\b", template)]
    head = "".join(f"{{%- {statement} %}}" for statement in fixed) + ("" if takes_system else _SEATED)
    if not head:
        return template
    return head + ("\n" if template.startswith("\n") else "") + template  # a newline behind a statement is dropped
