"""Scores: pure functions of 8-bit pictures, uint8 (H, W, 3), or of other scores; all in float64.

Two pictures that are compared must have the same shape. An infinite score, such as the PSNR of
identical pictures, is `math.inf`; JSON has no infinity, so records store it as the string "inf".
A function raises `Unsupported`, with the reason, where a score does not exist for a picture.
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
    """Return the mean squared error of two pictures scaled to [0, 1]; it is in [0, 1]."""
    difference = _difference(reference, picture)
    return float(np.sum(difference * difference, dtype=np.int64)) / (difference.size * 255**2)


def psnr(reference: Image, picture: Image) -> float:
    """Return the peak signal-to-noise ratio in dB, over all channels at once; inf if identical."""
    return psnr_of(mse(reference, picture))


def linf(reference: Image, picture: Image) -> float:
    """Return the largest absolute difference of two values, in 8-bit levels; 0 to 255."""
    return float(np.abs(_difference(reference, picture)).max())


def luma_mse(reference: Image, picture: Image) -> float:
    """Return the mean squared error of the luma of two pictures scaled to [0, 1]; it is in [0, 1].

    Luma is Y' of ITU-R BT.709-6, not rounded. It compares codecs without the loss of colour
    resolution in 4:2:0.
    """
    difference = luma(_difference(reference, picture))
    return float(np.mean(difference * difference)) / 255**2


def bpp(stream_bytes: int, height: int, width: int) -> float:
    """Return the rate in bits per pixel of a bitstream of `stream_bytes` bytes."""
    return 8 * stream_bytes / (height * width)


def vi(mse_out: float, mse_in: float) -> float:
    """Return the vulnerability index in dB: how much a codec amplifies a perturbation.

    VI = 10 log10(MSE(C(x), C(x')) / MSE(x, x')), see https://arxiv.org/abs/2112.08691. A lossless
    codec has 0; a codec that removes the perturbation entirely has -inf.

    Args:
        mse_out: error between the reconstructions of source and adversarial picture, on [0, 1].
        mse_in: error between source and adversarial picture, on [0, 1].

    Raises:
        Unsupported: source and adversarial picture are identical.
    """
    if mse_in == 0:
        raise Unsupported("VI is not defined for a picture that was not changed")
    return -math.inf if mse_out == 0 else 10 * math.log10(mse_out / mse_in)


def rd_cost(rate: float, error: float, lmbda: float) -> float:
    """Return the rate-distortion cost in bits per pixel: bpp + lambda * 255^2 * MSE.

    Args:
        rate: in bits per pixel.
        error: mean squared error on [0, 1].
        lmbda: weight of the error, on CompressAI's scale (0.0018 to 0.18).
    """
    return rate + lmbda * 255**2 * error


def psnr_drop_db(clean: float, attacked: float) -> float:
    """Return how much an attack lowered the PSNR, in dB; negative if the PSNR rose.

    Raises:
        Unsupported: the clean PSNR is infinite (a lossless codec).
    """
    if clean == math.inf:
        raise Unsupported("a PSNR drop in dB is not defined for a lossless codec")
    return clean - attacked


def psnr_drop_percent(clean: float, attacked: float) -> float:
    """Return how much an attack lowered the PSNR, in per cent of the clean PSNR.

    It is negative if the PSNR rose. See https://arxiv.org/abs/2401.10345.

    Raises:
        Unsupported: the clean PSNR is infinite (a lossless codec) or not positive.
    """
    if not 0 < clean < math.inf:
        raise Unsupported(f"a PSNR drop in per cent is not defined for a clean PSNR of {clean:g}")
    return 100 * (clean - attacked) / clean


@dataclass(frozen=True)
class Similarity:
    """The scores of one picture against its reference.

    Attributes:
        mse: on [0, 1].
        luma_mse: of the luma, on [0, 1].
        psnr: in dB; inf if identical.
        ssim: at most 1; None if the picture is too small for it.
        ms_ssim: 0 to 1; None if the picture is too small for it.
    """

    mse: float
    luma_mse: float
    psnr: float
    ssim: float | None
    ms_ssim: float | None


def compare(reference: Image, picture: Image) -> Similarity:
    """Return every score of a picture against its reference, VMAF apart."""
    error = mse(reference, picture)
    one_scale, five_scales = (_or_none(score, reference, picture) for score in (ssim, ms_ssim))
    luma_error = luma_mse(reference, picture)
    return Similarity(error, luma_error, psnr_of(error), one_scale, five_scales)


@dataclass(frozen=True)
class Score:
    """A score of this harness: function, description, unit, and the URL of its definition."""

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
"""Every score, by the name that `bench list metrics` shows."""


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
