"""The columns of worst cases over all attacks."""

from __future__ import annotations

from leaderboard.aggregate.rows import Row
from leaderboard.columns.column import (
    Column,
    largest,
    median,
    of_attack,
    of_gain,
    of_lossless,
)
from leaderboard.formatting import decibel, factor, percent, similarity

DROP: Column[Row] = Column(
    "drop_db",
    "PSNR drop dB",
    of_attack(lambda worst: worst.drop_db),
    decibel,
    "clean PSNR less worst PSNR, mean; none for a lossless codec",
    "lower",
    is_main=True,
)
EXCESS: Column[Row] = Column(
    "beyond_change_db",
    "excess over lossless dB",
    of_attack(lambda worst: worst.beyond_change),
    decibel,
    "by how many dB worst PSNR is below the PSNR of the codec's own error plus the perturbation,"
    " mean; 0 for the lossless reference, which preserves the perturbation; below 0 the codec"
    " removes part of the perturbation",
    "lower",
)
RATE: Column[Row] = Column(
    "rate",
    "rate increase",
    of_attack(lambda worst: worst.bpp_factor),
    factor,
    "rate under attack as a multiple of the clean rate; the largest over all attacks for each"
    " picture, then the geometric mean",
    "lower",
    is_main=True,
)
COST: Column[Row] = Column(
    "r_d_cost",
    "R-D cost increase",
    of_attack(lambda worst: worst.rd_factor),
    factor,
    "R-D cost under attack as a multiple of the clean R-D cost; the largest over all attacks for"
    " each picture, then the geometric mean",
    "lower",
    is_main=True,
)

WORST_PSNR: Column[Row] = Column(
    "worst_psnr_db",
    "worst PSNR dB",
    of_attack(lambda worst: worst.psnr),
    decibel,
    "PSNR of the reconstructions under attack against the source pictures; the lowest over all"
    " attacks for each picture, then the mean",
    "higher",
    is_main=True,
)

WORST: tuple[Column[Row], ...] = (
    WORST_PSNR,
    Column(
        "worst_luma_psnr_db",
        "worst luma PSNR dB",
        of_attack(lambda worst: worst.luma_psnr),
        decibel,
        "lowest PSNR of the luma, in the same way",
        "higher",
    ),
    Column(
        "worst_ms_ssim",
        "worst MS-SSIM",
        of_attack(lambda worst: worst.ms_ssim),
        similarity,
        "lowest MS-SSIM, in the same way",
        "higher",
    ),
    Column(
        "worst_vmaf",
        "worst VMAF",
        of_attack(lambda worst: worst.vmaf),
        percent,
        "lowest VMAF, in the same way",
        "higher",
    ),
    DROP,
    Column(
        "drop_median_db",
        "median PSNR drop dB",
        of_attack(lambda worst: median(worst.drop_db)),
        decibel,
        "median of the PSNR drop over the pictures",
        "lower",
    ),
    Column(
        "drop_most_db",
        "largest PSNR drop dB",
        of_attack(lambda worst: largest(worst.drop_db)),
        decibel,
        "largest PSNR drop of all pictures",
        "lower",
    ),
    Column(
        "drop_percent",
        "PSNR drop %",
        of_attack(lambda worst: worst.drop_percent),
        percent,
        "PSNR drop in per cent of each picture's clean PSNR, mean",
        "lower",
    ),
    Column(
        "beyond_noise_db",
        "excess over noise dB",
        of_gain(lambda gain: gain.drop_db),
        decibel,
        "by how many dB worst PSNR is below noise PSNR: the effect of an attack beyond that of"
        " random noise at the same budget, mean",
        "lower",
        is_main=True,
    ),
    EXCESS,
    RATE,
    Column(
        "rate_median",
        "median rate increase",
        of_attack(lambda worst: median(worst.bpp_factor)),
        factor,
        "median of the rate increase over the pictures",
        "lower",
    ),
    Column(
        "rate_most",
        "largest rate increase",
        of_attack(lambda worst: largest(worst.bpp_factor)),
        factor,
        "largest rate increase of all pictures",
        "lower",
    ),
    Column(
        "rate_beyond_noise",
        "rate excess over noise",
        of_gain(lambda gain: gain.bpp_factor),
        factor,
        "rate increase divided by noise rate increase for each picture, geometric mean",
        "lower",
        is_main=True,
    ),
    Column(
        "rate_beyond_lossless",
        "rate excess over lossless",
        of_lossless(lambda gain: gain.bpp_factor),
        factor,
        "rate increase divided by that of the lossless reference on the same adversarial pictures,"
        " geometric mean",
        "lower",
    ),
    COST,
    Column(
        "r_d_cost_median",
        "median R-D cost increase",
        of_attack(lambda worst: median(worst.rd_factor)),
        factor,
        "median of the R-D cost increase over the pictures",
        "lower",
    ),
    Column(
        "r_d_cost_most",
        "largest R-D cost increase",
        of_attack(lambda worst: largest(worst.rd_factor)),
        factor,
        "largest R-D cost increase of all pictures",
        "lower",
    ),
    Column(
        "r_d_cost_beyond_noise",
        "R-D cost excess over noise",
        of_gain(lambda gain: gain.rd_factor),
        factor,
        "R-D cost increase divided by noise R-D cost increase for each picture, geometric mean",
        "lower",
    ),
)
"""Worst cases over all attacks."""
