"""The searches of a suite: their order, their keys and the seeds of their random numbers.

A key is a hash of everything that can change the adversarial picture, versions and weights among
it. A seed follows only from the suite's seed, the picture, the attack, the objective, the budget
and the number of the start. Two laboratories that run the same suite with different versions
therefore start from the same random pictures.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from bench.budget import Budget
from bench.images.image_set import Picture
from bench.planning.jobs import CraftJob
from bench.planning.operating_point import OperatingPoint, PlannedAttack
from bench.planning.sources import usable_sources
from bench.registry.component_spec import AT_SOURCE
from bench.registry.registry import Component, implementation
from bench.suite.suite import Suite
from bench.utils.hashing import job_key, random_seed

SEARCHING_VERSION = 4
"""Increase it when the harness or a surrogate changes so that searches find other pictures."""

_LAST_RUN_COUNTED = 3
"""The last version in which a search with `extensions` ended with the picture of its longest run.
The keys of searches without them have not changed since."""

_SEED_FROM_KEY = 2
"""The last version whose seeds followed from the key, and thus from versions and weights."""

_DRAWING_VERSION = 2
"""The same, but only for searches on random codecs."""


_Name: TypeAlias = tuple[tuple[str, ...], str, str]
"""The labels of the sources, the attack and the objective of a search."""


@dataclass(frozen=True)
class _Search:
    """One search, on any picture.

    Attributes:
        sources: the codecs that are attacked jointly; empty for noise.
        attack: the attack.
        objective: the objective; None for noise.
        budget: the budget.
        start: number of the search among those that differ only in their random numbers.
    """

    sources: tuple[OperatingPoint, ...]
    attack: PlannedAttack
    objective: Component | None
    budget: Budget
    start: int

    @property
    def name(self) -> _Name:
        """What it shares with its other starts alone, among the searches of one budget."""
        return self._sources, str(self.attack.choice), str(self.objective)

    @property
    def parent_name(self) -> _Name | None:
        """The name of the searches that may give its start."""
        if self.attack.choice.start_from in {(), AT_SOURCE}:
            return None
        label, *given = self.attack.choice.start_from
        return self._sources, label, given[0] if given else str(self.objective)

    @property
    def _sources(self) -> tuple[str, ...]:
        return tuple(point.label for point in self.sources)


def searches(
    suite: Suite,
    points: Sequence[OperatingPoint],
    attacks: Sequence[PlannedAttack],
    batch: Sequence[Picture],
    searching: int,
) -> Iterator[tuple[CraftJob, ...]]:
    """Yield the searches that differ only in the picture, one for each picture of a batch.

    Args:
        suite: the suite.
        points: its operating points, including the baselines.
        attacks: its attacks, including the baselines.
        batch: pictures of one size.
        searching: version of the search.
    """
    for spec in suite.budgets:
        found: dict[_Name | None, list[tuple[CraftJob, ...]]] = defaultdict(list)
        for attack in attacks:
            for search in _searches_of(suite, points, attack, spec.budget()):
                parents = _parents(search, found.get(search.parent_name, ()), len(batch))
                jobs = _batch(suite, search, batch, parents, searching)
                found[search.name].append(jobs)
                yield jobs


def _parents(
    search: _Search, starts: Sequence[tuple[CraftJob, ...]], pictures: int
) -> Sequence[tuple[CraftJob, ...]]:
    """Return for each picture the searches that may give the start of a search.

    Args:
        search: the search; one of several starts has one parent, that of the same number.
        starts: the searches of another attack, by their start and picture.
        pictures: the number of pictures.
    """
    is_single = search.attack.choice.starts == 1
    chosen = starts if is_single else starts[search.start : search.start + 1]
    return list(zip(*chosen, strict=True)) or [()] * pictures


def is_batched(attack: PlannedAttack, batch: Sequence[Picture]) -> bool:
    """Return whether the pictures are searched together; queries do not get faster in batches."""
    return len(batch) > 1 and attack.need == "gradient"


def _searches_of(
    suite: Suite, points: Sequence[OperatingPoint], attack: PlannedAttack, budget: Budget
) -> Iterator[_Search]:
    starts = range(attack.choice.starts)
    if not attack.uses_target:
        yield from (_Search((), attack, None, budget, start) for start in starts)
        return
    for sources in usable_sources(suite, attack, points):
        for objective in attack.choice.objectives or suite.default_objectives:
            for start in starts:
                yield _Search(sources, attack, objective, budget, start)


def _batch(
    suite: Suite,
    search: _Search,
    batch: Sequence[Picture],
    parents: Sequence[tuple[CraftJob, ...]],
    searching: int,
) -> tuple[CraftJob, ...]:
    content = _content(suite, search, searching)
    if is_batched(search.attack, batch):
        content["batch"] = [picture.sha256 for picture in batch]
    if any(parents):
        content["parents"] = [[one.key for one in jobs] for jobs in parents]
    keys = [job_key(**content, picture=picture.sha256) for picture in batch]
    return tuple(
        CraftJob(
            key,
            search.sources,
            picture,
            search.attack,
            search.objective,
            search.budget,
            seed=_seed(suite, search, picture, key, searching),
            start=search.start,
            draws=suite.draws,
            arithmetic=suite.compute.arithmetic,
            parents=own,
        )
        for key, picture, own in zip(keys, batch, parents, strict=True)
    )


def _content(suite: Suite, search: _Search, searching: int) -> dict[str, Any]:
    """Return the parts of a key that all pictures of a batch have in common."""
    is_random = any(point.random for point in search.sources)
    return dict(
        sources=[point.identity for point in search.sources],
        attack=search.attack.identity,
        objective=search.objective and _objective_identity(search.objective),
        budget=search.budget.identity,
        seed=suite.seed,
        searching=searching
        if search.attack.choice.extensions
        else min(searching, _LAST_RUN_COUNTED),
        compute=suite.compute.identity if search.sources else None,
        **({"draws": [suite.draws, _DRAWING_VERSION]} if is_random else {}),
        **({"start": search.start} if search.start else {}),
        **({"at": "source"} if search.attack.choice.start_from == AT_SOURCE else {}),
    )


def _objective_identity(choice: Component) -> list[object]:
    """Return the part of a key for an objective; only some objectives have a version."""
    version = getattr(implementation("objective", choice.name), "version", None)
    return [choice.name, choice.signature, *([] if version is None else [version])]


def _seed(suite: Suite, search: _Search, picture: Picture, key: str, searching: int) -> int:
    """Return the seed of a search's random numbers.

    The attack is part of it by its name alone, so that attacks that differ in a parameter start
    from the same pictures.
    """
    if searching <= _SEED_FROM_KEY:
        return int(key[:12], 16)
    objective = search.objective
    return random_seed(
        seed=suite.seed,
        picture=picture.sha256,
        attack=search.attack.choice.name,
        objective=objective and [objective.name, objective.signature],
        budget=search.budget.identity,
        start=search.start,
    )
