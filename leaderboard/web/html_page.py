"""A published board as one self-contained page: tables, plots and the worst pictures.

    Board --markdown-it--> prose       --\
          --columns-->     tables        --jinja2, escaped--> index.html, no network
          --charts-->      plots         /
    entries --base64-->    views       --/

DataTables and plotly.js are embedded in the page (`assets.py`). Their versions are pinned, so the
same entries give the same page.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from jinja2 import Environment, PackageLoader
from markdown_it import MarkdownIt
from markupsafe import Markup

from leaderboard.columns.attack_columns import ATTACK_TABLE
from leaderboard.columns.ranking_columns import CURVES, STANDING
from leaderboard.columns.terms import view_name
from leaderboard.formatting import decibel, plain, rate
from leaderboard.publish.archive import content
from leaderboard.publish.best_known import KNOWN, KNOWN_MEANING, Known
from leaderboard.publish.entry import Worst
from leaderboard.publish.published_board import Challenged, Published
from leaderboard.ranking.board import Board
from leaderboard.ranking.comparison import Comparison
from leaderboard.ranking.rd_costs import LAMBDAS
from leaderboard.ranking.rule import RULE
from leaderboard.render import descriptions as words
from leaderboard.render.page import LEAD, METHOD, caveats, explanations, settings, warnings
from leaderboard.render.summary import VERDICTS, verdicts
from leaderboard.web import html_tables as grids
from leaderboard.web.assets import libraries
from leaderboard.web.plotly_charts import charts

SUMMARY = "Summary"
"""Title of the first table."""

LOST = {"PSNR": "largest PSNR drop", "rate": "largest rate increase"}
"""Displayed names of the kinds of loss in an entry."""

_LEFT, _RIGHT = (view_name(name) for name in ("decoded", "attacked decoded"))
"""The two views that a slider compares at first."""


@dataclass(frozen=True)
class Viewer:
    """The views of one picture, compared with a slider."""

    run: str
    title: str
    caption: str
    views: dict[str, str]


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
    parts = (_introduction(shown.board), _tables(shown), _explanations(shown.board))
    values = {name: value for part in (*parts, _pictures(shown)) for name, value in part.items()}
    return environment.get_template("page.html").render(libraries=libraries(), **values)


def _introduction(board: Board) -> dict[str, object]:
    """Return the values of the template above the tables."""
    return {
        "runs": [part.name for part in board.parts],
        "tracks": [(plain(part.name), plain(words.brief(part))) for part in board.parts],
        "caveats": _prose([caveats(board), *warnings(board)]),
        "lead": LEAD,
        "method": _prose([METHOD]),
        "verdicts": grids.grid("", SUMMARY, words.budgets(board), VERDICTS, verdicts(board)),
    }


def _tables(shown: PageContent) -> dict[str, object]:
    """Return the tables and the plots."""
    board = shown.board
    return {
        "rankings": list(grids.rankings(board, LAMBDAS[1:2])),
        "other_rankings": list(grids.rankings(board, (LAMBDAS[0], LAMBDAS[2]))),
        "attacks": list(grids.attacks(board)),
        "attacks_meaning": ATTACK_TABLE,
        "known": [grids.known(*best) for best in shown.best],
        "known_meaning": KNOWN_MEANING,
        "grids": list(grids.tables(board)),
        "curves": [grids.curves(one) for one in board.comparisons if one.curves],
        "charts": charts(board),
    }


def _explanations(board: Board) -> dict[str, object]:
    """Return the texts that explain the tables."""
    return {
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


def _pictures(shown: PageContent) -> dict[str, object]:
    """Return the worst pictures, and where every figure comes from."""
    return {
        "viewers": list(chain.from_iterable(map(_viewers, shown.entries))),
        "left": _LEFT,
        "right": _RIGHT,
        "entries": [published.entry for published in shown.entries],
        "challenges": [challenged.challenge for challenged in shown.challenges],
    }


def _prose(blocks: Iterable[str]) -> Markup:
    """Return markdown as HTML; tags in it are shown as they are."""
    rendered = MarkdownIt("commonmark", {"html": False}).render("\n\n".join(blocks))
    return Markup(rendered)  # noqa: S704 - markdown-it escapes what is no markdown


def _viewers(published: Published) -> Iterator[Viewer]:
    track = published.entry.track
    for worst in published.entry.worst:
        if worst.views:
            yield Viewer(
                run=track,
                title=f"{plain(worst.codec)}: {LOST[worst.lost]}",
                caption=f"{track}, {_caption(worst)}",
                views={
                    view_name(plain(name)): _embedded(published.folder, path)
                    for name, path in worst.views.items()
                },
            )


def _caption(worst: Worst) -> str:
    return (
        f"{plain(worst.budget)}: {plain(worst.picture)}, attacked by {plain(worst.attack)}. PSNR"
        f" {decibel(worst.psnr_clean)} → {decibel(worst.psnr_source)} dB, rate"
        f" {rate(worst.bpp_clean)} → {rate(worst.bpp)} bpp"
    )


def _embedded(folder: Path, path: str) -> str:
    return f"data:image/webp;base64,{base64.b64encode(content(folder, path)).decode()}"
