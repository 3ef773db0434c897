"""One evaluation: encode, decode the bytes again, score. All scores of the project come from here.

x' --encode--> bytes --decode--> C(x') --metrics--> Scores, next to x, C(x) and bpp of x
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.codec import Codec, Image
from bench.errors import PLUGIN_ERRORS, raise_if_machine
from bench.planning.jobs import Draw, MeasureJob
from bench.planning.operating_point import ScoringSpec
from bench.scoring.roundtrip import CodingFailure, RoundTrip, encode_decode
from bench.scoring.score import score
from bench.store.records import CraftRecord, MeasureRecord, Stage
from bench.utils.memory import track_peak
from bench.wrapping import drawn

RANDOMISED = "randomised"
"""Flag: the victim coded the same picture to different bytes, or failed, the second time."""


def measure(
    job: MeasureJob,
    codec: Codec,
    clean: RoundTrip | CodingFailure,
    attacked: Image | CraftRecord | None,
    terms: ScoringSpec,
) -> MeasureRecord:
    """Return the record of one evaluation.

    Args:
        job: the evaluation.
        codec: its victim.
        clean: the victim's result on the source picture.
        attacked: the adversarial picture, uint8 (H, W, 3); the record of the search if it found
            none; None to evaluate the clean picture.
        terms: the suite's specification of scoring.

    Raises:
        MachineError: the machine ran out of memory, disk or another resource.
    """
    if isinstance(clean, CodingFailure):
        return _failure(job, clean, "clean")
    if isinstance(attacked, CraftRecord):
        return _failure(job, CodingFailure(attacked.status, attacked.reason), "craft")
    image = job.picture.pixels if attacked is None else attacked
    coded = clean if attacked is None else encode_decode(codec, image)
    if isinstance(coded, CodingFailure):
        return _failure(job, coded, "attacked")
    return MeasureRecord(
        **evaluation_identity(job),
        **(_code_again(codec, image, coded) if attacked is None else {}),
        status="ok",
        scores=score(codec, job.picture.pixels, image, clean, coded, terms),
        encode_seconds=coded.encode_seconds,
        decode_seconds=coded.decode_seconds,
    )


def _code_again(codec: Codec, image: Image, coded: RoundTrip) -> dict[str, Any]:
    """Code the clean picture a second time; return flags and peak memory.

    A codec that gives other bytes is nondeterministic without saying so, and one score says little
    about it. Memory is measured in this second run because measuring it would distort the times.
    """
    try:
        with track_peak() as encoding:
            bitstream = codec.encode(image)
        with track_peak() as decoding:
            codec.decode(bitstream)
    except PLUGIN_ERRORS as error:  # an error inside a codec is the codec's failure
        raise_if_machine(error)
        return {"flags": (RANDOMISED,)}
    return {
        "flags": () if bitstream == coded.bitstream else (RANDOMISED,),
        "encode_peak": encoding.bytes,
        "decode_peak": decoding.bytes,
    }


def _failure(job: MeasureJob, failure: CodingFailure, stage: Stage) -> MeasureRecord:
    return MeasureRecord(
        **evaluation_identity(job), status=failure.status, reason=failure.reason, stage=stage
    )


def evaluation_identity(job: MeasureJob) -> dict[str, Any]:
    """Return the fields of an evaluation's record that follow from its job alone."""
    return {
        "key": job.key,
        "victim": job.victim.label,
        "fingerprint": job.victim.fingerprint,
        "picture": job.picture.name,
        "threat": job.threat,
        "craft": None if job.craft is None else job.craft.key,
        "draw": None if job.draw is None else job.draw.number,
    }


def codec_to_score(codec: Codec, draw: Draw | None) -> Codec:
    """Return the codec that an evaluation scores: the codec itself, or one draw of it."""
    return codec if draw is None else drawn(codec, np.random.default_rng(draw.seed))
