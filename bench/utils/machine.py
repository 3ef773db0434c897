"""The machine as manifests describe it, and the settings of this process on it."""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bench.errors import MachineError

if TYPE_CHECKING:
    import torch

_FULL_BYTES = 2**20
"""A disk with less free space than this is full."""

_CPUINFO = Path("/proc/cpuinfo")
_LOADAVG = Path("/proc/loadavg")

_WORTHWHILE = 1.1
"""Smallest speed-up for which bfloat16 is chosen; less is within the noise of a measurement."""

_REPEATS = 12


def describe_machine() -> dict[str, str]:
    """Return the system, processor, vector units that torch uses, cores, memory and GPU, if any."""
    import torch  # noqa: PLC0415 - takes seconds to import

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
    """Return the name of the processor model; on Linux the kernel's name for it."""
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


def usable_cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0))


def others_running() -> int | None:
    """Return how many other threads run or wait for a core now; None if the system has no count.

    The averages that the system keeps are of the last minutes, in which the caller was at work
    itself.
    """
    try:
        running, _, _ = _LOADAVG.read_text(encoding="ascii").split()[3].partition("/")
    except (OSError, ValueError, IndexError):
        return None
    return max(0, int(running) - 1)


def raise_if_disk_full() -> None:
    """Raise `MachineError` if the disk of temporary files or of this folder is full."""
    for folder in (tempfile.gettempdir(), Path.cwd()):
        if shutil.disk_usage(folder).free < _FULL_BYTES:
            raise MachineError(f"the disk of {folder} is full")


def configure_threads(threads: int) -> None:
    """Set torch's thread count and flush denormal numbers to zero, for the whole process.

    Both are fixed because results depend on them; computing with denormals is also very slow.
    """
    import torch  # noqa: PLC0415 - takes seconds to import

    _cache_float_limits()
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)


def _cache_float_limits() -> None:
    """Let numpy compute its limits of floats first; it warns where denormals are flushed.

    Libraries that are imported later (SciPy, scikit-image) ask numpy for them.
    """
    for kind in (np.float32, np.float64):
        np.finfo(kind)


def bfloat16_speedup(device: torch.device) -> float:
    """Return how many times as fast a convolution is in bfloat16 as in float32.

    The convolution has the size of those of small codecs. Forward and backward passes of both are
    timed in turn with the current number of threads, and the fastest of each counts. Processors
    without instructions for bfloat16 emulate it and are several times slower in it.

    Args:
        device: where the convolution is computed.
    """
    import torch  # noqa: PLC0415 - takes seconds to import

    layer = torch.nn.Conv2d(64, 64, 5, padding=2, device=device)
    inputs = torch.ones(1, 64, 32, 32, device=device).to(memory_format=torch.channels_last)

    def seconds(in_bfloat16: bool) -> float:
        started = time.perf_counter()
        with torch.autocast(device.type, torch.bfloat16, enabled=in_bfloat16):
            total = layer(inputs).float().sum()
        total.backward()
        float(total.detach())  # waits for a GPU
        return time.perf_counter() - started

    times = [(seconds(False), seconds(True)) for _ in range(_REPEATS)]
    full, half = zip(*times[1:], strict=True)  # the first ones prepare
    speedup: float = min(full) / min(half)
    return speedup


def is_bfloat16_faster(device: torch.device) -> bool:
    """Return whether convolutions in bfloat16 are clearly faster on this machine; measured."""
    return bfloat16_speedup(device) >= _WORTHWHILE
