"""The tables of the test of an attack: damage in every case, and cost and optimality."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from statistics import fmean

from rich.table import Table as Grid

from leaderboard.aggregate.suite_info import ensemble_of
from leaderboard.render.terminal import grid
from leaderboard.study.attacks.comparison import DAMAGES, Case, mean_damage
from leaderboard.study.attacks.optimality import EQUAL, optimality_lines
from leaderboard.study.attacks.result import Result
from leaderboard.study.losses import objective_name

_DAMAGE = (
    "Means over the pictures: PSNR drop, and rate and R-D cost as multiples of those of the clean"
    " picture. In brackets: on how many pictures the attack gains most; if two gain the same, both"
    " count."
)
_OPTIMALITY = (
    "Gradients, queries: the largest number for one picture and objective; seconds: the mean."
    " Optimality in per cent (AttackBench, arXiv 2404.19460): the area under the gain against the"
    " radius of the budget, as a share of that of the best attack on each picture; for each"
    " objective at equal cost (among attacks with at most {equal:g} times the gradients or queries)"
    " and overall."
)


def tables(result: Result) -> Iterator[Grid]:
    """Yield both tables; the second one for each kind of budgets."""
    yield _damage_table(result)
    for budgets in dict.fromkeys(one.budgets for one in result.optimalities):
        yield _optimality_table(result, budgets)


def _damage_table(result: Result) -> Grid:
    lines = []
    for row, group in groupby(result.cases, key=lambda one: (one.codec, one.objective, one.budget)):
        cases = list(group)
        best = _most(result, cases)
        lines.append((*row, *(_cell(result, name, cases, best) for name in result.names.all)))
    return grid("Damage", ("codec", "objective", "budget", *result.names.all), lines, _DAMAGE, 3)


def _most(result: Result, cases: Sequence[Case]) -> Mapping[Case, float]:
    """Return the largest gain in each case."""
    return {
        case: max(found[case].gain for found in result.found.values() if case in found)
        for case in cases
    }


def _cell(result: Result, attack: str, cases: Sequence[Case], best: Mapping[Case, float]) -> str:
    searches = result.found.get(attack, {})
    if not any(case in searches for case in cases):
        return "–"
    damage = mean_damage(result.found, attack, cases)
    first = sum(case in searches and searches[case].gain >= best[case] for case in cases)
    return f"{DAMAGES[cases[0].objective].text(damage)} ({first}/{len(cases)})"


def _optimality_table(result: Result, budgets: str) -> Grid:
    headers, lines = optimality_lines([o for o in result.optimalities if o.budgets == budgets])
    seconds = _seconds(result)
    ordered = sorted(lines, key=lambda line: result.names.all.index(line[0]))
    return grid(
        f"Cost and optimality, budgets in {budgets}",
        (*headers[:3], "seconds", *headers[3:]),
        [(*line[:3], seconds[line[0]], *line[3:]) for line in ordered],
        _OPTIMALITY.format(equal=EQUAL),
    )


def _seconds(result: Result) -> dict[str, str]:
    """Return the mean seconds of all searches of an attack for one picture and objective."""
    spent: dict[str, dict[tuple[object, ...], float]] = defaultdict(lambda: defaultdict(float))
    for run in (result.tested, result.standard):
        for one in run.crafts.values():
            case = run.folder, one.sources, objective_name(one), one.budget, one.picture
            spent[ensemble_of(one.attack)][case] += one.seconds
    return {attack: f"{fmean(cases.values()):.1f}" for attack, cases in spent.items()}
