"""A model as GGUF files: converted once to f16, quantised from there, each asked what the model was asked."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from dyag_core import ResourceError, Run
from dyag_core.api import bytes_text, stop_texts
from dyag_plugins.engines.llamacpp import convert
from dyag_plugins.engines.transformers import loading
from dyag_plugins.exporters.models.checking import Check, Form
from dyag_plugins.exporters.models.llama_server import ServedFile
from dyag_plugins.exporters.models.quantize import bits_a_weight, quantize
from dyag_plugins.exporters.models.source import ModelOptions, ModelSource

Kind = Literal["f16", "q8_0", "q6_k", "q5_k_m", "q4_k_m"]
#: From the largest to the smallest: the order in which `auto` tries them.
_ALL: tuple[Kind, ...] = ("f16", "q8_0", "q6_k", "q5_k_m", "q4_k_m")
#: Tokens that prompt and answer share while the files are checked, and in Ollama: its own default is smaller.
CONTEXT = 4096


def _listed(value: object) -> object:
    return [part.strip().lower() for part in value.split(",")] if isinstance(value, str) and value != "auto" else value


class GGUFOptions(ModelOptions):
    """Which files, and who quantises them."""

    quantization: Annotated[Literal["auto"] | tuple[Kind, ...], BeforeValidator(_listed)] = Field(
        ("q8_0",),
        description="f16, q8_0, q6_k, q5_k_m, q4_k_m, several with commas; auto: the smallest that shows no loss",
    )
    quantizer: Literal["auto", "llama-quantize", "xllamacpp"] = Field(
        "auto", description="auto: llama-quantize where it is on the PATH, else the kernels in xllamacpp"
    )


def context_of(model: ModelSource) -> int:
    """CONTEXT, or what the model holds."""
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(model.merged.base_path, trust_remote_code=False)
    return min(CONTEXT, loading.context_length(config, model.merged.tokenizer))


def write_files(model: ModelSource, check: Check, options: GGUFOptions, folder: Path, run: Run) -> list[Form]:
    """Write the files that `options` ask for into `folder`; returns the forms in order, those that were tried too.

    Raises:
        ResourceError: no room. DyagError: the converter or the quantiser can't. As `quantize`.
    """
    work = folder / "work"
    full = _converted(model, work, run)
    if check.asked:
        _ = check.expected  # before the memory is needed for something else
    model.merged.release()
    forms: list[Form] = []
    for kind in _ALL if options.quantization == "auto" else options.quantization:
        path = folder / f"{model.name}-{kind.upper()}.gguf"
        if kind == "f16":
            shutil.copyfile(full, path)
        else:
            quantize(full, path, kind, options.quantizer, run)
        form = _checked(check, path, kind.upper(), context_of(model), stop_texts(model.merged.tokenizer))
        forms.append(form)
        if options.quantization == "auto" and _loses(form):
            break
    shutil.rmtree(work)
    return _smallest(forms, folder) if options.quantization == "auto" else [form.named(folder) for form in forms]


def _converted(model: ModelSource, work: Path, run: Run) -> Path:
    """The merged model as a GGUF file in f16, in `work`."""
    (work / "merged").mkdir(parents=True)
    weights = sum(file.stat().st_size for file in Path(model.merged.base_path).glob("*.safetensors"))
    free, wanted = shutil.disk_usage(work).free, 3 * weights
    if free < wanted:
        raise ResourceError(
            f"converting takes up to {bytes_text(wanted)} on the disk of {work.parent.parent}, "
            f"{bytes_text(free)} are free",
            "free some space, or choose another --output",
        )
    convert.fetched(run)
    full = work / "f16.gguf"
    with run.progress.task(f"converting {model.name} for llama.cpp"):
        model.save_merged(work / "merged", "float32")
        convert.convert(work / "merged", model.merged.tokenizer, full, "f16", run, name=model.name)
    shutil.rmtree(work / "merged")
    return full


def _checked(check: Check, path: Path, label: str, context: int, stops: Sequence[str]) -> Form:
    form = Form(label, (path.name,), path.stat().st_size, bits_a_weight(path)[0])
    if not check.asked:
        return form
    with contextlib.closing(ServedFile(path, context, stops)) as served:
        rendered = check.rendered_alike(served.rendered(check.messages))
        measured = check.compare(served, label)
    return replace(form, parity=measured, rendered=rendered, wanted=check.options.parity)


def _loses(form: Form) -> bool:
    """Whether fewer bits can only do worse: success shows a loss, or, where it isn't known, answers differ too much."""
    if form.parity is None or form.parity.difference is None:
        return bool(form.fault)
    return form.parity.loses


def _smallest(forms: Sequence[Form], folder: Path) -> list[Form]:
    """The smallest file that loses nothing stays alone in `folder`; the other forms keep their figures only."""
    good = [form for form in forms if not _loses(form)] or [forms[0]]
    best = min(good, key=lambda form: form.size)
    for form in forms:
        if form is not best:
            (folder / form.weights[0]).unlink()
    # where success is known, it decides; the share of equal answers stands in for it elsewhere
    known = best.parity is not None and best.parity.difference is not None
    kept = (replace(best, wanted=0.0) if known else best).named(folder)
    return [kept if form is best else replace(form, weights=()) for form in forms]
