"""The columns of rankings and of curves."""

from __future__ import annotations

from collections.abc import Callable

from leaderboard.aggregate.flags import Flag
from leaderboard.columns.column import Column
from leaderboard.columns.terms import flag_text
from leaderboard.formatting import decibel, factor, percent, rate, signed
from leaderboard.ranking.ranking import Position, Standing
from leaderboard.ranking.rd_curves import Curves, Delta


def _rank(place: Position) -> tuple[int, int] | None:
    """Return the best and the worst rank that the differences allow."""
    return None if place.rank is None else (place.rank, place.rank + len(place.ties))


def _rank_text(rank: tuple[int, int]) -> str:
    best, worst = rank
    return str(best) if best == worst else f"{best}–{worst}"


def rank_text(place: Position) -> str:
    """Return a rank, as a range where codecs are tied; – without a rank."""
    rank = _rank(place)
    return "–" if rank is None else _rank_text(rank)


def _name(line: Standing) -> str:
    is_marked = line.family.subsampled and "4:2:0" not in line.family.name
    return f"{line.family.name}{' (4:2:0)' * is_marked}{line.family.mark}"


def _reasons(line: Standing) -> str | None:
    """Return why a codec has no rank, or why its figures are marked as lower bounds."""
    excluded = [flag_text(one) if isinstance(one, Flag) else one for one in line.exclusions]
    cost, excess = (list(map(flag_text, one.doubts)) for one in (line.by_cost, line.by_excess))
    others = [f"excess: {text.replace('excess R-D', 'R-D')}" for text in excess if text not in cost]
    return "; ".join([*excluded, *cost, *others]) or None


def _is_cost_bound(line: Standing) -> bool:
    return bool(line.by_cost.doubts)


def delta_or_reason(delta: Delta) -> float | str:
    """Return a Bjøntegaard difference, or why there is none."""
    return f"n/a: {delta.reason}" if delta.value is None else delta.value


def or_reason(format_: Callable[[float], str]) -> Callable[[float | str], str]:
    """Return a format that leaves a reason as it is."""
    return lambda value: value if isinstance(value, str) else format_(value)


ATTACKED_COST: Column[Standing] = Column(
    "attacked_j",
    "R-D cost under attack",
    lambda line: line.robustness,
    factor,
    "mean R-D cost J under attack, as a multiple of VVC's clean J (of one bit per pixel without"
    " VVC), with its 95 % interval; it decides the cost rank; ≥ marks a figure with evidence"
    " that a stronger attack exists",
    "lower",
    is_main=True,
    is_bound=_is_cost_bound,
)
EXCESS_COST: Column[Standing] = Column(
    "excess_j",
    "excess R-D cost",
    lambda line: line.excess,
    signed,
    "mean excess J in the same unit, with its 95 % interval: what attacks cause beyond the cost"
    " of a faithful codec, which keeps their perturbation at the clean rate; it decides the"
    " excess rank; below 0 the codec removes part of the perturbation",
    "lower",
    is_main=True,
    is_bound=lambda line: bool(line.by_excess.doubts),
)
REASONS: Column[Standing] = Column(
    "no_rank_because",
    "≥ or no rank because",
    _reasons,
    str,
    "why a figure is marked as a lower bound, with the number of pictures that it concerns, of"
    " all; or why the codec has no rank; see Flags",
    is_main=True,
    is_text=True,
)

STANDING: tuple[Column[Standing], ...] = (
    Column(
        "rank",
        "cost rank",
        lambda line: _rank(line.by_cost),
        _rank_text,
        "rank by R-D cost under attack, efficiency and robustness together: 1 + the number of"
        " codecs that are significantly better; a range, such as 3–5, where others do not differ"
        " significantly, as with a codec whose cost varies much between the pictures; – without a"
        " rank",
        is_main=True,
    ),
    Column(
        "codec",
        "codec",
        _name,
        str,
        "the codec at every quality setting; external: its code is no part of this package",
        is_main=True,
        is_text=True,
    ),
    ATTACKED_COST,
    Column(
        "excess_rank",
        "excess rank",
        lambda line: _rank(line.by_excess),
        _rank_text,
        "rank by excess R-D cost, robustness alone, in the same way",
        is_main=True,
    ),
    EXCESS_COST,
    Column(
        "grows",
        "increase",
        lambda line: line.growth and line.growth.value,
        factor,
        "R-D cost under attack as a multiple of the codec's own clean R-D cost",
        "lower",
        is_main=True,
        is_bound=_is_cost_bound,
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
        "cost rank with the error of the luma only",
    ),
    Column(
        "tied_with",
        "tied with",
        lambda line: ", ".join(line.by_cost.ties) or None,
        str,
        "the ranked codecs whose R-D cost under attack does not differ significantly",
        is_text=True,
    ),
    Column(
        "excess_tied_with",
        "excess tied with",
        lambda line: ", ".join(line.by_excess.ties) or None,
        str,
        "the ranked codecs whose excess R-D cost does not differ significantly",
        is_text=True,
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
        is_text=True,
    ),
    REASONS,
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
        lambda curves: delta_or_reason(curves.psnr),
        or_reason(decibel),
        "mean difference in dB of the attacked curve to the clean one at equal rate",
        "higher",
        is_main=True,
    ),
    Column(
        "bd_rate_percent",
        "BD-rate %",
        lambda curves: delta_or_reason(curves.rate),
        or_reason(percent),
        "mean rate difference of the attacked curve to the clean one at equal PSNR",
        "lower",
        is_main=True,
    ),
    Column(
        "bits_against_vvc_percent",
        "BD-rate against VVC %",
        lambda curves: delta_or_reason(curves.to_baseline),
        or_reason(percent),
        "mean rate difference to VVC at equal PSNR, both under attack, each under all attacks that"
        " were scored on it; where the codec was attacked through its gradients and VVC was not,"
        " VVC had the easier test",
        "lower",
        is_main=True,
    ),
    Column(
        "the_same_without_gradients_percent",
        "BD-rate against VVC without gradients %",
        lambda curves: delta_or_reason(curves.to_baseline_alike),
        or_reason(percent),
        "mean rate difference to VVC at equal PSNR, both under those attacks without gradients that"
        " were scored on both",
        "lower",
        is_main=True,
    ),
)
"""The columns of the curves of one family under one objective."""
