"""Runs `dyag` commands in forks of one warm process, and ends them where it is told to.

Importing the training stack takes seconds, training the tiny model a fraction of one. So this program imports once and
forks for each command: the child is a process group of its own and runs the command line's `main`. It reads one JSON
order a line and answers each with one JSON line: `{"start": {...}}` with the child's pid, `{"wait": pid}` with its
exit code (negative: the signal that ended it).

A child can be told to end in the middle of things, at a place and not at a time:

- `{"write": PATTERN, "bytes": N}`: inside the write of the file whose path matches, after N bytes. The kernel does it
  (RLIMIT_FSIZE, whose signal is left deadly), so a file that C++ or Rust writes is torn as well as Python's own.
- `{"before": EVENT, "path": PATTERN}`: SIGKILL to the whole group, right before an audited event ("open", "os.rename",
  "os.remove", "os.rmdir", "shutil.rmtree") on that path; a rename counts under its new name.

`nth` (1 by default) takes the nth match.
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import signal
import sys
import time
from fnmatch import fnmatch
from pathlib import Path
from typing import Any


def serve() -> None:
    """Answer orders until stdin ends."""
    import dyag_core.cli
    from dyag_core.plugin.host import Plugins

    warm_up()
    main = dyag_core.cli.main
    Plugins()
    for line in sys.stdin:
        order = json.loads(line)
        if "start" in order:
            answer = {"pid": fork(main, order["start"])}
        else:
            answer = {"code": os.waitstatus_to_exitcode(os.waitpid(order["wait"], 0)[1])}
        print(json.dumps(answer), flush=True)


def warm_up() -> None:
    """Import all that training and measuring import, and start no thread: threads don't survive a fork."""
    import bm25s  # noqa: F401
    import datasets  # noqa: F401
    import peft  # noqa: F401
    import torch
    import trl
    from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaForCausalLM  # noqa: F401

    import dyag_core.stages.compare
    import dyag_core.stages.evaluate  # noqa: F401
    import dyag_plugins.reporters.html  # noqa: F401

    assert trl.SFTTrainer
    assert trl.SFTConfig
    torch.set_num_threads(1)


def fork(main: Any, order: dict[str, Any]) -> int:
    """Start `dyag` with `order["arguments"]`; stdout, stderr and a byte for each step go to files under "log"."""
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return pid
    os.setsid()
    log = Path(order["log"])
    log.mkdir(parents=True, exist_ok=True)
    for stream, number in (("stdout", 1), ("stderr", 2)):
        os.dup2(os.open(log / stream, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for number in (signal.SIGXFSZ, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    count_steps(log / "steps", order.get("slow_step"))
    if order.get("kill"):
        arm(order["kill"])
    try:
        main(order["arguments"])
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    except BaseException:  # noqa: BLE001 - whatever it is, the fork must not go on as the server
        import traceback

        traceback.print_exc()
        code = 70
    else:
        code = 0
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def count_steps(path: Path, slow: list[Any] | None) -> None:
    """One byte in `path` for each optimiser step.

    `slow` is a step and how many seconds it takes longer, asleep; or "computing": a minute outside of Python.
    """
    from torch.optim.optimizer import register_optimizer_step_post_hook

    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    done = 0

    def count(*_: Any) -> None:
        nonlocal done
        done += 1
        os.write(descriptor, b".")
        if slow and done == slow[0]:
            if slow[1] == "computing":
                hashlib.pbkdf2_hmac("sha256", b"", b"", 2 * 10**8)
            else:
                time.sleep(slow[1])

    register_optimizer_step_post_hook(count)


def arm(kill: dict[str, Any]) -> None:
    """End this process where `kill` says."""
    left = kill.get("nth", 1)

    def matches(path: Any) -> bool:
        nonlocal left
        name = os.fsdecode(path) if isinstance(path, (str, bytes, os.PathLike)) else ""
        left -= fnmatch(name, kill.get("write") or kill["path"])
        return left == 0

    def tear(path: Any) -> None:
        nonlocal left
        if left > 0 and matches(path):
            resource.setrlimit(resource.RLIMIT_FSIZE, (kill["bytes"], resource.RLIM_INFINITY))

    def on_event(event: str, arguments: tuple[Any, ...]) -> None:
        if "write" in kill:
            if event == "open" and isinstance(arguments[2], int) and arguments[2] & os.O_CREAT:
                tear(arguments[0])
        elif event == kill["before"] and left > 0 and matches(arguments[1 if event == "os.rename" else 0]):
            os.killpg(0, signal.SIGKILL)

    if "write" in kill:
        tear_native_writes(tear)
    sys.addaudithook(on_event)


def tear_native_writes(tear: Any) -> None:
    """torch and safetensors open their files in C++ and Rust, where Python audits nothing: look before they do."""
    import safetensors.torch
    import torch

    save, serialize = torch.save, safetensors.torch.serialize_file

    def torch_save(value: Any, file: Any, *rest: Any, **more: Any) -> None:
        tear(file)
        save(value, file, *rest, **more)

    def serialize_file(tensors: Any, file: Any, *rest: Any, **more: Any) -> None:
        tear(file)
        serialize(tensors, file, *rest, **more)

    torch.save, safetensors.torch.serialize_file = torch_save, serialize_file


if __name__ == "__main__":
    serve()
