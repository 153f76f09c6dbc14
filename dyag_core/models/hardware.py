"""What this machine has: memory that a program may use, and whether its processor computes in bfloat16."""

from __future__ import annotations

from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")
_CPUINFO = Path("/proc/cpuinfo")
#: Instruction sets that multiply matrices in bfloat16. Without them torch emulates it, many times slower than float32.
_BF16_FLAGS = {"avx512_bf16", "amx_bf16"}


def cpu_has_bf16() -> bool:
    """Whether the processor has bfloat16 instructions (AVX512-BF16 or AMX)."""
    if not _CPUINFO.is_file():
        return False
    for line in _CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines():
        if line.startswith("flags"):
            return not _BF16_FLAGS.isdisjoint(line.split())
    return False


def available_memory() -> int | None:
    """Bytes that this process could still take: free memory, or what its container leaves; None where unknown."""
    try:
        import psutil
    except ImportError:
        return _container_room()
    room = _container_room()
    free = int(psutil.virtual_memory().available)
    return free if room is None else min(free, room)


def own_memory() -> int:
    """Bytes of memory this process holds now; 0 where psutil is missing."""
    try:
        import psutil
    except ImportError:
        return 0
    return int(psutil.Process().memory_info().rss)


def _container_room() -> int | None:
    """What the control group's limit (version 2, then 1) leaves; file cache doesn't count, the kernel gives it back."""
    for limit, used, cache in (
        ("memory.max", "memory.current", "inactive_file"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "total_inactive_file"),
    ):
        try:
            most = int((_CGROUP / limit).read_text(encoding="ascii"))
            now = int((_CGROUP / used).read_text(encoding="ascii"))
            statistics = (_CGROUP / limit).with_name("memory.stat").read_text(encoding="ascii").split()
        except (OSError, ValueError):  # no such file, or "max": no limit
            continue
        if most < 2**60:
            freed = int(statistics[statistics.index(cache) + 1]) if cache in statistics else 0
            return max(0, most - now + freed)
    return None
