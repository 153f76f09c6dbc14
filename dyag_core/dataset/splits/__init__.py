"""Honest splits: what a test question measures is known, and nothing of it leaks into training.

A split of rows leaks: the same fact stands on both sides. A split of documents makes a closed-book model look hopeless:
it never saw the fact. So the test part has three strata:

- recall: the fact was trained on, in other words;
- unseen: no row about this document was trained on;
- unanswerable: nothing in the documents answers; the right answer is to say so. The whole fact is held out; as many
  others are trained, or nobody could learn to say it.

Two ways lead there. Without a number of rows everything is used, and training rows stream through (`StreamedSplit`).
With one, rows are first drawn so that they cover the documents, and divided when all are known (`SampledSplit`).

Read in this order: `shares` (how many), `lot` (who), `strata` (the test part), then `streamed`, or `sample`,
`draws`, `division` and `sampled`.
"""

from dyag_core.dataset.splits.choice import Choice
from dyag_core.dataset.splits.ledger import Ledger
from dyag_core.dataset.splits.lot import Lot
from dyag_core.dataset.splits.sampled import SampledSplit
from dyag_core.dataset.splits.shares import STRATA, Part, Quotas
from dyag_core.dataset.splits.strata import TOO_NEAR, Placed
from dyag_core.dataset.splits.streamed import StreamedSplit

__all__ = ["STRATA", "TOO_NEAR", "Choice", "Ledger", "Lot", "Part", "Placed", "Quotas", "SampledSplit", "StreamedSplit"]
