"""What stages and plugins hand to each other, and what stands in the files between them."""

from dyag_core.records.answer import Answer
from dyag_core.records.arm import Arm
from dyag_core.records.base import SCHEMA_VERSION, Record
from dyag_core.records.base_model import BaseModelPreset, ModelShape
from dyag_core.records.comparison import (
    ArmAnswer,
    ArmSummary,
    Comparison,
    ComparisonFiles,
    Difference,
    Disagreement,
    ErrorKind,
    Latency,
    NextStep,
    PossibleRefusal,
    Preference,
    Recommendation,
    Report,
)
from dyag_core.records.cost import ArmCost, BreakEven, Cost, CostOptions, Curve
from dyag_core.records.document import Chunk, Document, Fact
from dyag_core.records.evaluation import Evaluation, EvaluationFiles, MetricResult, MetricSummary, Prediction, Source
from dyag_core.records.example import Example, Message, Question
from dyag_core.records.explanation import ExplainedRow, Explanation
from dyag_core.records.exported import Exported
from dyag_core.records.generated import GeneratedData, GenerationEstimate
from dyag_core.records.generation import Decoding, Hit, Reply
from dyag_core.records.index import Index
from dyag_core.records.ingested import IngestedDocuments
from dyag_core.records.metric import MetricDescription
from dyag_core.records.quality import (
    Bin,
    Coverage,
    Finding,
    Lengths,
    Problem,
    ProblemCount,
    Quality,
    SampleRow,
    Validation,
)
from dyag_core.records.review import Excerpt, Review, ReviewRow, Share
from dyag_core.records.training import MemoryEstimate, Passport, TrainedModel, TrainingEstimate, TrainingJob

__all__ = [
    "SCHEMA_VERSION",
    "Answer",
    "Arm",
    "ArmAnswer",
    "ArmCost",
    "ArmSummary",
    "BaseModelPreset",
    "Bin",
    "BreakEven",
    "Chunk",
    "Comparison",
    "ComparisonFiles",
    "Cost",
    "CostOptions",
    "Coverage",
    "Curve",
    "Decoding",
    "Difference",
    "Disagreement",
    "Document",
    "ErrorKind",
    "Evaluation",
    "EvaluationFiles",
    "Example",
    "Excerpt",
    "ExplainedRow",
    "Explanation",
    "Exported",
    "Fact",
    "Finding",
    "GeneratedData",
    "GenerationEstimate",
    "Hit",
    "Index",
    "IngestedDocuments",
    "Latency",
    "Lengths",
    "MemoryEstimate",
    "Message",
    "MetricDescription",
    "MetricResult",
    "MetricSummary",
    "ModelShape",
    "NextStep",
    "Passport",
    "PossibleRefusal",
    "Prediction",
    "Preference",
    "Problem",
    "ProblemCount",
    "Quality",
    "Question",
    "Recommendation",
    "Record",
    "Reply",
    "Report",
    "Review",
    "ReviewRow",
    "SampleRow",
    "Share",
    "Source",
    "TrainedModel",
    "TrainingEstimate",
    "TrainingJob",
    "Validation",
]
