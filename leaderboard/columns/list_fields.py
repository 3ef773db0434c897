"""What is shown of a standing and of a family's curves: one list of fields each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from leaderboard.formatting import decibel, factor, percent, rate
from leaderboard.ranking.ranking import Standing
from leaderboard.ranking.rd_costs import Ratio
from leaderboard.ranking.rd_curves import Curves, Delta

Line = TypeVar("Line")


@dataclass(frozen=True)
class Field(Generic[Line]):
    """One column of a list.

    Attributes:
        header: its title.
        text: the cell of a line, not escaped.
        meaning: one line for the legend.
        is_figure: whether it stands to the right.
        terminal: whether it is shown on the terminal too.
    """

    header: str
    text: Callable[[Line], str]
    meaning: str
    is_figure: bool = True
    terminal: bool = True


def _rank(rank: int | None, *, tied: bool) -> str:
    return "–" if rank is None else f"{rank}{' =' * tied}"


def _name(line: Standing) -> str:
    marked = line.family.subsampled and "4:2:0" not in line.family.name
    return f"{line.family.name}{' (4:2:0)' * marked}"


def _ratio(ratio: Ratio | None) -> str:
    if ratio is None:
        return "–"
    if ratio.interval is None:
        return factor(ratio.value)
    return f"{factor(ratio.value)} ({' to '.join(map(factor, ratio.interval))})"


def _value(ratio: Ratio | None) -> str:
    return "–" if ratio is None else factor(ratio.value)


def _seconds(value: float | None) -> str:
    return "–" if value is None else rate(value)


def _delta(format_: Callable[[float], str], delta: Delta) -> str:
    return f"n/a: {delta.reason}" if delta.value is None else format_(delta.value)


STANDING: tuple[Field[Standing], ...] = (
    Field("rank", lambda line: _rank(line.rank, tied=line.tied), "= is a tie, – no rank"),
    Field("codec", _name, "with all its qualities", is_figure=False),
    Field(
        "attacked J ↓",
        lambda line: _ratio(line.robustness),
        "mean cost under attack, as a multiple of VVC's unattacked (of one bit per pixel"
        " where there is no VVC), with its 95 % interval: what the rank is by",
    ),
    Field(
        "grows ↓", lambda line: _value(line.growth), "attacked J by the codec's own unattacked J"
    ),
    Field(
        "unattacked J ↓",
        lambda line: _value(line.efficiency),
        "likewise, without an attack: how efficient the codec is",
    ),
    Field(
        "luma rank",
        lambda line: _rank(line.luma_rank, tied=False),
        "by the error of the luma alone",
        terminal=False,
    ),
    Field(
        "encoding s/MP ↓",
        lambda line: _seconds(line.encoding),
        "seconds a megapixel, median, on the machine named below",
        terminal=False,
    ),
    Field("decoding s/MP ↓", lambda line: _seconds(line.decoding), "likewise", terminal=False),
    Field("quality", lambda line: line.codec, "the one it stands with", is_figure=False),
    Field(
        "no rank because",
        lambda line: "; ".join(line.doubts) or "–",
        "what speaks against the figures; see Flags",
        is_figure=False,
    ),
)
"""A line of a ranking."""

CURVES: tuple[Field[Curves], ...] = (
    Field("codec", lambda one: one.family, "with all its qualities", is_figure=False),
    Field("objective", lambda one: one.objective, "what the attacks wanted", is_figure=False),
    Field("points", lambda one: str(len(one.attacked)), "qualities that were attacked so"),
    Field(
        "BD-PSNR dB ↑",
        lambda one: _delta(decibel, one.psnr),
        "by how many dB the attacked curve is above the unattacked one at equal rate, mean",
    ),
    Field(
        "BD-rate % ↓",
        lambda one: _delta(percent, one.rate),
        "how many per cent more bits the attacked curve takes at equal PSNR, mean",
    ),
    Field(
        "bits against VVC % ↓",
        lambda one: _delta(percent, one.to_baseline),
        "how many per cent more bits than VVC it takes at equal PSNR, both under attack, each under"
        " all attacks it was given;"
        " where a codec was attacked through its gradients and VVC was not, VVC had the easier"
        " test",
    ),
    Field(
        "the same, without gradients % ↓",
        lambda one: _delta(percent, one.to_baseline_alike),
        "likewise, under those kinds of attack without gradients that both were given",
    ),
)
"""The curves of one family under one objective."""
