"""The trusted path: encode, decode again, score. Nothing else in the project makes a score.

x' --encode--> bytes --decode--> C(x') --metrics--> Scores, next to x, C(x) and bpp of x
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

from bench import metrics
from bench.codec import Codec, Estimating, Image
from bench.errors import Unsupported, raise_if_machine, told
from bench.extra import extra
from bench.jobs import MeasureJob
from bench.memory import watched
from bench.metric import Reading, read
from bench.metrics import Quality
from bench.record import CraftRecord, Extra, MeasureRecord, Scores, Stage, Status
from bench.terms import Terms, Yardstick
from bench.vmaf import vmaf

RANDOMISED = "randomised"

Value = TypeVar("Value")


@dataclass(frozen=True)
class Coded:
    """One picture through one codec: the bitstream and what came out of it."""

    picture: Image
    bitstream: bytes
    image: Image
    encode_seconds: float
    decode_seconds: float
    _readings: dict[str, Reading] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @cached_property
    def quality(self) -> Quality:
        """What is scored of what came out against the picture itself; many cells share it."""
        return metrics.quality(self.picture, self.image)

    def reading(self, yardstick: Yardstick) -> Reading:
        """Return what a metric says of it; it is asked once, and many cells share the answer."""
        if yardstick.label not in self._readings:
            self._readings[yardstick.label] = read(yardstick.metric, self.picture, self.image)
        return self._readings[yardstick.label]

    @cached_property
    def vmaf(self) -> float | None:
        """Likewise the VMAF, None where there is none; many cells share it, and it takes long."""
        return _defined(lambda: vmaf(self.picture, self.image))

    @property
    def bpp(self) -> float:
        """Bits per pixel, all bytes of the bitstream counted."""
        height, width, _ = self.picture.shape
        return metrics.bpp(len(self.bitstream), height, width)


@dataclass(frozen=True)
class Lost:
    """Why a picture did not come through."""

    status: Status
    reason: str


def code(codec: Codec, image: Image) -> Coded | Lost:
    """Encode a picture and decode the bytes again; a codec's failure is a result."""
    try:
        bitstream, encode_seconds = _timed(lambda: codec.encode(image))
        decoded, decode_seconds = _timed(lambda: codec.decode(bitstream))
    except Unsupported as error:
        return Lost("unsupported", str(error))
    except Exception as error:  # noqa: BLE001 - what breaks inside a codec is its failure
        raise_if_machine(error)
        return Lost("failed", told(error))
    if not bitstream:
        return Lost("failed", "the encoder returned no bytes")
    if decoded.shape != image.shape or decoded.dtype != image.dtype:
        return Lost("failed", f"decoded to {decoded.dtype} {decoded.shape}, not {image.shape}")
    return Coded(image, bitstream, decoded, encode_seconds, decode_seconds)


def measure(
    job: MeasureJob,
    codec: Codec,
    clean: Coded | Lost,
    attacked: Image | CraftRecord | None,
    terms: Terms,
) -> MeasureRecord:
    """Return the record of one cell.

    Args:
        job: the cell.
        codec: its victim.
        clean: the victim's outcome on the source picture.
        attacked: the adversarial picture; or the search's record where it gave none; or None for
            the cell of the clean picture itself.
        terms: what the suite says of scoring.
    """
    if isinstance(clean, Lost):
        return _lost(job, clean, "clean")
    if isinstance(attacked, CraftRecord):
        return _lost(job, Lost(attacked.status, attacked.reason), "craft")
    image = job.picture.pixels if attacked is None else attacked
    coded = clean if attacked is None else code(codec, image)
    if isinstance(coded, Lost):
        return _lost(job, coded, "attacked")
    return MeasureRecord(
        **_identity(job),
        **(_again(codec, image, coded) if attacked is None else {}),
        status="ok",
        scores=score(codec, job.picture.pixels, image, clean, coded, terms),
        encode_seconds=coded.encode_seconds,
        decode_seconds=coded.decode_seconds,
    )


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
        "drop_db": _defined(lambda: metrics.psnr_drop_db(before.psnr, after.psnr)),
        "drop_percent": _defined(lambda: metrics.psnr_drop_percent(before.psnr, after.psnr)),
        "vi": _defined(lambda: metrics.vi(shift, perturbation)),
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


def _again(codec: Codec, image: Image, coded: Coded) -> dict[str, Any]:
    """Code once more: one score says little of a codec that draws random numbers in secret.

    Its memory is watched now, when no time is taken.
    """
    try:
        with watched() as encoding:
            bitstream = codec.encode(image)
        with watched() as decoding:
            codec.decode(bitstream)
    except Exception as error:  # noqa: BLE001 - what breaks inside a codec is its failure
        raise_if_machine(error)
        return {"flags": (RANDOMISED,)}
    return {
        "flags": () if bitstream == coded.bitstream else (RANDOMISED,),
        "encode_peak": encoding.bytes,
        "decode_peak": decoding.bytes,
    }


def _timed(call: Callable[[], Value]) -> tuple[Value, float]:
    started = time.perf_counter()
    value = call()
    return value, time.perf_counter() - started


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
    return clean.vmaf if coded is clean else _defined(lambda: vmaf(source, coded.image))


def _defined(score: Callable[[], float]) -> float | None:
    """Return a score, or None where it does not exist for this picture."""
    try:
        return score()
    except Unsupported:
        return None


def _lost(job: MeasureJob, lost: Lost, stage: Stage) -> MeasureRecord:
    return MeasureRecord(**_identity(job), status=lost.status, reason=lost.reason, stage=stage)


def _identity(job: MeasureJob) -> dict[str, Any]:
    return {
        "key": job.key,
        "victim": job.victim.label,
        "fingerprint": job.victim.fingerprint,
        "picture": job.picture.name,
        "threat": job.threat,
        "craft": None if job.craft is None else job.craft.key,
        "draw": None if job.draw is None else job.draw.number,
    }
