"""VMAF of Netflix (github.com/Netflix/vmaf), computed by the libvmaf inside ffmpeg.

    x, C(x') --BT.709 luma, 8 bits--> one frame above the other --ffmpeg, libvmaf--> 0 to 100

The model is libvmaf's default, vmaf_v0.6.1, on one thread. It was made for videos of 1080 lines.
A still picture has no motion, so even identical pictures score about 97. One score takes about
0.2 s, mostly to start ffmpeg, so VMAF is computed only for suites that ask for it.
"""

from __future__ import annotations

import json
from functools import cache

import numpy as np
import numpy.typing as npt

from bench.codec import Image
from bench.errors import Unsupported
from bench.metric import check_pair, check_side
from bench.metrics import ffmpeg
from bench.metrics.ssim import luma

_FILTER = "libvmaf"
_CALL = f"{_FILTER}=log_path=/dev/stdout:log_fmt=json:n_threads=1"

_SIDE = 16
"""Smallest short side, in pixels; below it libvmaf's pyramid has no level left."""


def vmaf(reference: Image, picture: Image) -> float:
    """Return the VMAF of a picture, from luma only; 0 to 100, about 97 if identical.

    Args:
        reference: uint8, shape (H, W, 3).
        picture: uint8, same shape.

    Raises:
        Unsupported: ffmpeg on this machine has no libvmaf, or the short side is below 16 pixels.
        ValueError: the two differ in shape, or one is not uint8.
    """
    check_pair(reference, picture)
    check_side("VMAF", _SIDE, reference.shape[:2])
    if (problem := unavailable()) is not None:
        raise Unsupported(problem)
    log = ffmpeg.compare("VMAF", "gray", _CALL, _luma(picture), _luma(reference))  # libvmaf's order
    return float(json.loads(log)["frames"][0]["metrics"]["vmaf"])


@cache
def unavailable() -> str | None:
    """Return the reason why this machine cannot compute VMAF; None if it can."""
    return ffmpeg.problem("VMAF", _FILTER)


def version() -> str:
    """Return the model and the version of ffmpeg, for manifests; "none: REASON" without VMAF."""
    problem = unavailable()
    return f"none: {problem}" if problem else f"vmaf_v0.6.1, {ffmpeg.version('VMAF')}"


def _luma(picture: Image) -> ffmpeg.Planes:
    """Return 8-bit luma, (1, H, W), in the limited range of 16 to 235 that the model expects."""
    levels: npt.NDArray[np.float64] = np.rint(luma(picture) * (219 / 255) + 16)
    return levels.astype(np.uint8)[np.newaxis]
