"""The model card: README.md in English or French, every number from the passport, a results file and the check."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from dyag_core import UsageError, __version__
from dyag_core.api import control_tokens, read_json
from dyag_core.records import Arm
from dyag_plugins.exporters.models.checking import Form
from dyag_plugins.exporters.models.source import ModelOptions, ModelSource

_HERE = Path(__file__).parent
_ON_HUB = ("hub:", "https://huggingface.co/")
_FINETUNED = Arm("finetuned", finetuned=True, retrieval=False)


@dataclass(eq=False)
class Card:
    """What a card tells about a model, whatever it is exported as."""

    source: ModelSource
    options: ModelOptions

    def __post_init__(self) -> None:
        """Refuse results of another model, and what can't be told, before anything long begins."""
        self.strata: list[dict[str, Any]] = self._strata()
        self._text("", (), "", "")

    def write(self, folder: Path, exported_as: str, forms: Sequence[Form], usage: str = "", library: str = "") -> None:
        """Write `folder`/README.md. `usage` is Markdown: what to type to use the files; `library` reads them."""
        (folder / "README.md").write_text(self._text(exported_as, forms, usage, library), encoding="utf-8")

    def _text(self, exported_as: str, forms: Sequence[Form], usage: str, library: str) -> str:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined

        source = self.source
        environment = Environment(
            loader=FileSystemLoader(_HERE, encoding="utf-8"),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        passport = source.models.passport
        controls = [token for token in control_tokens(source.merged.tokenizer) if token in source.template]
        return environment.get_template(f"card.{source.lang}.md.jinja").render(
            name=source.name,
            format=exported_as,
            library=library or "transformers",
            version=__version__,
            lang=source.lang,
            base=self._base(),
            licence=self._licence,
            passport=passport.model_dump(mode="json") if passport else None,
            fingerprint=self._fingerprint,
            system=source.system,
            metric={"en": "Success", "fr": "Réussite"}[source.lang],
            strata=self.strata,
            forms=[_row(form) for form in forms if form.parity],
            asked=next((form.parity.asked for form in forms if form.parity), 0),
            questions=self.options.questions is not None,
            ends=source.ends,
            controls=", ".join(f"`{token}`" for token in controls[:4]),
            usage=usage,
        )

    @cached_property
    def _fingerprint(self) -> str:
        return str(self.source.models.describe(_FINETUNED)["model"]["sha256"])

    def _base(self) -> dict[str, Any]:
        base = self.source.models.base
        described = self.source.models.describe(_FINETUNED)["base_model"]
        named = base.source if base.source.startswith("hub:") else base.page
        hub = next((named.removeprefix(start) for start in _ON_HUB if named.startswith(start)), None)
        return described | {"licence": base.licence, "page": base.page, "hub": hub}

    @cached_property
    def _licence(self) -> dict[str, str]:
        import yaml

        known = yaml.safe_load((_HERE / "licences.yaml").read_text(encoding="utf-8"))
        licence = self.source.models.base.licence
        found = next((texts for name, texts in known.items() if licence.startswith(name)), {})
        return {"hub": found.get("hub", "other"), "text": found.get(self.source.lang, "")}

    def _strata(self) -> list[dict[str, Any]]:
        """Success by stratum from the results file. UsageError: it holds another model's answers."""
        path = self.options.results
        if path is None:
            return []
        found = read_json(path)
        try:
            measured = found["metadata"]["model"]["sha256"]
            summaries = {"all": found["metrics"]["summaries"]["success"]}
            summaries |= {name: scores["success"] for name, scores in found["metrics"]["strata"].items()}
        except (KeyError, TypeError) as error:
            raise UsageError(
                f"-o results={path}: no results file of a fine-tuned model ({error} is missing)",
                "give the file that dyag evaluate --arms finetuned wrote",
            ) from error
        if measured != self._fingerprint:
            raise UsageError(
                f"-o results={path}: another model gave these answers", "evaluate the model that you export"
            )
        return [
            {"name": name, "n": one["n"], **{key: f"{one[key]:.1f}" for key in ("mean", "low", "high")}}
            for name, one in summaries.items()
            if one["mean"] is not None
        ]


def _row(form: Form) -> dict[str, Any]:
    measured = form.parity
    assert measured is not None
    difference = measured.difference
    return {
        "files": form.weights or (form.label,),
        "mb": f"{form.size / 1e6:.1f}",
        "bits": f"{form.bits:.2f}" if form.bits else "",
        "equal": f"{measured.same} / {measured.asked}",
        "difference": "{:+.1f} [{:+.1f}, {:+.1f}]".format(*difference) if difference else "",
    }
