"""What the arms cost, from the numbers in their result files: once, for each query, and who pays against whom.

Every arm is a straight line: what is spent once, plus the queries. Arm against arm, the one that costs more once pays
from the query on where the lines cross; where its queries are not cheaper, never. Nothing is guessed: a number that no
file holds is named, with the way to get it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import combinations
from statistics import fmean
from typing import Any

from dyag_core.comparison.differences import CEILINGS
from dyag_core.comparison.result_files import Item, ResultFile
from dyag_core.comparison.sentences import Part, Sentence, Text, in_words, say
from dyag_core.errors import UsageError
from dyag_core.records import ArmCost, BreakEven, Cost, CostOptions, Curve
from dyag_core.records.cost import CostPart
from dyag_core.text.formatting import rounded, significant

#: A break-even so many times later than the first is not drawn: the others would lie on the axis.
_FARTHEST = 20
_POINTS = 4
#: Decimals: small models cost thousandths of any currency.
_SECONDS, _MONEY = 2, 4


def checked(options: CostOptions) -> CostOptions:
    """`options`, when they make sense together.

    Raises:
        UsageError: one is negative or not finite, or stands without those that it needs.
    """
    for name, value in options:
        if value is not None and not (math.isfinite(value) and value >= 0):
            raise UsageError(f"--{name.replace('_', '-')} {value} is no cost", "give a number from 0 on")
    if (options.changes_per_month is None) != (options.queries_per_month is None):
        raise UsageError("--changes-per-month and --queries-per-month say something only together", "give both")
    if (options.price_in is None) != (options.price_out is None):
        raise UsageError("--price-in and --price-out say something only together", "give both, per million tokens")
    if options.price_in is not None and options.price_hour is None:
        raise UsageError(
            "--price-in and --price-out need --price-hour, for training and index",
            "give --price-hour 0 where the machine costs nothing",
        )
    return options


def reckon(files: Mapping[str, ResultFile], items: Mapping[str, Sequence[Item]], options: CostOptions) -> Cost:
    """The cost of every arm that somebody could run. Money where there are prices, else seconds."""
    arms = [_arm(arm, file, items[arm], options) for arm, file in files.items() if arm not in CEILINGS]
    pairs = [found for a, b in combinations(arms, 2) if (found := _pair(a, b, _decimals(options))) is not None]
    return Cost(
        unit="seconds" if options.price_hour is None else "money",
        options=options,
        arms=arms,
        break_even=pairs,
        curve=_curve(arms, pairs, _decimals(options)),
        sentences=_sentences(arms, pairs, options),
        missing=[
            _missing([arm.arm for arm in arms if part in arm.missing], part)
            for part in dict.fromkeys(part for arm in arms for part in arm.missing)
        ],
    )


# -- one arm -----------------------------------------------------------------------------------------------------------


def _arm(arm: str, file: ResultFile, items: Sequence[Item], options: CostOptions) -> ArmCost:
    training, index = (_table(file.metadata.get(name)) for name in ("training", "index"))
    trained = arm in ("finetuned", "hybrid") or bool(training) or bool(_table(file.metadata.get("model")))
    retrieves = arm in ("rag", "hybrid") or bool(index) or any(item.prediction.sources for item in items)
    parts: dict[CostPart, float | None] = {}
    if trained:
        parts["training"] = _known(training.get("seconds"), options.training_seconds)
        parts["data"] = options.data_seconds
    if retrieves:
        parts["index"] = _known(index.get("seconds"), options.index_seconds)
    answered = [item.prediction for item in items if item.prediction.error is None]
    timed = [p.seconds for p in answered] if any(p.seconds for p in answered) else []
    counted = [p for p in answered if p.prompt_tokens or p.completion_tokens]
    per_token = options.price_in is not None
    missing: list[CostPart] = [part for part, value in parts.items() if value is None]
    if not (counted if per_token else timed):
        missing.append("tokens" if per_token else "seconds")
    cost = ArmCost(
        arm=arm,
        training_seconds=_rounded(parts.get("training")),
        training_device=str(training["device"]) if training.get("device") else None,
        data_seconds=_rounded(parts.get("data")),
        index_seconds=_rounded(parts.get("index"), 3),
        query_seconds=significant(fmean(timed), 4) if timed else None,
        prompt_tokens=rounded(fmean(p.prompt_tokens for p in counted)) if counted else None,
        completion_tokens=rounded(fmean(p.completion_tokens for p in counted)) if counted else None,
        once=_once(parts, options),
        missing=missing,
    )
    thousand = _thousand(cost, options)
    month = None
    if options.queries_per_month is not None and thousand is not None and cost.once is not None and not missing:
        month = rounded(
            (options.changes_per_month or 0) * cost.once + options.queries_per_month * thousand / 1000,
            _decimals(options),
        )
    return cost.model_copy(update={"thousand": thousand, "month": month})


def _table(value: Any) -> dict[str, Any]:
    """Result files come from anywhere: what should be an object and is none says nothing."""
    return value if isinstance(value, dict) else {}


def _known(told: Any, given: float | None) -> float | None:
    """The file's number, else the user's."""
    usable = isinstance(told, int | float) and not isinstance(told, bool) and math.isfinite(told) and told >= 0
    return float(told) if usable else given


def _rounded(value: float | None, decimals: int = 1) -> float | None:
    return None if value is None else rounded(value, decimals)


def _once(parts: Mapping[CostPart, float | None], options: CostOptions) -> float | None:
    """What is spent before the first answer, of the parts that are known; None without the training."""
    if "training" in parts and parts["training"] is None:
        return None
    seconds = sum(value for value in parts.values() if value is not None)
    spent = seconds if options.price_hour is None else seconds / 3600 * options.price_hour
    return rounded(spent, _decimals(options))


def _thousand(cost: ArmCost, options: CostOptions) -> float | None:
    """1000 queries: by the token where tokens have a price, else by the time they take."""
    if options.price_in is not None and options.price_out is not None:
        if cost.prompt_tokens is None or cost.completion_tokens is None:
            return None
        return rounded(
            (cost.prompt_tokens * options.price_in + cost.completion_tokens * options.price_out) / 1000, _MONEY
        )
    if cost.query_seconds is None:
        return None
    if options.price_hour is not None:
        return rounded(1000 * cost.query_seconds / 3600 * options.price_hour, _MONEY)
    return rounded(1000 * cost.query_seconds, 1)


# -- arm against arm ---------------------------------------------------------------------------------------------------


def _line(arm: ArmCost) -> tuple[float, float] | None:
    """What it costs once and for 1000 queries, where both are known."""
    return None if arm.once is None or arm.thousand is None else (arm.once, arm.thousand)


def _decimals(options: CostOptions) -> int:
    return _SECONDS if options.price_hour is None else _MONEY


def _pair(a: ArmCost, b: ArmCost, decimals: int) -> BreakEven | None:
    """Who pays against whom; None where too little is known, or where both cost the same."""
    mine, theirs = _line(a), _line(b)
    if mine is None or theirs is None or mine == theirs:
        return None
    if (mine[0], -mine[1]) < (theirs[0], -theirs[1]):
        a, b, mine, theirs = b, a, theirs, mine
    if set(b.missing) - set(a.missing):
        return None  # the other could as well be the one that costs more once
    if mine[1] >= theirs[1]:
        return BreakEven(arm=a.arm, against=b.arm, queries=None)
    queries = math.ceil(round(1000 * (mine[0] - theirs[0]) / (theirs[1] - mine[1]), 6))
    total = rounded(theirs[0] + queries * theirs[1] / 1000, decimals)
    at_least = bool(set(a.missing) - set(b.missing))
    return BreakEven(arm=a.arm, against=b.arm, queries=queries, total=total, at_least=at_least)


def _curve(arms: Sequence[ArmCost], pairs: Sequence[BreakEven], decimals: int) -> Curve | None:
    """Totals after so many queries, past the break-evens; of the arms whose cost is known."""
    lines = {arm.arm: line for arm in arms if (line := _line(arm)) is not None}
    if len(lines) < 2:
        return None
    crossings = sorted(pair.queries for pair in pairs if pair.queries)
    near = [queries for queries in crossings if queries <= _FARTHEST * crossings[0]]
    step = _round_number(1.5 * near[-1] / _POINTS) if near else 250
    queries = [step * place for place in range(_POINTS + 1)]
    totals = {
        arm: [rounded(once + n * thousand / 1000, decimals) for n in queries] for arm, (once, thousand) in lines.items()
    }
    return Curve(queries=queries, totals=totals)


def _round_number(value: float) -> int:
    """The next of 1, 2, 5, 10, 20, 50, 100 ... from `value` on, with 25 and 250 among them."""
    size: int = 10 ** max(0, math.floor(math.log10(max(value, 1))))
    return next(math.ceil(m * size) for m in (1, 2, 2.5, 5, 10) if math.ceil(m * size) >= value)


# -- words -------------------------------------------------------------------------------------------------------------


def _sentences(arms: Sequence[ArmCost], pairs: Sequence[BreakEven], options: CostOptions) -> list[Text]:
    """The fine-tuned model's break-evens (all arms' where there is none), and what the changes make of them."""
    own = [pair for pair in pairs if "finetuned" in (pair.arm, pair.against)] or list(pairs)
    by_name = {arm.arm: arm for arm in arms}
    found = [in_words(_sentence(pair, by_name, options.price_hour is not None)) for pair in own]
    if options.changes_per_month is None or options.queries_per_month is None:
        return found
    queries = options.queries_per_month
    if options.changes_per_month == 0:
        return [*found, in_words(say("rhythm_none", queries=_shown(queries)))]
    between = rounded(queries / options.changes_per_month)
    changes = _shown(options.changes_per_month)
    rhythm = [say("rhythm", changes=changes, queries=_shown(queries), between=_shown(between))]
    for pair in own:
        if pair.queries:
            late = pair.queries > between
            if pair.at_least and not late:
                continue  # it may take more than what is left
            key = "rhythm_not" if late else "rhythm_pays"
            needed = say("at_least", n=pair.queries) if pair.at_least else pair.queries
            rhythm.append(say(key, arm=pair.arm, against=pair.against, needed=needed))
    return [*found, in_words(*rhythm)]


def _sentence(pair: BreakEven, arms: Mapping[str, ArmCost], money: bool) -> Sentence:
    mine, theirs = arms[pair.arm], arms[pair.against]
    key = "pays_at_least" if pair.at_least else "pays"
    if pair.queries is None:
        key = "pays_never"
    elif pair.queries == 0 and not pair.at_least:
        key = "pays_at_once"
    return say(
        key,
        arm=pair.arm,
        against=pair.against,
        queries=pair.queries or 0,
        once=_amount(mine.once, money),
        thousand=_amount(mine.thousand, money),
        other_once=_amount(theirs.once, money),
        other_thousand=_amount(theirs.thousand, money),
    )


def _missing(arms: Sequence[str], part: CostPart) -> Text:
    return in_words(say("missing", arm=list(arms), part=say(f"missing_{part}"), remedy=say(f"get_{part}")))


def _amount(value: float | None, money: bool) -> Part:
    known = value or 0.0
    return known if money else say("seconds", value=known)


def _shown(value: float) -> float:
    """Without decimals where it has none."""
    return int(value) if value == int(value) else value
