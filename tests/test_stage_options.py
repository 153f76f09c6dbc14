"""One declaration for the options of a stage, and flags that a plugin offers: no command knows a plugin's options."""

from __future__ import annotations

import inspect
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from dyag_core import Decoding, Session, UsageError
from dyag_core.cli.root import root
from dyag_core.plugin import discovery, options
from dyag_core.plugin.families import FAMILY_HOOKS
from dyag_core.records.options import OF_METHOD

#: Stage commands, and the method of Session that each is written on.
COMMANDS = {
    "ingest": "ingest",
    "generate-training": "generate",
    "validate": "validate",
    "export": "export",
    "finetune": "finetune",
    "index-rag": "index",
    "query-finetuned": "query",
    "query-rag": "query",
    "evaluate": "evaluate",
    "evaluate-finetuned": "evaluate",
    "evaluate-rag": "evaluate",
    "compare-models": "compare",
    "serve": "serve",
}
#: Methods that look ahead at a stage, with some of its keywords.
LOOKING_AHEAD = {"estimate_generation", "explain", "estimate"}


def keywords(method: str) -> dict[str, inspect.Parameter]:
    parameters = inspect.signature(getattr(Session, method)).parameters.values()
    return {parameter.name: parameter for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY}


def declared_type(method: str, name: str) -> str:
    """As the class says it, in the words of a signature: what a path or a folder may be given as."""
    model = OF_METHOD[method]
    said = next(each for each in model.__mro__ if name in inspect.get_annotations(each))
    text = str(inspect.get_annotations(said)[name])
    text = re.sub(r"Annotated\[((?:[^\[\],]|\[[^\]]*\])+), [^|]*?\)\]", r"\1", text)
    for ours, theirs in {
        "PluginOptions": "Mapping[str, Any]",
        "OptionsByPlugin": "Mapping[str, Mapping[str, Any]]",
        "Folder": "Path",
    }.items():
        text = re.sub(rf"\b{ours}\b", theirs, text)
    return text


@pytest.mark.parametrize("method", OF_METHOD)
def test_the_keywords_of_a_method_are_the_fields_of_its_model(method: str) -> None:
    fields, found = OF_METHOD[method].model_fields, keywords(method)
    if method in LOOKING_AHEAD:
        assert found.keys() <= fields.keys()
    else:
        assert found.keys() == fields.keys()
    for name, parameter in found.items():
        default = parameter.empty if fields[name].is_required() else fields[name].default
        if (method, name) != ("estimate_generation", "method"):  # only some generators ask a model
            assert parameter.default == default, name
        taken = re.sub(r"\bstr \| Path\b", "Path", parameter.annotation)
        taken = re.sub(r"Path \| (?:TrainedModel|Index)\b", "Path", taken)
        if name == "split":
            assert taken == "bool | tuple[float, float, float]"
        elif name == "chunk_unit":
            assert taken == "str"
        else:
            assert taken == declared_type(method, name), name


def test_every_stage_method_has_a_model() -> None:
    methods = {name for name, thing in vars(Session).items() if inspect.isfunction(thing) and not name.startswith("_")}
    assert methods == OF_METHOD.keys()


def option_of(command: str, name: str) -> click.Option:
    found = root.get_command(click.Context(root), command)
    assert found is not None
    return next(p for p in found.params if isinstance(p, click.Option) and f"--{name}" in p.opts)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_has_a_flag_with_the_default_and_help_of_each_declared_option(command: str) -> None:
    found = root.get_command(click.Context(root), command)
    assert found is not None
    helps = {parameter.help for parameter in found.params if isinstance(parameter, click.Option)}
    fields = OF_METHOD[COMMANDS[command]].model_fields
    missing = {name for name, field in fields.items() if field.description not in helps}
    if command == "evaluate-finetuned":  # examples are for the base model's arms: here nothing would read the option
        missing.remove("few_shot")
    assert missing <= {"arms", "model", "base_model", "index", "output", "k", "validation", "decoding", "cost"}
    for name, field in fields.items():
        for parameter in found.params:
            if parameter.name == name and isinstance(field.default, int | float | str) and field.default is not False:
                assert parameter.default == field.default or command.endswith("-rag"), name


def test_what_stood_on_the_command_line_before_still_does() -> None:
    assert option_of("evaluate", "temperature").to_info_dict()["default"] == 0.0
    assert option_of("evaluate", "arms").to_info_dict()["default"] == "base,rag,finetuned,hybrid"
    assert option_of("finetune", "epochs").to_info_dict()["default"] == 3.0
    assert option_of("query-rag", "base-model").to_info_dict()["default"] == "qwen2.5:1.5b"
    assert option_of("finetune", "output").required
    assert option_of("evaluate-rag", "index").required
    assert not option_of("evaluate", "index").required


WRONG = [
    ("generate", "generate-training d.jsonl --output o.jsonl", {"count": 0}),
    ("generate", "generate-training d.jsonl --output o.jsonl", {"min_yield": 101}),
    ("generate", "generate-training d.jsonl --output o.jsonl", {"min_yield": float("nan")}),
    ("generate", "generate-training d.jsonl --output o.jsonl", {"split": "80/30/10"}),
    ("generate", "generate-training d.jsonl --output o.jsonl", {"distractors": -1}),
    ("finetune", "finetune --dataset d.jsonl --output o", {"epochs": 0}),
    ("finetune", "finetune --dataset d.jsonl --output o", {"epochs": float("nan")}),
    ("finetune", "finetune --dataset d.jsonl --output o", {"replay_share": 1}),
    ("finetune", "finetune --dataset d.jsonl --output o", {"resume": "perhaps"}),
    ("ingest", "ingest d.jsonl --output o.jsonl", {"chunk_size": 3}),
    ("ingest", "ingest d.jsonl --output o.jsonl", {"chunk_unit": "words"}),
    ("ingest", "ingest d.jsonl --output o.jsonl", {"overlap": -1}),
    ("evaluate", "evaluate d.jsonl --output o", {"limit": 0}),
    ("evaluate", "evaluate d.jsonl --output o", {"repeat": 0}),
    ("evaluate", "evaluate d.jsonl --output o", {"k": 0}),
    ("evaluate", "evaluate d.jsonl --output o", {"k": "some"}),
    ("query", "query-rag Q --index i", {"k": 0}),
    ("finetune", "quickstart --output q", {"epochs": 0}),
    ("finetune", "quickstart --output q", {"epochs": float("nan")}),
]


@pytest.mark.parametrize(("method", "typed", "wrong"), WRONG, ids=lambda value: str(value)[:30])
def test_what_is_out_of_range_is_the_same_error_from_a_program_and_from_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str, typed: str, wrong: dict[str, Any]
) -> None:
    monkeypatch.chdir(tmp_path)
    ((name, value),) = wrong.items()
    with pytest.raises(UsageError, match=name) as caught:
        getattr(Session(tmp_path), method)("d.jsonl", **wrong)
    assert caught.value.exit_code == 2
    assert caught.value.hint
    flag = f"-{name}" if len(name) == 1 else f"--{name.replace('_', '-')}"
    with pytest.raises((UsageError, click.UsageError)) as typed_wrong:
        root.main([*typed.split(), flag, str(value)], standalone_mode=False)
    assert typed_wrong.value.exit_code == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("wrong", ["--max-new-tokens 0", "--top-p 2", "--top-p 0", "--temperature -1", "--top-p nan"])
@pytest.mark.parametrize("command", ["query-rag Q --index i", "evaluate d.jsonl --output o"])
def test_decoding_out_of_range_exits_2_in_one_line(run_dyag: Any, command: str, wrong: str) -> None:
    done = run_dyag(*command.split(), *wrong.split())
    assert done.returncode == 2
    error, hint = done.stderr.splitlines()
    assert wrong.split()[0] in error
    assert hint.strip().startswith("see: dyag")


def test_the_split_may_be_written_as_on_the_command_line(tmp_path: Path) -> None:
    model = OF_METHOD["generate"]
    assert model.of({"split": True}).model_dump()["split"] == (80.0, 10.0, 10.0)
    assert model.of({"split": (70, 10, 20)}).model_dump()["split"] == (70.0, 10.0, 20.0)
    assert model.of({"split": False}).model_dump()["split"] is None
    with pytest.raises(UsageError, match="add up to 100"):
        Session(tmp_path).generate("d.jsonl", split=(80, 30, 10))


# -- flags of plugins --------------------------------------------------------------------------------------------------

ACME = """
from typing import Literal
from dyag_core import UsageError, hookimpl
from pydantic import BaseModel, Field

FLAG = {"flag": True}

class Options(BaseModel, extra="forbid"):
    tone: Literal["plain", "formal"] = Field("plain", description="how questions are put", json_schema_extra=FLAG)
    depth: int = Field(1, ge=1, description="how far down to look", json_schema_extra=FLAG)
    every: bool = Field(False, description="ask about every field", json_schema_extra=FLAG)
    tidy: bool = Field(True, description="leave out what is empty", json_schema_extra=FLAG)
    words: list[str] = Field([], description="words to look for", json_schema_extra=FLAG)
    count: int = Field(7, description="the command has this flag itself", json_schema_extra=FLAG)
    secret: str = Field("none", description="an option without a flag")

class Generator:
    Options = Options
    @hookimpl
    def dyag_generate(self, documents, options):
        raise UsageError(" ".join(f"{k}={v}" for k, v in options))
"""
COMMAND = ("generate-training", "d.jsonl", "--output", "o.jsonl", "--lang", "en", "--method", "acme")
DEFAULTS = {"tone": "plain", "depth": 1, "every": False, "tidy": True, "words": [], "count": 7, "secret": "none"}


def said(**changed: Any) -> str:
    return " ".join(f"{key}={value}" for key, value in (DEFAULTS | changed).items())


@pytest.fixture
def dyag(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Commands beside somebody's generator `acme`, which says the options it was given."""
    site = tmp_path / "site"
    info = site / "acme_tones-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-tones\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[dyag.generators]\nacme = acme_tones:Generator\n")
    (site / "acme_tones.py").write_text(ACME)
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.delitem(sys.modules, "acme_tones", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "user"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "d.jsonl").write_text('{"id": "a", "content": "# A\\n\\n- Licence: MIT\\n"}\n', encoding="utf-8")

    def run(*arguments: str, **environment: str) -> Result:
        return CliRunner().invoke(root, list(arguments), prog_name="dyag", env=environment)

    return run


def message(result: Result) -> str:
    return str(getattr(result.exception, "message", result.exception))


def test_a_strangers_plugin_has_flags_of_its_own_on_every_road(dyag: Callable[..., Result], tmp_path: Path) -> None:
    assert message(dyag(*COMMAND)) == said()
    assert message(
        dyag(*COMMAND, "--tone", "formal", "--depth=3", "--every", "--no-tidy", "--words", "[a, b]")
    ) == said(tone="formal", depth=3, every=True, tidy=False, words=["a", "b"])
    assert message(dyag(*COMMAND, DYAG_GENERATE_TRAINING_TONE="formal", DYAG_GENERATE_TRAINING_EVERY="1")) == said(
        tone="formal", every=True
    )
    (tmp_path / "dyag.toml").write_text("[generate-training]\ntone = 'formal'\nwords = ['x', 'y']\ntidy = false\n")
    assert message(dyag(*COMMAND)) == said(tone="formal", words=["x", "y"], tidy=False)
    assert message(dyag(*COMMAND, "--tone", "plain")) == said(words=["x", "y"], tidy=False)
    assert message(dyag(*COMMAND, "-o", "tone=plain")) == said(words=["x", "y"], tidy=False)


def test_its_flags_are_checked_and_shown_like_any(dyag: Callable[..., Result]) -> None:
    shown = " ".join(dyag(*COMMAND, "--help").output.split())
    assert "--tone, -o tone=..." in shown
    assert "--every, -o every=..." in shown
    assert "-o secret=..." in shown
    assert "--secret" not in shown
    assert "--tone" not in dyag("generate-training", "--help").output
    for typed, wrong in ((("--tone", "rude"), "'rude' is not one of"), (("--depth", "0"), "not in the range x>=1")):
        result = dyag(*COMMAND, *typed)
        assert result.exit_code == 2
        assert wrong in result.output
    described = json.loads(dyag("plugins", "show", "generator", "acme", "--json").stdout)["options"]
    flags = {option["name"]: option["flag"] for option in described}
    assert flags["tone"] == "--tone"
    assert flags["secret"] is None


def test_a_name_that_the_command_has_stays_the_commands(dyag: Callable[..., Result]) -> None:
    assert message(dyag(*COMMAND, "--count", "3")) == said()
    assert message(dyag(*COMMAND, "-o", "count=3")) == said(count=3)


@pytest.mark.parametrize(
    ("typed", "named"),
    [
        (("--rules", "r.yaml"), ["no option --rules", "Flags of the generator acme: --tone, --depth, --every"]),
        (("--secret", "x"), ["no option --secret", "The generator acme takes it as -o secret=..."]),
        (("--tonne", "plain"), ["no option --tonne", "'--tone'"]),
    ],
)
def test_a_flag_that_the_chosen_plugin_has_not_exits_2_with_what_it_takes(
    dyag: Callable[..., Result], typed: tuple[str, ...], named: list[str]
) -> None:
    done = dyag(*COMMAND, *typed)
    assert done.exit_code == 2
    assert all(part in done.output for part in named)


def test_the_flags_of_the_chosen_plugin_are_completed(dyag: Callable[..., Result]) -> None:
    words = "dyag generate-training --method acme --to"
    place = {"COMP_WORDS": words, "COMP_CWORD": "4"}
    assert dyag(_DYAG_COMPLETE="bash_complete", **place).output.split() == ["plain,--tone"]


def test_the_flags_that_the_built_ins_had_still_work(dyag: Callable[..., Result], tmp_path: Path) -> None:
    typed = ["generate-training", "d.jsonl", "--output", "o.jsonl", "--lang", "en", "--answer-style", "sentence"]
    assert dyag(*typed, "--sources", "--min-yield", "0").exit_code == 0
    used = json.loads((tmp_path / "o.manifest.json").read_text("utf-8"))["plugins"]
    given = next(plugin["options"] for plugin in used if plugin["family"] == "generators")
    assert (given["answer_style"], given["sources"]) == ("sentence", True)
    assert "gone.yaml" in message(dyag("generate-training", "d.jsonl", "--output", "o.jsonl", "--rules", "gone.yaml"))
    limit = dyag("generate-training", "d.jsonl", "--output", "o.jsonl", "--method", "llm", "--max-cost", "5")
    assert "max_cost needs price_in and price_out" in message(limit)
    refused = dyag("finetune", "--dataset", "d.jsonl", "--output", "o", "--quantization", "int3")
    assert refused.exit_code == 2
    assert "'nf4'" in refused.output


def test_the_core_names_no_option_of_a_built_in() -> None:
    """Each flag that a built-in offers stands in its own folder alone."""
    core = Path(inspect.getfile(Session)).parent
    said_in_core = "".join(file.read_text("utf-8") for file in [*(core / "cli").glob("*.py"), core / "session.py"])
    offered = {
        name
        for family in FAMILY_HOOKS
        for entry in discovery.entries(family)
        if entry.distribution == "dyag"
        for name in options.flagged(options.options_model(discovery.load(entry)))
    }
    assert {"rules", "answer_style", "sources", "max_cost", "max_tokens_total", "quantization"} <= offered
    for name in offered - {"sources", "quantization"}:  # words that have another meaning as well
        assert not re.search(rf"\b{name}\b|--{name.replace('_', '-')}\b", said_in_core), name
    assert "--quantization" not in said_in_core
    assert "--sources" not in said_in_core


def test_plain_help_of_a_command_imports_no_plugin() -> None:
    code = (
        "import sys\nfrom dyag_core.cli import main\n"
        "try:\n    main([sys.argv[1], '--help'])\nexcept SystemExit:\n    pass\n"
        "sys.exit(str({m for m in sys.modules if m.startswith(('dyag_plugins', 'torch'))} or ''))\n"
    )
    for command in ("generate-training", "finetune", "evaluate"):
        done = subprocess.run([sys.executable, "-c", code, command], capture_output=True, text=True, check=False)
        assert done.stderr.strip() == "", done.stderr


# -- settings files ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", ["options", "option"])
def test_a_table_of_options_by_either_name(dyag: Callable[..., Result], tmp_path: Path, table: str) -> None:
    (tmp_path / "dyag.toml").write_text(f"[generate-training.{table}]\nno_such_option = 4\n", encoding="utf-8")
    assert "no option 'no_such_option'" in str(dyag(*COMMAND).exception)


def test_a_section_that_no_command_has_is_named_and_left_alone(dyag: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "dyag.toml").write_text("[nonsense]\nx = 1\n", encoding="utf-8")
    done = dyag("plugins", "list")
    assert done.exit_code == 0
    assert "warning: dyag.toml: [nonsense] is left alone: no command is called so" in done.stderr


def test_a_misspelt_section_is_named_with_the_right_one(dyag: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "dyag.toml").write_text("[finetun]\nepochs = 8\n")
    error = dyag(*COMMAND).exception
    assert isinstance(error, UsageError)
    assert "[finetun]" in error.message
    assert error.hint == "Did you mean [finetune]?"
    (tmp_path / "dyag.toml").write_text("[generate]\ncount = 8\n")
    assert "Did you mean [generate-training]?" in str(getattr(dyag(*COMMAND).exception, "hint", ""))
    (tmp_path / "dyag.toml").write_text("[zzz]\nx = 8\n")  # of a command that is installed elsewhere
    assert message(dyag(*COMMAND)) == said()


def test_a_misspelt_key_is_named_with_the_right_one(dyag: Callable[..., Result], tmp_path: Path) -> None:
    for key, right in (("tonne", "'tone'"), ("cuont", "'count'")):
        (tmp_path / "dyag.toml").write_text(f"[generate-training]\n{key} = 'formal'\n")
        error = dyag(*COMMAND).exception
        assert isinstance(error, UsageError)
        assert f"unknown key '{key}'" in error.message
        assert right in str(error.hint)


def test_a_decoding_given_in_a_program_is_used_as_it_is(tmp_path: Path) -> None:
    given = OF_METHOD["query"].of({"decoding": Decoding(max_new_tokens=5)})
    assert given.model_dump()["decoding"]["max_new_tokens"] == 5
