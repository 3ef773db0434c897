"""VMAF of Netflix (github.com/Netflix/vmaf), computed by the libvmaf inside ffmpeg.

    x, C(x') --BT.709 luma, 8 bits--> one frame above the other --ffmpeg, libvmaf--> 0 to 100

The model is libvmaf's default, vmaf_v0.6.1, on one thread. It was made for videos of 1080 lines.
A still picture has no motion, so even identical pictures score about 97. One score takes about
0.2 s, mostly to start ffmpeg, so VMAF is computed only for suites that ask for it.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from functools import cache

import imageio_ffmpeg
import numpy as np
import numpy.typing as npt

from bench.codec import Image
from bench.errors import Unsupported, raise_if_machine
from bench.metric import check_pair
from bench.metrics.ssim import luma

_GRAPH = (
    "[0:v]split[upper][lower];[upper]crop={width}:{height}:0:0[picture];"
    "[lower]crop={width}:{height}:0:{height}[reference];"
    "[picture][reference]libvmaf=log_path=/dev/stdout:log_fmt=json:n_threads=1"
)

_TIME_LIMIT_S = 120.0
"""Time limit of one call of ffmpeg, in seconds."""

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
    height, width, _ = reference.shape
    if min(height, width) < _SIDE:
        raise Unsupported(f"VMAF needs a short side of at least {_SIDE} pixels")
    if (problem := unavailable()) is not None:
        raise Unsupported(problem)
    frame = np.concatenate([_luma(picture), _luma(reference)])
    source = ["-f", "rawvideo", "-pix_fmt", "gray", "-s", f"{width}x{2 * height}", "-i", "pipe:0"]
    graph = _GRAPH.format(width=width, height=height)
    log = _run_ffmpeg(*source, "-filter_complex", graph, "-f", "null", "-", data=frame.tobytes())
    return float(json.loads(log)["frames"][0]["metrics"]["vmaf"])


@cache
def unavailable() -> str | None:
    """Return the reason why this machine cannot compute VMAF; None if it can."""
    try:
        filters = _run_ffmpeg("-filters")
    except Unsupported as error:
        return str(error)
    if not re.search(r"^ \S+ libvmaf ", filters, re.MULTILINE):
        return f"{_program()} has no libvmaf; pip install 'imageio-ffmpeg>=0.8'"
    return None


def version() -> str:
    """Return the model and the version of ffmpeg, for manifests; "none: REASON" without VMAF."""
    problem = unavailable()
    if problem is not None:
        return f"none: {problem}"
    return "vmaf_v0.6.1, " + _run_ffmpeg("-version").partition("\n")[0].partition(" Copyright")[0]


def _luma(picture: Image) -> npt.NDArray[np.uint8]:
    """Return 8-bit luma, (H, W), in the limited range of 16 to 235 that the model expects."""
    levels: npt.NDArray[np.float64] = np.rint(luma(picture) * (219 / 255) + 16)
    return levels.astype(np.uint8)


def _program() -> str:
    """Return the ffmpeg that the codecs use, too."""
    path = os.environ.get("BENCH_FFMPEG")
    try:
        return path or imageio_ffmpeg.get_ffmpeg_exe()
    except RuntimeError:
        return "ffmpeg"


def _run_ffmpeg(*arguments: str, data: bytes = b"") -> str:
    """Run ffmpeg with `data` as its standard input; return its standard output."""
    command = [_program(), "-hide_banner", "-loglevel", "error", *arguments]
    try:
        finished = subprocess.run(
            command, input=data, capture_output=True, timeout=_TIME_LIMIT_S, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise_if_machine(error)
        raise Unsupported(f"VMAF cannot be had from {command[0]}: {_reason(error)}") from error
    return finished.stdout.decode(errors="replace")


def _reason(error: OSError | subprocess.SubprocessError) -> str:
    if isinstance(error, subprocess.CalledProcessError):
        return f"it ended with exit code {error.returncode}"
    return "it took too long" if isinstance(error, subprocess.TimeoutExpired) else str(error)
