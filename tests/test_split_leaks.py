"""Planted leaks: what a split must not let through, measured in the written files by MinHash, not by our own code."""

from __future__ import annotations

import json
import random
import re
import unicodedata
from pathlib import Path

import pytest
from datasketch import MinHash

from dyag_core import Example, Fact, Session, UsageError, hookimpl

PRODUCTS = 60
FIELDS = {
    "Licence": ["MIT", "EUPL-1.2", "GPL-3.0-only", "Apache-2.0"],
    "Éditeur": ["Ville de Nantes", "Département du Gard", "Université de Brest"],
    "Hébergement": ["Centre de données de Rennes", "Serveur du service", "Nuage interne"],
    "Base de données": ["PostgreSQL", "MariaDB", "SQLite"],
    "Criticité": ["faible", "moyenne", "élevée"],
}


def rows(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text("utf-8").split("\n") if line]


def question(row: dict) -> str:
    return row["messages"][-2]["content"]


def write_planted(path: Path) -> Path:
    """Sixty products, each in two versions; every third also under a second id, and told once more in other words."""
    rng = random.Random(7)
    lines = []

    def add(document: str, name: str, product: int, facts: dict[str, str], form: str = "- {}: {}") -> None:
        content = "\n".join([f"# {name}", "", *(form.format(*fact) for fact in facts.items())])
        metadata = {"id": document, "nom": name, "produit": f"produit {product}"}
        lines.append({"id": f"c-{document}", "content": content, "metadata": metadata})

    for product in range(PRODUCTS):
        name = "".join(rng.choices(["bal", "cor", "dé", "fi", "gu", "lo", "mé", "nor", "pa", "tri", "vo", "zé"], k=3))
        name = name.capitalize()
        facts = {label: rng.choice(values) for label, values in FIELDS.items()}
        add(f"{product}-v1", f"{name} 1", product, facts)
        add(f"{product}-v2", f"{name} 2", product, facts)
        if product % 3 == 0:
            add(f"{product}-bis", f"{name} 1", product, facts)
            add(f"{product}-ter", f"{name.upper()} 1 ", product, facts, "- **{} :** {}.")
    rng.shuffle(lines)
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
    return path


# -- an independent measure: nothing of dyag_core.text.similarity or dyag_core.text.normalise ------------------


def tokens(text: str) -> list[str]:
    bare = "".join(c for c in unicodedata.normalize("NFD", text.lower()) if unicodedata.category(c) != "Mn")
    return re.findall(r"[a-z0-9]+", bare)


def shingles(text: str) -> set[str]:
    joined = " ".join(tokens(text))
    return {joined[i : i + 3] for i in range(len(joined) - 2)}


def signature(elements: set[str]) -> MinHash:
    made = MinHash(num_perm=256, seed=1)
    made.update_batch([element.encode() for element in elements])
    return made


def jaccard(a: set[str], b: set[str]) -> float:
    return len(a & b) / len(a | b)


def leaks(test: list[dict], train: list[dict]) -> list[tuple[str, str]]:
    """(test question, training question) whose MinHash similarity, by words or trigrams, reaches 0.8 and more.

    Of 256 permutations the estimate's standard error is 0.025 at 0.8: what it names is looked at exactly.
    """
    found = []
    for kind in (lambda text: set(tokens(text)), shingles):
        trained = [(question(row), kind(question(row))) for row in train]
        signed = [(asked, elements, signature(elements)) for asked, elements in trained]
        for row in test:
            mine = kind(question(row))
            signed_mine = signature(mine)
            for asked, elements, other in signed:
                if signed_mine.jaccard(other) >= 0.8 - 2 * 0.025 and jaccard(mine, elements) >= 0.8:
                    found.append((question(row), asked))
    return found


class Echo:
    """Asks each fact again and again in nearly the same words, as a careless generator does."""

    name = "echo"

    @hookimpl
    def dyag_generate(self, documents, run):
        for document in documents:
            for chunk in document.chunks:
                for label, value in re.findall(r"^- (.+): (.+)$", chunk.text, re.MULTILINE):
                    fact = Fact(
                        document=document.id, chunk=chunk.id, subject=document.title, attribute=label, value=value
                    )
                    for asked in (
                        f"{label} de {document.title} ?",
                        f"De {document.title}, {label.upper()} !",
                        f"Qui saurait me dire {label} chez {document.title} ?",
                        f"{label.replace('é', 'e').replace('É', 'E')} de {document.title.lower()}",
                    ):
                        yield Example(question=asked, answer=value, document=document, chunk=chunk, fact=fact)


@pytest.fixture(scope="module")
def planted(tmp_path_factory) -> Path:
    return write_planted(tmp_path_factory.mktemp("planted") / "d.jsonl")


@pytest.mark.parametrize(
    ("method", "seed", "group_by"),
    [("augmented", 1, None), ("augmented", 2, None), ("rule", 1, None), ("echo", 1, None), ("echo", 1, "produit")],
)
def test_no_planted_leak_gets_through(planted, tmp_path, method, seed, group_by):
    session = Session(tmp_path, seed=seed, lang="fr", plugins=[Echo()])
    made = session.generate(
        planted, method=method, count=400, split=True, group_by=group_by, min_yield=0, output=tmp_path / "x.jsonl"
    )
    train, val, test = rows(made.train), rows(made.validation), rows(made.test)
    assert len(test) >= 20
    if method == "echo":
        assert made.rejected["near duplicate"] >= 100
        assert group_by or made.rejected["too near a training question"] >= 10  # the other version's
    assert not leaks(test, train)

    trained_documents = {row["meta"]["document"] for row in train}
    trained_names = {" ".join(tokens(row["meta"]["subject"])) for row in train}
    unseen = [row for row in test if row["meta"]["stratum"] == "unseen"]
    assert unseen
    for row in unseen:
        assert row["meta"]["document"] not in trained_documents
        assert " ".join(tokens(row["meta"]["subject"])) not in trained_names  # the same document under another id

    manifest = json.loads(made.manifest.read_text("utf-8"))
    assert manifest["by_split"] == {"train": len(train), "val": len(val), "test": len(test)}
    strata = [row["meta"]["stratum"] for row in test]
    assert manifest["by_stratum"] == {name: strata.count(name) for name in manifest["by_stratum"]}
    nearest = max(
        jaccard(kind(question(one)), kind(question(other)))
        for kind in (lambda text: set(tokens(text)), shingles)
        for one in test
        for other in train
    )
    assert manifest["largest_similarity"] == pytest.approx(nearest, abs=0.05)  # ours puts a space before and after
    assert manifest["largest_similarity"] <= 0.75


def test_the_measure_finds_what_a_split_of_rows_lets_through(planted, tmp_path):
    made = Session(tmp_path, lang="fr").generate(planted, method="augmented", count=400, output=tmp_path / "x.jsonl")
    shuffled = rows(made.output)
    random.Random(1).shuffle(shuffled)
    assert len(leaks(shuffled[:40], shuffled[40:])) >= 5


@pytest.mark.parametrize("group_by", [None, "produit"])
def test_versions_of_a_product_stay_together_where_they_are_grouped(planted, tmp_path, group_by):
    products = {row["metadata"]["id"]: row["metadata"]["produit"] for row in rows(planted)}
    torn = 0
    for seed in range(4):
        made = Session(tmp_path, seed=seed, lang="fr").generate(
            planted, method="augmented", count=400, split=True, group_by=group_by, output=tmp_path / "x.jsonl"
        )
        trained = {products[row["meta"]["document"]] for row in rows(made.train)}
        asked = {products[row["meta"]["document"]] for row in rows(made.test) if row["meta"]["stratum"] == "unseen"}
        assert asked
        torn += len(asked & trained)
    assert bool(torn) == (group_by is None)  # without grouping the second version is trained on: that is the leak


def test_group_by_says_which_fields_there_are(planted, tmp_path):
    made = Session(tmp_path, lang="fr")
    for field in ("product", "produits"):
        with pytest.raises(UsageError, match="nom, produit"):
            made.generate(planted, split=True, group_by=field, count=50, output=tmp_path / "x.jsonl")
    with pytest.raises(UsageError, match="--split"):
        made.generate(planted, group_by="produit", output=tmp_path / "x.jsonl")
    assert list(tmp_path.glob("x*")) == []


@pytest.mark.parametrize(
    ("given", "exit_code", "said"),
    [
        (["--split"], 0, {"train": 80, "val": 10, "test": 10}),
        (["--split", "70/15/15"], 0, {"train": 70, "val": 15, "test": 15}),
        (["--split", "80/20/0"], 0, {"train": 80, "val": 20, "test": 0}),
        (["--split", "80/20"], 2, "three numbers"),
        (["--split", "80/10/20"], 2, "add up to 100"),
        (["--split", "0/50/50"], 2, "80/10/10"),
        (["--split", "110/-5/-5"], 2, "80/10/10"),
    ],
)
def test_shares_as_people_type_them(planted, tmp_path, given, exit_code, said, run_dyag):
    command = ["generate-training", str(planted), "--count", "100", "--output", str(tmp_path / "x.jsonl"), *given]
    done = run_dyag(*command, "--json")
    assert done.returncode == exit_code, done.stderr
    if exit_code:
        assert said in done.stderr
        assert not (tmp_path / "x.jsonl").exists()
    else:
        assert json.loads(done.stdout)["by_split"] == said


def test_parts_of_an_earlier_run_are_named(planted, tmp_path, run_dyag):
    command = ["generate-training", str(planted), "--count", "60", "--output", str(tmp_path / "x.jsonl")]
    assert "earlier run" not in run_dyag(*command, "--split").stderr
    done = run_dyag(*command)
    assert "x_train.jsonl, x_val.jsonl, x_test.jsonl: left by an earlier run" in done.stderr.replace("\n", " ")
    assert (tmp_path / "x_train.jsonl").exists()
