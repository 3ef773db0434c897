"""XPSNR: a PSNR whose errors are weighted by how well the eye sees them."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import numpy as np

from bench.codec import Image
from bench.errors import Unsupported
from bench.metric import Better, check_pair
from bench.metrics import ffmpeg
from bench.metrics.ssim import luma

_WEIGHTS = {"y": 6, "u": 1, "v": 1}
"""How much the squared error of each plane counts."""


@dataclass(frozen=True)
class Xpsnr:
    """The XPSNR in dB, of luma and both colour differences; infinite for identical planes.

    Helmrich et al. 2020, https://doi.org/10.1109/ICASSP40776.2020.9054089: errors in busy areas
    of the reference count less. The filter of ffmpeg computes it for Y, Cb and Cr (ITU-R BT.709,
    8 bits, limited range, all at full resolution); the same pictures have the same value. The three
    values become one, -10 log10((6 e(Y) + e(Cb) + e(Cr)) / 8) with e = 10^(-XPSNR / 10). These
    weights are usual for PSNR in YCbCr (Ohm et al. 2012, doi.org/10.1109/TCSVT.2012.2221192). They
    weight errors, not decibels, so that a perfect plane does not hide the errors of the others.
    """

    unit: ClassVar[str] = "dB"
    better: ClassVar[Better] = "higher"
    version: ClassVar[int] = 2

    def __call__(self, reference: Image, picture: Image) -> float:
        """Return the XPSNR in dB; there is no least size.

        Args:
            reference: uint8 (H, W, 3).
            picture: uint8 (H, W, 3).

        Raises:
            Unsupported: ffmpeg on this machine has no filter xpsnr, or prints no value of a plane.
            ValueError: the pictures differ in shape, or one is not uint8.
        """
        check_pair(reference, picture)
        if (problem := unavailable()) is not None:
            raise Unsupported(problem)
        call = "xpsnr=stats_file=-"
        log = ffmpeg.compare("XPSNR", "yuv444p", call, _ycbcr(reference), _ycbcr(picture))
        values = _by_plane(log.partition("\n")[0])
        errors = [weight * 10 ** (-values[plane] / 10) for plane, weight in _WEIGHTS.items()]
        mean = sum(errors) / sum(_WEIGHTS.values())
        return math.inf if mean == 0 else -10 * math.log10(mean)


@cache
def unavailable() -> str | None:
    """Return the reason why this machine cannot compute XPSNR; None if it can."""
    return ffmpeg.problem("XPSNR", "xpsnr")


def versions() -> dict[str, str]:
    """Return the version of ffmpeg, for manifests."""
    return {"xpsnr": unavailable() or ffmpeg.version("XPSNR")}


def _by_plane(line: str) -> dict[str, float]:
    """Return the XPSNR of each plane, in dB, from ffmpeg's line; negative for huge errors.

    Raises:
        Unsupported: the line does not hold exactly one value of each plane.
    """
    found = re.findall(r"XPSNR ([yuv]): +(-?[\d.]+|inf)(?!\S)", line)
    if [plane for plane, _ in found] != list(_WEIGHTS):
        raise Unsupported(f"ffmpeg printed no XPSNR of Y, Cb and Cr, but {line!r}")
    return {plane: float(value) for plane, value in found}


def _ycbcr(picture: Image) -> ffmpeg.Planes:
    """Return Y, Cb and Cr of ITU-R BT.709-6 in 8 bits and limited range, (3, H, W)."""
    levels = luma(picture)
    blue, red = picture[..., 2] - levels, picture[..., 0] - levels
    planes = (219 * levels, 224 * blue / 1.8556, 224 * red / 1.5748)
    offsets = (16, 128, 128)
    pairs = zip(planes, offsets, strict=True)
    rounded: list[ffmpeg.Planes] = [
        np.rint(plane / 255 + offset).astype(np.uint8) for plane, offset in pairs
    ]
    return np.stack(rounded)
