"""VMAF, the metric of Netflix, by the libvmaf inside ffmpeg: the luma of two pictures -> 0 to 100.

    x, C(x') --BT.709 luma, 8 bits--> one frame above the other --ffmpeg, libvmaf--> a score

The model is libvmaf's default, vmaf_v0.6.1, on one thread. It was made for videos of 1080 lines; a
picture has no motion, and so even identical ones score about 97. One score takes about 0.2 s, most
of it to start the program: suites ask for it, and none gets it unasked.
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

_SECONDS = 120.0
"""Time limit of one score."""

_SIDE = 16
"""Below so many pixels libvmaf's pyramid has no level left."""


def vmaf(reference: Image, picture: Image) -> float:
    """Return the VMAF of a picture, mean luma only; 0 to 100, about 97 if identical.

    Raises:
        Unsupported: this machine's ffmpeg has no libvmaf, or the short side is below 16 pixels.
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
    told = _ask(*source, "-filter_complex", graph, "-f", "null", "-", data=frame.tobytes())
    return float(json.loads(told)["frames"][0]["metrics"]["vmaf"])


@cache
def unavailable() -> str | None:
    """Return why VMAF cannot be had on this machine, or None if it can."""
    try:
        offered = _ask("-filters")
    except Unsupported as error:
        return str(error)
    if not re.search(r"^ \S+ libvmaf ", offered, re.MULTILINE):
        return f"{_program()} has no libvmaf; pip install 'imageio-ffmpeg>=0.8'"
    return None


def version() -> str:
    """Return what computes VMAF here, or why nothing does."""
    problem = unavailable()
    if problem is not None:
        return f"none: {problem}"
    return "vmaf_v0.6.1, " + _ask("-version").partition("\n")[0].partition(" Copyright")[0]


def _luma(picture: Image) -> npt.NDArray[np.uint8]:
    """Return 8-bit luma of limited range, 16 to 235, which the model was made on; (H, W)."""
    levels: npt.NDArray[np.float64] = np.rint(luma(picture) * (219 / 255) + 16)
    return levels.astype(np.uint8)


def _program() -> str:
    """Return the ffmpeg that codecs use as well."""
    named = os.environ.get("BENCH_FFMPEG")
    try:
        return named or imageio_ffmpeg.get_ffmpeg_exe()
    except RuntimeError:
        return "ffmpeg"


def _ask(*arguments: str, data: bytes = b"") -> str:
    """Return what ffmpeg says to stdout."""
    command = [_program(), "-hide_banner", "-loglevel", "error", *arguments]
    try:
        done = subprocess.run(
            command, input=data, capture_output=True, timeout=_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise_if_machine(error)
        raise Unsupported(f"VMAF cannot be had from {command[0]}: {_reason(error)}") from error
    return done.stdout.decode(errors="replace")


def _reason(error: OSError | subprocess.SubprocessError) -> str:
    if isinstance(error, subprocess.CalledProcessError):
        return f"it ended with exit code {error.returncode}"
    return "it took too long" if isinstance(error, subprocess.TimeoutExpired) else str(error)
