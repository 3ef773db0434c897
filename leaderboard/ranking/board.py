"""Runs -> a board: rows in tables, and families of rows in rankings and curves. Pure functions.

    Run --cases--> CellGroup --worst case, flags--> Row
    rows of one suite at one budget --> Table (attacked through own gradients, or without)
                                    --families--> Comparison --> Ranking, Curves

Reads records only.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from bench.budget import Budget, Unlimited
from bench.store.manifest import Manifest
from bench.store.records import CraftRecord
from bench.store.resources import Resources
from bench.store.run_folder import Run
from bench.store.timings import Timings
from leaderboard.aggregate.cases import CellGroup, cases, is_subsampled, measurements
from leaderboard.aggregate.families import FamilyMember
from leaderboard.aggregate.flags import (
    Flag,
    craft_flags,
    is_smaller,
    objective_values,
    rivals,
    step_flags,
    surrogate_flags,
    weak_flags,
)
from leaderboard.aggregate.rows import NOISE_ONLY, UNATTACKED, Row, RowKey, kinds, row
from leaderboard.aggregate.smallest import smallest_budgets
from leaderboard.aggregate.suite_info import Corruption, SuiteInfo, setting
from leaderboard.aggregate.threats import GRADIENTS, NOISE, QUERIES, WITHOUT_GRADIENTS
from leaderboard.ranking.comparison import Comparison, comparison

_FREE = Unlimited.kind
"""Label of the budget without a limit."""


@dataclass(frozen=True)
class BoardRun:
    """One run on the board.

    Attributes:
        name: name of its suite, numbered where several runs share it.
        manifest: the run's manifest.
        suite: the run's suite.
        done: number of evaluations with a record.
        crafts: its searches.
        timings: how long operating points take, by label; None where the times of records count.
        resources: time and memory of coding adversarial pictures, by operating point.
    """

    name: str
    manifest: Manifest
    suite: SuiteInfo
    done: int
    crafts: tuple[CraftRecord, ...]
    timings: Timings | None
    resources: Resources

    @property
    def corruptions(self) -> dict[str, Corruption]:
        """Its corruptions by label: what needs no codec and has no limit, and so is no attack."""
        made = (one for one in self.crafts if not one.sources and one.budget == _FREE)
        labels = {one.attack for one in made if one.status != "unsupported"}
        return {label: one for label, one in self.suite.corruptions.items() if label in labels}

    @property
    def complete(self) -> bool:
        """Whether every evaluation has a record."""
        return self.done >= self.manifest.cells

    @property
    def terms(self) -> Hashable:
        """What comparable runs share; they may differ in their codecs and budgets only."""
        return frozenset(self.manifest.pictures.items()), self.suite.terms


@dataclass(frozen=True)
class Table:
    """Rows that may be compared; the lossless reference stands in every table.

    Attributes:
        runs: names of the runs of the rows, all of one suite.
        budget: the budget.
        through_gradients: whether the codecs were attacked through their own gradients.
        rows: in the order of the runs and their codecs.
    """

    runs: tuple[str, ...]
    budget: Budget
    through_gradients: bool
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Board:
    """Everything that a board shows.

    Attributes:
        parts: the runs.
        members: operating points at a budget, in the order of runs, budgets and codecs.
        comparisons: one for each suite and budget.
    """

    parts: tuple[BoardRun, ...]
    members: tuple[FamilyMember, ...]
    comparisons: tuple[Comparison, ...]

    @property
    def rows(self) -> tuple[Row, ...]:
        """The rows of all operating points at all budgets."""
        return tuple(member.row for member in self.members)

    def members_of(self, part: BoardRun) -> list[FamilyMember]:
        """Return the operating points at a budget of one run."""
        return [member for member in self.members if member.row.place.run == part.name]

    def only(self, part: BoardRun) -> Board:
        """Return the board of one run, which shares its suite with no other."""
        compared = tuple(one for one in self.comparisons if one.runs == (part.name,))
        return Board((part,), tuple(self.members_of(part)), compared)

    @property
    def has_suites(self) -> bool:
        """Whether there are several suites, whose figures are not comparable."""
        return len({(part.suite.name, part.terms) for part in self.parts}) > 1

    @property
    def times_in_records(self) -> bool:
        """Whether coding times are those of the evaluations, as in entries without timings."""
        return any(part.timings is None for part in self.parts)

    @property
    def budgets(self) -> list[Budget]:
        """The budgets of all runs, each once."""
        budgets = chain.from_iterable(part.suite.balls for part in self.parts)
        return list({str(budget): budget for budget in budgets}.values())

    @property
    def tables(self) -> list[Table]:
        """The rows, separated by suite, by budget and by whether gradients were used."""
        return list(chain.from_iterable(map(self._tables_of, self.comparisons)))

    def _tables_of(self, comparison: Comparison) -> Iterator[Table]:
        label, runs = str(comparison.budget), comparison.runs
        rows = [row for row in self.rows if row.place.budget == label and row.place.run in runs]
        own = [row for row in rows if row.place.through_gradients]
        others = [row for row in rows if not row.place.through_gradients]
        if own:
            references = (row for row in others if row.reference)
            yield Table(runs, comparison.budget, True, (*own, *references))
        if not own or any(not row.reference for row in others):
            yield Table(runs, comparison.budget, False, tuple(others))


def build_board(runs: Sequence[Run]) -> Board:
    """Return the board of some runs, finished or not.

    Raises:
        StoreError: a manifest cannot be read, or a score refers to a search without a record.
    """
    suites = [setting(run) for run in runs]
    parts = tuple(map(_part, _names(suites), runs, suites))
    members = [tuple(_members(part, run)) for part, run in zip(parts, runs, strict=True)]
    return Board(parts, tuple(chain(*members)), tuple(_comparisons(parts, members)))


def _comparisons(
    parts: Sequence[BoardRun], members: Sequence[Sequence[FamilyMember]]
) -> Iterator[Comparison]:
    """Yield one comparison for each suite and budget."""
    suites: dict[tuple[str, Hashable], list[int]] = defaultdict(list)
    for index, part in enumerate(parts):
        suites[part.suite.name, part.terms].append(index)
    for (_, terms), indices in suites.items():
        suite = parts[indices[0]].suite
        values = objective_values(suite.all_objectives)
        budgets = {str(budget): budget for i in indices for budget in parts[i].suite.balls}
        comparable = list(chain.from_iterable(members[i] for i in indices))
        for label, budget in budgets.items():
            at_budget = [member for member in comparable if member.row.place.budget == label]
            yield comparison(terms, budget, at_budget, values, suite.error_bands)


def _part(name: str, run: Run, suite: SuiteInfo) -> BoardRun:
    crafts = tuple(run.crafts.values())
    done = len(measurements(run))
    return BoardRun(name, run.manifest, suite, done, crafts, run.timings, run.resources)


def _names(suites: Iterable[SuiteInfo]) -> list[str]:
    seen: Counter[str] = Counter()
    names = []
    for suite in suites:
        seen[suite.name] += 1
        number = seen[suite.name]
        names.append(suite.name if number == 1 else f"{suite.name} ({number})")
    return names


def _members(part: BoardRun, run: Run) -> Iterator[FamilyMember]:
    groups = cases(run, part.suite)
    own = {codec for (codec, _), case in groups.items() if GRADIENTS in case.crafts}
    lossless = min(part.suite.references)
    balls = {str(budget): budget for budget in part.suite.balls}
    values = objective_values(part.suite.all_objectives)
    for (codec, budget), case in groups.items():
        place = _place(part, codec, budget, case, codec in own)
        flags = _flags(part, place, groups)
        smallest = smallest_budgets(case, balls[budget], values)
        yield FamilyMember(
            part.suite.choices[codec],
            row(place, case, flags, groups.get((lossless, budget)), smallest),
            case,
            tuple(_flags_without_gradients(part, place, groups)),
            tuple(groups[codec, smaller] for smaller in _smaller(part.suite, budget)),
        )


def _place(part: BoardRun, codec: str, budget: str, case: CellGroup, has_gradients: bool) -> RowKey:
    threats = kinds(case)
    unattacked = NOISE_ONLY if NOISE in case.crafts else "not yet"
    if (case.corrupted or case.corrupted_lost) and not case.crafts:
        unattacked = UNATTACKED
    return RowKey(
        run=part.name,
        codec=codec,
        budget=budget,
        threat=GRADIENTS if has_gradients else " + ".join(threats) or unattacked,
        kinds=threats,
        n_pictures=len(part.manifest.pictures),
        reference=codec in part.suite.references,
        subsampled=is_subsampled(part.suite.choices[codec]),
    )


def _flags(
    part: BoardRun, place: RowKey, groups: Mapping[tuple[str, str], CellGroup]
) -> Iterator[Flag]:
    case, values = groups[place.codec, place.budget], objective_values(part.suite.all_objectives)
    threats = (GRADIENTS,) if place.through_gradients else place.kinds
    yield from _unfinished(part)
    yield from _search_flags(case, threats)
    yield from _nondeterministic(case)
    if not place.reference:
        yield from _weak(part, place, groups, threats)
        yield from step_flags(case.of(*threats), part.suite.all_attacks, values)
    if place.through_gradients:
        searched = [*case.of(GRADIENTS), *(attack for _, attack in case.towards_goals)]
        own = [attack for attack in searched if attack.threat == GRADIENTS]
        yield from surrogate_flags(own, values)


def _flags_without_gradients(
    part: BoardRun, place: RowKey, groups: Mapping[tuple[str, str], CellGroup]
) -> Iterator[Flag]:
    """Yield the flags of the attacks without gradients."""
    case, values = groups[place.codec, place.budget], objective_values(part.suite.all_objectives)
    yield from _unfinished(part)
    yield from _search_flags(case, WITHOUT_GRADIENTS)
    yield from _nondeterministic(case)
    yield from _weak(part, place, groups, WITHOUT_GRADIENTS)
    yield from step_flags(case.of(QUERIES), part.suite.all_attacks, values)


def _search_flags(case: CellGroup, threats: Sequence[str]) -> Iterator[Flag]:
    """Yield the flags of the searches; flags of searches on other codecs concern only those."""
    own = (case.crafts.get(threat, []) for threat in threats if threat != "transfer")
    yield from craft_flags(list(chain(*own)))


def _nondeterministic(case: CellGroup) -> Iterator[Flag]:
    for name, count in Counter(case.flags).items():
        yield Flag(name, count, len(case.clean))


def _unfinished(part: BoardRun) -> Iterator[Flag]:
    if not part.complete:
        yield Flag("unfinished", part.done, part.manifest.cells)


def _weak(
    part: BoardRun,
    place: RowKey,
    groups: Mapping[tuple[str, str], CellGroup],
    threats: Sequence[str],
) -> Iterator[Flag]:
    case = groups[place.codec, place.budget]
    smaller = [groups[place.codec, budget] for budget in _smaller(part.suite, place.budget)]
    others = rivals(threats, case, smaller)
    yield from weak_flags(case.of(*threats), others, objective_values(part.suite.all_objectives))


def _smaller(suite: SuiteInfo, label: str) -> list[str]:
    """Return the labels of the suite's budgets that lie inside another one."""
    budget = next(budget for budget in suite.balls if str(budget) == label)
    return [str(other) for other in suite.balls if is_smaller(other, budget)]
