"""All scores of one coded picture, with the source picture and its reconstruction as references.

x is the source picture, x' the adversarial one, C() is encoding and decoding.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.codec import Image
from bench.errors import PLUGIN_ERRORS, raise_if_machine
from bench.isolation.coder import Coder
from bench.metric import InputMetric, RecodingMetric
from bench.metrics import scores as metrics
from bench.metrics.failure import failed_coding
from bench.metrics.scores import Similarity
from bench.metrics.vmaf import vmaf
from bench.planning.operating_point import NamedMetric, ScoringSpec
from bench.scoring.metric_call import MetricResult, VictimCalls, call_metric
from bench.scoring.roundtrip import (
    RoundTrip,
    damaged_decoder,
    none_if_unsupported,
    recoder,
)
from bench.store.records import Extra, Scores


def score_named_metric(
    named: NamedMetric, clean: RoundTrip, coded: RoundTrip | None, victim: VictimCalls
) -> Extra:
    """Return the values of one metric for one evaluation.

    Args:
        named: the metric.
        clean: x, encoded and decoded.
        coded: x', encoded and decoded; None in the evaluation of the clean picture.
        victim: how metrics use the victim.
    """
    before, failed = clean.metric_result(named, victim), MetricResult(None)
    if coded is None:
        after, failed = before, _of_failure(named, clean)
    else:
        reference = coded if isinstance(named.metric, InputMetric) else clean
        after = call_metric(named, reference.picture, coded.image, victim, coded.bitstream)
    results = (before, after, failed)
    reasons = dict.fromkeys(result.reason for result in results if result.reason)
    return Extra(
        unit=named.metric.unit,
        better=named.metric.better,
        source=after.value,
        clean=before.value,
        grey=failed.value,
        reason="; ".join(reasons),
    )


def _of_failure(named: NamedMetric, clean: RoundTrip) -> MetricResult:
    """Return the value of a metric if the victim fails: at once, or when it codes again."""
    source = clean.picture
    codes_again = isinstance(named.metric, RecodingMetric)
    picture = clean.image if codes_again else failed_coding(source).image
    return call_metric(named, source, picture, VictimCalls(failed_coding, lambda _: None), b"")


ERRORS = ("clean", "source", "input", "shift", "perturbation")
"""The mean squared errors, by the second half of their names in `bench.store.records.Scores`."""


def score(
    coder: Coder,
    source: Image,
    image: Image,
    clean: RoundTrip,
    coded: RoundTrip,
    terms: ScoringSpec,
) -> Scores:
    """Return all scores of one coded picture.

    Args:
        coder: the victim.
        source: x, uint8 (H, W, 3).
        image: x', same shape; x itself in the evaluation of the clean picture.
        clean: x, encoded and decoded.
        coded: x', encoded and decoded.
        terms: the suite's specification of scoring.
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
        header_bytes=coded.header_bytes,
        bpp_estimated=_estimated_bpp(coder, image),
        bpp_clean=clean.bpp,
        linf=metrics.linf(source, image),
        **{f"mse_{name}": error for name, error in errors.items()},
        **_by_record_name("clean", before, clean.vmaf if terms.vmaf else None),
        **_by_record_name("source", after, _vmaf(source, clean, coded) if terms.vmaf else None),
        **derived_scores(len(coded.bitstream), clean.bpp, errors, source, terms.rd_lambda),
        extra=_extra(coder, clean, coded, terms),
    )


def derived_scores(
    stream_bytes: int, bpp_clean: float, errors: Mapping[str, float], source: Image, lmbda: float
) -> dict[str, Any]:
    """Return the scores that follow from other scores, by their names in the record.

    Args:
        stream_bytes: length of the bitstream of x'.
        bpp_clean: rate of x, in bits per pixel.
        errors: mean squared errors on [0, 1], by the names of `ERRORS`.
        source: x, uint8 (H, W, 3).
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


def _by_record_name(
    suffix: str, similarity: Similarity, vmaf_score: float | None
) -> dict[str, Any]:
    """Return a reconstruction's scores against the source, by their names in the record."""
    return {
        f"luma_mse_{suffix}": similarity.luma_mse,
        f"ssim_{suffix}": similarity.ssim,
        f"ms_ssim_{suffix}": similarity.ms_ssim,
        f"vmaf_{suffix}": vmaf_score,
    }


def _costs(before: tuple[float, float], after: tuple[float, float], lmbda: float) -> dict[str, Any]:
    """Return rate and R-D cost of x', and both relative to x; before and after are (bpp, MSE)."""
    cost = metrics.rd_cost(*after, lmbda)
    return {
        "bpp": after[0],
        "bpp_factor": after[0] / before[0],
        "rd_cost": cost,
        "rd_factor": cost / metrics.rd_cost(*before, lmbda),
    }


def _estimated_bpp(coder: Coder, image: Image) -> float | None:
    try:
        bits = coder.estimated_bits(image)
    except PLUGIN_ERRORS as error:  # a failed estimate does not fail the evaluation
        raise_if_machine(error)
        return None
    return None if bits is None else bits / image[..., 0].size


def _extra(
    coder: Coder, clean: RoundTrip, coded: RoundTrip, terms: ScoringSpec
) -> dict[str, Extra]:
    """Return the values of the metrics that the suite names, by label."""
    other = None if coded is clean else coded
    victim = VictimCalls(recoder(coder), damaged_decoder(coder, clean, coded))
    return {
        named.label: score_named_metric(named, clean, other, victim)
        for named in terms.named_metrics
    }


def _vmaf(source: Image, clean: RoundTrip, coded: RoundTrip) -> float | None:
    return clean.vmaf if coded is clean else none_if_unsupported(lambda: vmaf(source, coded.image))
