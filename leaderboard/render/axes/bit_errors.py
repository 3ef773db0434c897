"""What is left of the source pictures where bits of their bitstreams are wrong."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TypeAlias

from leaderboard.aggregate.cases import CellGroup
from leaderboard.aggregate.suite_info import BitErrorMetric
from leaderboard.columns.column import Column
from leaderboard.formatting import column_key, decibel, percent
from leaderboard.ranking.board import Board, BoardRun
from leaderboard.render.axes.axis import Axis, Panel, Series, text_column

_ABOUT = (
    "Bits of the bitstreams of the source pictures were flipped at random, each with the"
    " probability that stands above a column. The harness's container stays intact, and its"
    " checksum is made right again; the headers of a codec's own file format are damaged. A"
    " bitstream fails if the decoder refuses it, crashes, hangs or gives a picture of another size."
    " The PSNR of the rest is that of the others against the source picture, undamaged ones"
    " included; pictures without a rest do not count in it."
)


@dataclass(frozen=True)
class _Line:
    """One operating point.

    Attributes:
        codec: its label.
        psnr_clean: PSNR of the undamaged bitstreams, mean in dB.
        values: the mean of each metric, by label.
        counts: the number of pictures that have a value, by label of the metric.
    """

    codec: str
    psnr_clean: float
    values: dict[str, float]
    counts: dict[str, int]


_Column: TypeAlias = Column[_Line]


def bit_errors(board: Board) -> Iterator[Axis]:
    """Yield the axis of each run whose suite names a metric of bit errors."""
    for part in board.parts:
        metrics = part.suite.bit_errors
        if lines := _lines(board, part, metrics):
            yield Axis(
                "bit-errors",
                "Bit errors",
                part.name,
                _ABOUT,
                _columns(metrics),
                lines,
                tuple(_panels(metrics, lines)),
            )


def _lines(board: Board, part: BoardRun, metrics: Sequence[BitErrorMetric]) -> list[_Line]:
    """Return the operating points that have a value, each once."""
    groups = {member.row.place.codec: member.case for member in board.members_of(part)}
    lines = [_line(codec, case, metrics) for codec, case in groups.items() if case.clean]
    return [line for line in lines if line.values]


def _line(codec: str, case: CellGroup, metrics: Sequence[BitErrorMetric]) -> _Line:
    known = {
        metric.label: [
            extra.clean
            for scores in case.clean.values()
            if (extra := scores.extra.get(metric.label)) and extra.clean is not None
        ]
        for metric in metrics
    }
    return _Line(
        codec,
        fmean(scores.psnr_clean for scores in case.clean.values()),
        {label: fmean(values) for label, values in known.items() if values},
        {label: len(values) for label, values in known.items()},
    )


def _columns(metrics: Sequence[BitErrorMetric]) -> list[_Column]:
    return [
        text_column("codec", "operating point", lambda line: line.codec),
        Column(
            *("clean_psnr_db", "clean PSNR dB", lambda line: line.psnr_clean, decibel),
            *("PSNR of the undamaged bitstreams", "higher"),
            is_main=True,
        ),
        *(_of_metric(metric) for metric in metrics),
        *(_count(metric) for metric in metrics if not metric.is_share),
    ]


def _of_metric(metric: BitErrorMetric) -> _Column:
    header = f"{metric.rate:g}: {'fail %' if metric.is_share else 'PSNR dB'}"
    return Column(
        column_key(metric.label),
        header,
        lambda line: line.values.get(metric.label),
        percent if metric.is_share else decibel,
        "share of the damaged bitstreams that fail" if metric.is_share else "PSNR of the others",
        "lower" if metric.is_share else "higher",
        is_main=True,
    )


def _count(metric: BitErrorMetric) -> _Column:
    return Column(
        column_key(f"{metric.label} pictures"),
        f"{metric.rate:g}: pictures",
        lambda line: line.counts[metric.label],
        str,
        "number of pictures of which a damaged bitstream can be decoded",
    )


def _panels(metrics: Sequence[BitErrorMetric], lines: Sequence[_Line]) -> Iterator[Panel]:
    for is_share, up in ((True, "bitstreams that fail, %"), (False, "PSNR of the others, dB")):
        own = sorted((one for one in metrics if one.is_share == is_share), key=_rate)
        series = tuple(
            Series(
                line.codec,
                tuple(one.rate for one in own),
                tuple(line.values.get(one.label, math.nan) for one in own),
            )
            for line in lines
        )
        if own:
            yield Panel("probability that a bit is wrong", up, series, is_logarithmic=True)


def _rate(metric: BitErrorMetric) -> float:
    return metric.rate
