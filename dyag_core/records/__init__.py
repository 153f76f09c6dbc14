"""What stages and plugins hand to each other, and what stands in the files between them."""

from dyag_core.records.base import SCHEMA_VERSION, Record
from dyag_core.records.base_model import BaseModelPreset, ModelShape
from dyag_core.records.comparison import (
    ArmAnswer,
    ArmSummary,
    Comparison,
    Difference,
    Disagreement,
    Latency,
    NextStep,
    Recommendation,
    Report,
)
from dyag_core.records.cost import ArmCost, BreakEven, Cost, CostOptions, Curve
from dyag_core.records.document import Chunk, Document, Fact
from dyag_core.records.evaluation import Evaluation, MetricResult, MetricSummary, Prediction, Source
from dyag_core.records.example import Example, Message, Question
from dyag_core.records.exported import Exported
from dyag_core.records.generated import GeneratedData, GenerationEstimate
from dyag_core.records.generation import Decoding, Hit, Reply
from dyag_core.records.ingested import IngestedDocuments
from dyag_core.records.quality import Problem, ProblemCount, Quality, Validation
from dyag_core.records.training import MemoryEstimate, Passport, TrainedModel, TrainingEstimate, TrainingJob

__all__ = [
    "SCHEMA_VERSION",
    "ArmAnswer",
    "ArmCost",
    "ArmSummary",
    "BaseModelPreset",
    "BreakEven",
    "Chunk",
    "Comparison",
    "Cost",
    "CostOptions",
    "Curve",
    "Decoding",
    "Difference",
    "Disagreement",
    "Document",
    "Evaluation",
    "Example",
    "Exported",
    "Fact",
    "GeneratedData",
    "GenerationEstimate",
    "Hit",
    "IngestedDocuments",
    "Latency",
    "MemoryEstimate",
    "Message",
    "MetricResult",
    "MetricSummary",
    "ModelShape",
    "NextStep",
    "Passport",
    "Prediction",
    "Problem",
    "ProblemCount",
    "Quality",
    "Question",
    "Recommendation",
    "Record",
    "Reply",
    "Report",
    "Source",
    "TrainedModel",
    "TrainingEstimate",
    "TrainingJob",
    "Validation",
]
