"""Every score of one coded picture, next to the source picture and what the codec makes of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from bench.codec import Codec, Estimating, Image
from bench.errors import PLUGIN_ERRORS, raise_if_machine
from bench.metric import Metric, Reading, read
from bench.metrics import scores as metrics
from bench.metrics.scores import Similarity
from bench.metrics.vmaf import vmaf
from bench.planning.operating_point import ScoringSpec
from bench.scoring.roundtrip import RoundTrip, none_if_unsupported
from bench.store.records import Extra, Scores

MID_GREY = 128
"""Level of the picture that stands for one which a codec failed on."""


def score_named_metric(
    metric: Metric, source: Image, clean: Reading, decoded: Image | None
) -> Extra:
    """Return what a metric says of one cell.

    Args:
        metric: which.
        source: x.
        clean: what it says of C(x).
        decoded: C(x'); None in the cell of the source picture itself.
    """
    grey = Reading(None)
    if decoded is None:
        after, grey = clean, read(metric, source, np.full_like(source, MID_GREY))
    else:
        after = read(metric, source, decoded)
    reasons = dict.fromkeys(one.reason for one in (clean, after, grey) if one.reason)
    return Extra(
        unit=metric.unit,
        better=metric.better,
        source=after.value,
        clean=clean.value,
        grey=grey.value,
        reason="; ".join(reasons),
    )


ERRORS = ("clean", "source", "input", "shift", "perturbation")
"""What mean squared errors are of, as in the names of `bench.store.records.Scores`."""


def score(
    codec: Codec,
    source: Image,
    image: Image,
    clean: RoundTrip,
    coded: RoundTrip,
    terms: ScoringSpec,
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
    before = clean.similarity
    after = before if coded is clean else metrics.compare(source, coded.image)
    errors = {
        "clean": before.mse,
        "source": after.mse,
        "input": metrics.mse(image, coded.image),
        "shift": metrics.mse(clean.image, coded.image),
        "perturbation": metrics.mse(source, image),
    }
    return Scores(
        bytes=len(coded.bitstream),
        header_bytes=codec.header_bytes(coded.bitstream),
        bpp_estimated=_estimated(codec, image),
        bpp_clean=clean.bpp,
        linf=metrics.linf(source, image),
        **{f"mse_{name}": error for name, error in errors.items()},
        **_against("clean", before, clean.vmaf if terms.vmaf else None),
        **_against("source", after, _vmaf(source, clean, coded) if terms.vmaf else None),
        **derived(len(coded.bitstream), clean.bpp, errors, source, terms.rd_lambda),
        extra=_extra(clean, coded, terms),
    )


def derived(
    stream_bytes: int, bpp_clean: float, errors: Mapping[str, float], source: Image, lmbda: float
) -> dict[str, Any]:
    """Return the scores that follow from others, by their names in the record.

    Args:
        stream_bytes: length of the bitstream.
        bpp_clean: rate of the source picture.
        errors: mean squared errors on [0, 1], by the names of `ERRORS`.
        source: x.
        lmbda: weight of 255^2 MSE in the R-D cost.
    """
    height, width, _ = source.shape
    rate = metrics.bpp(stream_bytes, height, width)
    psnr = {name: metrics.psnr_of(errors[name]) for name in ERRORS}
    return {
        **{f"psnr_{name}": value for name, value in psnr.items()},
        "drop_db": none_if_unsupported(lambda: metrics.psnr_drop_db(psnr["clean"], psnr["source"])),
        "drop_percent": none_if_unsupported(
            lambda: metrics.psnr_drop_percent(psnr["clean"], psnr["source"])
        ),
        "vi": none_if_unsupported(lambda: metrics.vi(errors["shift"], errors["perturbation"])),
        "unexplained": errors["source"] > errors["clean"] + errors["perturbation"],
        **_costs((bpp_clean, errors["clean"]), (rate, errors["source"]), lmbda),
    }


def _against(reference: str, found: Similarity, vmaf_score: float | None) -> dict[str, Any]:
    """Return a picture's scores against the source under their names in the record."""
    return {
        f"luma_mse_{reference}": found.luma_mse,
        f"ssim_{reference}": found.ssim,
        f"ms_ssim_{reference}": found.ms_ssim,
        f"vmaf_{reference}": vmaf_score,
    }


def _costs(before: tuple[float, float], after: tuple[float, float], lmbda: float) -> dict[str, Any]:
    """Return what (bpp, MSE) cost in bits, and in bits and error together."""
    cost = metrics.rd_cost(*after, lmbda)
    return {
        "bpp": after[0],
        "bpp_factor": after[0] / before[0],
        "rd_cost": cost,
        "rd_factor": cost / metrics.rd_cost(*before, lmbda),
    }


def _estimated(codec: Codec, image: Image) -> float | None:
    if not isinstance(codec, Estimating):
        return None
    try:
        bits = codec.estimated_bits(image)
    except PLUGIN_ERRORS as error:  # an estimate that fails is no score lost
        raise_if_machine(error)
        return None
    return bits / (image.shape[0] * image.shape[1]) if math.isfinite(bits) else None


def _extra(clean: RoundTrip, coded: RoundTrip, terms: ScoringSpec) -> dict[str, Extra]:
    """Return what the suite's own metrics say, by their labels."""
    decoded = None if coded is clean else coded.image
    return {
        one.label: score_named_metric(one.metric, clean.picture, clean.reading(one), decoded)
        for one in terms.yardsticks
    }


def _vmaf(source: Image, clean: RoundTrip, coded: RoundTrip) -> float | None:
    return clean.vmaf if coded is clean else none_if_unsupported(lambda: vmaf(source, coded.image))
