"""What plugins may use beside the names of `dyag_core`: part of the plugin API, at one place that stays.

Everything else below `dyag_core` is private and may move in any version, `dyag_core.records` and `dyag_core.testing`
excepted. The policy: docs/plugin-api-policy.md; what each does: docs/reference/python-api.md, "For plugins".
"""

from dyag_core.artifacts import (
    BadLine,
    Journal,
    atomic_folder,
    atomic_text,
    atomic_write,
    disk_errors,
    file_sha256,
    output_lock,
    read_json,
    read_jsonl,
    remove_leftovers,
    sha256_of,
    to_json,
)
from dyag_core.chat.conversations import Conversation, read_conversations
from dyag_core.chat.prompts import SYSTEM, question_messages, with_context
from dyag_core.chat.questions import read_questions
from dyag_core.chat.template import (
    IGNORED,
    TrainingIds,
    control_tokens,
    end_of_turn_ids,
    prompt_ids,
    stop_texts,
    takes_system,
    training_ids,
)
from dyag_core.chat.token_guess import guessed_text_tokens, guessed_tokens
from dyag_core.comparison.names import arm_name, metric_meaning, metric_name, stratum_name, unit_name
from dyag_core.dataset.export import export_rows
from dyag_core.dataset.quality.problems import problem_line, problem_name
from dyag_core.errors import nearest
from dyag_core.evaluation.arm_models import Models
from dyag_core.evaluation.parity import Parity, ParityTest
from dyag_core.models.hardware import available_memory, cpu_has_bf16, own_memory
from dyag_core.models.library_output import quiet_libraries
from dyag_core.models.memory import Batch, Weights, estimate_memory, weights_of
from dyag_core.models.pip_download import pip_download
from dyag_core.models.sources import cache_folder, is_present, load_tokenizer, locate, opened_as, revision_of
from dyag_core.plugin.entry import Chosen
from dyag_core.progress import SilentProgress
from dyag_core.retrieval.chunk_file import digests_of, places_by_id
from dyag_core.text.abstention import UNKNOWN, abstains, might_abstain, wants_abstention
from dyag_core.text.chunking import HEADING, TABLE_ROW, TABLE_RULE, heading_title
from dyag_core.text.digests import DigestSet
from dyag_core.text.formatting import capital, interval, listed, number, percent, quoted, rounded, unbroken
from dyag_core.text.grids import are_pairs, column_kind, is_total, kind_of, layout_of, subject_column, turned
from dyag_core.text.grounding import support, supported
from dyag_core.text.language import LANGUAGES, detect_language, language_name, languages_told
from dyag_core.text.markup import is_marked_up, plain_text, without_pictographs
from dyag_core.text.normalise import fold, normalise, tokens
from dyag_core.text.passage import field_label, field_text, passages_of, says_field
from dyag_core.text.reasoning import without_reasoning
from dyag_core.text.sanitize import bytes_text, csp_hash, plain, writable
from dyag_core.text.sentences import first_sentence, sentences
from dyag_core.text.similarity import similarity
from dyag_core.text.wording import fill

__all__ = [
    "HEADING",
    "IGNORED",
    "LANGUAGES",
    "SYSTEM",
    "TABLE_ROW",
    "TABLE_RULE",
    "UNKNOWN",
    "BadLine",
    "Batch",
    "Chosen",
    "Conversation",
    "DigestSet",
    "Journal",
    "Models",
    "Parity",
    "ParityTest",
    "SilentProgress",
    "TrainingIds",
    "Weights",
    "abstains",
    "are_pairs",
    "arm_name",
    "atomic_folder",
    "atomic_text",
    "atomic_write",
    "available_memory",
    "bytes_text",
    "cache_folder",
    "capital",
    "column_kind",
    "control_tokens",
    "cpu_has_bf16",
    "csp_hash",
    "detect_language",
    "digests_of",
    "disk_errors",
    "end_of_turn_ids",
    "estimate_memory",
    "export_rows",
    "field_label",
    "field_text",
    "file_sha256",
    "fill",
    "first_sentence",
    "fold",
    "guessed_text_tokens",
    "guessed_tokens",
    "heading_title",
    "interval",
    "is_marked_up",
    "is_present",
    "is_total",
    "kind_of",
    "language_name",
    "languages_told",
    "layout_of",
    "listed",
    "load_tokenizer",
    "locate",
    "metric_meaning",
    "metric_name",
    "might_abstain",
    "nearest",
    "normalise",
    "number",
    "opened_as",
    "output_lock",
    "own_memory",
    "passages_of",
    "percent",
    "pip_download",
    "places_by_id",
    "plain",
    "plain_text",
    "problem_line",
    "problem_name",
    "prompt_ids",
    "question_messages",
    "quiet_libraries",
    "quoted",
    "read_conversations",
    "read_json",
    "read_jsonl",
    "read_questions",
    "remove_leftovers",
    "revision_of",
    "rounded",
    "says_field",
    "sentences",
    "sha256_of",
    "similarity",
    "stop_texts",
    "stratum_name",
    "subject_column",
    "support",
    "supported",
    "takes_system",
    "to_json",
    "tokens",
    "training_ids",
    "turned",
    "unbroken",
    "unit_name",
    "wants_abstention",
    "weights_of",
    "with_context",
    "without_pictographs",
    "without_reasoning",
    "writable",
]
