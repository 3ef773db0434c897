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
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from jinja2 import Environment, PackageLoader
from markdown_it import MarkdownIt
from markupsafe import Markup

from leaderboard.columns.list_fields import CURVES, STANDING
from leaderboard.formatting import decibel, plain, rate
from leaderboard.publish.archive import content
from leaderboard.publish.best_known import KNOWN, KNOWN_MEANING, Known
from leaderboard.publish.entry import Worst
from leaderboard.publish.published_board import Challenged, Published
from leaderboard.ranking.board import Board
from leaderboard.ranking.comparison import Comparison
from leaderboard.ranking.ranking import RULE
from leaderboard.ranking.rd_costs import LAMBDAS
from leaderboard.render import descriptions as words
from leaderboard.render.page import LEAD, METHOD, belief, explanations, settings, warnings
from leaderboard.render.summary import VERDICTS, verdicts
from leaderboard.web import html_tables as grids
from leaderboard.web.assets import libraries
from leaderboard.web.plotly_charts import charts

_LOST = {"PSNR": "largest loss of PSNR", "rate": "largest growth of the bitstream"}


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
        tracks=[(plain(part.name), plain(words.brief(part))) for part in board.parts],
        belief=_prose([belief(board), *warnings(board)]),
        lead=LEAD,
        method=_prose([METHOD]),
        verdicts=grids.grid("", "In short", words.budgets(board), VERDICTS, verdicts(board)),
        settings=_prose(settings(board)),
        rule=_prose(f"- {one}" for one in RULE),
        explanations=_prose(explanations(board)),
        legends={
            "In short": grids.heads(VERDICTS),
            "Ranking": grids.heads(STANDING),
            "Best known attacks": grids.heads(KNOWN),
            "Whole codecs": grids.heads(CURVES),
        },
        rankings=list(grids.rankings(board, LAMBDAS[1:2])),
        other_rankings=list(grids.rankings(board, (LAMBDAS[0], LAMBDAS[2]))),
        known=[grids.known(*one) for one in best],
        known_meaning=KNOWN_MEANING,
        grids=list(grids.tables(board)),
        curves=[grids.curves(one) for one in board.comparisons if one.curves],
        charts=charts(board),
        viewers=list(chain.from_iterable(_viewers(one) for one in entries)),
        entries=[one.entry for one in entries],
        challenges=[one.challenge for one in challenges],
        libraries=libraries(),
    )


def _prose(blocks: Iterable[str]) -> Markup:
    """Return markdown as HTML; tags that stand in it are shown as they are."""
    rendered = MarkdownIt("commonmark", {"html": False}).render("\n\n".join(blocks))
    return Markup(rendered)  # noqa: S704 - markdown-it escapes what is no markdown


def _viewers(one: Published) -> Iterator[Viewer]:
    for worst in one.entry.worst:
        if worst.views:
            yield Viewer(
                run=one.entry.track,
                title=f"{plain(worst.codec)}: {_LOST[worst.lost]}",
                caption=f"{one.entry.track}, {_caption(worst)}",
                views={
                    plain(name): _embedded(one.folder, path) for name, path in worst.views.items()
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
