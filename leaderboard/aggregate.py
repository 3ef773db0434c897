"""Runs -> a board: a row for each operating point and budget, in tables. Pure; reads records only.

Run --cells--> Case --damage, flags--> Row --> Table (one budget; with gradients, or without)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from bench.budget import Budget
from bench.record import CraftRecord
from bench.store import Manifest, Run
from leaderboard.cells import Case, Setting, cases, measurements, setting
from leaderboard.flags import Flag, aims, craft_flags, is_smaller, rivals, weak_flags
from leaderboard.rows import Place, Row, exposure, row


@dataclass(frozen=True)
class Part:
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
    setting: Setting
    done: int
    crafts: tuple[CraftRecord, ...]

    @property
    def complete(self) -> bool:
        """Whether every cell is measured."""
        return self.done >= self.manifest.cells


@dataclass(frozen=True)
class Table:
    """Rows that may be compared; the lossless reference stands in every one."""

    budget: Budget
    through_gradients: bool
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Board:
    """Everything that is shown.

    Attributes:
        parts: the runs.
        rows: in the order of the runs, their budgets and their codecs.
    """

    parts: tuple[Part, ...]
    rows: tuple[Row, ...]

    @property
    def same_pictures(self) -> bool:
        """Whether all runs attacked the same pictures."""
        return len({frozenset(part.manifest.pictures.values()) for part in self.parts}) <= 1

    @property
    def same_cost(self) -> bool:
        """Whether all runs weigh the R-D cost alike."""
        return len({part.setting.rd_lambda for part in self.parts}) <= 1

    @property
    def budgets(self) -> list[Budget]:
        """The budgets of all runs, each once."""
        balls = chain.from_iterable(part.setting.balls for part in self.parts)
        return list({str(ball): ball for ball in balls}.values())

    @property
    def tables(self) -> list[Table]:
        """The rows, apart by budget and by whether gradients were used."""
        return list(chain.from_iterable(self._at(ball) for ball in self.budgets))

    def _at(self, ball: Budget) -> Iterator[Table]:
        here = [row for row in self.rows if row.place.budget == str(ball)]
        own = [row for row in here if row.place.threat == "white-box"]
        others = [row for row in here if row.place.threat != "white-box"]
        if own:
            yield Table(ball, True, (*own, *(row for row in others if row.reference)))
        if not own or any(not row.reference for row in others):
            yield Table(ball, False, tuple(others))


def board(runs: Sequence[Run]) -> Board:
    """Return the board of some runs, finished or not.

    Raises:
        StoreError: a manifest cannot be read, or scores have no search.
    """
    settings = [setting(run) for run in runs]
    names = _names(settings)
    parts = tuple(_part(*three) for three in zip(names, runs, settings, strict=True))
    rows = chain.from_iterable(_rows(*pair) for pair in zip(parts, runs, strict=True))
    return Board(parts, tuple(rows))


def _part(name: str, run: Run, told: Setting) -> Part:
    return Part(name, run.manifest, told, len(measurements(run)), tuple(run.crafts.values()))


def _names(settings: Iterable[Setting]) -> list[str]:
    seen: Counter[str] = Counter()
    names = []
    for told in settings:
        seen[told.name] += 1
        number = seen[told.name]
        names.append(told.name if number == 1 else f"{told.name} ({number})")
    return names


def _rows(part: Part, run: Run) -> Iterator[Row]:
    found = cases(run, part.setting)
    own = {codec for (codec, _), case in found.items() if exposure(case) == "white-box"}
    for (codec, budget), case in found.items():
        threat = "white-box" if codec in own else exposure(case)
        place = Place(
            run=part.name,
            codec=codec,
            budget=budget,
            threat=threat,
            asked=len(part.manifest.pictures),
            reference=codec in part.setting.references,
        )
        yield row(place, case, _flags(part, place, found))


def _flags(part: Part, place: Place, found: Mapping[tuple[str, str], Case]) -> Iterator[Flag]:
    case = found[place.codec, place.budget]
    if not part.complete:
        yield Flag("unfinished", part.done, part.manifest.cells)
    yield from craft_flags(case.crafts.get(place.threat, []))
    if not place.reference:
        smaller = [found[place.codec, budget] for budget in _smaller(part.setting, place.budget)]
        wanted = aims(chain.from_iterable(part.setting.objectives))
        yield from weak_flags(case.of(place.threat), rivals(place.threat, case, smaller), wanted)


def _smaller(told: Setting, budget: str) -> list[str]:
    """Return the suite's budgets that lie inside another one."""
    ball = next(ball for ball in told.balls if str(ball) == budget)
    return [str(other) for other in told.balls if is_smaller(other, ball)]
