"""The optimality of attacks: how near each comes to the best of all attacks, over all budgets.

    effects --> gain of each attack by picture and budget --> its area / area of the envelope

AttackBench (Cinà et al., AAAI 2025, arXiv 2404.19460) compares attacks on classifiers by the area
between two curves of robust accuracy against the size of the perturbation: that of an attack, and
that of the smallest perturbation that any attack found for each picture. Optimality is 1 for an
attack that equals this envelope and 0 for one that returns the source pictures. For codecs:

    robust accuracy at a distance   the mean gain over pictures at a radius; 0 at radius 0
    best distance of a picture      the largest gain of any attack on a picture at a radius
    area without attack             0

    optimality = area of the attack's mean gain / area of the envelope's mean gain

Areas use the trapezoidal rule from radius 0 to the largest radius of one kind of budget. For MSE
budgets the root of the radius is used, a length as in the other kinds. Gains can be negative; a
search without a picture, failed or unsupported, has a gain of 0, and so has the envelope where no
attack gained anything. The optimality of one model is AttackBench's local optimality; their mean
over models is its global optimality.

AttackBench limits all attacks to the same number of evaluations. Here an attack is compared with
those that used at most `EQUAL` times its gradients (its queries, if it uses no gradients), and with
all attacks.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean

from bench.budget import Budget, Mse
from bench.store.records import CraftRecord
from bench.store.run_folder import Run
from leaderboard.aggregate.suite_info import ensemble_of, setting
from leaderboard.aggregate.threats import NOISE
from leaderboard.formatting import percent
from leaderboard.render.markdown import table
from leaderboard.study.attacks.gains import GAINS, counted, strongest_searches
from leaderboard.study.effects import AttackEffect, collect_effects
from leaderboard.study.losses import objective_name

EQUAL = 1.25
"""An attack with at most this many times the evaluations of another one counts as not dearer."""


@dataclass(frozen=True)
class Effort:
    """The largest number of evaluations for one picture, objective and budget.

    Attributes:
        gradients: gradient evaluations, those of all members of an ensemble together.
        queries: pictures that were really encoded.
    """

    gradients: int = 0
    queries: int = 0

    @property
    def any(self) -> bool:
        """Whether it used the codec at all; noise does not."""
        return self.gradients > 0 or self.queries > 0

    def covers(self, other: Effort) -> bool:
        """Whether another attack is not more expensive: by gradients if this one uses any."""
        if self.gradients:
            cheaper = other.gradients <= EQUAL * self.gradients
            return cheaper and (other.gradients > 0 or not other.queries)
        return not other.gradients and other.queries <= EQUAL * self.queries


@dataclass(frozen=True)
class Optimality:
    """The optimality of one attack for one model, kind of budget and objective.

    Attributes:
        model: label of the operating point.
        budgets: kind of the budgets, with their region if they have one.
        objective: name of the objective.
        attack: label of the attack; of the ensemble for its members.
        effort: what it spent.
        equal: against attacks that spent as much, at most 1; None if there are none besides noise,
            or if none of them gained anything.
        overall: against all attacks, at most 1; None if none of them gained anything.
    """

    model: str
    budgets: str
    objective: str
    attack: str
    effort: Effort
    equal: float | None
    overall: float | None


@dataclass(frozen=True)
class Curves:
    """The gains of attacks on one model with one objective, for one kind of budget.

    Attributes:
        lengths: the radii from the smallest, as lengths.
        gains: by attack, the gain of each picture at each radius, [radius][picture].
    """

    lengths: Sequence[float]
    gains: Mapping[str, Sequence[Sequence[float]]]

    def optimality(self, attack: str, among: Iterable[str]) -> float | None:
        """Return the optimality of an attack among several; None if none of them gained."""
        others = [self.gains[name] for name in among]
        best = [
            [max(0.0, *found) for found in zip(*(gains[i] for gains in others), strict=True)]
            for i in range(len(self.lengths))
        ]
        envelope = self._area(best)
        return self._area(self.gains[attack]) / envelope if envelope > 0 else None

    def _area(self, gains: Sequence[Sequence[float]]) -> float:
        points = [(0.0, 0.0), *zip(self.lengths, map(fmean, gains), strict=True)]
        return sum((b[0] - a[0]) * (a[1] + b[1]) / 2 for a, b in pairwise(points))


def optimalities(
    runs: Sequence[Run], effects: Sequence[AttackEffect] | None = None
) -> list[Optimality]:
    """Return the optimality of every attack of finished runs.

    Attacks count on the codecs whose gradients or answers they used; noise counts on all, for every
    objective.

    Args:
        runs: the runs.
        effects: `collect_effects(runs)`, if it is known already.
    """
    known = collect_effects(runs) if effects is None else effects
    efforts = _efforts(runs)
    return [
        found
        for (model, budgets, objective), curves in _all_curves(runs, known).items()
        for found in _compared(model, budgets, objective, curves, efforts)
    ]


def optimality_tables(found: Sequence[Optimality]) -> Iterator[str]:
    """Yield a title and a table for each kind of budgets: the mean over models, in per cent."""
    for budgets in dict.fromkeys(one.budgets for one in found):
        headers, lines = optimality_lines([one for one in found if one.budgets == budgets])
        figures = [False, *[True] * (len(headers) - 1)]
        yield f"Budgets in {budgets}\n\n{table(headers, figures, lines)}"


def optimality_lines(
    found: Sequence[Optimality],
) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return the headers and the lines of a table for one kind of budgets, one line an attack."""
    objectives = [name for name in GAINS if any(one.objective == name for one in found)]
    columns = [title for name in objectives for title in (name, f"{name}, overall")]
    attacks: dict[str, list[Optimality]] = defaultdict(list)
    for one in found:
        attacks[one.attack].append(one)
    lines = [_line(attack, own, objectives) for attack, own in attacks.items()]
    return ("attack", "gradients", "queries", *columns), lines


def _line(attack: str, own: Sequence[Optimality], objectives: Iterable[str]) -> tuple[str, ...]:
    cells: list[str] = []
    for name in objectives:
        with_it = [one for one in own if one.objective == name]
        cells += [_mean(one.equal for one in with_it), _mean(one.overall for one in with_it)]
    efforts = [one.effort for one in own]
    gradients, queries = max(e.gradients for e in efforts), max(e.queries for e in efforts)
    return attack, str(gradients), str(queries), *cells


def _mean(shares: Iterable[float | None]) -> str:
    known = [100 * share for share in shares if share is not None]
    return percent(fmean(known)) if known else "–"


def _compared(
    model: str,
    budgets: str,
    objective: str,
    curves: Curves,
    efforts: Mapping[tuple[str, str], Effort],
) -> Iterator[Optimality]:
    spent = {name: efforts.get((name, objective), Effort()) for name in curves.gains}
    for name, effort in spent.items():
        equal = [other for other in curves.gains if effort.covers(spent[other])]
        rivals = [other for other in equal if other != name and spent[other].any]
        yield Optimality(
            *(model, budgets, objective, name, effort),
            equal=curves.optimality(name, equal) if effort.any and rivals else None,
            overall=curves.optimality(name, curves.gains),
        )


def _efforts(runs: Iterable[Run]) -> dict[tuple[str, str], Effort]:
    """Return the effort of every attack with each objective."""
    searches: dict[tuple[str, str], dict[tuple[object, ...], list[CraftRecord]]] = {}
    for run in runs:
        for craft in run.crafts.values():
            attack = ensemble_of(craft.attack), objective_name(craft)
            case = run.folder, craft.sources, craft.picture, craft.budget
            searches.setdefault(attack, defaultdict(list))[case].append(craft)
    return {attack: _largest(cases.values()) for attack, cases in searches.items()}


def _largest(cases: Iterable[Sequence[CraftRecord]]) -> Effort:
    sums = [(sum(c.gradients for c in case), sum(c.queries for c in case)) for case in cases]
    return Effort(max(gradients for gradients, _ in sums), max(queries for _, queries in sums))


def _all_curves(
    runs: Sequence[Run], effects: Iterable[AttackEffect]
) -> dict[tuple[str, str, str], Curves]:
    balls = {str(budget): budget for run in runs for budget in setting(run).balls}
    groups: dict[tuple[str, str, str], list[AttackEffect]] = defaultdict(list)
    for objective, effect in counted(effects):
        groups[effect.model.label, _kind(balls[effect.budget]), objective].append(effect)
    curves = {
        case: _curves(group, case[2], balls)
        for case, group in groups.items()
        if any(effect.threat != NOISE for effect in group)
    }
    return {case: made for case, made in curves.items() if made.gains}


def _curves(effects: Sequence[AttackEffect], objective: str, balls: Mapping[str, Budget]) -> Curves:
    """Return the curves; attacks without any gain that is defined have none."""
    labels = sorted({effect.budget for effect in effects}, key=lambda label: balls[label].radius)
    pictures = list(dict.fromkeys(effect.picture for effect in effects))
    best = {case: search.gain for case, search in strongest_searches(effects, objective).items()}
    return Curves(
        [_length(balls[label]) for label in labels],
        {
            name: [
                [best.get((name, label, picture), 0.0) for picture in pictures] for label in labels
            ]
            for name in dict.fromkeys(name for name, _, _ in best)
        },
    )


def _length(budget: Budget) -> float:
    return math.sqrt(budget.radius) if budget.kind == Mse.kind else budget.radius


def _kind(budget: Budget) -> str:
    return budget.kind if budget.region is None else f"{budget.kind} in {budget.region}"
