"""Scores: pure functions of 8-bit pictures, uint8 (H, W, 3), or of other scores; all float64.

Two pictures compared must have one shape. An infinite score is `math.inf`, for example the PSNR of
identical pictures; JSON has no infinity, so whoever stores a score writes it as the string "inf".
A score that does not exist for a picture is `Unsupported`, with the reason to record.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bench.codec import Image
from bench.errors import Unsupported
from bench.metric import check_pair
from bench.metric import psnr_of as psnr_of  # noqa: PLC0414 - one of the scores
from bench.metrics.ssim import luma, ms_ssim, ssim
from bench.metrics.vmaf import vmaf


def mse(reference: Image, picture: Image) -> float:
    """Return the mean squared error of pictures scaled to [0, 1]; in [0, 1]."""
    difference = _difference(reference, picture)
    return float(np.sum(difference * difference, dtype=np.int64)) / (difference.size * 255**2)


def psnr(reference: Image, picture: Image) -> float:
    """Return the peak signal-to-noise ratio in dB, over all channels at once; inf if identical."""
    return psnr_of(mse(reference, picture))


def linf(reference: Image, picture: Image) -> float:
    """Return the largest change of one value, in 8-bit levels; 0 to 255."""
    return float(np.abs(_difference(reference, picture)).max())


def luma_mse(reference: Image, picture: Image) -> float:
    """Return the mean squared error of the luma of two pictures scaled to [0, 1]; in [0, 1].

    Luma is Y' of ITU-R BT.709-6, not rounded. Codecs that keep colour at half the size (4:2:0)
    are compared on it too.
    """
    difference = luma(_difference(reference, picture))
    return float(np.mean(difference * difference)) / 255**2


def bpp(stream_bytes: int, height: int, width: int) -> float:
    """Return the bits per pixel of a bitstream of so many bytes."""
    return 8 * stream_bytes / (height * width)


def vi(mse_out: float, mse_in: float) -> float:
    """Return the vulnerability index in dB: how much a codec amplifies a perturbation.

    10 log10(MSE(C(x), C(x')) / MSE(x, x')). A lossless codec has 0; -inf is a codec that removed
    the perturbation altogether.

    Args:
        mse_out: between the reconstructions of source and adversarial picture.
        mse_in: between source and adversarial picture.

    Raises:
        Unsupported: source and adversarial picture are identical.
    """
    if mse_in == 0:
        raise Unsupported("VI is not defined for a picture that was not changed")
    return -math.inf if mse_out == 0 else 10 * math.log10(mse_out / mse_in)


def rd_cost(rate: float, error: float, lmbda: float) -> float:
    """Return the rate-distortion cost in bits per pixel: bpp + lambda * 255^2 * MSE.

    Args:
        rate: bits per pixel.
        error: mean squared error on [0, 1].
        lmbda: what the error weighs, on CompressAI's scale (0.0018 to 0.18).
    """
    return rate + lmbda * 255**2 * error


def psnr_drop_db(clean: float, attacked: float) -> float:
    """Return by how many dB an attack lowered the PSNR; negative if it rose.

    Raises:
        Unsupported: the clean PSNR is infinite (a lossless codec).
    """
    if clean == math.inf:
        raise Unsupported("a PSNR drop in dB is not defined for a lossless codec")
    return clean - attacked


def psnr_drop_percent(clean: float, attacked: float) -> float:
    """Return by how many per cent of the clean PSNR an attack lowered it; negative if it rose.

    Raises:
        Unsupported: the clean PSNR is infinite (a lossless codec) or not positive.
    """
    if not 0 < clean < math.inf:
        raise Unsupported(f"a PSNR drop in per cent is not defined for a clean PSNR of {clean:g}")
    return 100 * (clean - attacked) / clean


@dataclass(frozen=True)
class Quality:
    """How near a picture is to its reference.

    Attributes:
        mse: on [0, 1].
        luma_mse: of the luma, on [0, 1].
        psnr: in dB; inf if identical.
        ssim: None if the picture is too small for it.
        ms_ssim: None if the picture is too small for it.
    """

    mse: float
    luma_mse: float
    psnr: float
    ssim: float | None
    ms_ssim: float | None


def quality(reference: Image, picture: Image) -> Quality:
    """Return all that is scored of a picture and its reference."""
    error = mse(reference, picture)
    similar, multi_scale = (_or_none(score, reference, picture) for score in (ssim, ms_ssim))
    luma = luma_mse(reference, picture)
    return Quality(error, luma, psnr_of(error), similar, multi_scale)


@dataclass(frozen=True)
class Score:
    """A score of this harness: its function, what it tells, its unit and where it is defined."""

    function: Callable[..., float]
    description: str
    unit: str
    source: str


_WIKIPEDIA = "https://en.wikipedia.org/wiki"
_COMPRESSAI = "https://interdigitalinc.github.io/CompressAI/zoo.html"

SCORES = {
    "mse": Score(
        mse, "mean squared error of [0, 1] pictures", "", f"{_WIKIPEDIA}/Mean_squared_error"
    ),
    "psnr": Score(
        psnr, "peak signal-to-noise ratio", "dB", f"{_WIKIPEDIA}/Peak_signal-to-noise_ratio"
    ),
    "luma_mse": Score(
        luma_mse,
        "mean squared error of the luma of [0, 1] pictures",
        "",
        "https://www.itu.int/rec/R-REC-BT.709",
    ),
    "ssim": Score(ssim, "structural similarity", "", "https://doi.org/10.1109/TIP.2003.819861"),
    "ms_ssim": Score(
        ms_ssim,
        "structural similarity over five scales",
        "",
        "https://doi.org/10.1109/ACSSC.2003.1292216",
    ),
    "vmaf": Score(
        vmaf,
        "video multi-method assessment fusion, luma",
        "",
        "https://github.com/Netflix/vmaf",
    ),
    "linf": Score(linf, "largest change of one value", "levels", f"{_WIKIPEDIA}/Uniform_norm"),
    "bpp": Score(bpp, "size of the bitstream", "bits per pixel", _COMPRESSAI),
    "rd_cost": Score(rd_cost, "bpp + lambda * 255^2 * mse", "bits per pixel", _COMPRESSAI),
    "vi": Score(
        vi, "how much a codec amplifies a perturbation", "dB", "https://arxiv.org/abs/2112.08691"
    ),
    "psnr_drop_db": Score(
        psnr_drop_db, "PSNR that an attack took", "dB", "https://arxiv.org/abs/2112.08691"
    ),
    "psnr_drop_percent": Score(
        psnr_drop_percent,
        "share of the clean PSNR that an attack took",
        "%",
        "https://arxiv.org/abs/2401.10345",
    ),
}
"""Every score, by the name under which it is listed."""


def _difference(reference: Image, picture: Image) -> npt.NDArray[np.int32]:
    check_pair(reference, picture)
    return reference.astype(np.int32) - picture


def _or_none(
    score: Callable[[Image, Image], float], reference: Image, picture: Image
) -> float | None:
    try:
        return score(reference, picture)
    except Unsupported:
        return None
