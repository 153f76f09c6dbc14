"""Finding test questions that training nearly holds: DYAG's exact count against MinHash with LSH.

    python benchmarks/leaks.py                               # 10,000 test questions against 100,000 of training
    python benchmarks/leaks.py --train 10000 --test 1000 --only exact

Questions are the wordings of `augmented` about made-up French applications. A thousand test questions (or a tenth) are
planted: a training question without accents, in another word order, with other punctuation or one word more. Truth is
the Jaccard similarity of words, 0.8 and above, by comparing each planted question with the one that it was made from.

- exact: `dyag_core.text.similarity.Watched`, words and trigrams of characters
- minhash: datasketch's MinHashLSH over words, 128 permutations, threshold 0.8, taken at its word
- verified: the same with threshold 0.7 and the exact similarity of what it proposes

Each runs in a process of its own. Prints a table; writes leaks.md and leaks.json into --output.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import time
import unicodedata
from pathlib import Path
from typing import Any

from generate import LABELS, SYLLABLES, peak_memory

LIMIT = 0.8
CONTENDERS = ("exact", "minhash", "verified")


def questions(number: int, seed: int) -> list[str]:
    """Wordings of the French pack about seven attributes of each application, three a fact."""
    from dyag_plugins.generators.facts.packs import load_pack
    from dyag_plugins.generators.facts.phrasing import Wordings

    rng, words = random.Random(seed), Wordings(load_pack("fr"), "fr")
    made: list[str] = []
    while len(made) < number:
        subject = "".join(rng.choices(SYLLABLES, k=rng.randint(2, 4))).capitalize() + f" {rng.randrange(10**6)}"
        for label in rng.sample(list(LABELS), 7):
            phrase = words.phrase(label)
            particular, general = words.templates(phrase)
            made += [words.fill(template, phrase, subject) for template in rng.sample([*particular, *general], 3)]
    return made[:number]


def planted(question: str, rng: random.Random) -> str:
    """The same question, as far as people care."""
    bare = "".join(c for c in unicodedata.normalize("NFD", question) if not unicodedata.combining(c))
    parts = question.split()
    moved = [*parts[2:], *parts[:2]]
    return rng.choice(
        [bare, " ".join(moved), question.rstrip(" ?.") + " !!", f"{question} Merci", f"Alors, {question}"]
    )


def data(train: int, test: int) -> tuple[list[str], list[str], dict[int, str]]:
    """Training questions, test questions, and which of these were made from which training question."""
    rng = random.Random(3)
    trained, asked = questions(train, 1), questions(test, 2)
    sources = {place: rng.choice(trained) for place in rng.sample(range(test), min(1000, test // 10))}
    for place, source in sources.items():
        asked[place] = planted(source, rng)
    return trained, asked, sources


def exact(trained: list[str], asked: list[str]) -> set[int]:
    """Places of test questions with a training question as near as the limit."""
    from dyag_core.text.similarity import Watched

    return {place for place, best in enumerate(Watched(asked).nearest(trained)) if best >= LIMIT}


def minhash(trained: list[str], asked: list[str], *, verify: bool = False) -> set[int]:
    """The same by MinHashLSH over words: the test questions are indexed, those of training look them up."""
    from datasketch import MinHash, MinHashLSH

    from dyag_core.text.similarity import words

    def signature(question: str) -> MinHash:
        made = MinHash(num_perm=128, seed=1)
        made.update_batch([word.encode() for word in words(question)])
        return made

    index = MinHashLSH(threshold=0.7 if verify else LIMIT, num_perm=128)
    for place, question in enumerate(asked):
        index.insert(place, signature(question))
    found: set[int] = set()
    for question in trained:
        near = index.query(signature(question))
        found.update(p for p in near if not verify or jaccard(words(question), words(asked[p])) >= LIMIT)
    return found


def jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    """Shared words of all words."""
    return len(one & other) / len(one | other)


def measure(contender: str, train: int, test: int) -> dict[str, Any]:
    """One contender in this very process."""
    from dyag_core.text.similarity import words

    trained, asked, sources = data(train, test)
    leaks = {place for place, source in sources.items() if jaccard(words(asked[place]), words(source)) >= LIMIT}
    before, started = peak_memory(), time.process_time()
    found = exact(trained, asked) if contender == "exact" else minhash(trained, asked, verify=contender == "verified")
    return {
        "cpu_seconds": time.process_time() - started,
        "memory_mb": (peak_memory() - before) / 1e6,
        "planted": len(leaks),
        "found": len(leaks & found),
        "others_refused": len(found - leaks),
    }


def main() -> None:
    """Every contender in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--train", type=int, default=100_000)
    parser.add_argument("--test", type=int, default=10_000)
    parser.add_argument("--only", nargs="*", choices=CONTENDERS, default=CONTENDERS)
    parser.add_argument("--output", type=Path, default=Path("results"))
    parser.add_argument("--measure", choices=CONTENDERS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measure(arguments.measure, arguments.train, arguments.test)))
        return
    arguments.output.mkdir(parents=True, exist_ok=True)
    runs = {}
    for contender in arguments.only:
        command = [sys.executable, __file__, "--measure", contender]
        command += ["--train", str(arguments.train), "--test", str(arguments.test)]
        runs[contender] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    lines = ["| | planted leaks found | others refused | processor | memory |", "|---|---:|---:|---:|---:|"]
    lines += [
        f"| {name} | {run['found']} of {run['planted']} | {run['others_refused']} | {run['cpu_seconds']:.0f} s "
        f"| {run['memory_mb']:.0f} MB |"
        for name, run in runs.items()
    ]
    table = "\n".join([*lines, ""])
    (arguments.output / "leaks.md").write_text(table, encoding="utf-8")
    content = {"train": arguments.train, "test": arguments.test, "limit": LIMIT, "runs": runs}
    (arguments.output / "leaks.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    print(table, end="")


if __name__ == "__main__":
    main()
