"""All that the page shows of one codec: figures, curves, worst pictures and entries.

Board, entries --by codec--> Panel
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from leaderboard.columns.columns import columns
from leaderboard.columns.terms import view_name
from leaderboard.formatting import decibel, plain, rate
from leaderboard.publish.archive import content
from leaderboard.publish.entry import Entry, Worst, slug
from leaderboard.publish.published_board import Published
from leaderboard.ranking.board import Board
from leaderboard.ranking.comparison import Comparison
from leaderboard.render import descriptions as words
from leaderboard.web.html_tables import Grid, grid, with_short_names
from leaderboard.web.plotly_charts import Chart, codec_chart

LOST = {"PSNR": "largest PSNR drop", "rate": "largest rate increase"}
"""Displayed names of the kinds of loss in an entry."""


@dataclass(frozen=True)
class Viewer:
    """The views of one adversarial picture, compared with a slider.

    Attributes:
        key: unique on the page.
        title: the operating point and what it loses.
        caption: the track, the picture, the attack and the losses.
        views: paths of the pictures, relative to the page, by the name of the view.
    """

    key: str
    title: str
    caption: str
    views: dict[str, str]


@dataclass(frozen=True)
class Panel:
    """One codec.

    Attributes:
        anchor: the id of its section.
        name: short name.
        full: full name.
        grids: its figures, one table for each track.
        chart: its curves on all tracks; None without curves.
        viewers: its worst pictures.
        entries: its entries.
    """

    anchor: str
    name: str
    full: str
    grids: tuple[Grid, ...]
    chart: Chart | None
    viewers: tuple[Viewer, ...]
    entries: tuple[Entry, ...]


def anchor(codec: str) -> str:
    """Return the id of the section of a codec."""
    return f"codec-{slug(codec)}"


def panels(board: Board, published: Sequence[Published], names: Mapping[str, str]) -> list[Panel]:
    """Return one panel for each codec, in the order of the tracks.

    Args:
        board: the board.
        published: the entries.
        names: the short name of each codec and of each operating point.
    """
    codecs = dict.fromkeys(family.name for one in board.comparisons for family in one.families)
    return [_panel(codec, board.comparisons, published, names) for codec in codecs]


def _panel(
    codec: str,
    comparisons: Sequence[Comparison],
    published: Sequence[Published],
    names: Mapping[str, str],
) -> Panel:
    own = [one for one in published if one.entry.codec == codec]
    return Panel(
        anchor=anchor(codec),
        name=names.get(codec, plain(codec)),
        full=plain(codec),
        grids=tuple(with_short_names(names, one) for one in _grids(codec, comparisons)),
        chart=codec_chart(codec, comparisons),
        viewers=tuple(viewer for one in own for viewer in viewers(one, names)),
        entries=tuple(one.entry for one in own),
    )


def _grids(codec: str, comparisons: Sequence[Comparison]) -> Iterator[Grid]:
    for one in comparisons:
        rows = [
            member.row
            for family in one.families
            if family.name == codec
            for member in family.members
        ]
        if rows:
            main = [column for column in columns(rows) if column.is_main and column.key != "run"]
            about = f"Budget: {words.allowed(one.budget)}."
            yield grid(one.runs[0], f"On {plain(', '.join(one.runs))}", about, main, rows)


def viewers(published: Published, names: Mapping[str, str]) -> Iterator[Viewer]:
    """Yield the worst pictures of an entry that the page shows.

    Raises:
        StoreError: a picture cannot be read, or leads out of the folder of the entry.
    """
    entry = published.entry
    for number, worst in enumerate(one for one in entry.worst if one.views):
        yield Viewer(
            key=f"{entry.track}-{entry.slug}-{number}",
            title=f"{names.get(worst.codec, plain(worst.codec))}: {LOST[worst.lost]}",
            caption=f"{entry.track}, {_caption(worst)}",
            views={
                view_name(plain(name)): _address(published, path)
                for name, path in worst.views.items()
            },
        )


def _address(published: Published, path: str) -> str:
    """Return the path of a picture relative to the page; it is read, so that no link leads out."""
    content(published.folder, path)
    return f"entries/{published.entry.track}/{published.entry.slug}/{path}"


def _caption(worst: Worst) -> str:
    return (
        f"{plain(worst.budget)}: {plain(worst.picture)}, attacked by {plain(worst.attack)}. PSNR"
        f" {decibel(worst.psnr_clean)} → {decibel(worst.psnr_source)} dB, rate"
        f" {rate(worst.bpp_clean)} → {rate(worst.bpp)} bpp"
    )
