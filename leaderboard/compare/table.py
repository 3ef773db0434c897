"""The table of a comparison: one line for each operating point."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from leaderboard.aggregate.bootstrap import mean
from leaderboard.aggregate.rows import Row
from leaderboard.columns.clean_columns import BPP, PSNR
from leaderboard.columns.column import Column, adapted
from leaderboard.columns.columns import CODEC
from leaderboard.columns.threat_columns import NOISE_PSNR
from leaderboard.columns.worst_columns import DROP, EXCESS, RATE, WORST_PSNR
from leaderboard.conclusions.points import Group, Point
from leaderboard.formatting import decibel, rate


@dataclass(frozen=True)
class Line:
    """An operating point, and the PSNR in dB that coding again takes from it, by picture."""

    point: Point
    generations: Mapping[str, float]


def lines(groups: list[Group], generations: Mapping[str, Mapping[str, float]]) -> list[Line]:
    """Return the lines of some groups.

    Args:
        groups: what is compared.
        generations: losses by picture, by the label of the operating point.
    """
    points = [point for group in groups for point in group.points]
    return [Line(point, generations.get(point.name, {})) for point in points]


def _seconds(line: Line) -> float | None:
    clean = line.point.row.clean
    if clean is None or clean.encoding is None or clean.decoding is None:
        return None
    return clean.encoding.median + clean.decoding.median


def _of_row(column: Column[Row]) -> Column[Line]:
    return adapted(column, lambda line: line.point.row)


COLUMNS: tuple[Column[Line], ...] = (
    _of_row(CODEC),
    _of_row(BPP),
    _of_row(PSNR),
    _of_row(NOISE_PSNR),
    _of_row(WORST_PSNR),
    replace(_of_row(DROP), is_bound=lambda line: bool(line.point.psnr_doubts)),
    _of_row(EXCESS),
    _of_row(RATE),
    Column(
        "generations",
        "generations dB",
        lambda line: mean(line.generations.values()),
        decibel,
        "PSNR that is lost from the first to the last generation of coding again and again, without"
        " an attack",
        "lower",
    ),
    Column(
        "seconds",
        "s/MP",
        _seconds,
        rate,
        "seconds per megapixel to encode and decode on the machine of the run",
        "lower",
    ),
)
"""The columns; ≥ marks evidence that a stronger attack exists."""
