"""Which metrics are scored where none are named."""

from __future__ import annotations

#: success is the primary metric; these two are in every results file, whichever metrics are asked for.
ALWAYS = ("success", "exact_match")


DEFAULT_METRICS = (*ALWAYS, "token_f1", "containment", "abstention", "answer_length")


#: Scored beside the default ones where an arm retrieves.
RETRIEVAL_METRICS = ("recall_at_k", "mrr")


#: Scored where no file has scores of its own (results of DYAG 2.0), and the order in which reports show metrics.
USUAL_METRICS = ("success", "exact_match", "token_f1", "containment", "abstention", "answer_length")
