"""Scores that filters of ffmpeg compute. Both pictures are given as one frame, one above the other.

    two pictures --8-bit planes--> one frame, first above second --ffmpeg, filter--> text, score

Which of a filter's inputs is the reference is the filter's choice.

The ffmpeg is the one that the codecs use, too: BENCH_FFMPEG, or the one of imageio-ffmpeg.
"""

from __future__ import annotations

import os
import re
import subprocess

import imageio_ffmpeg
import numpy as np
import numpy.typing as npt

from bench.errors import Unsupported, raise_if_machine
from bench.utils.waiting import run_program

Planes = npt.NDArray[np.uint8]
"""The planes of a picture, uint8 (planes, H, W)."""

_HALVES = (
    "[0:v]split[upper][lower];[upper]crop={width}:{height}:0:0[first];"
    "[lower]crop={width}:{height}:0:{height}[second];[first][second]"
)

_TIME_LIMIT_S = 120.0
"""Time limit of one call of ffmpeg, in seconds."""


def compare(score: str, layout: str, call: str, first: Planes, second: Planes) -> str:
    """Return the text that a filter writes to standard output for two pictures.

    Args:
        score: the name of the score, for messages.
        layout: ffmpeg's name of the planes, "gray" or "yuv444p".
        call: the filter with its options.
        first: the planes of the filter's first input, (planes, H, W).
        second: the planes of its second input, same shape.

    Raises:
        Unsupported: ffmpeg cannot be run, or fails.
    """
    _, height, width = first.shape
    frame = np.concatenate([first, second], axis=1)
    source = ["-f", "rawvideo", "-pix_fmt", layout, "-s", f"{width}x{2 * height}", "-i", "pipe:0"]
    graph = _HALVES.format(width=width, height=height) + call
    return _run(score, *source, "-filter_complex", graph, "-f", "null", "-", data=frame.tobytes())


def problem(score: str, name: str) -> str | None:
    """Return the reason why this machine's ffmpeg cannot run a filter; None if it can.

    Args:
        score: the name of the score, for messages.
        name: the name of the filter.
    """
    try:
        filters = _run(score, "-filters")
    except Unsupported as error:
        return str(error)
    if not re.search(rf"^ \S+ {name} ", filters, re.MULTILINE):
        return f"{_program()} has no {name}; pip install 'imageio-ffmpeg>=0.8'"
    return None


def version(score: str) -> str:
    """Return the first words of `ffmpeg -version`.

    Raises:
        Unsupported: ffmpeg cannot be run, or fails.
    """
    return _run(score, "-version").partition("\n")[0].partition(" Copyright")[0]


def _program() -> str:
    path = os.environ.get("BENCH_FFMPEG")
    try:
        return path or imageio_ffmpeg.get_ffmpeg_exe()
    except RuntimeError:
        return "ffmpeg"


def _run(score: str, *arguments: str, data: bytes = b"") -> str:
    """Run ffmpeg with `data` as its standard input; return its standard output."""
    command = [_program(), "-hide_banner", "-loglevel", "error", *arguments]
    try:
        finished = run_program(command, _TIME_LIMIT_S, data)
        finished.check_returncode()
    except (OSError, subprocess.SubprocessError) as error:
        raise_if_machine(error)
        raise Unsupported(f"{score} cannot be had from {command[0]}: {_reason(error)}") from error
    return finished.stdout.decode(errors="replace")


def _reason(error: OSError | subprocess.SubprocessError) -> str:
    if isinstance(error, subprocess.CalledProcessError):
        return f"it ended with exit code {error.returncode}"
    return "it took too long" if isinstance(error, subprocess.TimeoutExpired) else str(error)
