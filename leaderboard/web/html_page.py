"""A published board as one page: an example, a plot and a table first, everything else behind them.

    Board --lists-->     first screen  --\
          --panels-->    one a codec   --jinja2, escaped--> index.html, no network
          --columns-->   all tables    --/

DataTables and plotly.js are embedded in the page (`assets.py`). Their versions are pinned, so the
same entries give the same page. Pictures are files of the entries, which lie beside the page; those
of the example are embedded.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from jinja2 import Environment, PackageLoader
from markdown_it import MarkdownIt
from markupsafe import Markup

from leaderboard.codec_names import short_names
from leaderboard.columns.attack_columns import ATTACK_TABLE
from leaderboard.columns.ranking_columns import CURVES, STANDING
from leaderboard.publish.best_known import KNOWN, KNOWN_MEANING, Known
from leaderboard.publish.published_board import Challenged, Published
from leaderboard.ranking.board import Board
from leaderboard.ranking.comparison import Comparison
from leaderboard.ranking.rule import RULE
from leaderboard.render import descriptions as words
from leaderboard.render.page import METHOD, caveats, explanations, settings, warnings
from leaderboard.render.summary import VERDICTS, verdicts
from leaderboard.web import html_tables as grids
from leaderboard.web.assets import libraries
from leaderboard.web.best_known_table import best_known
from leaderboard.web.codec_panels import panels
from leaderboard.web.example import example
from leaderboard.web.first_screen import COLUMNS, ORDERS, as_json, ranked_lists, tracks
from leaderboard.web.plotly_charts import PALETTE, charts

SUMMARY = "Summary"
"""Title of the first table."""


@dataclass(frozen=True)
class PageContent:
    """Everything that the page shows.

    Attributes:
        board: the board of the entries.
        best: the best known attacks.
        entries: the entries, with the pictures to show.
        challenges: the challenges.
    """

    board: Board
    best: Sequence[tuple[Comparison, list[Known]]]
    entries: Sequence[Published]
    challenges: Sequence[Challenged]

    @property
    def names(self) -> dict[str, str]:
        """The short name of each codec and of each operating point."""
        codecs = dict.fromkeys(one.name for each in self.board.comparisons for one in each.families)
        points = dict.fromkeys(row.place.codec for row in self.board.rows)
        return {**short_names(points), **short_names(codecs)}

    @property
    def marked_names(self) -> dict[str, str]:
        """The short name of each operating point, with the mark of external codecs."""
        names = self.names
        families = [family for one in self.board.comparisons for family in one.families]
        points = {one.row.place.codec: family for family in families for one in family.members}
        return {point: names[point] + family.mark for point, family in points.items()}


def page(shown: PageContent) -> str:
    """Return the page.

    Raises:
        ConfigError: the libraries of the page are not installed.
    """
    environment = Environment(
        loader=PackageLoader("leaderboard"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    if not shown.board.parts:
        return environment.get_template("empty.html").render()
    parts = (_first(shown), _codecs(shown), _tables(shown), _explanations(shown.board))
    values = {name: value for part in parts for name, value in part.items()}
    return environment.get_template("page.html").render(libraries=libraries(), **values)


def _first(shown: PageContent) -> dict[str, object]:
    """Return the values of the first screen."""
    found = ranked_lists(shown.board, shown.names)
    return {
        "runs": [part.name for part in shown.board.parts],
        "tracks": list(tracks(shown.board)),
        "example": example(shown.entries, shown.marked_names),
        "lists": list(map(as_json, found)),
        "ranked": list(dict.fromkeys(one.track for one in found)),
        "heads": grids.heads(COLUMNS),
        "orders": {order: column.header for order, column in ORDERS.items()},
        "palette": PALETTE,
        "best_known": best_known(shown.best, shown.names),
    }


def _codecs(shown: PageContent) -> dict[str, object]:
    """Return the panels of the codecs, and where their figures come from."""
    return {
        "panels": panels(shown.board, shown.entries, shown.names),
        "challenges": [challenged.challenge for challenged in shown.challenges],
    }


def _tables(shown: PageContent) -> dict[str, object]:
    """Return all tables and plots."""
    board, named = shown.board, partial(grids.with_short_names, shown.names)
    summary = grids.grid("", SUMMARY, words.budgets(board), VERDICTS, verdicts(board))
    return {
        "verdicts": named(summary),
        "rankings": list(map(named, grids.rankings(board))),
        "known": [named(grids.known(*best)) for best in shown.best],
        "known_meaning": KNOWN_MEANING,
        "attacks": list(map(named, grids.attacks(board))),
        "attacks_meaning": ATTACK_TABLE,
        "grids": list(map(named, grids.tables(board))),
        "corrupted": list(map(named, grids.corrupted(board))),
        "measured": list(map(named, grids.measured(board))),
        "curves": [named(grids.curves(one)) for one in board.comparisons if one.curves],
        "charts": charts(board),
    }


def _explanations(board: Board) -> dict[str, object]:
    """Return the texts that explain the tables."""
    return {
        "caveats": _prose([caveats(board), *warnings(board)]),
        "method": _prose([METHOD]),
        "settings": _prose(settings(board)),
        "rule": _prose(f"- {paragraph}" for paragraph in RULE),
        "explanations": _prose(explanations(board)),
        "legends": {
            SUMMARY: grids.heads(VERDICTS),
            "Ranking": grids.heads(STANDING),
            "Best known attacks": grids.heads(KNOWN),
            "Rate-distortion curves": grids.heads(CURVES),
        },
    }


def _prose(blocks: Iterable[str]) -> Markup:
    """Return markdown as HTML; tags in it are shown as they are."""
    rendered = MarkdownIt("commonmark", {"html": False}).render("\n\n".join(blocks))
    return Markup(rendered)  # noqa: S704 - markdown-it escapes what is no markdown
