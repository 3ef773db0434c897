"""Every score of one coded picture, next to the source picture and what the codec makes of it."""

from __future__ import annotations

import math
from typing import Any

from bench import metrics
from bench.codec import Codec, Estimating, Image
from bench.coded import Coded, defined
from bench.errors import raise_if_machine
from bench.extra import extra
from bench.metrics import Quality
from bench.record import Extra, Scores
from bench.terms import Terms
from bench.vmaf import vmaf


def score(
    codec: Codec, source: Image, image: Image, clean: Coded, coded: Coded, terms: Terms
) -> Scores:
    """Return every score of one coded picture.

    Args:
        codec: the victim.
        source: x.
        image: x', what was encoded.
        clean: x through the codec.
        coded: x' through the codec.
        terms: what the suite says of scoring.
    """
    before = clean.quality
    after = before if coded is clean else metrics.quality(source, coded.image)
    shift, perturbation = metrics.mse(clean.image, coded.image), metrics.mse(source, image)
    return Scores(
        bytes=len(coded.bitstream),
        header_bytes=codec.header_bytes(coded.bitstream),
        bpp_estimated=_estimated(codec, image),
        linf=metrics.linf(source, image),
        **_against("clean", before, clean.vmaf if terms.vmaf else None),
        **_against("source", after, _vmaf(source, clean, coded) if terms.vmaf else None),
        **_error("input", metrics.mse(image, coded.image)),
        **_error("shift", shift),
        **_error("perturbation", perturbation),
        **_harm(before, after, shift, perturbation),
        **_costs((clean.bpp, before.mse), (coded.bpp, after.mse), terms.rd_lambda),
        extra=_extra(clean, coded, terms),
    )


def _against(reference: str, found: Quality, vmaf_score: float | None) -> dict[str, Any]:
    """Return a picture's scores against the source under their names in the record."""
    return {
        **_error(reference, found.mse),
        f"luma_mse_{reference}": found.luma_mse,
        f"ssim_{reference}": found.ssim,
        f"ms_ssim_{reference}": found.ms_ssim,
        f"vmaf_{reference}": vmaf_score,
    }


def _error(name: str, mse: float) -> dict[str, Any]:
    return {f"mse_{name}": mse, f"psnr_{name}": metrics.psnr_of(mse)}


def _harm(before: Quality, after: Quality, shift: float, perturbation: float) -> dict[str, Any]:
    """Return what the change of the picture did to what comes out of the codec."""
    return {
        "drop_db": defined(lambda: metrics.psnr_drop_db(before.psnr, after.psnr)),
        "drop_percent": defined(lambda: metrics.psnr_drop_percent(before.psnr, after.psnr)),
        "vi": defined(lambda: metrics.vi(shift, perturbation)),
        "unexplained": after.mse > before.mse + perturbation,
    }


def _costs(before: tuple[float, float], after: tuple[float, float], lmbda: float) -> dict[str, Any]:
    """Return what (bpp, MSE) cost in bits, and in bits and error together."""
    cost = metrics.rd_cost(*after, lmbda)
    return {
        "bpp": after[0],
        "bpp_clean": before[0],
        "bpp_factor": after[0] / before[0],
        "rd_cost": cost,
        "rd_factor": cost / metrics.rd_cost(*before, lmbda),
    }


def _estimated(codec: Codec, image: Image) -> float | None:
    if not isinstance(codec, Estimating):
        return None
    try:
        bits = codec.estimated_bits(image)
    except Exception as error:  # noqa: BLE001 - an estimate that fails is no score lost
        raise_if_machine(error)
        return None
    return bits / (image.shape[0] * image.shape[1]) if math.isfinite(bits) else None


def _extra(clean: Coded, coded: Coded, terms: Terms) -> dict[str, Extra]:
    """Return what the suite's own metrics say, by their labels."""
    decoded = None if coded is clean else coded.image
    return {
        one.label: extra(one.metric, clean.picture, clean.reading(one), decoded)
        for one in terms.yardsticks
    }


def _vmaf(source: Image, clean: Coded, coded: Coded) -> float | None:
    return clean.vmaf if coded is clean else defined(lambda: vmaf(source, coded.image))
