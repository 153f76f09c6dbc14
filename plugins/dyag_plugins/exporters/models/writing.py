"""How every exporter of models ends: what was made, as the stage hands it on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dyag_core import Exported
from dyag_plugins.exporters.models.checking import BELOW, Form
from dyag_plugins.exporters.models.source import ModelSource


def file_to_use(forms: Sequence[Form]) -> str:
    """The last of the files that is fit for use; the last one where none is."""
    there = [form for form in forms if form.weights]
    return ([form for form in there if not form.fault] or there)[-1].weights[0]


def exported(source: ModelSource, output: Path, forms: Sequence[Form], use: str, notes: Sequence[str] = ()) -> Exported:
    """The files in `output`. `use` is the command to type next; where no form is fit for use, what to do instead."""
    faults = [form.fault for form in forms if form.weights and form.fault]
    return Exported(
        files=tuple(sorted(file for file in output.rglob("*") if file.is_file())),
        notes=(*map(str, forms), *notes),
        details={"model": source.name, "forms": [form.to_json() for form in forms]},
        next=f"the file is kept as *{BELOW}.*; take a finer quantisation, or accept it: -o parity=0" if faults else use,
        gate="; ".join(faults),
    )
