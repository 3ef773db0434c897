"""The columns beside the worst case: noise, how it came about, and each kind of attack alone."""

from __future__ import annotations

from leaderboard.column import AnyColumn, Column, of_attack, of_kind, of_noise
from leaderboard.formats import decibel, factor, percent
from leaderboard.threats import WITHOUT_GRADIENTS, meaning

NOISE: tuple[AnyColumn, ...] = (
    Column(
        "noise PSNR dB",
        of_noise(lambda d: d.psnr),
        decibel,
        "as worst PSNR, of the worst noise for each picture",
        "higher",
    ),
    Column("noise rate", of_noise(lambda d: d.bpp_factor), factor, "as rate, of noise", "lower"),
    Column(
        "noise R-D cost", of_noise(lambda d: d.rd_factor), factor, "as R-D cost, of noise", "lower"
    ),
    Column(
        "change PSNR dB",
        of_attack(lambda d: d.psnr_perturbation),
        decibel,
        "of the attacked picture itself, not coded, against the source picture, where worst PSNR"
        " was found, mean: how small the change was",
    ),
    Column(
        "VI dB",
        of_attack(lambda d: d.vi),
        decibel,
        "vulnerability index 10 log10(MSE(C(x), C(x')) / MSE(x, x')) where worst PSNR was found,"
        " mean: above 0 the codec C amplifies the change from picture x to x'",
        "lower",
    ),
    Column(
        "unexplained %",
        of_attack(lambda d: 100 * d.unexplained),
        percent,
        "share of the pictures where, at worst PSNR, the error is larger than the codec's own and"
        " that of the change together: a codec that keeps the change faithfully has 0",
        "lower",
        terminal=True,
    ),
)
"""What noise did to it, and how the worst case came about."""


def _apart(kind: str) -> tuple[AnyColumn, ...]:
    """Return the columns of one kind of attack without gradients."""
    return (
        Column(
            f"{kind} drop dB",
            of_kind(kind, lambda d: d.drop_db),
            decibel,
            f"as drop, of {meaning(kind)} alone",
            "lower",
        ),
        Column(
            f"{kind} rate",
            of_kind(kind, lambda d: d.bpp_factor),
            factor,
            f"as rate, of {meaning(kind)} alone",
            "lower",
        ),
    )


APART: tuple[AnyColumn, ...] = tuple(
    column for kind in WITHOUT_GRADIENTS for column in _apart(kind)
)
"""What each kind of attack without gradients did alone."""
