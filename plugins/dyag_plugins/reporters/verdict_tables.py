"""What the scores rest on: how many verdicts of the primary metric by which rule, and answers that may be refusals."""

from __future__ import annotations

from dyag_core import Comparison
from dyag_core.api import arm_name, plain
from dyag_plugins.reporters.tables import Cell, Table
from dyag_plugins.reporters.texts import texts

#: A longer answer is cut here.
_QUOTE = 300


def rule_table(comparison: Comparison, lang: str) -> Table:
    """Rules down, arms across: on how many answers the primary metric decided by each; no rows where it doesn't say."""
    told = {
        arm.name: rules
        for arm in comparison.arms
        if isinstance(rules := arm.details.get(comparison.primary_metric, {}).get("rules"), dict)
    }
    known = texts(lang)["rules"]
    found = {rule for rules in told.values() for rule in rules}
    rules = [*(rule for rule in known if rule in found), *sorted(found - set(known))]
    rows = [
        [Cell(plain(known.get(rule, rule))), *(Cell(str(told[arm].get(rule, 0))) for arm in told)] for rule in rules
    ]
    return Table(["", *(arm_name(arm, lang) for arm in told)], rows)


def refusal_table(comparison: Comparison, lang: str) -> Table:
    """Answers to unanswerable questions that may be refusals, for a person to read."""
    say = texts(lang)
    rows = [
        [Cell(arm_name(found.arm, lang)), Cell(_cut(found.question)), Cell(_cut(found.answer))]
        for found in comparison.possible_refusals
    ]
    return Table([say["arm"], say["question"], say["answer"]], rows)


def _cut(text: str) -> str:
    shown = " ".join(plain(text).split())
    return shown if len(shown) <= _QUOTE else shown[:_QUOTE].rstrip() + " …"
