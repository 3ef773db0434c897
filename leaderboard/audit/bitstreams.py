"""Checks that the bitstreams of an entry's worst pictures decode to what the entry says."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path

from bench.codec import Codec, Image
from bench.errors import one_line, raise_if_machine
from bench.metrics.scores import bpp, psnr
from bench.verify.findings import Finding
from bench.verify.reencode import make_codec_or_skip
from bench.verify.replan import ReplannedRun
from bench.verify.tolerances import DECIBEL
from leaderboard.publish.entry import ARCHIVE, ENTRY, Entry, Worst


def bitstreams(
    entry: Entry, again: ReplannedRun, inside: Mapping[str, bytes], folder: Path
) -> Iterator[Finding]:
    """Yield the bitstreams that do not decode to what the entry shows.

    Codecs that are not available here are skipped; `bench.verify.reencode` reports them.

    Args:
        entry: the entry with its worst pictures.
        again: the replanned run of the entry.
        inside: the files in its archive.
        folder: the entry's folder.
    """
    sources = {picture.name: picture.pixels for picture in again.pictures}
    labels = {one.codec for one in entry.worst} & again.points.keys()
    codecs = {label: make_codec_or_skip(again.points[label]) for label in labels}
    for one in entry.worst:
        codec, source = codecs.get(one.codec), sources.get(one.picture)
        problem = ""
        if codec is None or source is None or one.bitstream not in inside:
            problem = f"there is no {one.codec}, no picture {one.picture} or no such file"
        elif isinstance(codec, Codec):
            problem = _problem(one, codec, source, inside[one.bitstream])
        if problem:
            yield Finding(f"{folder / ARCHIVE}: {one.bitstream}", problem)


def _problem(one: Worst, codec: Codec, source: Image, stream: bytes) -> str:
    """Return what is wrong with a bitstream, or an empty string."""
    try:
        decoded = codec.decode(stream)
    except Exception as error:  # noqa: BLE001 - an error inside a codec is a failure of the codec
        raise_if_machine(error)
        return f"does not decode: {one_line(error)}"
    if decoded.shape != source.shape:
        return f"decodes to {decoded.shape}, but its source has {source.shape}"
    rate, quality = bpp(len(stream), *source.shape[:2]), psnr(source, decoded)
    if rate == one.bpp and math.isclose(quality, one.psnr_source, abs_tol=DECIBEL, rel_tol=0):
        return ""
    return (
        f"is {rate:.6g} bpp and decodes to {quality:.4f} dB, {ENTRY} says {one.bpp:.6g} and"
        f" {one.psnr_source:.4f}"
    )
