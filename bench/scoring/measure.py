"""One evaluation: encode, decode the bytes again, score. All scores of the project come from here.

x' --encode--> bytes --decode--> C(x') --metrics--> Scores, next to x, C(x) and bpp of x
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.codec import Codec, Image
from bench.errors import PLUGIN_ERRORS, BenchError, one_line, raise_if_machine
from bench.images.image_set import Picture, pixel_hash
from bench.isolation.coder import Coder, LocalCoder
from bench.isolation.coder_process import CoderSpec
from bench.planning.jobs import Draw, MeasureJob
from bench.planning.operating_point import ScoringSpec
from bench.scoring.roundtrip import CodingFailure, RoundTrip, encode_decode
from bench.scoring.score import score
from bench.store.records import CraftRecord, MeasureRecord, Stage
from bench.wrapping import drawn

RANDOMISED = "randomised"
"""Flag: the victim gave other bytes or another picture, or failed, the second time."""

COLLISION = "collision"
"""Flag: the adversarial picture is another picture, and the victim gave the same bytes for it."""

_NEEDS_MORE = "a process that has not seen the picture cannot decode its bytes"


def measure(
    job: MeasureJob,
    coder: Coder,
    clean: RoundTrip | CodingFailure,
    attacked: Image | CraftRecord | None,
    terms: ScoringSpec,
    witness: Coder | None = None,
) -> MeasureRecord:
    """Return the record of one evaluation.

    Args:
        job: the evaluation.
        coder: its victim.
        clean: the victim's result on the source picture.
        attacked: the adversarial picture, uint8 (H, W, 3); the record of the search if it found
            none; None to evaluate the clean picture.
        terms: the suite's specification of scoring.
        witness: the victim in another process, which must decode the clean picture from its bytes
            alone; None without this check.

    Raises:
        MachineError: the machine ran out of memory, disk or another resource.
        BenchError: the pixels of a picture were changed in memory.
    """
    if isinstance(clean, CodingFailure):
        return failed_evaluation(job, clean, "clean")
    if isinstance(attacked, CraftRecord):
        return failed_evaluation(job, CodingFailure(attacked.status, attacked.reason), "craft")
    image = job.picture.pixels if attacked is None else attacked
    sent = pixel_hash(image)
    coded = clean if attacked is None else encode_decode(coder, image)
    if isinstance(coded, CodingFailure):
        return failed_evaluation(job, coded, "attacked")
    _check_unchanged(job.picture, job.picture.sha256, job.picture.pixels)
    _check_unchanged(job.picture, sent, image)
    leak = _leak(coder, witness, image, coded) if witness and attacked is None else None
    if leak is not None:
        return failed_evaluation(job, leak, "clean")
    return MeasureRecord(
        **evaluation_identity(job),
        **(_code_again(coder, image, coded) if attacked is None else _collision(clean, coded)),
        status="ok",
        scores=score(coder, job.picture.pixels, image, clean, coded, terms),
        encode_seconds=coded.encode_seconds,
        decode_seconds=coded.decode_seconds,
    )


def _check_unchanged(picture: Picture, sha256: str, image: Image) -> None:
    """Raise an error if somebody has written into pixels that all codecs share."""
    if pixel_hash(image) != sha256:
        raise BenchError(
            f"the pixels of '{picture.name}' were changed in memory; a plugin has written into"
            " them: leave it out and run the same command again"
        )


def _code_again(coder: Coder, image: Image, coded: RoundTrip) -> dict[str, Any]:
    """Code the clean picture a second time; return flags and peak memory.

    A codec that gives other bytes or another picture is nondeterministic without saying so, and
    one score says little about it. Memory is measured in this second run because measuring it
    would distort the times.
    """
    height, width, _ = image.shape
    try:
        encoded = coder.encode(image, track=True)
        decoded = coder.decode(encoded.value, (height, width), track=True)
    except PLUGIN_ERRORS as error:  # an error inside a codec is the codec's failure
        raise_if_machine(error)
        return {"flags": (RANDOMISED,)}
    same = encoded.value == coded.bitstream and np.array_equal(decoded.value, coded.image)
    return {
        "flags": () if same else (RANDOMISED,),
        "encode_peak": encoded.peak,
        "decode_peak": decoded.peak,
    }


def _collision(clean: RoundTrip, coded: RoundTrip) -> dict[str, Any]:
    """Return the flags of an adversarial picture."""
    is_other = not np.array_equal(clean.picture, coded.picture)
    return {"flags": (COLLISION,) if is_other and clean.bitstream == coded.bitstream else ()}


def _leak(coder: Coder, witness: Coder, image: Image, coded: RoundTrip) -> CodingFailure | None:
    """Return a failure if decoding needs more than the bytes: memory, or a file of the encoder.

    The mirrored picture is encoded in between, so that whatever the encoder has kept is replaced.
    A decoder that draws random numbers is no failure; it is flagged.
    """
    height, width, _ = image.shape
    try:
        coder.encode(np.ascontiguousarray(image[:, ::-1]))
        first, second = (witness.decode(coded.bitstream, (height, width)).value for _ in range(2))
    except PLUGIN_ERRORS as error:  # an error inside a codec is the codec's failure
        raise_if_machine(error)
        return CodingFailure("failed", f"{_NEEDS_MORE}: {one_line(error)}")
    if np.array_equal(first, second) and not np.array_equal(first, coded.image):
        return CodingFailure("failed", f"{_NEEDS_MORE}: it decodes another picture")
    return None


def failed_evaluation(job: MeasureJob, failure: CodingFailure, stage: Stage) -> MeasureRecord:
    """Return the record of an evaluation that could not be done."""
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


def coder_spec(cell: MeasureJob, fingerprint: str) -> CoderSpec:
    """Return what another process needs to make the codec that an evaluation scores."""
    seed = None if cell.draw is None else cell.draw.seed
    return CoderSpec(cell.victim.choice, fingerprint, seed)


def coder_to_score(codec: Codec, draw: Draw | None, isolated: Coder | None = None) -> LocalCoder:
    """Return the codec that an evaluation scores: the codec itself, or one draw of it.

    Args:
        codec: the codec.
        draw: the draw.
        isolated: the same in other processes, which decode damaged bitstreams.
    """
    scored = codec if draw is None else drawn(codec, np.random.default_rng(draw.seed))
    return LocalCoder(scored, isolated)
