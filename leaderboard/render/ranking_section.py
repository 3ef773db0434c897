"""The part of the page that compares codecs: rankings, curves, and their plots."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import quote

from leaderboard.columns.list_fields import CURVES, STANDING
from leaderboard.formatting import escaped
from leaderboard.ranking.board import Board
from leaderboard.ranking.comparison import Comparison
from leaderboard.ranking.ranking import RULE, Ranking
from leaderboard.ranking.rd_costs import LAMBDAS
from leaderboard.render import descriptions as words
from leaderboard.render.markdown import bullets, folded, listing
from leaderboard.render.plots import Plot

_FEW = 10
"""Pictures below which a bootstrap interval is too narrow."""


def leaders(board: Board) -> Iterator[str]:
    """Yield, for each list, who costs least under attack."""
    for one in board.comparisons:
        for ranking in one.rankings:
            first = [line.family.name for line in ranking.standings if line.rank == 1]
            if ranking.lmbda == LAMBDAS[1] and first:
                together = " (a tie)" * (len(first) > 1)
                where = f"{escaped(words.where(board, one))}, {ranking.scope.title}"
                yield (
                    f"**Costs least under attack**, of those with a rank, {where}:"
                    f" {escaped(', '.join(first))}{together}."
                )


def rankings(board: Board, plots: Sequence[Plot]) -> Iterator[str]:
    """Yield who stands above whom, and by what rule."""
    if not any(one.rankings for one in board.comparisons):
        return
    yield "## Ranking"
    for one in board.comparisons:
        yield from _lists(escaped(words.where(board, one)), one)
        yield from _shown(plots, one, "robustness")
    yield "### The rule"
    yield bullets(RULE)
    yield bullets(f"**{field.header}**: {escaped(field.meaning)}." for field in STANDING)


def curves(board: Board, plots: Sequence[Plot]) -> Iterator[str]:
    """Yield what an attack does to all qualities of a codec at once."""
    if not any(one.curves for one in board.comparisons):
        return
    yield "## Rate and distortion of whole codecs"
    yield (
        "Each point of an attacked curve is the mean rate and the mean PSNR of the same attacked"
        " pictures: for each source picture the one that went furthest in what the attack wanted."
        " A Bjøntegaard figure (BD) is the mean distance of two curves where both have points; it"
        " needs four qualities on either, PSNR that rises with the rate, and ranges that share half"
        " of what they cover together; otherwise it is n/a."
    )
    for one in board.comparisons:
        if one.curves:
            yield f"### At {escaped(words.where(board, one))}"
            yield listing(CURVES, one.curves)
            yield from _shown(plots, one, "curves")
    yield bullets(f"**{field.header}**: {escaped(field.meaning)}." for field in CURVES)


def sweeps(plots: Sequence[Plot]) -> Iterator[str]:
    """Yield how the damage grows with the budget."""
    found = [plot for plot in plots if plot.about == "budget"]
    if found:
        yield "## How the damage grows with the budget"
        yield (
            "Each codec at the quality it is ranked with (λ = 0.013), worst case of each picture,"
            " then the mean with its 95 % interval. Dashed: attacked without gradients."
        )
        yield from (_image(plot) for plot in found)


def few_pictures(board: Board) -> Iterator[str]:
    """Warn where intervals are of few pictures."""
    counts = {part.name: len(part.manifest.pictures) for part in board.parts}
    few = [f"{count} in {escaped(name)}" for name, count in counts.items() if count < _FEW]
    if few:
        yield (
            f"**Few pictures ({', '.join(few)}): the 95 % intervals, and ranks that rest on them,"
            " are narrower than they should be. Take them as a first look.**"
        )


def _shown(plots: Sequence[Plot], one: Comparison, about: str) -> Iterator[str]:
    """Yield the plots of a comparison."""
    for plot in plots:
        if (plot.about, plot.runs, plot.budget) == (about, one.runs, str(one.budget)):
            yield _image(plot)


def _image(plot: Plot) -> str:
    return f"![{escaped(plot.caption)}]({quote(plot.path)})"


def _lists(title: str, one: Comparison) -> Iterator[str]:
    for scope in dict.fromkeys(ranking.scope for ranking in one.rankings):
        yield f"### At {title}: {scope.title}"
        at = {ranking.lmbda: ranking for ranking in one.rankings if ranking.scope == scope}
        yield from _list(at[LAMBDAS[1]])
        others = [block for lmbda in (LAMBDAS[0], LAMBDAS[2]) for block in _list(at[lmbda])]
        yield from folded("At low and at high rates", others)


def _list(ranking: Ranking) -> Iterator[str]:
    if ranking.baseline is None:
        unit = "J is in bits per pixel, as there is no VVC on this board; ×1.00 is one bit."
    else:
        unit = f"×1.00 is what {escaped(ranking.baseline)} costs unattacked."
    yield f"At λ = {ranking.lmbda:g}; {unit}{words.counted(ranking)}"
    yield listing(STANDING, ranking.standings)
