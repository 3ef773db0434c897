"""The number of jobs of a suite, counted before any of them is made."""

from __future__ import annotations

from collections.abc import Sequence

from bench.errors import ConfigError
from bench.planning.operating_point import OperatingPoint, PlannedAttack
from bench.planning.sources import usable_sources
from bench.planning.victims import Victims
from bench.suite.suite import Suite

MOST_JOBS = 1_000_000
"""Largest number of searches and evaluations of one suite; planning as many takes a minute."""


def check_size(
    suite: Suite,
    points: Sequence[OperatingPoint],
    attacks: Sequence[PlannedAttack],
    pictures: int,
) -> None:
    """Check that a suite has at most `MOST_JOBS` searches and evaluations.

    With `score`, searches whose victims are all left to others count, though most are not run.

    Args:
        suite: the suite.
        points: its operating points, including the baselines.
        attacks: its attacks, including the baselines.
        pictures: the number of its pictures.

    Raises:
        ConfigError: it has more.
    """
    victims = Victims(suite, points)
    known: dict[object, int] = {}
    searched = sum(_jobs_of_attack(suite, points, attack, victims, known) for attack in attacks)
    jobs = pictures * (victims.all_evaluations + len(suite.budgets) * searched)
    if jobs > MOST_JOBS:
        raise ConfigError(
            f"the suite '{suite.name}' has {jobs} searches and evaluations, more than {MOST_JOBS};"
            " shorten its lists of values, or split it"
        )


def _jobs_of_attack(
    suite: Suite,
    points: Sequence[OperatingPoint],
    attack: PlannedAttack,
    victims: Victims,
    known: dict[object, int],
) -> int:
    """Return the searches of an attack on one picture at one budget, with their evaluations.

    Args:
        suite: the suite.
        points: its operating points.
        attack: the attack.
        victims: the victims of its searches.
        known: the jobs of one objective, by all that the number depends on; the points of a grid
            have it in common.
    """
    starts = attack.choice.starts
    if not attack.uses_target:
        return starts * (1 + victims.all_evaluations)
    kind = (attack.need, *attack.choice.search_settings)
    if kind not in known:
        known[kind] = sum(
            1 + victims.evaluations(attack, sources)
            for sources in usable_sources(suite, attack, points)
        )
    return starts * known[kind] * len(attack.choice.objectives or suite.default_objectives)
