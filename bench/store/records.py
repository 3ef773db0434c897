"""What a run writes down: one line for each crafted picture and for each measured cell.

A record is never absent: what could not be done says so, and why.
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
    "clean", "noise", "white-box", "black-box", "unaware", "transfer", "external"
]
Stage: TypeAlias = Literal["clean", "craft", "attacked"]

Decibel: TypeAlias = Annotated[
    float, PlainSerializer(lambda value: value if math.isfinite(value) else str(value))
]
"""A float that may be infinite (identical pictures); JSON has no infinity, "inf" stands there."""


Size: TypeAlias = Annotated[float, Field(ge=0)]
"""Of an error or a change."""


class _Line(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Extra(_Line):
    """What a metric that the suite names says; x source, x' attacked, C() encoded and decoded.

    Attributes:
        unit: of its values; empty if they have none.
        better: which of them speak for the codec.
        source: of x and C(x'); None if it gave none.
        clean: of x and C(x), likewise.
        grey: of x and mid-grey, as which a failure ranks, likewise; told in the cell of the source
            picture alone.
        reason: why one of them is None, where the metric was asked.
    """

    unit: str
    better: Better
    source: Decibel | None
    clean: Decibel | None
    grey: Decibel | None = None
    reason: str = ""


class Scores(_Line):
    """The scores of one victim on one picture; x source, x' attacked, C() encoded and decoded.

    Mean squared errors are of pictures in [0, 1], PSNR in dB, rates in bits per pixel.

    Attributes:
        bytes: length of the bitstream that was decoded again.
        header_bytes: how many of them are the harness's container.
        bpp: 8 bytes / (H W).
        bpp_estimated: what the codec's own entropy model predicts; None if it has none.
        bpp_clean: bpp of the source picture.
        mse_clean: of x and C(x).
        mse_source: of x and C(x'), the headline.
        mse_input: of x' and C(x').
        mse_shift: of C(x) and C(x').
        mse_perturbation: of x and x'.
        luma_mse_clean: of x and C(x), their BT.709 luma alone; what 4:2:0 does to colour is not
            in it.
        luma_mse_source: of x and C(x'), likewise.
        psnr_clean: as mse_clean; so are the next four.
        linf: largest change between x and x', in levels.
        ssim_source: of x and C(x'); None below 11 pixels.
        ms_ssim_source: of x and C(x'); None below 161 pixels.
        ssim_clean: of x and C(x).
        ms_ssim_clean: of x and C(x).
        vmaf_source: of x and C(x'), luma; None where the suite does not ask for it, this machine
            has no libvmaf (the manifest's versions say so), or below 16 pixels.
        vmaf_clean: of x and C(x).
        drop_db: psnr_clean - psnr_source; None for a lossless codec.
        drop_percent: that, in per cent of psnr_clean; None likewise.
        bpp_factor: bpp / bpp_clean.
        rd_cost: bpp + lambda 255^2 mse_source, with the suite's lambda.
        rd_factor: rd_cost by that of the clean picture.
        vi: vulnerability index 10 log10(mse_shift / mse_perturbation), in dB; None if x' is x.
        unexplained: whether mse_source > mse_clean + mse_perturbation: hurt more than a codec
            that keeps the perturbation faithfully would be.
        extra: what the metrics that the suite names say, by label; not written where it names none.
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
    def _written(self, written: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields: dict[str, Any] = written(self)
        return fields if self.extra else {k: v for k, v in fields.items() if k != "extra"}


class CraftRecord(_Line):
    """What a search gave.

    Attributes:
        key: hash of everything that can change the adversarial picture.
        sources: labels of the codecs whose gradients or answers were used; empty for noise.
        picture: name of the source picture.
        picture_sha256: of its pixels.
        attack: its label.
        objective: its label; None for attacks that look at no codec.
        budget: its label.
        seed: of the search's generator.
        sha256: of the adversarial picture's pixels, saved as adversarial/KEY.png.
        flags: what a reader of every score made with this picture should know.
        gradients: gradient evaluations.
        queries: pictures that were really encoded.
        queries_allowed: how many of one picture the attack declares; 0 if it asks none.
        values: the objective as the search saw it: at its start, and at its best; empty if it
            never looked.
        seconds: the search took.
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
    sha256: str = ""
    flags: tuple[str, ...] = ()
    gradients: int = 0
    queries: int = 0
    queries_allowed: int = 0
    values: tuple[float, ...] = ()
    seconds: float = 0.0


class MeasureRecord(_Line):
    """What measuring one cell gave: one victim on one picture, clean or attacked.

    Attributes:
        key: hash of everything that can change the scores.
        stage: what failed, where something did: coding the clean picture, the search, or coding
            the attacked picture.
        victim: label of the codec that was scored.
        fingerprint: its weights, binary versions and parameters.
        picture: name of the source picture.
        threat: how the attacked picture was made, seen from this victim.
        craft: key of the search that made the picture; None for the clean picture.
        flags: what a reader of every score of this victim should know.
        draw: which draw of a codec that draws random numbers was scored; None for all others.
        encode_seconds: of the scored picture.
        decode_seconds: of the scored picture.
        encode_peak: bytes of memory that encoding the source picture took at most, beyond what
            stays loaded, as `bench.utils.memory` has it; None for attacked pictures, and where the
            system does not tell.
        decode_peak: likewise.
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
    """What became of one of several workers of a run; no part of what the run found.

    Attributes:
        at: when, UTC.
        worker: its number, from 0.
        host: where it works and its process there; "" if it never came to say.
        event: whether it began or was lost.
        reason: why it was lost.
        task: key of the search, or of the first cell, that it was lost over and that is done again.
        job: what it was doing just then, in words; "" if it did nothing.
        attempt: how many workers were lost over that so far, this one included.
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
"""The only fields that differ between two runs of one suite on one machine: what it took."""
