"""The page of a run in markdown.

verdict, caveats, worst pictures, plot, one table --folded--> other budgets, method, times
everything else: the full page, to which it links
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from urllib.parse import quote

from leaderboard.columns.columns import CODEC
from leaderboard.columns.overview_columns import overview_columns
from leaderboard.columns.suite_columns import suite_columns
from leaderboard.conclusions.sentences import conclusions, headline
from leaderboard.formatting import escaped
from leaderboard.ranking.board import Board
from leaderboard.ranking.comparison import Comparison
from leaderboard.ranking.overview import overview
from leaderboard.ranking.ranking import main_rankings
from leaderboard.render import corruption_section, ranking_section, suite_in_words
from leaderboard.render import descriptions as words
from leaderboard.render.axes.section import sections
from leaderboard.render.markdown import bullets, folded, listing
from leaderboard.render.page import METHOD, SUITES_DIFFER, caveats, title, unfinished
from leaderboard.render.plot import Plot
from leaderboard.render.run_page.coding_times import coding_times
from leaderboard.render.run_page.sheets import Sheet, shown

_NOTE = (
    "PSNR and rate are the worst case over all attacks for each picture, then the mean; noise has"
    " the same budget. The R-D cost and its excess over a faithful codec are in the unit above; ≥"
    " marks figures with evidence that a stronger attack exists. Codecs attacked through their own"
    " gradients and codecs attacked without have ranks of their own. Each codec is shown at its"
    " quality setting with the lowest clean R-D cost."
)


def run_page(board: Board, plots: Sequence[Plot], sheets: Sequence[Sheet], full: str) -> str:
    """Return the page of a board of runs.

    Args:
        board: what to show.
        plots: the plots beside the page.
        sheets: the sheets of worst pictures beside the page.
        full: path of the page with every column, relative to this one.

    Returns:
        GitHub-flavoured markdown; labels, names and reasons are escaped.
    """
    blocks = [
        f"# {escaped(title(board))}",
        *(f"**{escaped(sentence)}**" for sentence in unfinished(board)),
        *([SUITES_DIFFER] if board.has_suites else []),
        *_verdict(board),
        *ranking_section.few_pictures(board),
        *([caveats(board)] if board.parts else []),
        *shown(sheets),
        *_overviews(board, plots),
        *ranking_section.smallest(board, plots),
        *corruption_section.section(board, plots),
        *sections(board, plots),
        *_rest(board, full),
    ]
    return "\n\n".join(blocks) + "\n"


def _verdict(board: Board) -> Iterator[str]:
    """Yield the conclusions of the first comparison; only the one on attacks is not folded."""
    for one in board.comparisons[:1]:
        if sentence := headline(one):
            yield f"**{escaped(sentence)}**"
        if found := conclusions(board, one):
            yield from folded("All conclusions", [bullets(map(escaped, found))])


def _overviews(board: Board, plots: Sequence[Plot]) -> Iterator[str]:
    """Yield the plot and the table of the first comparison, and those of the others folded."""
    for one in board.comparisons[:1]:
        yield from _overview(board, one, plots)
        yield _NOTE
    for one in board.comparisons[1:]:
        heading = f"At {escaped(words.where(board, one))}"
        yield from folded(heading, _overview(board, one, plots))
    yield from _sweeps(plots)


def _overview(board: Board, one: Comparison, plots: Sequence[Plot]) -> Iterator[str]:
    lists = main_rankings(one.rankings)
    if any(line.robustness for ranking in lists for line in ranking.standings):
        yield from ranking_section.shown(plots, one, "robustness")
    lines = overview(board, one)
    yield listing(overview_columns(lines), lines, intervals=False)
    yield from (escaped(words.unit(ranking)) for ranking in lists[:1])


def _sweeps(plots: Sequence[Plot]) -> Iterator[str]:
    if blocks := list(ranking_section.sweeps(plots)):
        yield from folded("Effect of the budget", blocks[1:])


def _rest(board: Board, full: str) -> Iterator[str]:
    """Yield what was attacked and how, coding times and metrics, folded; then the link."""
    for part in board.parts:
        parts = [*suite_in_words.settings(part), *corruption_section.settings(part)]
        method = [METHOD, bullets(parts)]
        yield from folded(f"What was attacked, and how: {escaped(part.name)}", method)
    yield from folded("Coding times", coding_times(board)) if board.parts else ()
    yield from _metrics(board)
    yield (
        f"[All figures]({quote(full)}): every operating point with 95 % intervals, every attack,"
        f" rate-distortion curves, versions and the machine. It also explains [every"
        f" column]({quote(full)}#columns) and every flag."
    )


def _metrics(board: Board) -> Iterator[str]:
    """Yield the metrics that the suites name, folded."""
    tables = [
        listing([CODEC, *columns], table.rows, intervals=False)
        for table in board.tables
        if (columns := suite_columns(table.rows))
    ]
    yield from folded("Metrics that the suite names", tables) if tables else chain()
