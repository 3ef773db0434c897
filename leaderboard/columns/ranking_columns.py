"""The columns of rankings and of curves."""

from __future__ import annotations

from collections.abc import Callable

from leaderboard.aggregate.flags import Flag
from leaderboard.columns.column import Column
from leaderboard.columns.terms import flag_text
from leaderboard.formatting import decibel, factor, percent, rate
from leaderboard.ranking.ranking import Standing
from leaderboard.ranking.rd_curves import Curves, Delta


def _rank(line: Standing) -> tuple[int, int] | None:
    return None if line.rank is None else (line.rank, int(line.tied))


def _rank_text(rank: tuple[int, int]) -> str:
    number, tied = rank
    return f"{number}{' =' * tied}"


def _name(line: Standing) -> str:
    is_marked = line.family.subsampled and "4:2:0" not in line.family.name
    return f"{line.family.name}{' (4:2:0)' * is_marked}"


def _exclusions(line: Standing) -> str | None:
    reasons = (flag_text(one) if isinstance(one, Flag) else one for one in line.exclusions)
    return "; ".join(reasons) or None


def _value(delta: Delta) -> float | str:
    return f"n/a: {delta.reason}" if delta.value is None else delta.value


def _or_reason(format_: Callable[[float], str]) -> Callable[[float | str], str]:
    """Return a format that leaves a reason as it is."""
    return lambda value: value if isinstance(value, str) else format_(value)


STANDING: tuple[Column[Standing], ...] = (
    Column("rank", "rank", _rank, _rank_text, "= marks a tie, – an excluded codec", is_main=True),
    Column(
        "codec",
        "codec",
        _name,
        str,
        "the codec at every quality setting",
        is_main=True,
        is_text=True,
    ),
    Column(
        "attacked_j",
        "R-D cost under attack",
        lambda line: line.robustness,
        factor,
        "mean R-D cost J under attack, as a multiple of VVC's clean J (of one bit per pixel without"
        " VVC), with its 95 % interval; it decides the rank",
        "lower",
        is_main=True,
    ),
    Column(
        "grows",
        "increase",
        lambda line: line.growth and line.growth.value,
        factor,
        "R-D cost under attack as a multiple of the codec's own clean R-D cost",
        "lower",
        is_main=True,
    ),
    Column(
        "unattacked_j",
        "clean R-D cost",
        lambda line: line.efficiency and line.efficiency.value,
        factor,
        "mean clean R-D cost J, as a multiple of VVC's clean J: how efficient the codec is",
        "lower",
        is_main=True,
    ),
    Column(
        "luma_rank",
        "luma rank",
        lambda line: line.luma_rank,
        str,
        "rank with the error of the luma only",
    ),
    Column(
        "encoding_s_mp",
        "encoding s/MP",
        lambda line: line.encoding,
        rate,
        "seconds per megapixel, median, on the machine named below",
        "lower",
    ),
    Column(
        "decoding_s_mp",
        "decoding s/MP",
        lambda line: line.decoding,
        rate,
        "seconds per megapixel, median, on the machine named below",
        "lower",
    ),
    Column(
        "quality",
        "operating point",
        lambda line: line.codec,
        str,
        "the operating point with the lowest clean R-D cost, at which the codec is ranked",
        is_main=True,
        is_text=True,
    ),
    Column(
        "no_rank_because",
        "excluded because",
        _exclusions,
        str,
        "why the codec has no rank; see Flags",
        is_main=True,
        is_text=True,
    ),
)
"""The columns of a ranking."""

CURVES: tuple[Column[Curves], ...] = (
    Column(
        "codec",
        "codec",
        lambda curves: curves.family,
        str,
        "the codec at every quality setting",
        is_main=True,
        is_text=True,
    ),
    Column(
        "objective",
        "objective",
        lambda curves: curves.objective,
        str,
        "objective of the attacks",
        is_main=True,
        is_text=True,
    ),
    Column(
        "points",
        "points",
        lambda curves: len(curves.attacked),
        str,
        "number of quality settings with scores under this objective",
        is_main=True,
    ),
    Column(
        "bd_psnr_db",
        "BD-PSNR dB",
        lambda curves: _value(curves.psnr),
        _or_reason(decibel),
        "mean difference in dB of the attacked curve to the clean one at equal rate",
        "higher",
        is_main=True,
    ),
    Column(
        "bd_rate_percent",
        "BD-rate %",
        lambda curves: _value(curves.rate),
        _or_reason(percent),
        "mean rate difference of the attacked curve to the clean one at equal PSNR",
        "lower",
        is_main=True,
    ),
    Column(
        "bits_against_vvc_percent",
        "BD-rate to VVC %",
        lambda curves: _value(curves.to_baseline),
        _or_reason(percent),
        "mean rate difference to VVC at equal PSNR, both under attack, each under all attacks that"
        " were scored on it; where the codec was attacked through its gradients and VVC was not,"
        " VVC had the easier test",
        "lower",
        is_main=True,
    ),
    Column(
        "the_same_without_gradients_percent",
        "BD-rate to VVC without gradients %",
        lambda curves: _value(curves.to_baseline_alike),
        _or_reason(percent),
        "mean rate difference to VVC at equal PSNR, both under those attacks without gradients that"
        " were scored on both",
        "lower",
        is_main=True,
    ),
)
"""The columns of the curves of one family under one objective."""
