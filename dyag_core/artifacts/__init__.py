"""Files that survive: atomic writes, streaming JSONL, journals, manifests, locks. No other code writes a final file."""

from dyag_core.artifacts.atomic import atomic_folder, atomic_text, atomic_write, disk_errors, remove_leftovers
from dyag_core.artifacts.journal import Journal
from dyag_core.artifacts.json_array import is_one_array, read_rows
from dyag_core.artifacts.jsonl import BadLine, read_json, read_jsonl, to_json, write_jsonl
from dyag_core.artifacts.lock import output_lock
from dyag_core.artifacts.manifest import (
    MANIFEST_SUFFIX,
    file_sha256,
    manifest_of_rows,
    manifest_path,
    readable_name,
    relative_to,
    sha256_of,
    write_manifest,
)
from dyag_core.artifacts.outputs import jsonl_file, refuse_inputs
from dyag_core.artifacts.rejects import Rejects, rejects_path

__all__ = [
    "MANIFEST_SUFFIX",
    "BadLine",
    "Journal",
    "Rejects",
    "atomic_folder",
    "atomic_text",
    "atomic_write",
    "disk_errors",
    "file_sha256",
    "is_one_array",
    "jsonl_file",
    "manifest_of_rows",
    "manifest_path",
    "output_lock",
    "read_json",
    "read_jsonl",
    "read_rows",
    "readable_name",
    "refuse_inputs",
    "rejects_path",
    "relative_to",
    "remove_leftovers",
    "sha256_of",
    "to_json",
    "write_jsonl",
    "write_manifest",
]
