"""A published board as one self-contained page: tables, plots and the worst pictures.

    Board --markdown-it--> prose       --\
          --columns-->     tables        --jinja2, escaped--> index.html, no network
          --charts-->      plots         /
    entries --base64-->    views       --/

DataTables and plotly.js stand in the page as they ship (`libraries.py`); their versions are pinned,
so that the same entries give the same page.
"""

from __future__ import annotations

import base64
import itertools
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from jinja2 import Environment, PackageLoader
from markdown_it import MarkdownIt
from markupsafe import Markup

from leaderboard import words
from leaderboard.aggregate import Board
from leaderboard.charts import charts
from leaderboard.column import AnyColumn
from leaderboard.columns import COLUMNS, RUN
from leaderboard.comparison import Comparison
from leaderboard.costs import LAMBDAS
from leaderboard.entry import Worst
from leaderboard.fields import CURVES, STANDING, Field, Line
from leaderboard.formats import decibel, plain, rate
from leaderboard.known import KNOWN, KNOWN_MEANING, Known
from leaderboard.libraries import libraries
from leaderboard.page import METHOD, belief, explanations, heading_of, settings, warnings
from leaderboard.published import Challenged, Published
from leaderboard.ranking import RULE, Ranking
from leaderboard.rows import Row
from leaderboard.verdicts import VERDICTS, verdicts

_LOST = {"PSNR": "largest loss of PSNR", "rate": "largest growth of the bitstream"}

_FIRST_NUMBER = re.compile(r"-?\d+(\.\d+)?")


@dataclass(frozen=True)
class Head:
    """The head of a column: its text, what it means, and whether it is shown at first."""

    text: str
    meaning: str
    visible: bool


@dataclass(frozen=True)
class Cell:
    """A cell.

    Attributes:
        text: what it says.
        order: the number that it is sorted by; None for text that is sorted as it reads.
        interval: of a mean, in brackets.
    """

    text: str
    order: str | None
    interval: str = ""


@dataclass(frozen=True)
class Grid:
    """A table that can be sorted and filtered; `run` is empty if it is of several."""

    run: str
    title: str
    about: str
    heads: tuple[Head, ...]
    lines: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True)
class Viewer:
    """The views of one picture, to be compared with a slider."""

    run: str
    title: str
    caption: str
    views: dict[str, str]


def page(
    board: Board,
    best: Sequence[tuple[Comparison, list[Known]]],
    entries: Sequence[Published],
    challenges: Sequence[Challenged],
) -> str:
    """Return the page.

    Args:
        board: made of the entries.
        best: the best known attacks.
        entries: with the pictures to be shown.
        challenges: what was handed in.

    Raises:
        ConfigError: the libraries of the page are not installed.
    """
    environment = Environment(
        loader=PackageLoader("leaderboard"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    if not board.parts:
        return environment.get_template("empty.html").render()
    return environment.get_template("page.html").render(
        runs=[part.name for part in board.parts],
        introduction=_prose([*warnings(board), METHOD]),
        belief=_prose([belief(board)]),
        verdicts=_grid("", "In short", _budgets(board), VERDICTS, verdicts(board)),
        settings=_prose(settings(board)),
        rule=_prose(f"- {one}" for one in RULE),
        explanations=_prose(explanations(board)),
        rankings=list(_rankings(board, LAMBDAS[1:2])),
        other_rankings=list(_rankings(board, (LAMBDAS[0], LAMBDAS[2]))),
        known=[_known(*one) for one in best],
        known_meaning=KNOWN_MEANING,
        grids=list(_tables(board)),
        curves=[_curves(one) for one in board.comparisons if one.curves],
        charts=charts(board),
        viewers=list(chain.from_iterable(_viewers(one) for one in entries)),
        entries=[one.entry for one in entries],
        challenges=[one.challenge for one in challenges],
        libraries=libraries(),
    )


def _budgets(board: Board) -> str:
    """Return how far a picture may change, in words."""
    told = (f"{words.heading(ball)}: {words.budget(ball)}." for ball in board.budgets)
    return " ".join(told)


def _prose(blocks: Iterable[str]) -> Markup:
    """Return markdown as HTML; tags that stand in it are shown as they are."""
    rendered = MarkdownIt("commonmark", {"html": False}).render("\n\n".join(blocks))
    return Markup(rendered)  # noqa: S704 - markdown-it escapes what is no markdown


def _rankings(board: Board, lambdas: Sequence[float]) -> Iterator[Grid]:
    for one in board.comparisons:
        for ranking in one.rankings:
            if ranking.lmbda in lambdas:
                where = f"{_where(one)}, λ {ranking.lmbda:g}"
                heading = f"{where}: {ranking.scope.title}"
                yield _grid(_run(one), heading, _unit(ranking), STANDING, ranking.standings)


def _run(one: Comparison) -> str:
    return one.here[0] if len(one.here) == 1 else ""


def _where(one: Comparison) -> str:
    return f"{', '.join(map(plain, one.here))}, {words.heading(one.budget)}"


def _unit(ranking: Ranking) -> str:
    if ranking.baseline is None:
        return "J is in bits per pixel, as there is no VVC."
    return f"×1.00 is what {plain(ranking.baseline)} costs unattacked."


def _known(one: Comparison, lines: Iterable[Known]) -> Grid:
    about = f"Budget: {words.budget(one.budget)}."
    return _grid(_run(one), f"Best known attacks, {_where(one)}", about, KNOWN, lines)


def _curves(one: Comparison) -> Grid:
    about = "Bjøntegaard differences between the curves below."
    return _grid(_run(one), f"Whole codecs, {_where(one)}", about, CURVES, one.curves)


def _grid(
    run: str, heading: str, about: str, fields: Sequence[Field[Line]], lines: Iterable[Line]
) -> Grid:
    return Grid(run, heading, about, _heads(fields), _lines(fields, lines))


def _heads(fields: Sequence[Field[Line]]) -> tuple[Head, ...]:
    return tuple(Head(field.header, field.meaning, field.terminal) for field in fields)


def _lines(fields: Sequence[Field[Line]], lines: Iterable[Line]) -> tuple[tuple[Cell, ...], ...]:
    return tuple(
        tuple(_cell(field.text(line), is_figure=field.is_figure) for field in fields)
        for line in lines
    )


def _cell(text: str, *, is_figure: bool) -> Cell:
    if not is_figure:
        return Cell(plain(text), None)
    found = _FIRST_NUMBER.search(text)
    mean, bracket, interval = plain(text).partition(" (")
    return Cell(mean, found[0] if found else "", bracket.strip() + interval)


def _tables(board: Board) -> Iterator[Grid]:
    """Yield the rows, apart by budget, by whether gradients were used, and by run."""
    columns = [column for column in COLUMNS if column is not RUN]
    for one, part in itertools.product(board.tables, board.parts):
        rows = [row for row in one.rows if row.place.run == part.name]
        if any(not row.reference for row in rows):
            heading, about = heading_of(one)
            yield Grid(
                run=part.name,
                title=f"{plain(part.name)}, {words.heading(one.budget)}: {heading.lower()}",
                about=f"{about} Budget: {words.budget(one.budget)}.",
                heads=tuple(Head(c.title, c.meaning, c.terminal) for c in columns),
                lines=tuple(tuple(_value(c, row) for c in columns) for row in rows),
            )


def _value(column: AnyColumn, row: Row) -> Cell:
    """Return a cell with the number it is sorted by."""
    text, value = plain(column.text(row)), column.plain(row)
    if isinstance(value, tuple):
        return Cell(text, str(value[0]))
    if isinstance(value, float):
        number = math.copysign(1e308, value) if math.isinf(value) else value
        return Cell(text, f"{number!r}", column.whole(row).removeprefix(text).strip())
    return Cell(text, None if column.format is str else "")


def _viewers(one: Published) -> Iterator[Viewer]:
    for worst in one.entry.worst:
        if worst.views:
            yield Viewer(
                run=one.entry.track,
                title=f"{plain(worst.codec)}, {plain(worst.budget)}: {_LOST[worst.lost]}",
                caption=_caption(worst),
                views={
                    plain(name): _embedded(one.folder / path) for name, path in worst.views.items()
                },
            )


def _caption(worst: Worst) -> str:
    return (
        f"{plain(worst.picture)}, attacked by {plain(worst.attack)}: PSNR"
        f" {decibel(worst.psnr_clean)} to {decibel(worst.psnr_source)} dB, rate"
        f" {rate(worst.bpp_clean)} to {rate(worst.bpp)} bpp"
    )


def _embedded(path: Path) -> str:
    content = base64.b64encode(path.read_bytes()).decode()
    return f"data:image/webp;base64,{content}"
