"""Records: one line of JSON for each search, each evaluation and each event of a worker.

Every job has a record. One that could not be done is recorded as "unsupported" or "failed", with
the reason.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    SerializerFunctionWrapHandler,
    TypeAdapter,
    model_serializer,
)

from bench.metric import Better

Status: TypeAlias = Literal["ok", "unsupported", "failed"]
Threat: TypeAlias = Literal[
    "clean", "noise", "corruption", "white-box", "black-box", "unaware", "transfer", "external"
]
UNATTACKED: frozenset[Threat] = frozenset({"clean", "noise", "corruption"})
"""The threats of pictures that nobody made against a codec."""

Stage: TypeAlias = Literal["clean", "craft", "attacked"]

Decibel: TypeAlias = Annotated[
    float, PlainSerializer(lambda value: value if math.isfinite(value) else str(value))
]
"""A float that may be infinite, as for identical pictures; written as "inf", as JSON has no
infinity."""


Size: TypeAlias = Annotated[float, Field(ge=0)]
"""Size of an error or a perturbation, at least 0."""


class _Line(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Extra(_Line):
    """The values of a metric that the suite names.

    x is the source picture, x' the adversarial one, C() is encoding and decoding.

    Attributes:
        unit: unit of the values; empty if they have none.
        better: whether higher or lower values are better for the codec.
        source: value of x and C(x'), or of x' and C(x') for metrics that compare with the coded
            picture; None if the metric has none.
        clean: value of x and C(x); None if the metric has none.
        grey: value of x and mid-grey, for which a failure counts; only in the record of the clean
            picture.
        reason: why a value is None although the metric was called.
    """

    unit: str
    better: Better
    source: Decibel | None
    clean: Decibel | None
    grey: Decibel | None = None
    reason: str = ""


class Scores(_Line):
    """The scores of one victim on one picture.

    x is the source picture, x' the adversarial one (x itself in the record of the clean picture),
    C() is encoding and decoding. Mean squared errors are of pictures in [0, 1], PSNR is in dB,
    rates are in bits per pixel.

    Attributes:
        bytes: length of the bitstream, which was decoded again.
        header_bytes: bytes of it that belong to the harness's container.
        bpp: 8 bytes / (H W).
        bpp_estimated: rate that the codec's own entropy model predicts; None if it has none.
        bpp_clean: rate of the source picture.
        mse_clean: error between x and C(x).
        mse_source: error between x and C(x'), the headline score.
        mse_input: error between x' and C(x').
        mse_shift: error between C(x) and C(x').
        mse_perturbation: error between x and x'.
        luma_mse_clean: error between the BT.709 luma of x and C(x), without the loss of colour
            resolution in 4:2:0.
        luma_mse_source: error between the BT.709 luma of x and C(x').
        psnr_clean: PSNR of x and C(x).
        psnr_source: PSNR of x and C(x').
        psnr_input: PSNR of x' and C(x').
        psnr_shift: PSNR of C(x) and C(x').
        psnr_perturbation: PSNR of x and x'.
        linf: largest absolute difference of x and x', in 8-bit levels.
        ssim_source: SSIM of x and C(x'); None if the short side is below 11 pixels.
        ms_ssim_source: MS-SSIM of x and C(x'); None if the short side is below 161 pixels.
        ssim_clean: SSIM of x and C(x).
        ms_ssim_clean: MS-SSIM of x and C(x).
        vmaf_source: VMAF of x and C(x'), from luma. None if the suite does not ask for it, if the
            machine has no libvmaf (see the versions in the manifest), or if the short side is below
            16 pixels.
        vmaf_clean: VMAF of x and C(x).
        drop_db: psnr_clean - psnr_source; None for a lossless codec.
        drop_percent: drop_db in per cent of psnr_clean; None for a lossless codec.
        bpp_factor: bpp / bpp_clean.
        rd_cost: R-D cost bpp + lambda 255^2 mse_source, with the lambda of the suite.
        rd_factor: rd_cost divided by the R-D cost of the clean picture.
        vi: vulnerability index 10 log10(mse_shift / mse_perturbation), in dB; None if x' is x.
        unexplained: whether mse_source > mse_clean + mse_perturbation: the error is amplified, as
            it is larger than that of a codec that faithfully keeps the perturbation.
        extra: values of the metrics that the suite names, by label; not written if it names none.
    """

    bytes: int
    header_bytes: int
    bpp: Annotated[float, Field(gt=0)]
    bpp_estimated: float | None
    bpp_clean: Annotated[float, Field(gt=0)]
    mse_clean: Size
    mse_source: Size
    mse_input: Size
    mse_shift: Size
    mse_perturbation: Size
    luma_mse_clean: Size
    luma_mse_source: Size
    psnr_clean: Decibel
    psnr_source: Decibel
    psnr_input: Decibel
    psnr_shift: Decibel
    psnr_perturbation: Decibel
    linf: Size
    ssim_source: float | None
    ms_ssim_source: float | None
    ssim_clean: float | None
    ms_ssim_clean: float | None
    vmaf_source: float | None
    vmaf_clean: float | None
    drop_db: Decibel | None
    drop_percent: Decibel | None
    bpp_factor: float
    rd_cost: float
    rd_factor: float
    vi: Decibel | None
    unexplained: bool
    extra: dict[str, Extra] = {}

    @model_serializer(mode="wrap")
    def _without_empty_extra(self, serialise: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields: dict[str, Any] = serialise(self)
        return fields if self.extra else {k: v for k, v in fields.items() if k != "extra"}


class CraftRecord(_Line):
    """The record of one search.

    Attributes:
        key: hash of everything that can change the adversarial picture.
        status: "ok", or why there is no adversarial picture: "unsupported" or "failed".
        reason: one sentence if the status is not "ok".
        sources: labels of the codecs whose gradients or answers were used; empty for noise.
        picture: name of the source picture.
        picture_sha256: hash of the pixels of the source picture.
        attack: label of the attack.
        objective: label of the objective; None for attacks that do not use a codec.
        budget: label of the budget.
        seed: seed of the search's random numbers.
        start: number of the search among those that differ only in their random numbers, from 0.
        sha256: hash of the pixels of the adversarial picture, which is saved as
            adversarial/KEY.png; "" if there is none.
        flags: caveats for every score of this picture.
        gradients: number of gradient evaluations.
        queries: number of queried pictures, see `bench.crafting.target.CodecTarget`.
        queries_allowed: number of queries per picture that the attack declares; 0 if it makes none.
        values: the objective at the start of the search and its largest value; empty if the search
            evaluated none.
        seconds: duration of the search.
    """

    kind: Literal["craft"] = "craft"
    key: str
    status: Status
    reason: str = ""
    sources: tuple[str, ...]
    picture: str
    picture_sha256: str
    attack: str
    objective: str | None
    budget: str
    seed: int
    start: int = 0
    sha256: str = ""
    flags: tuple[str, ...] = ()
    gradients: int = 0
    queries: int = 0
    queries_allowed: int = 0
    values: tuple[float, ...] = ()
    seconds: float = 0.0


class MeasureRecord(_Line):
    """The record of one evaluation: one victim on one picture, clean or adversarial.

    Attributes:
        key: hash of everything that can change the scores.
        status: "ok", or why there are no scores: "unsupported" or "failed".
        reason: one sentence if the status is not "ok".
        stage: what failed, if something did: coding the clean picture, the search, or coding the
            adversarial picture.
        victim: label of the codec that was scored.
        fingerprint: weights, binary versions and parameters of the victim.
        picture: name of the source picture.
        threat: threat model of the adversarial picture for this victim.
        craft: key of the search that made the picture; None for the clean picture.
        flags: caveats for every score of this victim.
        draw: number of the draw that was scored, from 0; None for codecs that draw no random
            numbers.
        scores: None if the status is not "ok".
        encode_seconds: time to encode the scored picture.
        decode_seconds: time to decode the scored picture.
        encode_peak: peak memory of encoding the source picture, in bytes, in addition to what stays
            loaded (see `bench.utils.memory`). None for adversarial pictures, and on systems that do
            not report it.
        decode_peak: peak memory of decoding the source picture, in the same way.
    """

    kind: Literal["measure"] = "measure"
    key: str
    status: Status
    reason: str = ""
    stage: Stage | None = None
    victim: str
    fingerprint: str
    picture: str
    threat: Threat
    craft: str | None = None
    flags: tuple[str, ...] = ()
    draw: int | None = None
    scores: Scores | None = None
    encode_seconds: float = 0.0
    decode_seconds: float = 0.0
    encode_peak: int | None = None
    decode_peak: int | None = None


class WorkerRecord(_Line):
    """The start or the loss of one of several workers; not one of the run's results.

    Attributes:
        at: time, ISO 8601, UTC.
        worker: its number, from 0.
        host: its host and process; "" if it was lost before it reported them.
        event: "began" or "lost".
        reason: why it was lost.
        task: key of the search, or of the first evaluation, that it was working on and that is
            done again.
        job: description of the job it was doing; "" if it was idle.
        attempt: number of workers lost over this task so far, this one included.
    """

    at: str
    worker: int
    host: str
    event: Literal["began", "lost"]
    reason: str = ""
    task: str | None = None
    job: str = ""
    attempt: int = 0


Record: TypeAlias = Annotated[CraftRecord | MeasureRecord, Field(discriminator="kind")]

RECORD: TypeAdapter[CraftRecord | MeasureRecord] = TypeAdapter(Record)
"""Reads and writes one line of records.jsonl."""

TIMES = frozenset({"seconds", "encode_seconds", "decode_seconds", "encode_peak", "decode_peak"})
"""Fields for time and memory, the only ones that differ between two runs on one machine."""
