"""The columns of clean scores."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from leaderboard.aggregate.rows import Row
from leaderboard.columns.column import Column, Line, of_clean
from leaderboard.formatting import decibel, percent, rate, similarity

BPP: Column[Row] = Column(
    "clean_bpp",
    "clean bpp",
    of_clean(lambda clean: clean.bpp),
    rate,
    "bits per pixel of the source pictures; every byte of the bitstream counts; mean",
    "lower",
    is_main=True,
)
PSNR: Column[Row] = Column(
    "clean_psnr_db",
    "clean PSNR dB",
    of_clean(lambda clean: clean.psnr),
    decibel,
    "PSNR of the clean reconstructions against the source pictures, mean",
    "higher",
    is_main=True,
)

CLEAN: tuple[Column[Row], ...] = (
    BPP,
    PSNR,
    Column(
        "clean_luma_psnr_db",
        "clean luma PSNR dB",
        of_clean(lambda clean: clean.luma_psnr),
        decibel,
        "clean PSNR of the luma (BT.709), mean; fair to codecs with chroma subsampling",
        "higher",
    ),
    Column(
        "clean_ms_ssim",
        "clean MS-SSIM",
        of_clean(lambda clean: clean.ms_ssim),
        similarity,
        "clean multi-scale structural similarity, for pictures above 160 pixels, mean",
        "higher",
    ),
    Column(
        "clean_vmaf",
        "clean VMAF",
        of_clean(lambda clean: clean.vmaf),
        percent,
        "clean VMAF of the luma, 0 to 100, about 97 for an identical picture; where the suite asks"
        " for it; mean",
        "higher",
    ),
    Column(
        "encoding_s_mp",
        "encoding s/MP",
        of_clean(lambda clean: clean.encoding),
        rate,
        "seconds per megapixel to encode the source pictures on the machine named below, mean",
        "lower",
    ),
    Column(
        "decoding_s_mp",
        "decoding s/MP",
        of_clean(lambda clean: clean.decoding),
        rate,
        "seconds per megapixel to decode the source pictures on the machine named below, mean",
        "lower",
    ),
    Column(
        "encoding_mb",
        "encoding MB",
        of_clean(lambda clean: clean.encoding_memory),
        percent,
        "peak memory of encoding a source picture in megabytes, in addition to what the codec"
        " keeps loaded; for external programs all of their memory; mean",
        "lower",
    ),
    Column(
        "decoding_mb",
        "decoding MB",
        of_clean(lambda clean: clean.decoding_memory),
        percent,
        "peak memory of decoding in megabytes, counted in the same way, mean",
        "lower",
    ),
)
"""Clean scores."""

_OF_RUNS = {
    "encoding_s_mp": "seconds per megapixel to encode; see Coding times",
    "decoding_s_mp": "seconds per megapixel to decode; see Coding times",
}
"""Meanings of coding times that were not taken from evaluations."""


def as_measured(columns: Iterable[Column[Line]]) -> list[Column[Line]]:
    """Return columns with the meaning that times have in runs, see `bench.engine.timing`."""
    return [replace(column, meaning=_OF_RUNS.get(column.key, column.meaning)) for column in columns]
