"""Contenders started, run turn about, and measured; the machine they ran on."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from contenders import Order

#: Ways to run TRL; see contenders.py.
TRL = ("trl-fp32", "trl-amp", "trl-bf16")


class Contender:
    """A contender's process. It starts to load with its first turn; everything it prints goes to `order.work`."""

    def __init__(self, order: Order) -> None:
        self.name = order.contender
        self._log = Path(order.work) / f"{order.contender}.log"
        self._handle = self._log.open("wb")
        self._process = subprocess.Popen(
            order.arguments(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._handle, text=True
        )
        self.blocks: list[dict[str, Any]] = []
        self.end: dict[str, Any] = {}
        self.left = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()
        self._handle.close()

    def turn(self) -> dict[str, Any]:
        """Let it run its next block; the others hold still."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.name} failed:\n{self._log.read_text(encoding='utf-8', errors='replace')[-3000:]}")
        block = json.loads(line)
        self.blocks.append(block)
        self.end = block.get("end", {})
        return block

    def leave(self) -> None:
        """Take no more turns."""
        self.left = True
        self._process.kill()

    @property
    def losses(self) -> list[float]:
        """Every step's."""
        return [loss for block in self.blocks for loss in block["losses"]]

    def rates(self, batch: int) -> list[float]:
        """Examples a second in each block but the first, in which it loaded and warmed up."""
        return [len(block["losses"]) * batch / block["seconds"] for block in self.blocks[1:]]


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median with minimum and maximum."""
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def shown(figures: dict[str, float], digits: int = 2) -> str:
    """`spread` as text."""
    return f"{figures['median']:.{digits}f} ({figures['min']:.{digits}f} to {figures['max']:.{digits}f})"


def gemm_peak(seconds: float = 1.0) -> dict[str, float]:
    """GFLOP/s of a square matrix product in float32 and bfloat16: the most this machine gives PyTorch."""
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    return {
        str(dtype).removeprefix("torch."): _product_rate(dtype, device, seconds)
        for dtype in (torch.float32, torch.bfloat16)
    }


def _product_rate(dtype: Any, device: str, seconds: float) -> float:
    """The best of growing sizes: processors without bf16 units take minutes for a large product."""
    import torch

    best, end = 0.0, time.perf_counter() + seconds
    for size in (256, 512, 1024, 2048, *([4096, 8192] if device == "cuda" else [])):
        one, other = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
        for _ in range(5):
            _wait(device)
            began = time.perf_counter()
            one @ other
            _wait(device)
            now = time.perf_counter()
            best = max(best, 2 * size**3 / (now - began) / 1e9)
            if now > end:
                return best
    return best


def _wait(device: str) -> None:
    import torch

    if device == "cuda":
        torch.cuda.synchronize()


def ways_worth_running(peak: dict[str, float]) -> list[str]:
    """The TRL contenders of a machine with this `gemm_peak`.

    A processor without bf16 units emulates bf16 products, a hundred times slower: there only float32 is in the race.
    """
    return ["trl-fp32"] if peak["float32"] > 2 * peak["bfloat16"] else list(TRL)


def machine() -> dict[str, Any]:
    """What a reader must know to compare: processor, cores, threads, device, libraries. No names of hosts or files."""
    import torch

    return {
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "torch_threads": torch.get_num_threads(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)
        if os.name == "posix"
        else None,
        "device": torch.cuda.get_device_name(0) if torch.cuda.is_available() else "cpu",
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "libraries": {name: version(name) for name in ("dyag", "torch", "transformers", "trl", "peft")},
    }


def _cpu() -> str:
    """The processor's model and the vector units that matter for bf16."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").split("\n")
    except OSError:
        return platform.processor() or "unknown"
    facts = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    flags = [flag for flag in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if flag in facts.get("flags", "").split()]
    return ", ".join([facts.get("model name", "unknown"), *flags])


def machine_table(described: dict[str, Any]) -> str:
    """`machine` as Markdown lines."""
    flat = described | {"libraries": ", ".join(f"{name} {number}" for name, number in described["libraries"].items())}
    return "\n".join(f"- {key.replace('_', ' ')}: {value}" for key, value in flat.items())
