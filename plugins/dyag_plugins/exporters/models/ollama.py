"""Exporter `ollama`: a folder for `ollama create`: GGUF file, Modelfile, and a README with the two commands."""

from __future__ import annotations

import shlex
import unicodedata
from pathlib import Path
from typing import Literal

from pydantic import Field

from dyag_core import Exported, Run, UsageError, hookimpl
from dyag_core.api import atomic_folder
from dyag_plugins.exporters.models.card import Card
from dyag_plugins.exporters.models.checking import Check
from dyag_plugins.exporters.models.gguf_files import GGUFOptions, context_of, write_files
from dyag_plugins.exporters.models.go_template import NotTranslatedError, Turns, renderer
from dyag_plugins.exporters.models.source import ModelSource
from dyag_plugins.exporters.models.writing import exported, file_to_use

#: Since then a GGUF file's own chat template counts where the Modelfile has none.
_READS_JINJA = "0.30.0"


class OllamaOptions(GGUFOptions):
    """What goes into the Modelfile."""

    template: Literal["auto", "go", "raw"] = Field(
        "auto", description="go: translate the chat template or fail; raw: leave it to the file; auto: go where it can"
    )


class OllamaExporter:
    """The GGUF file, already quantised (Ollama no longer does it), and a Modelfile that makes it answer as in training.

    System prompt, ends of a turn, context and temperature are written out: Ollama would guess others. The template is
    translated into Go's language, which every version of Ollama reads; where it can't be, the file's own one counts.
    """

    dyag_api = 1
    requires = ("torch", "transformers", "peft", "gguf", "xllamacpp")
    Options = OllamaOptions

    @hookimpl
    def dyag_export(self, source: Path, output: Path, options: OllamaOptions, run: Run) -> Exported:
        """Write the file as `gguf` does, and what Ollama has to know about it."""
        model = ModelSource.of(source, options, run)
        check, card = Check(model, options, run), Card(model, options)
        turns, why = _turns(model, options)
        with atomic_folder(output) as folder:
            forms = write_files(model, check, options, folder, run)
            name = file_to_use(forms)
            bos = _added_bos(folder / name, model)
            text = modelfile(model, name, turns.without(bos).go() if turns else None, context_of(model))
            (folder / "Modelfile").write_text(text, encoding="utf-8")
            commands = f"ollama create {model.name.lower()} -f Modelfile\nollama run {model.name.lower()}"
            card.write(folder, "ollama", forms, f"```\n{commands}\n```", "gguf")
        notes = _dropped(model)
        if turns is None:
            notes.append(f"no TEMPLATE in the Modelfile, Ollama {_READS_JINJA} or later is needed: {why}")
        use = f"ollama create {model.name.lower()} -f {shlex.quote(str(output / 'Modelfile'))}"
        return exported(model, output, forms, use, notes)


def modelfile(model: ModelSource, weights: str, template: str | None, context: int) -> str:
    """The Modelfile. ADAPTER isn't used: Ollama has taken none since 0.34.1."""
    base = model.models.base
    lines = [f"FROM ./{weights}"]
    lines.append(f'TEMPLATE """{template}"""' if template is not None else f"REQUIRES {_READS_JINJA}")
    if model.system:
        lines.append(f'SYSTEM """{_said(model.system)}"""')
    lines += [f'PARAMETER stop "{end}"' for end in model.ends if '"' not in end and end.strip()]
    lines += [f"PARAMETER num_ctx {context}", "PARAMETER temperature 0"]
    licence = f"{base.name}: {base.licence}{f' ({base.page})' if base.page else ''}"
    return "\n".join([*lines, f'LICENSE """{licence}"""']) + "\n"


def _turns(model: ModelSource, options: OllamaOptions) -> tuple[Turns | None, str]:
    """The chat template's texts, or None and why."""
    if options.template == "raw":
        return None, "-o template=raw leaves the chat template to the file"
    try:
        return Turns.of(renderer(model.merged.tokenizer, model.template)), ""
    except NotTranslatedError as error:
        why = f"the chat template can't be translated, {error}"
        if options.template == "go":
            raise UsageError(why, "use -o template=raw: Ollama then reads the template in the file") from error
        return None, why


def _added_bos(path: Path, model: ModelSource) -> str:
    """The token that llama.cpp puts before every prompt of this file by itself; "" where it puts none."""
    from gguf import GGUFReader

    field = GGUFReader(path).fields.get("tokenizer.ggml.add_bos_token")
    return model.merged.tokenizer.bos_token or "" if field is not None and field.contents() else ""


def _dropped(model: ModelSource) -> list[str]:
    """What Ollama's parser leaves out of the system prompt: it keeps what Go calls printable."""
    lost = {c for c in model.system or "" if c not in " \t\n" and unicodedata.category(c)[0] in "ZC"}
    return [f"Ollama leaves {', '.join(map(repr, sorted(lost)))} out of the system prompt"] if lost else []


def _said(system: str) -> str:
    """The system prompt as Ollama's parser keeps it. UsageError: it can't hold it."""
    if '"""' in system:
        raise UsageError('the system prompt holds """, which ends a text in a Modelfile', "use --format gguf")
    return system
