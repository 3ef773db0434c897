"""What computes the numbers here: the machine, as manifests name it, and this process on it."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import torch

_CPUINFO = Path("/proc/cpuinfo")


def machine() -> dict[str, str]:
    """Return the system, the processor with the vector units torch uses, cores, memory, any GPU."""
    gpu = {"gpu": torch.cuda.get_device_name()} if torch.cuda.is_available() else {}
    return {
        "system": platform.platform(),
        "processor": _processor(),
        "vectors": torch.backends.cpu.get_cpu_capability(),
        "cores": str(os.cpu_count()),
        "memory": _memory(),
        **gpu,
    }


def _processor() -> str:
    """Return the model's name, of Linux as the kernel knows it."""
    if _CPUINFO.is_file():
        for line in _CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()


def _memory() -> str:
    if "SC_PHYS_PAGES" not in os.sysconf_names:
        return "unknown"
    return f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GiB"


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0))


def configure_threads(threads: int) -> None:
    """Fix what would make two runs differ, or crawl on denormal numbers."""
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
