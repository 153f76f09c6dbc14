"""What generate-training costs as its input grows: time, rate and peak memory, each size in a process of its own.

    python benchmarks/generate.py                                   # 1k to 1M made-up chunks, method rule
    python benchmarks/generate.py --sizes 1000 10000 --split
    python benchmarks/generate.py documents.jsonl --sizes 1000      # documents of your own before them

Three corpora are made up, in French. *Procedures* are texts as `dyag ingest` cuts them: three to eight sections a
document, each a chunk of five to twelve sentences under its heading, for which there is one question. A *catalogue*
is dense: one to five chunks a document, two to four labelled facts in each. *Minutes* have a label that nobody else has
in each chunk: who said it. They are streamed to disk. The time is
that of `Session.generate`, with the processor time beside it, imports left out; the memory is the process's peak
(resident), so that what Python and the libraries take is in it. The first row is there when the file that becomes the
output has its first bytes. A plain loop of three million additions, timed before and after, says how fast a core the
process had: what is divided by it compares between machines.

Prints a table; writes generate.md, generate.json and generate.svg into --output after each size.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SIZES = (1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000)
SYLLABLES = "ba bel cor da dou fé gi la li lo ma mi na nor pa ré ri sa so ta tel tri va vé zo".split()
LABELS = {
    "Licence": ["MIT", "EUPL-1.2", "GPL-3.0-only", "Apache-2.0", "CeCILL-2.1", "LGPL-2.1-or-later"],
    "Statut": ["Recommandé", "En observation", "En production", "Abandonné"],
    "Catégorie": ["Gestion de projet", "Bureautique", "Sauvegarde", "Messagerie", "Cartographie"],
    "Éditeur": ["Ville de Nantes", "Département du Gard", "Direction du numérique", "Université de Brest"],
    "Langage de programmation": ["Python", "Java", "TypeScript", "Rust", "PHP"],
    "Base de données": ["PostgreSQL", "MariaDB", "SQLite", "Oracle"],
    "Hébergement": ["Centre de données de Rennes", "Nuage interne", "Serveur du service"],
    "Version minimale": None,
    "Nombre d'utilisateurs": None,
    "Date de mise en service": None,
    "Site web": None,
    "Téléphone": None,
    "Mode d'authentification": ["AgentConnect", "Annuaire LDAP", "Mot de passe"],
    "Criticité": ["Faible", "Moyenne", "Élevée"],
}
SENTENCES = [
    "Les agents y accèdent depuis leur poste de travail.",
    "La reprise des données de l'ancien système est terminée.",
    "Une formation d'une demi-journée est proposée chaque trimestre.",
    "Le support répond du lundi au vendredi, de 8 h à 18 h.",
]
HEADINGS = [
    "Installation",
    "Sauvegarde",
    "Ouverture d'un compte",
    "Reprise après incident",
    "Mise à jour",
    "Accès à distance",
    "Archivage",
    "Supervision",
    "Fermeture d'un compte",
    "Demande de matériel",
    "Gestion des mots de passe",
    "Astreinte",
]
ACTS = [
    "La configuration est vérifiée",
    "Une demande est ouverte dans l'outil de suivi",
    "Le formulaire signé est transmis au référent",
    "Les journaux sont contrôlés",
    "Le correctif est appliqué",
    "Les utilisateurs concernés sont prévenus",
    "Le responsable donne son accord par écrit",
    "La copie de la veille est restaurée sur un serveur de secours",
]
WHEN = [
    "avant chaque intervention",
    "dans un délai de deux jours",
    "au début du mois",
    "après validation",
    "depuis le poste de travail",
    "sous le contrôle du service informatique",
]


def catalogue(name: str, number: int, rng: random.Random) -> Iterator[str]:
    """The chunks of an application."""
    labels = rng.sample(list(LABELS), len(LABELS))
    for _ in range(rng.randint(1, 5)):
        facts, labels = labels[: rng.randint(2, 4)], labels[4:]
        if not facts:
            break
        lines = [f"- {label}: {_value(label, number, rng)}" for label in facts]
        yield "\n".join([f"# {name}", "", *lines, "", rng.choice(SENTENCES)])


def _value(label: str, document: int, rng: random.Random) -> str:
    values = LABELS[label]
    if values:
        return rng.choice(values)
    if label == "Site web":
        return f"https://app{document}.exemple.fr"
    if label == "Date de mise en service":
        return f"{rng.randint(1, 28)} mars {rng.randint(2001, 2025)}"
    return str(rng.randint(1, 9999))


def procedures(name: str, number: int, rng: random.Random) -> Iterator[str]:
    """The sections of a procedure."""
    for heading in rng.sample(HEADINGS, rng.randint(3, 8)):
        said = " ".join(f"{rng.choice(ACTS)} {rng.choice(WHEN)}." for _ in range(rng.randint(5, 12)))
        yield f"## {heading}\n\n{said}"


def minutes(name: str, number: int, rng: random.Random) -> Iterator[str]:
    """What was said at a meeting, each time by somebody else."""
    for _ in range(rng.randint(1, 5)):
        speaker = f"{_name(rng)} {_name(rng)} {_name(rng)}"
        yield f"# {name}\n\n- {speaker} : {rng.choice(ACTS).lower()} {rng.choice(WHEN)}\n\n{rng.choice(SENTENCES)}"


def _name(rng: random.Random) -> str:
    return "".join(rng.choices(SYLLABLES, k=rng.randint(2, 4))).capitalize()


CORPORA = {"procedures": procedures, "catalogue": catalogue, "minutes": minutes}
COLOURS = {"procedures": "#1f6f8b", "catalogue": "#b5532a", "minutes": "#6b8e23"}


def rows(corpus: str, seed: int = 1) -> Iterator[dict[str, Any]]:
    """Chunks of made-up documents without end, one at a time."""
    rng, made = random.Random(seed), itertools.count(1)
    for number in itertools.count(1):
        name = f"{_name(rng)} {number}"
        for content in CORPORA[corpus](name, number, rng):
            yield {"id": f"c{next(made)}", "content": content, "metadata": {"id": f"d{number}", "nom": name}}


def write_corpus(path: Path, corpus: str, chunks: int) -> None:
    """Stream it to disk."""
    with path.open("w", encoding="utf-8") as handle:
        for row in itertools.islice(rows(corpus), chunks):
            handle.write(json.dumps(row, ensure_ascii=False) + "\n")


def plain_loop() -> float:
    """Processor seconds of three million additions."""
    started, total = time.process_time(), 0
    for number in range(3_000_000):
        total += number
    return time.process_time() - started


def measure(documents: Path, method: str, split: bool) -> dict[str, Any]:
    """One run in this very process."""
    from dyag_core import Session

    with documents.open("rb") as handle:
        chunks = sum(1 for line in handle)
    with tempfile.TemporaryDirectory() as folder:
        first: list[float] = []
        loop, started, busy = plain_loop(), time.perf_counter(), time.process_time()
        threading.Thread(target=_await_first_row, args=(Path(folder), started, first), daemon=True).start()
        made = Session(folder).generate(documents, method=method, split=split)
        seconds, busy = time.perf_counter() - started, time.process_time() - busy
        size = made.output.stat().st_size
    return {
        "chunks": chunks,
        "rows": made.written,
        "facts": made.facts,
        "seconds": seconds,
        "cpu_seconds": busy,
        "first_row_seconds": first[0] if first else seconds,
        "peak_memory_mb": peak_memory() / 1e6,
        "output_mb": size / 1e6,
        "loop_seconds": (loop + plain_loop()) / 2,
        "by_split": made.by_split,
        "largest_similarity": made.largest_similarity,
    }


def peak_memory() -> int:
    """Bytes. Linux' own figure: `getrusage` there counts the parent's pages from before the start."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return 1024 * int(status.partition("VmHWM:")[2].split()[0])


def _await_first_row(folder: Path, started: float, first: list[float]) -> None:
    while not any(file.stat().st_size for file in folder.glob(".training.jsonl.*.tmp")):
        time.sleep(0.02)
    first.append(time.perf_counter() - started)


def table(runs: dict[str, dict[str, Any]]) -> str:
    """Markdown."""
    lines = [
        "| input | chunks | rows | time | processor | chunks/s | rows/s | first row | peak memory |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for name, run in runs.items():
        lines.append(
            f"| {name} | {run['chunks']:,} | {run['rows']:,} | {run['seconds']:.1f} s | {run['cpu_seconds']:.1f} s "
            f"| {run['chunks'] / run['cpu_seconds']:,.0f} | {run['rows'] / run['cpu_seconds']:,.0f} "
            f"| {run['first_row_seconds']:.2f} s | {run['peak_memory_mb']:.0f} MB |"
        )
    loops = [run["loop_seconds"] for run in runs.values()]
    note = f"Rates by processor time. Three million additions took {min(loops):.2f} to {max(loops):.2f} s."
    return "\n".join([*lines, "", note, ""])


def figure(runs: list[dict[str, Any]], path: Path, title: str) -> None:
    """Time and memory against chunks, log-log."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    pyplot.rcParams |= {"svg.hashsalt": "dyag", "svg.fonttype": "none", "font.size": 10}
    drawing, (left, right) = pyplot.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    for corpus, color in COLOURS.items():
        own = [run for run in runs if run["corpus"] == corpus]
        chunks = [run["chunks"] for run in own]
        left.loglog(chunks, [run["cpu_seconds"] for run in own], "o-", color=color, label=corpus)
        right.loglog(chunks, [run["peak_memory_mb"] for run in own], "o-", color=color, label=corpus)
    chunks = sorted({run["chunks"] for run in runs})
    left.loglog(chunks, [n / 5000 for n in chunks], "--", color="#999999", label="5,000 chunks/s")
    left.set(xlabel="chunks", ylabel="processor seconds", title=f"time, {title}")
    right.axhline(500, ls="--", color="#999999", label="500 MB")
    right.set(xlabel="chunks", ylabel="peak memory, MB", title=f"memory, {title}", ylim=(10, 1000))
    for axes in (left, right):
        axes.grid(visible=True, which="major", alpha=0.3)
        axes.legend(frameon=False)
    drawing.savefig(path, metadata={"Date": None})
    pyplot.close(drawing)


def main() -> None:
    """Write the documents here, measure in another process, for every size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("documents", nargs="?", type=Path, help="documents of your own, measured first")
    parser.add_argument("--corpora", nargs="*", choices=CORPORA, default=list(CORPORA), help="what is made up")
    parser.add_argument("--sizes", nargs="*", type=int, default=list(SIZES), help="chunks of each")
    parser.add_argument("--method", default="rule")
    parser.add_argument("--split", action="store_true")
    parser.add_argument("--output", type=Path, default=Path("results"))
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measure(arguments.measure, arguments.method, arguments.split)))
        return
    arguments.output.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, __file__, "--method", arguments.method, *(["--split"] if arguments.split else [])]
    runs: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as folder:
        made_up = Path(folder) / "documents.jsonl"
        inputs = [(corpus, size) for corpus in arguments.corpora for size in arguments.sizes]
        for corpus, size in [*([(arguments.documents.stem, 0)] if arguments.documents else []), *inputs]:
            if size:
                write_corpus(made_up, corpus, size)
            source = made_up if size else arguments.documents
            done = subprocess.run([*command, "--measure", str(source)], check=True, stdout=subprocess.PIPE)
            run = {"corpus": corpus if size else "", **json.loads(done.stdout)}
            runs[f"{corpus}, {size:,}" if size else corpus] = run
            title = f"{arguments.method}{' --split' if arguments.split else ''}"
            (arguments.output / "generate.md").write_text(table(runs), encoding="utf-8")
            content = {"method": arguments.method, "split": arguments.split, "runs": runs}
            (arguments.output / "generate.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
            figure([run for run in runs.values() if run["corpus"]], arguments.output / "generate.svg", title)
    print(table(runs), end="")


if __name__ == "__main__":
    main()
