"""A validated suite, its codecs' fingerprints and its pictures -> the jobs of a run. Pure.

A picture is crafted once and measured on every victim, so transfer costs only measuring. Both are
identified by a hash of everything that can change their result; the same jobs come in the same
order every time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain

from bench.budget import Budget
from bench.errors import ConfigError
from bench.images.image_set import Picture
from bench.planning.baselines import IDENTITY
from bench.planning.jobs import CraftJob, Draw, Group, MeasureJob, Plan
from bench.planning.operating_point import OperatingPoint, PlannedAttack, ScoringSpec
from bench.registry.registry import Component, implementation
from bench.store.records import Threat
from bench.suite.suite import Suite
from bench.utils.hashing import job_key

SCORING_VERSION = 2
"""Raised whenever the same bytes and pictures would give other scores, or more of them."""


def group(
    suite: Suite,
    craft: CraftJob | None,
    picture: Picture,
    victims: Sequence[OperatingPoint],
    terms: ScoringSpec,
) -> Group:
    """Return one search, or the clean picture if there is none, and a cell for each victim."""
    return Group(
        craft,
        tuple(
            _cell(suite, craft, picture, victim, terms, draw)
            for victim in victims
            for draw in _draws(suite, picture, victim)
        ),
    )


def _draws(suite: Suite, picture: Picture, victim: OperatingPoint) -> Sequence[Draw | None]:
    if not victim.random:
        return (None,)
    told = {"victim": victim.identity, "picture": picture.sha256, "seed": suite.seed}
    keys = [job_key(**told, draw=number) for number in range(suite.draws)]
    return [Draw(number, int(key[:12], 16)) for number, key in enumerate(keys)]


def _cell(
    suite: Suite,
    craft: CraftJob | None,
    picture: Picture,
    victim: OperatingPoint,
    terms: ScoringSpec,
    draw: Draw | None,
) -> MeasureJob:
    key = job_key(
        victim=[victim.label, *victim.identity],
        picture=[picture.name, picture.sha256],
        craft=craft and craft.key,
        **terms.identity,
        scoring=SCORING_VERSION,
        threads=suite.compute.threads,
        **({"draw": [draw.number, draw.seed]} if draw else {}),
    )
    return MeasureJob(key, victim, picture, craft, _threat(craft, victim), draw)


def _threat(craft: CraftJob | None, victim: OperatingPoint) -> Threat:
    if craft is None:
        return "clean"
    if not craft.sources:
        return "noise"
    if victim in craft.sources:
        return "black-box" if craft.search.need == "queries" else "white-box"
    return "unaware" if any(map(victim.is_defended_version_of, craft.sources)) else "transfer"


SEARCHING_VERSION = 2
"""Raised whenever the same search would find another picture, by the harness or a surrogate."""


_DRAWING_VERSION = 2
"""Raised likewise, for searches on codecs that draw random numbers alone."""


def plan(
    suite: Suite,
    points: Sequence[OperatingPoint],
    searches: Sequence[PlannedAttack],
    pictures: Sequence[Picture],
    terms: ScoringSpec,
) -> Plan:
    """Return every job of a suite.

    Args:
        suite: what to do.
        points: its operating points with `bench.planning.baselines` among them.
        searches: its attacks with `bench.planning.baselines` among them.
        pictures: its pictures.
        terms: what it says of scoring.

    Raises:
        ConfigError: an attack can do none of the budgets, no attack can search on some of the
            sources, or two jobs would be one.
    """
    for search in searches:
        _check_budgets(suite, search)
    _check_sources(suite, points, searches)
    batches = _batches(pictures, suite.compute.batch)
    groups = chain.from_iterable(
        _groups(suite, points, searches, batch, terms) for batch in batches
    )
    planned = Plan(tuple(groups))
    _refuse_twins(planned)
    return planned


def _check_budgets(suite: Suite, search: PlannedAttack) -> None:
    """See that an attack can do one budget at least; the others are recorded as unsupported."""
    asked = [spec.budget() for spec in suite.budgets]
    if not any(budget.kind in search.budgets for budget in asked):
        raise ConfigError(
            f"the attack '{search.choice}' can do budgets in {' and '.join(search.budgets)}, and"
            f" the suite has only {', '.join(map(str, asked))}; add such a budget or remove the"
            " attack"
        )


def _check_sources(
    suite: Suite, points: Sequence[OperatingPoint], searches: Sequence[PlannedAttack]
) -> None:
    """See that whatever is named as sources is searched on: a suite's by one attack at least."""
    for search in searches:
        for sources in _named(points, search.choice.sources):
            _check_searched(sources, [search], f"the attack '{search.choice}' cannot")
    free = [search for search in searches if search.uses_target and not search.choice.sources]
    for sources in _named(points, suite.together):
        _check_searched(sources, free, "no attack of the suite can")


def _check_searched(
    sources: tuple[OperatingPoint, ...], searches: Sequence[PlannedAttack], who: str
) -> None:
    if not any(search.uses_target and _can_search(search, sources) for search in searches):
        raise ConfigError(
            f"{who} search on the source {_labels(sources)}: gradients are of codecs that offer"
            " them, queries of one codec that is not lossless; remove it or add an attack"
        )


def _refuse_twins(planned: Plan) -> None:
    """See that no two jobs would give the same record."""
    seen: dict[str, CraftJob] = {}
    for job in planned.crafts:
        twin = seen.setdefault(job.key, job)
        if twin is not job:
            raise ConfigError(f"{_told(job)} and {_told(twin)} are the same search; remove one")


def _told(job: CraftJob) -> str:
    return " ".join(
        filter(None, (str(job.search.choice), _labels(job.sources), str(job.objective or "")))
    )


def _labels(sources: Sequence[OperatingPoint]) -> str:
    return " + ".join(point.label for point in sources)


def _batches(pictures: Sequence[Picture], size: int) -> list[list[Picture]]:
    """Return pictures of one size together, at most so many, in the order of their first ones."""
    batches: list[list[Picture]] = []
    growing: dict[tuple[int, ...], list[Picture]] = {}
    for picture in pictures:
        batch = growing.get(picture.pixels.shape, [])
        if len(batch) in {0, size}:
            batch = growing[picture.pixels.shape] = []
            batches.append(batch)
        batch.append(picture)
    return batches


def _groups(
    suite: Suite,
    points: Sequence[OperatingPoint],
    searches: Sequence[PlannedAttack],
    batch: Sequence[Picture],
    terms: ScoringSpec,
) -> Iterator[Group]:
    for picture in batch:
        yield group(suite, None, picture, points, terms)
    for crafts in _crafts(suite, points, searches, batch):
        mates = crafts if _is_batched(crafts[0].search, batch) else ()
        for craft in crafts:
            victims = _victims(suite, craft, points)
            yield replace(group(suite, craft, craft.picture, victims, terms), mates=mates)


def _crafts(
    suite: Suite,
    points: Sequence[OperatingPoint],
    searches: Sequence[PlannedAttack],
    batch: Sequence[Picture],
) -> Iterator[tuple[CraftJob, ...]]:
    """Yield searches that are alike, one for each picture."""
    for spec in suite.budgets:
        for search in searches:
            if not search.uses_target:
                yield _alike(suite, (), batch, search, None, spec.budget())
                continue
            for sources in filter(partial(_can_search, search), _sources(suite, search, points)):
                for objective in search.choice.objectives or suite.wants:
                    yield _alike(suite, sources, batch, search, objective, spec.budget())


def _is_batched(search: PlannedAttack, batch: Sequence[Picture]) -> bool:
    """Tell whether these pictures are searched at once: what asks queries gains nothing by it."""
    return len(batch) > 1 and search.need == "gradient"


def _sources(
    suite: Suite, search: PlannedAttack, points: Sequence[OperatingPoint]
) -> list[tuple[OperatingPoint, ...]]:
    """Return what is searched on together: as attack or suite say, or each point alone."""
    alone = [(point.label,) for point in points]
    return _named(points, search.choice.sources or suite.together or alone)


def _named(
    points: Sequence[OperatingPoint], named: Sequence[Sequence[str]]
) -> list[tuple[OperatingPoint, ...]]:
    return [tuple(point for point in points if point.label in labels) for labels in named]


def _can_search(search: PlannedAttack, sources: Sequence[OperatingPoint]) -> bool:
    """Tell whether an attack can search on sources: by gradients of all, by queries of one."""
    if search.need == "queries":
        return len(sources) == 1 and sources[0].choice.name != IDENTITY
    return all(point.differentiable for point in sources)


def _victims(
    suite: Suite, craft: CraftJob, points: Sequence[OperatingPoint]
) -> list[OperatingPoint]:
    """Noise hits everyone; the sources, and they behind defences, are always victims."""
    transfer = craft.search.choice.transfer or suite.transfer
    if not craft.sources or transfer == "all":
        return list(points)
    reached = [p for p in points if transfer == "gradient-free" and not p.differentiable]
    reached += [p for p in points if any(map(p.is_defended_version_of, craft.sources))]
    return [p for p in points if p in craft.sources or p in reached]


def _objective(choice: Component) -> list[object]:
    """Return what can change what is wanted; only some objectives have a version."""
    version = getattr(implementation("objective", choice.name), "version", None)
    return [
        choice.name,
        choice.signature,
        *([] if version is None else [version]),
    ]


def _alike(
    suite: Suite,
    sources: tuple[OperatingPoint, ...],
    batch: Sequence[Picture],
    search: PlannedAttack,
    objective: Component | None,
    budget: Budget,
) -> tuple[CraftJob, ...]:
    told = dict(
        sources=[point.identity for point in sources],
        attack=search.identity,
        objective=objective and _objective(objective),
        budget=budget.identity,
        seed=suite.seed,
        searching=SEARCHING_VERSION,
        compute=suite.compute.identity if sources else None,
        **(
            {"draws": [suite.draws, _DRAWING_VERSION]}
            if any(point.random for point in sources)
            else {}
        ),
        **({"batch": [one.sha256 for one in batch]} if _is_batched(search, batch) else {}),
    )
    keys = [job_key(**told, picture=picture.sha256) for picture in batch]
    return tuple(
        CraftJob(
            key,
            sources,
            picture,
            search,
            objective,
            budget,
            seed=int(key[:12], 16),
            draws=suite.draws,
            arithmetic=suite.compute.arithmetic,
        )
        for key, picture in zip(keys, batch, strict=True)
    )
