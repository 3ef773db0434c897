"""The columns of noise, of the perturbation, and of each threat without gradients."""

from __future__ import annotations

from leaderboard.aggregate.rows import Row
from leaderboard.aggregate.threats import WITHOUT_GRADIENTS
from leaderboard.columns.column import Column, of_attack, of_noise, of_threat
from leaderboard.columns.terms import threat_meaning
from leaderboard.formatting import column_key, decibel, factor, percent

NOISE_PSNR: Column[Row] = Column(
    "noise_psnr_db",
    "noise PSNR dB",
    of_noise(lambda noise: noise.psnr),
    decibel,
    "lowest PSNR over all kinds of noise for each picture, then the mean",
    "higher",
)

NOISE: tuple[Column[Row], ...] = (
    NOISE_PSNR,
    Column(
        "noise_rate",
        "noise rate increase",
        of_noise(lambda noise: noise.bpp_factor),
        factor,
        "rate increase by noise",
        "lower",
    ),
    Column(
        "noise_r_d_cost",
        "noise R-D cost increase",
        of_noise(lambda noise: noise.rd_factor),
        factor,
        "R-D cost increase by noise",
        "lower",
    ),
    Column(
        "change_psnr_db",
        "perturbation PSNR dB",
        of_attack(lambda worst: worst.psnr_perturbation),
        decibel,
        "PSNR of the adversarial picture itself, not coded, against the source picture, where worst"
        " PSNR was found, mean: the higher, the smaller the perturbation",
    ),
    Column(
        "vi_db",
        "VI dB",
        of_attack(lambda worst: worst.vi),
        decibel,
        "vulnerability index 10 log10(MSE(C(x), C(x')) / MSE(x, x')) where worst PSNR was found,"
        " mean: above 0 the codec C amplifies the perturbation from picture x to x'",
        "lower",
    ),
    Column(
        "unexplained_percent",
        "error amplified %",
        of_attack(lambda worst: 100 * worst.unexplained),
        percent,
        "share of pictures with amplified error: at worst PSNR the error exceeds the codec's own"
        " error plus the perturbation; 0 for a codec that preserves the perturbation",
        "lower",
        is_main=True,
    ),
)
"""Scores under noise, and how the perturbation relates to the worst case."""


def _of_threat(threat: str) -> tuple[Column[Row], ...]:
    """Return the columns of one threat without gradients."""
    return (
        Column(
            column_key(f"{threat} drop dB"),
            f"{threat} PSNR drop dB",
            of_threat(threat, lambda worst: worst.drop_db),
            decibel,
            f"PSNR drop under these attacks only: {threat_meaning(threat)}",
            "lower",
        ),
        Column(
            column_key(f"{threat} rate"),
            f"{threat} rate increase",
            of_threat(threat, lambda worst: worst.bpp_factor),
            factor,
            f"rate increase under these attacks only: {threat_meaning(threat)}",
            "lower",
        ),
    )


BY_THREAT: tuple[Column[Row], ...] = tuple(
    column for threat in WITHOUT_GRADIENTS for column in _of_threat(threat)
)
"""The effect of each threat without gradients alone."""
