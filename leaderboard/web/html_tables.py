"""The tables of the published page: rankings, curves, best known attacks, operating points."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from leaderboard.columns.attack_columns import attack_columns
from leaderboard.columns.column import Column, Line
from leaderboard.columns.corruption_columns import ALL_KINDS, codec_columns
from leaderboard.columns.ranking_columns import CURVES, STANDING
from leaderboard.formatting import plain, steady
from leaderboard.publish.best_known import KNOWN, Known
from leaderboard.ranking.board import Board
from leaderboard.ranking.comparison import Comparison
from leaderboard.ranking.corruptions import kinds_of
from leaderboard.ranking.rd_costs import LAMBDAS
from leaderboard.render import descriptions as words
from leaderboard.render.axes.axes import axes_of
from leaderboard.render.corruption_section import CORRUPTED
from leaderboard.render.page import heading_of, shown

_RATES = dict(zip(LAMBDAS, ("low", "middle", "high"), strict=True))

_INFINITE = 1e308
"""Stands for an infinite number where lines are sorted."""


@dataclass(frozen=True)
class Head:
    """The head of a column: its text, its meaning, and whether it is visible at first."""

    text: str
    meaning: str
    visible: bool


@dataclass(frozen=True)
class Cell:
    """A cell.

    Attributes:
        text: the displayed text.
        order: the number it is sorted by; None for text, which is sorted alphabetically.
        interval: 95 % interval of a mean, in brackets.
        full: the text with full names, if it has short ones.
    """

    text: str
    order: str | None
    interval: str = ""
    full: str = ""


@dataclass(frozen=True)
class Grid:
    """A table that can be sorted and filtered; `run` is empty if it shows several runs."""

    run: str
    title: str
    about: str
    heads: tuple[Head, ...]
    lines: tuple[tuple[Cell, ...], ...]


def rankings(board: Board) -> Iterator[Grid]:
    """Yield the rankings at all lambdas."""
    for one in board.comparisons:
        for ranking in one.rankings:
            rates = f"{words.place(one)}, {_RATES[ranking.lmbda]} rates"
            title = f"{rates}: {ranking.scope.title}"
            about = words.unit(ranking) + words.counted(ranking)
            yield grid(one.runs[0], title, about, STANDING, ranking.standings)


def attacks(board: Board) -> Iterator[Grid]:
    """Yield what each attack does to each codec."""
    for one in board.comparisons:
        for table in one.attacks:
            title = f"Attacks and codecs, {words.place(one)}: {table.scope.title}"
            about = f"Budget: {words.allowed(one.budget)}."
            yield grid(one.runs[0], title, about, attack_columns(table), table.lines)


def known(one: Comparison, lines: Iterable[Known]) -> Grid:
    """Return the best known attacks of a track at a budget."""
    about = f"Budget: {words.allowed(one.budget)}."
    return grid(one.runs[0], f"Best known attacks, {words.place(one)}", about, KNOWN, lines)


def curves(one: Comparison) -> Grid:
    """Return the Bjøntegaard differences of a track at a budget."""
    about = (
        "Mean distances (Bjøntegaard, BD) between the curves below: the effect of an attack in dB"
        " at equal rate, and in bits at equal PSNR. They need four quality settings and curves that"
        " overlap; n/a gives the reason."
    )
    title = f"Rate-distortion curves, {words.place(one)}"
    return grid(one.runs[0], title, about, CURVES, one.curves)


def tables(board: Board) -> Iterator[Grid]:
    """Yield the rows, separated by track, by budget and by whether gradients were used."""
    for table in board.tables:
        heading, about = heading_of(table)
        title = f"{words.place(table)}: {heading.lower()}"
        about = f"{about} Budget: {words.allowed(table.budget)}."
        yield grid(table.runs[0], title, about, shown(table), table.rows)


def corrupted(board: Board) -> Iterator[Grid]:
    """Yield what corruptions cost the codecs, where a track has any."""
    for one in board.comparisons:
        if one.corrupted:
            kinds = [*kinds_of(one.corrupted), ALL_KINDS]
            title = f"Corrupted pictures, {', '.join(map(plain, one.runs))}"
            yield grid(one.runs[0], title, CORRUPTED, codec_columns(one.corrupted), kinds)


def measured(board: Board) -> Iterator[Grid]:
    """Yield the axes of the tracks, where they have any."""
    for axis in axes_of(board):
        title = f"{axis.title}, {plain(axis.run)}"
        yield grid(axis.run, title, axis.about, axis.columns, axis.lines)


def grid(
    run: str, title: str, about: str, columns: Sequence[Column[Line]], lines: Iterable[Line]
) -> Grid:
    """Return lines as a table."""
    cells = tuple(tuple(_cell(column, line) for column in columns) for line in lines)
    return Grid(run, title, about, heads(columns), cells)


def with_short_names(names: Mapping[str, str], one: Grid) -> Grid:
    """Return a table with the short names of codecs; hints of heads and cells have the full ones.

    Args:
        names: the short name of each codec and of each operating point.
        one: the table.
    """
    short = {plain(full): name for full, name in names.items() if name != plain(full)}
    if not short:
        return one
    longest_first = "|".join(map(re.escape, sorted(short, key=len, reverse=True)))
    shorten = partial(
        re.compile(rf"(?<![\w-])(?:{longest_first})(?![\w-])").sub, lambda found: short[found[0]]
    )
    lines = tuple(tuple(_short_cell(cell, shorten) for cell in line) for line in one.lines)
    return replace(one, heads=tuple(_short_head(head, shorten) for head in one.heads), lines=lines)


def _short_cell(cell: Cell, shorten: Callable[[str], str]) -> Cell:
    text = shorten(cell.text)
    return cell if text == cell.text else replace(cell, text=text, full=cell.text)


def _short_head(head: Head, shorten: Callable[[str], str]) -> Head:
    text = shorten(head.text)
    if text == head.text:
        return head
    return replace(head, text=text, meaning=f"{head.text.rstrip(' ↑↓')}: {head.meaning}")


def heads(columns: Sequence[Column[Line]]) -> tuple[Head, ...]:
    """Return the heads of columns."""
    return tuple(Head(plain(one.title), one.meaning, one.is_main) for one in columns)


def _cell(column: Column[Line], line: Line) -> Cell:
    """Return a cell with the number it is sorted by."""
    text = plain(column.text(line))
    if column.is_text:
        return Cell(text, None)
    return Cell(text, order_of(column.plain(line)), column.interval(line))


def order_of(value: object) -> str:
    """Return the number that a value is sorted by; empty if there is none."""
    number = value[0] if isinstance(value, tuple) else value
    if isinstance(number, float):
        return f"{math.copysign(_INFINITE, number) if math.isinf(number) else steady(number)}"
    return str(number) if isinstance(number, int) else ""
