"""A validated suite, its codecs' fingerprints and its pictures -> the jobs of a run. Pure.

    craft job     sources x picture x attack x objective x budget -> one 8-bit picture
    measure job   one crafted picture (or the clean one) x one victim -> scores

A picture is crafted once and measured on every victim, so transfer costs only measuring. Both are
identified by a hash of everything that can change their result; the same jobs come in the same
order every time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, field

from bench.attack import Need
from bench.budget import Budget
from bench.digest import digest
from bench.errors import ConfigError
from bench.images import Picture
from bench.record import Threat
from bench.registry import Choice, signature
from bench.suite import Suite

SCORING_VERSION = 2
"""Raised whenever the same bytes and pictures would give other scores, or more of them."""

IDENTITY = Choice("identity")
NOISE = Choice("sign-noise")


@dataclass(frozen=True)
class Point:
    """One operating point as planning sees it.

    Attributes:
        choice: its name and parameters.
        fingerprint: what its codec says of itself.
        differentiable: whether it offers gradients.
    """

    choice: Choice
    fingerprint: str
    differentiable: bool

    @property
    def label(self) -> str:
        """What records and the board call it."""
        return str(self.choice)

    @property
    def identity(self) -> list[object]:
        """What can change its output: what it says of itself, its name and its parameters."""
        return [self.fingerprint, self.choice.name, signature("codec", self.choice)]


@dataclass(frozen=True)
class Search:
    """An attack as planning sees it."""

    choice: Choice
    need: Need
    budgets: tuple[str, ...]
    version: int
    evaluations: int


@dataclass(frozen=True)
class CraftJob:
    """One search; `key` identifies the picture it finds."""

    key: str
    sources: tuple[Point, ...]
    picture: Picture
    search: Search
    objective: Choice | None
    budget: Budget
    seed: int


@dataclass(frozen=True)
class MeasureJob:
    """One cell; the clean picture if `craft` is None."""

    key: str
    victim: Point
    picture: Picture
    craft: CraftJob | None
    threat: Threat


@dataclass(frozen=True)
class Group:
    """One search (or the clean picture) and the cells that need its picture."""

    craft: CraftJob | None
    cells: tuple[MeasureJob, ...]


@dataclass(frozen=True)
class Plan:
    """Everything a suite asks for, in the order it is done."""

    groups: tuple[Group, ...] = field(repr=False)

    @property
    def crafts(self) -> list[CraftJob]:
        """The searches."""
        return [group.craft for group in self.groups if group.craft is not None]

    @property
    def cells(self) -> list[MeasureJob]:
        """The measurements."""
        return [cell for group in self.groups for cell in group.cells]


def plan(
    suite: Suite, points: Sequence[Point], searches: Sequence[Search], pictures: Sequence[Picture]
) -> Plan:
    """Return every job of a suite.

    Args:
        suite: what to do.
        points: its operating points with `baselines` among them.
        searches: its attacks with `baselines` among them.
        pictures: its pictures.

    Raises:
        ConfigError: an attack can do none of the budgets or cannot be planned yet, or two jobs
            would be one.
    """
    for search in searches:
        _check_budgets(suite, search)
    groups = []
    for picture in pictures:
        groups.append(_group(suite, None, picture, points))
        groups.extend(
            _group(suite, craft, picture, _victims(suite, craft, points))
            for craft in _crafts(suite, points, searches, picture)
        )
    planned = Plan(tuple(groups))
    _refuse_twins(planned)
    return planned


def _check_budgets(suite: Suite, search: Search) -> None:
    """See that an attack can do one budget at least; the others are recorded as unsupported."""
    asked = [spec.budget() for spec in suite.budgets]
    if not any(budget.kind in search.budgets for budget in asked):
        raise ConfigError(
            f"the attack '{search.choice}' can do budgets in {' and '.join(search.budgets)}, and"
            f" the suite has only {', '.join(map(str, asked))}; add such a budget or remove the"
            " attack"
        )


def _refuse_twins(planned: Plan) -> None:
    """See that no two jobs would give the same record."""
    seen: dict[str, CraftJob] = {}
    for job in planned.crafts:
        twin = seen.setdefault(job.key, job)
        if twin is not job:
            raise ConfigError(f"{_told(job)} and {_told(twin)} are the same search; remove one")


def _told(job: CraftJob) -> str:
    sources = " + ".join(point.label for point in job.sources)
    return " ".join(filter(None, (str(job.search.choice), sources, str(job.objective or ""))))


def with_baselines(suite: Suite) -> tuple[list[Choice], list[Choice]]:
    """Return the suite's codecs and attacks; a lossless codec and noise are always among them.

    Raises:
        ConfigError: something else is labelled like the one that is missing.
    """
    points, searches = suite.points, suite.searches
    if not any(choice.name == IDENTITY.name for choice in points):
        points = _joined(points, IDENTITY)
    if not any(choice.name == NOISE.name for choice in searches):
        searches = _joined(searches, NOISE)
    return points, searches


def _joined(choices: list[Choice], missing: Choice) -> list[Choice]:
    if str(missing) in map(str, choices):
        raise ConfigError(
            f"the label '{missing}' is kept for the one that every board has; choose another"
        )
    return [*choices, missing]


def _crafts(
    suite: Suite, points: Sequence[Point], searches: Sequence[Search], picture: Picture
) -> Iterator[CraftJob]:
    for spec in suite.budgets:
        for search in searches:
            if search.need == "nothing":
                yield _craft(suite, (), picture, search, None, spec.budget())
                continue
            if search.need == "queries":
                raise ConfigError(
                    f"the attack '{search.choice}' needs queries, which suites cannot plan yet"
                )
            for point in points:
                if not point.differentiable:
                    continue
                for objective in suite.wants:
                    yield _craft(suite, (point,), picture, search, objective, spec.budget())


def _victims(suite: Suite, craft: CraftJob, points: Sequence[Point]) -> list[Point]:
    """Noise hits everyone; the source itself is always a victim; transfer as the suite says."""
    if not craft.sources or suite.transfer == "all":
        return list(points)
    reached = [p for p in points if suite.transfer == "gradient-free" and not p.differentiable]
    return [p for p in points if p in craft.sources or p in reached]


def _craft(
    suite: Suite,
    sources: tuple[Point, ...],
    picture: Picture,
    search: Search,
    objective: Choice | None,
    budget: Budget,
) -> CraftJob:
    key = _hash(
        sources=[point.identity for point in sources],
        picture=picture.sha256,
        attack=[search.choice.name, search.version, signature("attack", search.choice)],
        objective=objective and [objective.name, signature("objective", objective)],
        budget=[budget.kind, budget.radius, budget.region and astuple(budget.region)],
        seed=suite.seed,
        compute=suite.compute.model_dump() if sources else None,
    )
    return CraftJob(key, sources, picture, search, objective, budget, int(key[:12], 16))


def _group(
    suite: Suite, craft: CraftJob | None, picture: Picture, victims: Sequence[Point]
) -> Group:
    return Group(craft, tuple(_cell(suite, craft, picture, victim) for victim in victims))


def _cell(suite: Suite, craft: CraftJob | None, picture: Picture, victim: Point) -> MeasureJob:
    key = _hash(
        victim=[victim.label, *victim.identity],
        picture=[picture.name, picture.sha256],
        craft=craft and craft.key,
        scores=[suite.rd_lambda, suite.vmaf],
        scoring=SCORING_VERSION,
        threads=suite.compute.threads,
    )
    return MeasureJob(key, victim, picture, craft, _threat(craft, victim))


def _threat(craft: CraftJob | None, victim: Point) -> Threat:
    if craft is None:
        return "clean"
    if not craft.sources:
        return "noise"
    return "white-box" if victim in craft.sources else "transfer"


def _hash(**parts: object) -> str:
    return digest(parts)[:24]
