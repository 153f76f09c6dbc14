"""The llm method: journalled, retried, rejected with reasons. The engine is a plugin object, as anyone's may be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dyag_core import GateError, Reply, Session, UsageError, hookimpl

GOOD = '[{"question": "Which licence has Ada?", "answer": "MIT"}]'


class Scripted:
    """An engine whose replies are given by what stands in the prompt."""

    name = "scripted"
    context_length = 2048

    def __init__(self, replies: dict[str, list[str]], dies_after: int | None = None) -> None:
        self.replies, self.asked, self.dies_after = replies, [], dies_after

    @hookimpl
    def dyag_open_engine(self, base_path):
        return self

    def answer(self, prompts, decoding):
        for n, prompt in enumerate(prompts):
            if self.dies_after is not None and len(self.asked) >= self.dies_after:
                raise KeyboardInterrupt
            key = next(key for key in self.replies if f"passage {key}" in prompt[-1].content)
            earlier = sum(1 for other in self.asked if other == key)
            self.asked.append(key)
            yield n, Reply(text=self.replies[key][min(earlier, len(self.replies[key]) - 1)])

    def stream(self, prompt, decoding):
        raise NotImplementedError

    def count_tokens(self, prompt):
        return 1

    def close(self):
        pass


def source(folder: Path, *names: str) -> Path:
    path = folder / "d.jsonl"
    rows = [{"id": n, "content": f"passage {n}: Ada has the licence MIT, Bob GPL, Cy BSD.", "name": n} for n in names]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return path


def generate(folder: Path, engine: Scripted, tiny: Path, *names: str, **more):
    return Session(folder, plugins=[engine], lang="en").generate(
        source(folder, *names),
        method="llm",
        output=folder / "x.jsonl",
        options={"engine": "scripted", "model": str(tiny), "pairs": 1, **more},
        min_yield=0,
    )


def test_bad_json_is_retried_then_rejected(tmp_path, tiny_model):
    other = GOOD.replace("Ada", "Bob").replace("MIT", "GPL")
    invented = GOOD.replace("MIT", "WTFPL").replace("Which", "What")
    engine = Scripted({"a": ["no", GOOD], "b": ["no"], "c": [other], "d": [invented]})
    made = generate(tmp_path, engine, tiny_model, "a", "b", "c", "d")
    assert made.written == 2
    assert made.rejected == {"the model's reply is no JSON": 1, "not supported by its chunk": 1}
    assert sorted(engine.asked) == ["a", "a", "b", "b", "c", "d"]


def test_killed_and_run_again_it_asks_for_nothing_twice(tmp_path, tiny_model):
    replies = {n: [GOOD.replace("Ada", n.upper() * 3)] for n in "abcd"}
    first = Scripted(replies, dies_after=2)
    with pytest.raises(KeyboardInterrupt):
        generate(tmp_path, first, tiny_model, *"abcd")
    assert not (tmp_path / "x.jsonl").exists()
    second = Scripted(replies)
    made = generate(tmp_path, second, tiny_model, *"abcd")
    assert (first.asked, second.asked) == (["a", "b"], ["c", "d"])
    assert made.written == 4
    whole = (tmp_path / "x.jsonl").read_bytes()
    generate(tmp_path, Scripted({}), tiny_model, *"abcd")
    assert (tmp_path / "x.jsonl").read_bytes() == whole


def test_no_usable_reply_fails_with_its_reasons(tmp_path, tiny_model):
    with pytest.raises(GateError, match="no JSON: 1"):
        generate(tmp_path, Scripted({"a": ["?"]}), tiny_model, "a")


def test_bad_prompts_file(tmp_path, tiny_model):
    (tmp_path / "p.yaml").write_text("system: a\nuser: $nonsense\n")
    with pytest.raises(UsageError, match="nonsense"):
        generate(tmp_path, Scripted({}), tiny_model, "a", prompts=str(tmp_path / "p.yaml"))


def test_each_document_is_asked_in_its_own_language_and_the_users_prompts_are_for_all(tmp_path, tiny_model):
    documents = {
        "fr": "passage fr : le logiciel Ada est sous la licence MIT pour les agents de la ville.",
        "en": "passage en: the tool Ada has the licence MIT and is for the people of the town.",
        "de": "passage de: das Werkzeug Ada hat die Lizenz MIT und ist für die Leute der Stadt.",
    }
    path = tmp_path / "d.jsonl"
    path.write_text("\n".join(json.dumps({"id": n, "content": text}) for n, text in documents.items()), "utf-8")

    def asked_with(**more: str) -> dict[str, str]:
        heard: dict[str, str] = {}

        class Listening(Scripted):
            def answer(self, prompts, decoding):
                for prompt in prompts:
                    name = next(n for n, text in documents.items() if text in prompt[-1].content)
                    heard[name] = prompt[0].content
                return super().answer(prompts, decoding)

        Session(tmp_path, plugins=[Listening({n: [GOOD] for n in documents})]).generate(
            path, method="llm", options={"engine": "scripted", "model": str(tiny_model), **more}, min_yield=0
        )
        return heard

    heard = asked_with()
    assert "You write" in heard["en"]
    assert "Tu écris" in heard["fr"]
    assert heard["de"] in (heard["en"], heard["fr"])
    (tmp_path / "p.yaml").write_text("system: Mine.\nuser: $title $passage $pairs\n")
    assert set(asked_with(prompts=str(tmp_path / "p.yaml")).values()) == {"Mine."}
