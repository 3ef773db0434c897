"""Whether a processor computes convolutions faster in bfloat16 than in float32.

Processors without instructions for bfloat16 emulate it and are then up to 20 times slower.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

_WORTHWHILE = 1.1
"""Smallest speed-up for which bfloat16 is chosen; less is within the noise of a measurement."""

_REPEATS = 4


def bfloat16_speedup(device: torch.device) -> float:
    """Return how many times as fast a convolution is in bfloat16 as in float32.

    The convolution has the size of those of small codecs. Forward and backward passes of both are
    timed in turn with the current number of threads, and the fastest of each counts.

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
