"""Files that survive: atomic writes, JSONL with bad lines, journals, locks, manifests."""

import json
import os
import signal
import subprocess
import sys
import textwrap
from datetime import date
from pathlib import Path

import pytest

from dyag_core import LockedError, UsageError
from dyag_core.artifacts import (
    BadLine,
    Journal,
    atomic_folder,
    atomic_text,
    atomic_write,
    output_lock,
    read_json,
    read_jsonl,
    sha256_of,
    to_json,
    write_jsonl,
    write_manifest,
)


def run_python(code: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *arguments], stdout=subprocess.PIPE, text=True, encoding="utf-8"
    )


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    atomic_text(path, "old")
    with pytest.raises(ZeroDivisionError), atomic_write(path) as handle:
        handle.write("new" * (1 // 0))
    assert path.read_text(encoding="utf-8") == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_a_rewritten_file_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    atomic_text(path, "1")
    path.chmod(0o640)
    atomic_text(path, "2")
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_folder_takes_its_place_whole_or_not_at_all(tmp_path: Path) -> None:
    folder, partial = tmp_path / "new" / "model", tmp_path / "new" / ".model.partial"
    with atomic_folder(folder) as place:
        (place / "old").touch()
    with pytest.raises(ZeroDivisionError), atomic_folder(folder) as place:
        (place / "half").write_bytes(b"x" * (1 // 0))
    assert [path.name for path in folder.iterdir()] == ["old"]
    assert not partial.exists()
    (partial / "left by a kill").mkdir(parents=True)
    with atomic_folder(folder) as place:
        (place / "new").touch()
    assert [path.name for path in folder.iterdir()] == ["new"]
    assert not partial.exists()


def test_a_file_where_a_folder_is_needed_is_a_clear_error(tmp_path: Path) -> None:
    atomic_text(tmp_path / "file", "x")
    with pytest.raises((UsageError, FileExistsError)) as error:
        atomic_text(tmp_path / "file" / "below.txt", "x")
    assert "file" in str(error.value)


BAD_LINES = {
    b'{"a": 1': "not JSON: Expecting ',' delimiter (column 8)",  # and not on the next line
    b"[1, 2]": "array, not an object|list, not an object",
    b"3": "int, not an object",
    b'{"a": 1}{"a": 2}': "Extra data",
    b'{"a": NaN}': "NaN",
    b'{"a": 1, "a": 2}': "'a' stands twice",
    b'{"a": "\xff"}': "not UTF-8",
    b'{"a": ' + b"1" * 5000 + b"}": "integer string conversion",
    b'{"a":' * 200_000 + b"1" + b"}" * 200_000: "nested too deeply",
    b'{"a": "\\ud800"}': "surrogate",
    b'{"a": 1e999}': "too large",
    b'{"a": {"b": [{"c": -1e999}]}}': "-1e999 is too large",
    b"\x00\x00\x00\x00\x00": "not JSON",
}


@pytest.mark.parametrize(("line", "reason"), BAD_LINES.items(), ids=[r.split("|")[0] for r in BAD_LINES.values()])
def test_a_bad_line_is_named_and_costs_only_itself(tmp_path: Path, line: bytes, reason: str) -> None:
    path = tmp_path / "in.jsonl"
    path.write_bytes(b'{"n": 1}\r\n\n' + line + b"\n" + '{"n": "é\u2028🎉"}'.encode())
    found = list(read_jsonl(path))
    assert [number for number, _ in found] == [1, 3, 4]
    assert found[0][1] == {"n": 1}
    assert found[2][1] == {"n": "é\u2028🎉"}
    bad = found[1][1]
    assert isinstance(bad, BadLine)
    assert any(part in bad.reason for part in reason.split("|")), bad.reason


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x1f\x8b\x08rest", "gzip"),
        ('{"a": 1}'.encode("utf-16"), "UTF-16"),
        (b'[{"a": 1}]', "JSON array"),
    ],
)
def test_another_format_is_refused_with_a_remedy(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "in.jsonl"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=message) as error:
        list(read_jsonl(path))
    assert error.value.hint


def test_an_array_on_the_first_of_several_lines_is_one_bad_line(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_bytes(b'[1]\n{"a": 1}\n')
    (_, bad), (_, good) = read_jsonl(path)
    assert isinstance(bad, BadLine)
    assert good == {"a": 1}


def test_a_byte_order_mark_is_no_error(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"a": 1}\n')
    assert list(read_jsonl(path)) == [(1, {"a": 1})]


def test_missing_and_broken_json_say_where(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        read_json(tmp_path / "none.json")
    broken = tmp_path / "broken.json"
    broken.write_text('{"a":\n 1,}', encoding="utf-8")
    with pytest.raises(UsageError, match="line 2"):
        read_json(broken)


def test_nan_is_never_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Out of range"):
        write_jsonl(tmp_path / "out.jsonl", [{"a": 1.0}, {"a": float("nan")}])
    assert not (tmp_path / "out.jsonl").exists()


def test_a_journal_keeps_what_was_put_through_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    writer = run_python(
        """
        import sys
        from pathlib import Path
        from dyag_core.artifacts import Journal
        with Journal(Path(sys.argv[1])) as journal:
            for i in range(1_000_000):
                journal.put(f"key {i}", {"text": "é" * 200})
                print(i, flush=True)
        """,
        str(path),
    )
    assert writer.stdout is not None
    acknowledged = -1
    for line in writer.stdout:
        acknowledged = int(line)
        if acknowledged == 25:
            writer.send_signal(signal.SIGKILL)
            break
    writer.wait()
    with path.open("ab") as handle:
        handle.write(b'{"key": "torn", "val')
    with Journal(path) as journal:
        assert all(f"key {i}" in journal for i in range(acknowledged + 1))
        assert "torn" not in journal
        journal.put("after", 1)
    with Journal(path) as journal:
        assert journal.get("after") == 1


def test_a_lock_names_its_holder_and_dies_with_it(tmp_path: Path) -> None:
    output = tmp_path / "model é"
    holder = run_python(
        """
        import sys, time
        from pathlib import Path
        from dyag_core.artifacts import output_lock
        with output_lock(Path(sys.argv[1])):
            print("held", flush=True)
            time.sleep(60)
        """,
        str(output),
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(LockedError, match=str(holder.pid)), output_lock(output):
        pass
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with output_lock(output):
        pass


def test_a_manifest_holds_hashes_and_no_absolute_path(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    source = tmp_path / "in" / "documents.jsonl"
    atomic_text(source, "{}\n")
    made = write_manifest(
        tmp_path / "out.manifest.json", stage="generate", options={}, seed=1, inputs={"documents": source}, plugins=[]
    )
    assert made["inputs"]["documents"]["path"] == "in/documents.jsonl"
    text = (tmp_path / "out.manifest.json").read_text(encoding="utf-8")
    assert str(tmp_path) not in text
    assert json.loads(text) == made


def test_the_hash_of_a_value_ignores_the_order_of_keys() -> None:
    assert sha256_of({"a": 1, "b": [1, 2]}) == sha256_of({"b": [1, 2], "a": 1})
    assert sha256_of([1, 2]) != sha256_of([2, 1])


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    """A limit on file size gives the same error path as a full disk, without mounting one."""
    path = tmp_path / "out.txt"
    atomic_text(path, "old")
    process = subprocess.run(
        [
            sys.executable,
            "-c",
            "import resource, signal, sys\n"
            "from pathlib import Path\n"
            "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
            "from dyag_core.artifacts import atomic_text\n"
            "from dyag_core import ResourceError\n"
            "try:\n    atomic_text(Path(sys.argv[1]), 'new' * 1000)\n"
            "except ResourceError as error:\n    print(error.exit_code, error)\n",
            str(path),
        ],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        check=True,
    )
    assert process.stdout.startswith("5 no room to write")
    assert path.read_text(encoding="utf-8") == "old"


def test_a_text_may_hold_the_name_of_what_is_no_number() -> None:
    row = {"answer": "NaN et Infinity, « é »", "day": date(2026, 11, 23)}
    assert to_json(row) == '{"answer":"NaN et Infinity, « é »","day":"2026-11-23"}'
    for value in (float("nan"), float("inf"), -float("inf")):
        with pytest.raises(ValueError, match="not JSON compliant"):
            to_json({"deep": [{"value": value}]})
