"""`dyag quickstart`."""

from __future__ import annotations

from pathlib import Path

import click

from dyag_core.cli.common import FilePath, json_option, seed_option, session
from dyag_core.cli.flags import attributes
from dyag_core.cli.plugin_parameters import PluginName, StageCommand
from dyag_core.records.options import FinetuneOptions


@click.command("quickstart", cls=StageCommand, short_help="The whole chain on a sample catalogue, in minutes.")
@click.option("--output", type=FilePath, default=Path("quickstart"), show_default=True, help="Folder for everything.")
@click.option("--documents", type=FilePath, help="Your own documents instead of the sample catalogue.")
@click.option(
    "--base-model",
    cls=PluginName,
    family="base_models",
    default="smollm2:135m",
    show_default=True,
    help="Preset, ORG/NAME or folder.",
)
@click.option("--count", default=280, show_default=True, type=click.IntRange(min=1), help="Rows to make.")
@click.option(
    "--epochs",
    **attributes(FinetuneOptions.model_fields["epochs"]) | {"default": 4.0, "help": "Passes over the training rows."},
)
@click.option("--lang", type=click.Choice(["fr", "en"]), default="en", show_default=True, help="Of sample and report.")
@seed_option
@json_option
def command(
    output: Path,
    documents: Path | None,
    base_model: str,
    count: int,
    epochs: float,
    lang: str,
    seed: int,
    as_json: bool,
) -> None:
    """Take documents the whole way: training data, fine-tuning, four arms, report. Stopped, it goes on where it was."""
    from dyag_core.cli.compare_output import show_verdict
    from dyag_core.cli.terminal import hint
    from dyag_core.quickstart import quickstart

    made = quickstart(
        session(seed, lang), output, documents=documents, base_model=base_model, count=count, epochs=epochs
    )
    show_verdict(made, as_json=as_json)
    hint(
        "Next:",
        f"  dyag query-finetuned --model {output}/model/final        (talk with the fine-tuned model)",
        f"  dyag serve {output}                                       (a page to ask all four arms)",
        "  dyag quickstart --documents YOUR_DOCUMENTS --output mine  (the same on your own documents)",
    )
