"""The part of the page that compares codecs: rankings, curves, and their plots."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from urllib.parse import quote

from leaderboard.aggregate.bootstrap import FEW
from leaderboard.aggregate.smallest import SmallestBudgets
from leaderboard.columns.attack_columns import ATTACK_TABLE, attack_columns
from leaderboard.columns.clean_columns import as_measured
from leaderboard.columns.ranking_columns import CURVES, STANDING
from leaderboard.columns.smallest_columns import median_text
from leaderboard.formatting import escaped
from leaderboard.ranking.board import Board, BoardRun
from leaderboard.ranking.comparison import Comparison
from leaderboard.ranking.ranking import BY_COST, BY_EXCESS, Ranking
from leaderboard.ranking.rd_costs import LAMBDAS
from leaderboard.ranking.rd_curves import Curves, Delta
from leaderboard.ranking.rule import RULE
from leaderboard.render import descriptions as words
from leaderboard.render.markdown import bullets, folded, legend, listing
from leaderboard.render.plot import Plot


def leaders(board: Board) -> Iterator[str]:
    """Yield, for each list and order, the codecs of the first rank."""
    for one in board.comparisons:
        for ranking in one.rankings:
            if ranking.lmbda == LAMBDAS[1]:
                place = f"{escaped(words.where(board, one))}, {ranking.scope.title}"
                for order in (BY_COST, BY_EXCESS):
                    if first := words.leader(ranking, order):
                        what = f"**Lowest {order.title}** ({order.about})"
                        yield f"{what} of the ranked codecs, {place}: {escaped(first)}."


def rankings(board: Board, plots: Sequence[Plot]) -> Iterator[str]:
    """Yield the rankings and their rule."""
    if not any(one.rankings for one in board.comparisons):
        return
    yield "## Ranking"
    for one in board.comparisons:
        yield from _lists(escaped(words.where(board, one)), one)
        yield from shown(plots, one, "robustness")
    yield "### The rule"
    yield bullets(RULE)
    yield legend(STANDING if board.times_in_records else as_measured(STANDING))


def attacks(board: Board) -> Iterator[str]:
    """Yield what each attack does to each codec."""
    tables = [(one, table) for one in board.comparisons for table in one.attacks]
    if tables:
        yield "## Attacks and codecs"
        yield ATTACK_TABLE
    for one, table in tables:
        yield f"### At {escaped(words.where(board, one))}: {table.scope.title}"
        yield listing(attack_columns(table), table.lines, intervals=False)


def curves(board: Board, plots: Sequence[Plot]) -> Iterator[str]:
    """Yield the rate-distortion curves and their Bjøntegaard differences."""
    if not any(one.curves for one in board.comparisons):
        return
    yield "## Rate-distortion curves"
    yield (
        "Each point of an attacked curve is the mean rate and the mean PSNR of the same adversarial"
        " pictures: for each source picture the one with the highest value of the objective. A"
        " Bjøntegaard difference (BD) is the mean distance of two curves where they overlap,"
        " interpolated by PCHIP. It needs four quality settings on each curve, a PSNR that rises"
        " with the rate, and ranges that share half of their union. Otherwise it is n/a."
    )
    for one in board.comparisons:
        if one.curves:
            yield f"### At {escaped(words.where(board, one))}"
            yield listing(CURVES, one.curves) if _has_delta(one) else _no_deltas(one.curves)
            yield from shown(plots, one, "curves")
    if any(map(_has_delta, board.comparisons)):
        yield legend(CURVES)


def _deltas(curves: Curves) -> tuple[Delta, ...]:
    return curves.psnr, curves.rate, curves.to_baseline, curves.to_baseline_alike


def _has_delta(one: Comparison) -> bool:
    return any(delta.value is not None for curves in one.curves for delta in _deltas(curves))


def _no_deltas(lines: Sequence[Curves]) -> str:
    """Return a sentence in place of a table in which every Bjøntegaard difference is n/a."""
    reasons = Counter(delta.reason for curves in lines for delta in _deltas(curves)[:2])
    listed = "; ".join(escaped(reason) for reason, _ in reasons.most_common())
    return f"No Bjøntegaard difference exists: {listed}."


def sweeps(plots: Sequence[Plot]) -> Iterator[str]:
    """Yield the effect of the budget."""
    of_budget = [plot for plot in plots if plot.about == "budget"]
    if of_budget:
        yield "## Effect of the budget"
        yield (
            "Each codec at the quality setting at which it is ranked (λ = 0.013), worst case of"
            " each picture, then the mean with its 95 % interval. Dashed: attacked without"
            " gradients."
        )
        yield from map(_image, of_budget)


def smallest(board: Board, plots: Sequence[Plot]) -> Iterator[str]:
    """Yield the smallest budgets that reach a goal, where a suite searches for them."""
    of_goals = [plot for plot in plots if plot.about == "smallest"]
    lines = [line for one in board.comparisons for line in _smallest_lines(board, one)]
    if lines:
        yield "## Smallest budgets"
        yield (
            "For each picture, the attack searches for the smallest perturbation with which the"
            " codec reaches a goal in real bytes. These adversarial pictures are not the strongest"
            " ones of their budget and count in no worst case. Each size is an upper bound: a"
            " better search may find a smaller perturbation."
        )
        yield bullets(lines)
        yield from map(_image, of_goals)


def _smallest_lines(board: Board, one: Comparison) -> Iterator[str]:
    """Yield the budget at which half of the pictures reach each goal, for each codec."""
    rows = [member.row for family in one.families for member in family.members]
    for row in rows:
        for goal, found in row.smallest.items():
            where = f"{row.place.codec}, {words.where(board, one)}, {goal}"
            yield escaped(f"{where}: {_in_words(found)}.")


def _in_words(found: SmallestBudgets) -> str:
    counts = f"{found.reached} of {len(found.sizes)} within {found.kind} {found.largest:g}"
    if math.isinf(found.median):
        return f"fewer than half of the pictures reach it, {counts}"
    return f"half of the pictures reach it at {found.kind} {median_text(found)}, {counts}"


def few_pictures(board: Board) -> Iterator[str]:
    """Warn where intervals come from few pictures."""
    counts = {part.name: len(part.manifest.pictures) for part in board.parts}
    few = [f"{count} in {escaped(name)}" for name, count in counts.items() if count < FEW]
    if few:
        yield (
            f"**Few pictures ({', '.join(few)}): the 95 % intervals are too narrow. Ranks take the"
            " number of pictures into account, so many codecs are tied.**"
        )


def single_starts(board: Board) -> Iterator[str]:
    """Say where the chance of the searches cannot be told from the choice of the pictures."""
    single = [part.name for part in board.parts if _has_single_starts(part)]
    if single:
        yield (
            f"**One start per search ({escaped(', '.join(single))}): how much a figure depends on"
            " the random numbers of the searches shows only as a part of the differences between"
            " the pictures.**"
        )


def _has_single_starts(part: BoardRun) -> bool:
    """Return whether every search has one start; corruptions are no searches."""
    corruptions = part.corruptions
    searches = [craft for craft in part.crafts if craft.attack not in corruptions]
    return not any(craft.start for craft in searches) and bool(searches or not part.crafts)


def shown(plots: Sequence[Plot], one: Comparison, about: str) -> Iterator[str]:
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
    yield escaped(words.unit(ranking)) + words.counted(ranking)
    yield listing(STANDING, ranking.standings)
