"""What is left of pictures that are encoded and decoded again and again."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TypeAlias

from leaderboard.aggregate.cases import CellGroup
from leaderboard.aggregate.suite_info import GenerationMetric
from leaderboard.aggregate.threats import NOISE
from leaderboard.columns.column import Column
from leaderboard.formatting import column_key, decibel, rate, signed
from leaderboard.ranking.board import Board, BoardRun
from leaderboard.render.axes.axis import Axis, Panel, Series, text_column

_ABOUT = (
    "Each picture was encoded and decoded again and again. The PSNR that is lost from the first to"
    " the last generation is measured against the source picture. Under attack it is the largest"
    " loss of the adversarial pictures of a source picture, and the excess is the difference to the"
    " loss of the source picture. Figures are means over the source pictures."
)


@dataclass(frozen=True)
class _Line:
    """One operating point at one budget.

    Attributes:
        codec: its label.
        budget: the budget.
        psnr: PSNR of the first generation of the source pictures, mean in dB.
        bpp: rate of the first generation of the source pictures, mean.
        clean: mean over the source pictures of each metric, by label.
        attacked: mean over the source pictures of the largest value under attack, by label.
        excess: mean over the source pictures of what attacks add, by label.
    """

    codec: str
    budget: str
    psnr: float
    bpp: float
    clean: Mapping[str, float]
    attacked: Mapping[str, float]
    excess: Mapping[str, float]


_Column: TypeAlias = Column[_Line]


def generations(board: Board) -> Iterator[Axis]:
    """Yield the axis of each run whose suite names a metric of pictures that are coded again."""
    for part in board.parts:
        metrics = part.suite.generations
        if lines := _lines(board, part, metrics):
            yield Axis(
                "generations",
                "Generations",
                part.name,
                _ABOUT,
                list(_columns(metrics)),
                lines,
                tuple(_panels(metrics, lines)),
            )


def _lines(board: Board, part: BoardRun, metrics: Sequence[GenerationMetric]) -> list[_Line]:
    """Return the operating points at each budget that have a value."""
    lines = [
        _line(member.row.place.codec, member.row.place.budget, member.case, metrics)
        for member in board.members_of(part)
        if member.case.clean
    ]
    return [line for line in lines if line.clean]


def _line(codec: str, budget: str, case: CellGroup, metrics: Sequence[GenerationMetric]) -> _Line:
    labels = [metric.label for metric in metrics]
    own = {label: _clean(label, case) for label in labels}
    worst = {label: _worst(label, case) for label in labels}
    excess = {
        label: [_more(value, own[label][name]) for name, value in worst[label].items()]
        for label in labels
    }
    scores = case.clean.values()
    return _Line(
        codec,
        budget,
        fmean(score.psnr_clean for score in scores),
        fmean(score.bpp for score in scores),
        _means({label: values.values() for label, values in own.items()}),
        _means({label: values.values() for label, values in worst.items()}),
        _means(excess),
    )


def _clean(label: str, case: CellGroup) -> dict[str, float]:
    """Return the value of each source picture that has one."""
    return {
        name: extra.clean
        for name, scores in case.clean.items()
        if (extra := scores.extra.get(label)) and extra.clean is not None
    }


def _worst(label: str, case: CellGroup) -> dict[str, float]:
    """Return the largest value of the adversarial pictures of each source picture with a value."""
    found: dict[str, float] = {}
    own = _clean(label, case)
    for attack in case.scored:
        extra = attack.scores.extra.get(label)
        if attack.threat == NOISE or attack.picture not in own or extra is None:
            continue
        if extra.source is not None:
            found[attack.picture] = max(found.get(attack.picture, -math.inf), extra.source)
    return found


def _more(attacked: float, clean: float) -> float:
    """Return the difference, 0 for two equal values that are infinite."""
    return 0.0 if attacked == clean else attacked - clean


def _means(values: Mapping[str, Collection[float]]) -> dict[str, float]:
    return {label: fmean(some) for label, some in values.items() if some}


def _columns(metrics: Sequence[GenerationMetric]) -> Iterator[_Column]:
    yield text_column("codec", "operating point", lambda line: line.codec)
    yield text_column("budget", "budget of the attacks", lambda line: line.budget)
    yield Column(
        *("first_psnr_db", "first generation: PSNR dB", lambda line: line.psnr, decibel),
        *("PSNR of the first generation of the source pictures", "higher"),
        is_main=True,
    )
    yield Column(
        *("first_bpp", "bpp", lambda line: line.bpp, rate),
        *("rate of the first generation of the source pictures", "lower"),
        is_main=True,
    )
    last = max((metric.count for metric in metrics if metric.is_loss), default=0)
    for metric in metrics:
        yield from _of_loss(metric, metric.count == last) if metric.is_loss else _of_rate(metric)


def _of_loss(metric: GenerationMetric, is_last: bool) -> Iterator[_Column]:
    lost, label = f"dB lost in {metric.count}", metric.label
    yield _column(lost, lambda line: line.clean.get(label), signed, "source pictures")
    yield _column(
        f"{lost} under attack",
        lambda line: line.attacked.get(label),
        signed,
        "attacked pictures",
    )
    yield _column(
        f"{lost}: excess",
        lambda line: line.excess.get(label),
        signed,
        "what attacks add to the loss",
        is_main=is_last,
    )


def _of_rate(metric: GenerationMetric) -> Iterator[_Column]:
    yield _column(
        f"bpp of generation {metric.count}",
        lambda line: line.clean.get(metric.label),
        rate,
        "source pictures",
    )


def _column(
    header: str,
    value: Callable[[_Line], float | None],
    text: Callable[[float], str],
    meaning: str,
    is_main: bool = True,
) -> _Column:
    return Column(column_key(header), header, value, text, meaning, "lower", is_main=is_main)


def _panels(metrics: Sequence[GenerationMetric], lines: Sequence[_Line]) -> Iterator[Panel]:
    """Yield the losses of source pictures, one line a codec, and those of each budget."""
    losses = [metric for metric in metrics if metric.is_loss]
    if not losses:
        return
    budgets = {line.budget for line in lines}
    once = {line.codec: line for line in lines}
    clean = (_series(codec, line.clean, losses) for codec, line in once.items())
    yield Panel("generation", "PSNR lost, dB", tuple(clean))
    attacked = (
        _series(
            f"{line.codec}, {line.budget}" if len(budgets) > 1 else line.codec,
            line.attacked,
            losses,
        )
        for line in lines
    )
    yield Panel("generation", "PSNR lost under attack, dB", tuple(attacked))


def _series(name: str, values: Mapping[str, float], losses: Sequence[GenerationMetric]) -> Series:
    return Series(
        name,
        (1.0, *(float(metric.count) for metric in losses)),
        (0.0, *(values.get(metric.label, math.nan) for metric in losses)),
    )
