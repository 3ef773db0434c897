"""Two attacks compared case by case.

    runs --> [AttackEffect] --strongest search of each attack--> gain in every case --> Comparison

A case is one codec, objective, budget and picture. In each case the attacks are compared by what
they gain over the clean picture (`leaderboard.study.attacks.gains`). An attack without an
adversarial picture counts as the source picture: it gains nothing.

The relative advantage in a case is the difference of the two gains divided by the larger one. Its
mean over the cases of a picture is one value for each picture. An attack is stronger if it gains
more in at least two thirds of the cases and the mean of these values is significantly above 0 by a
t-test over the pictures (`leaderboard.ranking.significance`). The test assumes that the mean is
about normal, which few pictures cannot show; fewer than `FEWEST` decide nothing.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import fmean
from typing import Literal, TypeAlias

from leaderboard.aggregate.bootstrap import sample
from leaderboard.aggregate.threats import NOISE
from leaderboard.formatting import decibel
from leaderboard.ranking.significance import LEVEL, p_value
from leaderboard.study.attacks.gains import StrongestSearch, counted, strongest_searches
from leaderboard.study.effects import GOALS, AttackEffect, AttackGoal

Verdict: TypeAlias = Literal["stronger", "weaker", "equal", "undecided"]

SAME = 0.02
"""Gains that differ by at most this share of the larger one count as the same."""

MOST = 2 / 3
"""An attack gains more in at least this share of the cases if it is stronger."""

FEWEST = 4
"""Fewer pictures do not decide which attack is stronger."""

_DISTORTION, _RATE, _COST = GOALS

DAMAGES: dict[str, AttackGoal] = {
    "distortion": replace(
        _DISTORTION,
        header="PSNR drop",
        damage=lambda scores: scores.drop_db,
        text=lambda drop: f"{decibel(drop)} dB",
    ),
    "rate": replace(_RATE, header="rate increase"),
    "rd": replace(_COST, header="R-D cost increase"),
}
"""The damage by attacks with each objective, as boards show it."""

_NO_DAMAGE = {"distortion": 0.0, "rate": 1.0, "rd": 1.0}


@dataclass(frozen=True)
class Case:
    """One comparison of attacks.

    Attributes:
        codec: label of the operating point.
        objective: name of the objective.
        budget: label of the budget.
        picture: name of the source picture.
    """

    codec: str
    objective: str
    budget: str
    picture: str


Found: TypeAlias = Mapping[str, Mapping[Case, StrongestSearch]]
"""The strongest search of each attack in each case; cases without a picture are left out."""


def strongest_in_cases(effects: Iterable[AttackEffect]) -> Found:
    """Return the strongest search of every attack in every case that not only noise has."""
    groups: dict[tuple[str, str], list[AttackEffect]] = defaultdict(list)
    for objective, effect in counted(effects):
        groups[effect.model.label, objective].append(effect)
    found: dict[str, dict[Case, StrongestSearch]] = defaultdict(dict)
    attacked = {name: one for name, one in groups.items() if any(map(_is_attack, one))}
    for (codec, objective), group in attacked.items():
        for (attack, budget, picture), search in strongest_searches(group, objective).items():
            found[attack][Case(codec, objective, budget, picture)] = search
    return found


def _is_attack(effect: AttackEffect) -> bool:
    return effect.threat != NOISE


@dataclass(frozen=True)
class Comparison:
    """The gains of two attacks in the same cases.

    Attributes:
        attack: label of the first attack.
        other: label of the second one.
        gains: both gains by case.
    """

    attack: str
    other: str
    gains: Mapping[Case, tuple[float, float]]

    @cached_property
    def advantages(self) -> dict[Case, float]:
        """The relative advantage of the first attack by case."""
        return {case: _advantage(*both) for case, both in self.gains.items()}

    @property
    def more(self) -> list[Case]:
        """The cases in which the first attack gains more."""
        return [case for case, advantage in self.advantages.items() if advantage > SAME]

    @property
    def less(self) -> list[Case]:
        """The cases in which the first attack gains less."""
        return [case for case, advantage in self.advantages.items() if advantage < -SAME]

    @property
    def objectives(self) -> dict[str, Comparison]:
        """The same for the cases of each objective alone."""
        names = dict.fromkeys(case.objective for case in self.gains)
        return {
            name: replace(
                self,
                gains={case: both for case, both in self.gains.items() if case.objective == name},
            )
            for name in names
        }

    @property
    def pictures(self) -> int:
        """The number of pictures."""
        return len({case.picture for case in self.gains})

    @property
    def verdict(self) -> Verdict:
        """Which attack is stronger."""
        if not self.more and not self.less:
            return "equal"
        values, enough = self._by_picture, MOST * len(self.gains)
        if len(values) < FEWEST or p_value(sample(values), sample([0.0] * len(values))) > LEVEL:
            return "undecided"
        if fmean(values) > 0:
            return "stronger" if len(self.more) >= enough else "undecided"
        return "weaker" if len(self.less) >= enough else "undecided"

    @property
    def _by_picture(self) -> list[float]:
        """The mean advantage of each picture, in the order of their names."""
        values: dict[str, list[float]] = defaultdict(list)
        for case, advantage in self.advantages.items():
            values[case.picture].append(advantage)
        return [fmean(values[name]) for name in sorted(values)]


def compared(found: Found, attack: str, other: str) -> Comparison:
    """Return two attacks in all cases in which one of them has an adversarial picture.

    Codecs, objectives and budgets for which the second one has none at all are left out: it may not
    have searched there.
    """
    mine, theirs = found.get(attack, {}), found.get(other, {})
    searched = {replace(case, picture="") for case in theirs}
    more = (case for case in mine if replace(case, picture="") in searched)
    cases = dict.fromkeys([*theirs, *more])
    return Comparison(
        attack, other, {case: (_gain(mine, case), _gain(theirs, case)) for case in cases}
    )


def _gain(searches: Mapping[Case, StrongestSearch], case: Case) -> float:
    return searches[case].gain if case in searches else 0.0


def mean_damage(found: Found, attack: str, cases: Sequence[Case]) -> float:
    """Return the mean damage by an attack over cases with one objective."""
    objective = cases[0].objective
    goal, searches = DAMAGES[objective], found.get(attack, {})
    damages = [
        _damage(searches[case], goal) if case in searches else _NO_DAMAGE[objective]
        for case in cases
    ]
    estimate = goal.average(damages)
    return math.nan if estimate is None else estimate.mean


def _damage(search: StrongestSearch, goal: AttackGoal) -> float:
    """Return the mean damage over the draws; a search with a gain has a damage."""
    damages = (goal.damage(draw.scores) for draw in search.draws)
    return fmean(damage for damage in damages if damage is not None)


def _advantage(gain: float, other: float) -> float:
    larger = max(abs(gain), abs(other))
    return (gain - other) / larger if larger > 0 else 0.0
