"""The trusted path: encode, decode again, score. Nothing else in the project makes a score.

x' --encode--> bytes --decode--> C(x') --metrics--> Scores, next to x, C(x) and bpp of x
"""

from __future__ import annotations

from typing import Any

from bench.codec import Codec, Image
from bench.errors import PLUGIN_ERRORS, raise_if_machine
from bench.planning.jobs import MeasureJob
from bench.planning.operating_point import ScoringSpec
from bench.scoring.roundtrip import CodingFailure, RoundTrip, encode_decode
from bench.scoring.score import score
from bench.store.records import CraftRecord, MeasureRecord, Stage
from bench.utils.memory import track_peak

RANDOMISED = "randomised"


def measure(
    job: MeasureJob,
    codec: Codec,
    clean: RoundTrip | CodingFailure,
    attacked: Image | CraftRecord | None,
    terms: ScoringSpec,
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
    if isinstance(clean, CodingFailure):
        return _lost(job, clean, "clean")
    if isinstance(attacked, CraftRecord):
        return _lost(job, CodingFailure(attacked.status, attacked.reason), "craft")
    image = job.picture.pixels if attacked is None else attacked
    coded = clean if attacked is None else encode_decode(codec, image)
    if isinstance(coded, CodingFailure):
        return _lost(job, coded, "attacked")
    return MeasureRecord(
        **identity(job),
        **(_again(codec, image, coded) if attacked is None else {}),
        status="ok",
        scores=score(codec, job.picture.pixels, image, clean, coded, terms),
        encode_seconds=coded.encode_seconds,
        decode_seconds=coded.decode_seconds,
    )


def _again(codec: Codec, image: Image, coded: RoundTrip) -> dict[str, Any]:
    """Code once more: one score says little of a codec that draws random numbers in secret.

    Its memory is watched now, when no time is taken.
    """
    try:
        with track_peak() as encoding:
            bitstream = codec.encode(image)
        with track_peak() as decoding:
            codec.decode(bitstream)
    except PLUGIN_ERRORS as error:  # what breaks inside a codec is its failure
        raise_if_machine(error)
        return {"flags": (RANDOMISED,)}
    return {
        "flags": () if bitstream == coded.bitstream else (RANDOMISED,),
        "encode_peak": encoding.bytes,
        "decode_peak": decoding.bytes,
    }


def _lost(job: MeasureJob, lost: CodingFailure, stage: Stage) -> MeasureRecord:
    return MeasureRecord(**identity(job), status=lost.status, reason=lost.reason, stage=stage)


def identity(job: MeasureJob) -> dict[str, Any]:
    """Return what the record of a cell says of it, whatever its scores."""
    return {
        "key": job.key,
        "victim": job.victim.label,
        "fingerprint": job.victim.fingerprint,
        "picture": job.picture.name,
        "threat": job.threat,
        "craft": None if job.craft is None else job.craft.key,
        "draw": None if job.draw is None else job.draw.number,
    }
