"""What generate-training costs as the input grows: time, rate and peak memory, each size in a process of its own.

    python benchmarks/generate.py                                  # 1k to 1M made-up chunks, method rule
    python benchmarks/generate.py --sizes 1000 10000 --split
    python benchmarks/generate.py documents.jsonl --sizes 1000     # a catalogue of your own as well

The made-up catalogue is French: documents of one to five small chunks, two to four facts a chunk, as a cut document
has. It is written to disk chunk by chunk. The time is that of `Session.generate`, start-up and imports left out; the
memory is the process's peak (resident), so that what Python and the libraries take is in it. "First row" is when the
first rows could be seen beside the output.

Prints a table and writes generate.md, generate.json and generate.svg into --output.
"""

from __future__ import annotations

import argparse
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


def catalogue(chunks: int, seed: int = 1) -> Iterator[dict[str, Any]]:
    """`chunks` chunks of made-up applications, one at a time."""
    rng = random.Random(seed)
    made, document = 0, 0
    while made < chunks:
        document += 1
        name = "".join(rng.choices(SYLLABLES, k=rng.randint(2, 4))).capitalize() + f" {document}"
        labels = rng.sample(list(LABELS), len(LABELS))
        for _ in range(rng.randint(1, 5)):
            facts, labels = labels[: rng.randint(2, 4)], labels[4:]
            if not facts or made == chunks:
                break
            lines = [f"- {label}: {_value(label, document, rng)}" for label in facts]
            content = "\n".join([f"# {name}", "", *lines, "", rng.choice(SENTENCES)])
            made += 1
            yield {"id": f"c{made}", "content": content, "metadata": {"id": f"d{document}", "nom": name}}


def _value(label: str, document: int, rng: random.Random) -> str:
    values = LABELS[label]
    if values:
        return rng.choice(values)
    if label == "Site web":
        return f"https://app{document}.exemple.fr"
    if label == "Date de mise en service":
        return f"{rng.randint(1, 28)} mars {rng.randint(2001, 2025)}"
    return str(rng.randint(1, 9999))
