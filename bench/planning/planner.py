"""Turns a checked suite, its codecs and its pictures into the jobs of a run.

Each adversarial picture is crafted once and scored on every victim, so transfer costs only scoring.
The key of a job is a hash of everything that can change its result. The order of the jobs is always
the same. The functions here have no side effects.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain

from bench.budget import Unlimited
from bench.errors import ConfigError
from bench.images.image_set import Picture
from bench.planning.jobs import CraftJob, Draw, Group, MeasureJob, Plan
from bench.planning.operating_point import OperatingPoint, PlannedAttack, ScoringSpec, joint_label
from bench.planning.searches import SEARCHING_VERSION, is_batched, searches
from bench.planning.size import check_size
from bench.planning.sources import check_sources
from bench.planning.victims import Victims
from bench.store.records import Threat
from bench.suite.suite import Suite
from bench.utils.hashing import job_key, random_seed

SCORING_VERSION = 2
"""Increase it when the same bitstreams and pictures would give other or additional scores."""


def make_group(
    suite: Suite,
    craft: CraftJob | None,
    picture: Picture,
    victims: Sequence[OperatingPoint],
    scoring: ScoringSpec,
) -> Group:
    """Return a search (None for the source picture) with an evaluation for each victim."""
    return Group(
        craft,
        tuple(
            _evaluation(suite, craft, picture, victim, scoring, draw)
            for victim in victims
            for draw in _draws(suite, picture, victim)
        ),
    )


def _draws(suite: Suite, picture: Picture, victim: OperatingPoint) -> Sequence[Draw | None]:
    if not victim.random:
        return (None,)
    content = {
        "victim": [victim.choice.name, victim.choice.signature],
        "picture": picture.sha256,
        "seed": suite.seed,
    }
    return [Draw(number, random_seed(**content, draw=number)) for number in range(suite.draws)]


def _evaluation(
    suite: Suite,
    craft: CraftJob | None,
    picture: Picture,
    victim: OperatingPoint,
    scoring: ScoringSpec,
    draw: Draw | None,
) -> MeasureJob:
    key = job_key(
        victim=[victim.label, *victim.identity],
        picture=[picture.name, picture.sha256],
        craft=craft and craft.key,
        **scoring.identity,
        scoring=SCORING_VERSION,
        threads=suite.compute.threads,
        **({"draw": [draw.number, draw.seed]} if draw else {}),
    )
    return MeasureJob(key, victim, picture, craft, _threat(craft, victim), draw, scoring.codings)


def _threat(craft: CraftJob | None, victim: OperatingPoint) -> Threat:
    if craft is None:
        return "clean"
    if not craft.sources:
        return "corruption" if _is_corruption(craft) else "noise"
    if victim in craft.sources:
        return "black-box" if craft.search.need == "queries" else "white-box"
    return "unaware" if any(map(victim.is_defended_version_of, craft.sources)) else "transfer"


def _is_corruption(craft: CraftJob) -> bool:
    """Return whether a picture is made without any codec in a budget that has no limit."""
    return craft.budget.kind == Unlimited.kind and Unlimited.kind in craft.search.budgets


def plan(
    suite: Suite,
    points: Sequence[OperatingPoint],
    attacks: Sequence[PlannedAttack],
    pictures: Sequence[Picture],
    scoring: ScoringSpec,
    searching: int = SEARCHING_VERSION,
) -> Plan:
    """Return all jobs of a suite.

    Args:
        suite: the suite.
        points: its operating points, including the baselines.
        attacks: its attacks, including the baselines.
        pictures: its pictures.
        scoring: its scoring settings.
        searching: the version of the search; older ones only to verify older runs.

    Raises:
        ConfigError: two pictures are equal, an attack supports none of the budgets, no attack can
            use one of the sources, there are too many jobs, or two are the same.
    """
    _check_pictures(pictures)
    for attack in attacks:
        _check_budgets(suite, attack)
    check_sources(suite, points, attacks)
    check_size(suite, points, attacks, len(pictures))
    batches = _batches(pictures, suite.compute.batch)
    groups = chain.from_iterable(
        _groups(suite, points, attacks, batch, scoring, searching) for batch in batches
    )
    planned = Plan(_needed(tuple(groups)))
    _check_distinct(planned)
    return planned


def _needed(groups: Sequence[Group]) -> tuple[Group, ...]:
    """Return the groups with evaluations, and the searches that theirs start from."""
    kept, parents = [], set[str]()
    for group in reversed(groups):
        if group.cells or group.key in parents:
            kept.append(group)
            parents.update(group.parents)
    return tuple(reversed(kept))


def _check_pictures(pictures: Sequence[Picture]) -> None:
    """Refuse equal pictures: their searches would be the same, and each would count twice."""
    seen: dict[str, str] = {}
    for picture in pictures:
        first = seen.setdefault(picture.sha256, picture.name)
        if first != picture.name:
            raise ConfigError(
                f"the pictures '{first}' and '{picture.name}' have the same pixels; leave one out"
            )


def _check_budgets(suite: Suite, attack: PlannedAttack) -> None:
    """Check that an attack supports a budget; searches with others are recorded as unsupported."""
    budgets = [spec.budget() for spec in suite.budgets]
    if not any(budget.kind in attack.budgets for budget in budgets):
        raise ConfigError(
            f"the attack '{attack.choice}' supports budgets in {' and '.join(attack.budgets)}, but"
            f" the suite has only {', '.join(map(str, budgets))}; add such a budget or remove the"
            " attack"
        )


def _check_distinct(planned: Plan) -> None:
    """Check that no two searches have the same key."""
    seen: dict[str, CraftJob] = {}
    for job in planned.crafts:
        first = seen.setdefault(job.key, job)
        if first is not job:
            raise ConfigError(
                f"{_describe(job)} and {_describe(first)} are the same search; remove one"
            )


def _describe(job: CraftJob) -> str:
    return " ".join(
        filter(None, (str(job.search.choice), joint_label(job.sources), str(job.objective or "")))
    )


def _batches(pictures: Sequence[Picture], size: int) -> list[list[Picture]]:
    """Return batches of at most `size` pictures of one shape, in the order of their first ones."""
    batches: list[list[Picture]] = []
    current: dict[tuple[int, ...], list[Picture]] = {}
    for picture in pictures:
        batch = current.get(picture.pixels.shape, [])
        if len(batch) in {0, size}:
            batch = current[picture.pixels.shape] = []
            batches.append(batch)
        batch.append(picture)
    return batches


def _groups(
    suite: Suite,
    points: Sequence[OperatingPoint],
    attacks: Sequence[PlannedAttack],
    batch: Sequence[Picture],
    scoring: ScoringSpec,
    searching: int,
) -> Iterator[Group]:
    victims = Victims(suite, points)
    for picture in batch:
        yield make_group(suite, None, picture, victims.scored(points), scoring)
    for crafts in searches(suite, points, attacks, batch, searching):
        mates = crafts if is_batched(crafts[0].search, batch) else ()
        for craft in crafts:
            found = victims.scored(victims.of(craft.search, craft.sources))
            group = make_group(suite, craft, craft.picture, found, scoring)
            yield replace(group, mates=mates)
