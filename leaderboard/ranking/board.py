"""Runs -> a board: rows in tables, and families of rows in rankings and curves. Pure.

    Run --cells--> Case --damage, flags--> Row
    rows of one suite at one budget --> Table (with gradients, or without)
                                    --families--> Comparison --> Ranking, Curves

Reads records only.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from bench.budget import Budget
from bench.store.records import CraftRecord
from bench.store.run_folder import Manifest, Run
from leaderboard.aggregate.cases import CellGroup, cases, is_subsampled, measurements
from leaderboard.aggregate.families import FamilyMember
from leaderboard.aggregate.flags import (
    Flag,
    aims,
    craft_flags,
    is_smaller,
    rivals,
    step_flags,
    surrogate_flags,
    weak_flags,
)
from leaderboard.aggregate.rows import Row, RowKey, kinds, row
from leaderboard.aggregate.suite_info import SuiteInfo, setting
from leaderboard.aggregate.threats import GRADIENTS, NOISE, WITHOUT_GRADIENTS
from leaderboard.ranking.comparison import Comparison, comparison


@dataclass(frozen=True)
class BoardRun:
    """One run on the board.

    Attributes:
        name: its suite's, numbered where several runs share it.
        manifest: what it is of.
        setting: its suite.
        done: how many cells are measured.
        crafts: its searches.
    """

    name: str
    manifest: Manifest
    setting: SuiteInfo
    done: int
    crafts: tuple[CraftRecord, ...]

    @property
    def complete(self) -> bool:
        """Whether every cell is measured."""
        return self.done >= self.manifest.cells

    @property
    def terms(self) -> Hashable:
        """What runs have in common that differ in their codecs, and in their budgets, alone."""
        return frozenset(self.manifest.pictures.items()), self.setting.terms


@dataclass(frozen=True)
class Table:
    """Rows that may be compared; the lossless reference stands in every one.

    Attributes:
        runs: names of the runs they are from, all of one suite.
        budget: how far pictures changed.
        through_gradients: whether the codecs were attacked through their own gradients.
        rows: in the order of the runs and their codecs.
    """

    runs: tuple[str, ...]
    budget: Budget
    through_gradients: bool
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Board:
    """Everything that is shown.

    Attributes:
        parts: the runs.
        contenders: operating points at a budget, in the order of the runs, their budgets and their
            codecs.
        comparisons: of runs of one suite, one for each budget.
    """

    parts: tuple[BoardRun, ...]
    contenders: tuple[FamilyMember, ...]
    comparisons: tuple[Comparison, ...]

    @property
    def rows(self) -> tuple[Row, ...]:
        """One for each contender."""
        return tuple(one.row for one in self.contenders)

    @property
    def has_suites(self) -> bool:
        """Whether there are several suites, whose figures do not compare."""
        return len({(part.setting.name, part.terms) for part in self.parts}) > 1

    @property
    def budgets(self) -> list[Budget]:
        """The budgets of all runs, each once."""
        balls = chain.from_iterable(part.setting.balls for part in self.parts)
        return list({str(ball): ball for ball in balls}.values())

    @property
    def tables(self) -> list[Table]:
        """The rows, apart by suite, by budget, and by whether gradients were used."""
        return list(chain.from_iterable(map(self._of, self.comparisons)))

    def _of(self, one: Comparison) -> Iterator[Table]:
        at = str(one.budget)
        here = [row for row in self.rows if row.place.budget == at and row.place.run in one.runs]
        own = [row for row in here if row.place.through_gradients]
        others = [row for row in here if not row.place.through_gradients]
        if own:
            references = (row for row in others if row.reference)
            yield Table(one.runs, one.budget, True, (*own, *references))
        if not own or any(not row.reference for row in others):
            yield Table(one.runs, one.budget, False, tuple(others))


def build_board(runs: Sequence[Run]) -> Board:
    """Return the board of some runs, finished or not.

    Raises:
        StoreError: a manifest cannot be read, or scores have no search.
    """
    settings = [setting(run) for run in runs]
    names = _names(settings)
    parts = tuple(_part(*three) for three in zip(names, runs, settings, strict=True))
    found = [tuple(_contenders(*pair)) for pair in zip(parts, runs, strict=True)]
    return Board(parts, tuple(chain(*found)), tuple(_comparisons(parts, found)))


def _comparisons(
    parts: Sequence[BoardRun], found: Sequence[Sequence[FamilyMember]]
) -> Iterator[Comparison]:
    """Yield what may be compared: one suite, one budget."""
    suites: dict[tuple[str, Hashable], list[int]] = defaultdict(list)
    for index, part in enumerate(parts):
        suites[part.setting.name, part.terms].append(index)
    for (_, terms), members in suites.items():
        wanted = aims(parts[members[0]].setting.wants)
        balls = {str(ball): ball for index in members for ball in parts[index].setting.balls}
        together = list(chain.from_iterable(found[index] for index in members))
        for label, ball in balls.items():
            here = [one for one in together if one.row.place.budget == label]
            yield comparison(terms, ball, here, wanted)


def _part(name: str, run: Run, told: SuiteInfo) -> BoardRun:
    return BoardRun(name, run.manifest, told, len(measurements(run)), tuple(run.crafts.values()))


def _names(settings: Iterable[SuiteInfo]) -> list[str]:
    seen: Counter[str] = Counter()
    names = []
    for told in settings:
        seen[told.name] += 1
        number = seen[told.name]
        names.append(told.name if number == 1 else f"{told.name} ({number})")
    return names


def _contenders(part: BoardRun, run: Run) -> Iterator[FamilyMember]:
    found = cases(run, part.setting)
    own = {codec for (codec, _), case in found.items() if GRADIENTS in case.crafts}
    lossless = min(part.setting.references)
    for (codec, budget), case in found.items():
        place = _place(part, codec, budget, case, codec in own)
        flags = _flags(part, place, found)
        made = row(place, case, flags, found.get((lossless, budget)))
        yield FamilyMember(
            part.setting.choices[codec], made, case, tuple(_alike(part, place, found))
        )


def _place(part: BoardRun, codec: str, budget: str, case: CellGroup, has_gradients: bool) -> RowKey:
    given = kinds(case)
    unattacked = "noise only" if NOISE in case.crafts else "not yet"
    return RowKey(
        run=part.name,
        codec=codec,
        budget=budget,
        threat=GRADIENTS if has_gradients else " + ".join(given) or unattacked,
        kinds=given,
        asked=len(part.manifest.pictures),
        reference=codec in part.setting.references,
        subsampled=is_subsampled(part.setting.choices[codec]),
    )


def _flags(
    part: BoardRun, place: RowKey, found: Mapping[tuple[str, str], CellGroup]
) -> Iterator[Flag]:
    case, wanted = found[place.codec, place.budget], aims(part.setting.wants)
    looked_at = (GRADIENTS,) if place.through_gradients else place.kinds
    yield from _unfinished(part)
    yield from _searches(case, looked_at)
    yield from _randomised(case)
    if not place.reference:
        yield from _weak(part, place, found, looked_at)
        yield from step_flags(case.of(*looked_at), part.setting.searches, wanted)
    if place.through_gradients:
        yield from surrogate_flags(case.of(GRADIENTS), wanted)


def _searches(case: CellGroup, looked_at: Sequence[str]) -> Iterator[Flag]:
    """Yield what the searches noticed; those on other codecs are held against these alone."""
    own = (case.crafts.get(kind, []) for kind in looked_at if kind != "transfer")
    yield from craft_flags(list(chain(*own)))


def _randomised(case: CellGroup) -> Iterator[Flag]:
    for name, count in Counter(case.flags).items():
        yield Flag(name, count, len(case.clean))


def _alike(
    part: BoardRun, place: RowKey, found: Mapping[tuple[str, str], CellGroup]
) -> Iterator[Flag]:
    """Yield what to know of the attacks without gradients."""
    case = found[place.codec, place.budget]
    yield from _unfinished(part)
    yield from _searches(case, WITHOUT_GRADIENTS)
    yield from _randomised(case)
    yield from _weak(part, place, found, WITHOUT_GRADIENTS)
    yield from step_flags(case.of("black-box"), part.setting.searches, aims(part.setting.wants))


def _unfinished(part: BoardRun) -> Iterator[Flag]:
    if not part.complete:
        yield Flag("unfinished", part.done, part.manifest.cells)


def _weak(
    part: BoardRun,
    place: RowKey,
    found: Mapping[tuple[str, str], CellGroup],
    attacks: Sequence[str],
) -> Iterator[Flag]:
    case = found[place.codec, place.budget]
    smaller = [found[place.codec, budget] for budget in _smaller(part.setting, place.budget)]
    yield from weak_flags(
        case.of(*attacks), rivals(attacks, case, smaller), aims(part.setting.wants)
    )


def _smaller(told: SuiteInfo, budget: str) -> list[str]:
    """Return the suite's budgets that lie inside another one."""
    ball = next(ball for ball in told.balls if str(ball) == budget)
    return [str(other) for other in told.balls if is_smaller(other, ball)]
