"""Checks that the bitstreams of an entry's worst pictures decode to what the entry says."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path

from bench.codec import Codec, Image
from bench.errors import CodecError, one_line
from bench.isolation.coder import Coder
from bench.isolation.coder_pool import shared_pool
from bench.isolation.coder_process import CoderSpec
from bench.metrics.scores import bpp, psnr
from bench.verify.findings import Finding, Skipped
from bench.verify.reencode import make_codec_or_skip
from bench.verify.replan import ReplannedRun
from bench.verify.tolerances import DECIBEL
from leaderboard.publish.entry import ARCHIVE, ENTRY, Entry, Worst


def bitstreams(
    entry: Entry, again: ReplannedRun, inside: Mapping[str, bytes], folder: Path
) -> Iterator[Finding | Skipped]:
    """Yield the bitstreams that do not decode to what the entry shows.

    They are decoded in a process that has no picture. Bitstreams are written for one fingerprint,
    so those of a codec that has another fingerprint here are skipped. Codecs that cannot be made
    here are left out; `bench.verify.reencode` reports them.

    Args:
        entry: the entry with its worst pictures.
        again: the replanned run of the entry.
        inside: the files in its archive.
        folder: the entry's folder.
    """
    sources = {picture.name: picture.pixels for picture in again.pictures}
    labels = {one.codec for one in entry.worst} & again.points.keys()
    codecs = {label: make_codec_or_skip(again.points[label]) for label in labels}
    other = {label for label, codec in codecs.items() if _is_other(codec, entry.codecs.get(label))}
    for label in sorted(other):
        yield Skipped(label, "its bitstreams are not decoded, because its fingerprint differs here")
    pool = shared_pool(again.suite.compute.threads)
    for one in (one for one in entry.worst if one.codec not in other):
        codec, source = codecs.get(one.codec), sources.get(one.picture)
        problem = ""
        if codec is None or source is None or one.bitstream not in inside:
            problem = f"there is no {one.codec}, no picture {one.picture} or no such file"
        elif isinstance(codec, Codec):
            spec = CoderSpec(again.points[one.codec], codec.fingerprint(), seed=None)
            problem = _problem(one, pool.coder(spec), source, inside[one.bitstream])
        if problem:
            yield Finding(f"{folder / ARCHIVE}: {one.bitstream}", problem)


def _is_other(codec: Codec | Skipped, published: str | None) -> bool:
    return isinstance(codec, Codec) and codec.fingerprint() != published


def _problem(one: Worst, coder: Coder, source: Image, stream: bytes) -> str:
    """Return what is wrong with a bitstream, or an empty string."""
    height, width, _ = source.shape
    try:
        decoded = coder.decode(stream, (height, width)).value
    except CodecError as error:
        return f"does not decode: {one_line(error)}"
    rate, quality = bpp(len(stream), height, width), psnr(source, decoded)
    if rate == one.bpp and math.isclose(quality, one.psnr_source, abs_tol=DECIBEL, rel_tol=0):
        return ""
    return (
        f"is {rate:.6g} bpp and decodes to {quality:.4f} dB, {ENTRY} says {one.bpp:.6g} and"
        f" {one.psnr_source:.4f}"
    )
