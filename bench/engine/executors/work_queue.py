"""Which worker does which group: by source picture, because its clean results are kept by each.

Ten workers on one picture would each code it with every victim; ten on ten pictures code it once.
While one searches on a batch, the groups of the other pictures in it wait for what it finds.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain

from bench.planning.jobs import CraftJob, Group, MeasureJob

ATTEMPTS = 3
"""So many workers are lost over one group before the job at fault is given up."""


@dataclass
class WorkQueue:
    """Who does what, and what waits.

    Attributes:
        given_up: what too many workers were lost over, by its key: cells, and searches with theirs.
    """

    given_up: dict[str, CraftJob | MeasureJob] = field(default_factory=dict)
    _waiting: dict[str, deque[Group]] = field(default_factory=dict)
    _doing: dict[int, Group] = field(default_factory=dict)
    _place: dict[int, str] = field(default_factory=dict)
    _searched: dict[str, int] = field(default_factory=dict)
    _lost: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, groups: Iterable[Group]) -> WorkQueue:
        """Return the rota of groups, all of them waiting."""
        rota = cls()
        for group in groups:
            rota._waiting.setdefault(_picture(group), deque()).append(group)
        return rota

    @property
    def is_waiting(self) -> bool:
        """Whether there is something that nobody does yet."""
        return bool(self._waiting)

    @property
    def is_done(self) -> bool:
        """Whether nothing waits and nobody works."""
        return not self._waiting and not self._doing

    def take(self, worker: int) -> Group | None:
        """Return what a worker does next, None if there is nothing for it now.

        It stays at its picture; else it goes where the fewest work, and there is the most to do.
        """
        place = self._place.pop(worker, None)
        here = [place] if place in self._waiting else []
        for name in chain(here, self._elsewhere()):
            group = next(filter(self._is_ready, self._waiting[name]), None)
            if group is not None:
                self._begin(worker, name, group)
                return group
        return None

    def _elsewhere(self) -> Iterator[str]:
        crowd = Counter(self._place.values())
        yield from sorted(self._waiting, key=lambda name: (crowd[name], -len(self._waiting[name])))

    def _is_ready(self, group: Group) -> bool:
        return group.craft is None or group.craft.key not in self._searched

    def _begin(self, worker: int, place: str, group: Group) -> None:
        self._waiting[place].remove(group)
        if not self._waiting[place]:
            del self._waiting[place]
        self._place[worker], self._doing[worker] = place, group

    def search(self, worker: int, keys: Iterable[str]) -> None:
        """Note what a worker searches; groups that need it wait until it is found."""
        self._searched.update(dict.fromkeys(keys, worker))

    def found(self, key: str) -> None:
        """Note that the outcome of a search is known: nobody waits for it any longer."""
        self._searched.pop(key, None)

    def finish(self, worker: int) -> None:
        """Note that a worker did what it was given."""
        del self._doing[worker]
        self._release(worker)

    def _release(self, worker: int) -> None:
        """Let nobody wait for what a worker searches no longer."""
        self._searched = {key: one for key, one in self._searched.items() if one != worker}

    def lose(
        self, worker: int, job: CraftJob | MeasureJob | None = None
    ) -> tuple[Group, int] | None:
        """Note that a worker is gone: what it did waits again, or is given up.

        Where it is a cell that is given up, the rest of its group waits again.

        Args:
            worker: its number.
            job: what it was doing, if that is known.

        Returns:
            What it did, and how many workers were lost over that; None if it did nothing.
        """
        self._place.pop(worker, None)
        self._release(worker)
        group = self._doing.pop(worker, None)
        if group is None:
            return None
        self._lost[group.key] += 1
        attempt = self._lost[group.key]
        if attempt >= ATTEMPTS:
            at_fault = job or group.craft or group.cells[0]
            self.given_up[at_fault.key] = at_fault
            del self._lost[group.key]
        if attempt < ATTEMPTS or isinstance(job, MeasureJob):
            self._waiting.setdefault(_picture(group), deque()).appendleft(group)
        return group, attempt


def _picture(group: Group) -> str:
    return group.cells[0].picture.name
