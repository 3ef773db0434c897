"""The columns of corrupted pictures: one table of all codecs, and one of each codec."""

from __future__ import annotations

from collections.abc import Sequence

from leaderboard.columns.column import Column
from leaderboard.columns.ranking_columns import delta_or_reason, or_reason
from leaderboard.formatting import column_key, decibel, factor, percent
from leaderboard.ranking.corruptions import BANDS, CorruptedCodec, KindEffect, Shares

ALL_KINDS = "all kinds"
"""Title of the last line: the mean over all kinds."""

_COST = "R-D cost of the corrupted pictures relative to that of the source pictures"


def codec_columns(codecs: Sequence[CorruptedCodec]) -> tuple[Column[str], ...]:
    """Return a column for each codec; a line is a kind, or `ALL_KINDS`."""
    name: Column[str] = Column(
        *("kind", "kind", lambda kind: kind, str, "kind of corruption"), is_main=True, is_text=True
    )
    return (name, *map(_of_codec, codecs))


def _of_codec(codec: CorruptedCodec) -> Column[str]:
    return Column(
        column_key(codec.family),
        codec.codec,
        lambda kind: codec.cost if kind == ALL_KINDS else codec.cost_of(kind),
        factor,
        f"{_COST}, mean over all severities",
        "lower",
        is_main=True,
    )


def kind_columns(codec: CorruptedCodec) -> tuple[Column[KindEffect], ...]:
    """Return the columns of one codec; a line is a kind."""
    severities = sorted({one for effect in codec.effects for one in effect.by_severity})
    measured = any(effect.bands for effect in codec.effects)
    return (
        Column("kind", "kind", lambda effect: effect.kind, str, "kind of corruption", is_text=True),
        *map(_of_severity, severities),
        Column("cost", "all", lambda effect: effect.cost, factor, f"{_COST}, mean", "lower"),
        Column(
            "bd_rate_percent",
            "BD-rate %",
            lambda effect: delta_or_reason(effect.rate),
            or_reason(percent),
            "mean rate difference of the corrupted pictures to the source pictures at equal PSNR,"
            " each against the codec's own input; means over all severities",
            "lower",
        ),
        Column(
            "bd_psnr_db",
            "BD-PSNR dB",
            lambda effect: delta_or_reason(effect.psnr),
            or_reason(decibel),
            "mean difference of the PSNR to that of the source pictures at equal rate",
            "higher",
        ),
        *(_of_band(number) for number in range(len(BANDS)) if measured),
    )


def band_text(shares: Shares) -> str:
    """Return the shares of the bands in words."""
    return ", ".join(
        f"{percent(100 * share)} % {band}" for band, share in zip(BANDS, shares, strict=True)
    )


def _of_severity(severity: int) -> Column[KindEffect]:
    return Column(
        f"cost_{severity}",
        f"severity {severity}",
        lambda effect: effect.by_severity.get(severity),
        factor,
        _COST,
        "lower",
    )


def _of_band(number: int) -> Column[KindEffect]:
    band = BANDS[number]
    return Column(
        f"error_{band}_percent",
        f"error {band} %",
        lambda effect: None if effect.bands is None else 100 * effect.bands[number],
        percent,
        f"share of the squared error of coding in the {band} third of the spectrum",
    )
