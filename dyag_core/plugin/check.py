"""Loading every plugin to see whether it can be: in other processes, since a stranger's import may hang or crash.

One process checks the plugins of one distribution, in turn, and notes each before it takes the next. Where a plugin
hangs, a watchdog ends the process. Where it ends early by itself, the plugin it was at is checked again in a fresh one:
only what ends a process all alone is to blame.
"""

from __future__ import annotations

import faulthandler
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dyag_core.errors import DyagError, UsageError
from dyag_core.plugin import discovery
from dyag_core.plugin.disabling import DISABLE, STRICT
from dyag_core.plugin.entry import Entry
from dyag_core.plugin.families import FAMILY_HOOKS, LIFECYCLE

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Seconds that one plugin may take.
TIMEOUT = 20.0
_AT_ONCE = 4


@dataclass(frozen=True)
class Checked:
    """A plugin and what is wrong with it; `problem` is None where it is sound."""

    entry: Entry
    problem: str | None


def check_plugins(entries: Sequence[Entry], timeout: float = TIMEOUT) -> list[Checked]:
    """Load `entries` and check them against the hooks, in their order. None of them is imported here."""
    by_distribution: defaultdict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        by_distribution[entry.distribution].append(entry)
    with ThreadPoolExecutor(min(_AT_ONCE, os.cpu_count() or 1)) as pool:
        checked = pool.map(lambda together: _in_turn(together, timeout), by_distribution.values())
        problems = {id(each.entry): each for several in checked for each in several}
    return [problems[id(entry)] for entry in entries]


def _in_turn(entries: Sequence[Entry], timeout: float) -> list[Checked]:
    checked: list[Checked] = []
    while len(checked) < len(entries):
        rest = entries[len(checked) :]
        problems, hung, code = _one_process(rest, timeout)
        checked += [Checked(entry, problem) for entry, problem in zip(rest, problems, strict=False)]
        if len(checked) < len(entries) and (hung or not problems):
            entry = entries[len(checked)]
            ending = f"took more than {timeout:g} s" if hung else _ending(code)
            advice = f"report it to its author, or leave it out: {DISABLE}={entry.distribution}"
            checked.append(Checked(entry, f"{entry.title} {ending} while it was loaded ({advice})"))
    return checked


def _one_process(entries: Sequence[Entry], timeout: float) -> tuple[list[str | None], bool, int]:
    """The problems of the plugins that a fresh process came through, whether it hung then, and its exit code."""
    with tempfile.TemporaryDirectory(prefix="dyag-check-") as folder:
        notes, watchdog = Path(folder, "notes"), Path(folder, "watchdog")  # files: a plugin's children keep pipes open
        names = [f"{entry.family}:{entry.qualified}" for entry in entries]
        code = subprocess.run(
            [sys.executable, "-m", "dyag_core.plugin.check", folder, str(timeout), *names],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        ).returncode
        lines = notes.read_text(encoding="utf-8").splitlines() if notes.exists() else []
        hung = watchdog.exists() and watchdog.stat().st_size > 0
    return [json.loads(line) for line in lines], hung, code


def _ending(code: int) -> str:
    if code >= 0:
        return f"ended Python with exit code {code}"
    try:
        return f"crashed Python ({signal.Signals(-code).name})"
    except ValueError:
        return f"crashed Python (signal {-code})"


def problem_of(entry: Entry) -> str | None:
    """Load a plugin in this process and check it against the hooks: what is wrong with it, None where nothing is."""
    from dyag_core.plugin.host import Plugins

    try:
        if entry.family == LIFECYCLE:
            os.environ[STRICT] = "1"
            Plugins(hooks=[entry])
        elif entry.family in FAMILY_HOOKS:
            Plugins(hooks=[]).choose(entry.family, entry.qualified)
        else:
            discovery.load_command(entry)
    except UsageError as error:  # a plugin whose options have required fields is sound
        return None if "Field required" in error.message else error.message
    except DyagError as error:
        return f"{error.message} ({error.hint})" if error.hint else error.message
    return None


def _main(folder: str, timeout: str, names: Sequence[str]) -> None:
    import dyag_core.plugin.host  # noqa: F401 - what DYAG itself imports doesn't count as the first plugin's time

    with open(Path(folder, "notes"), "w", encoding="utf-8") as notes, open(Path(folder, "watchdog"), "w") as watchdog:
        for name in names:
            family, _, qualified = name.partition(":")
            # A thread of the interpreter, not of Python: it ends the process while C code holds everything up, too.
            faulthandler.dump_traceback_later(float(timeout), exit=True, file=watchdog)
            problem = problem_of(discovery.find(family, qualified))
            faulthandler.cancel_dump_traceback_later()
            notes.write(json.dumps(problem) + "\n")
            notes.flush()


if __name__ == "__main__":
    _main(sys.argv[1], sys.argv[2], sys.argv[3:])
