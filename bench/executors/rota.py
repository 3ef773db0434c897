"""Which worker does which group: by source picture, because its clean results are kept by each.

Ten workers on one picture would each code it with every victim; ten on ten pictures code it once.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from bench.jobs import Group

ATTEMPTS = 3
"""So many workers are lost over one group before it is given up."""


@dataclass
class Rota:
    """Who does what, and what waits.

    Attributes:
        given_up: the groups over which too many workers were lost.
    """

    given_up: list[Group] = field(default_factory=list)
    _waiting: dict[str, deque[Group]] = field(default_factory=dict)
    _doing: dict[int, Group] = field(default_factory=dict)
    _place: dict[int, str] = field(default_factory=dict)
    _lost: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, groups: Iterable[Group]) -> Rota:
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
        """Return what a worker does next, None if nothing waits.

        It stays at its picture; else it goes where the fewest work, and there is the most to do.
        """
        place = self._place.pop(worker, None)
        if not self._waiting:
            return None
        if place not in self._waiting:
            crowd = Counter(self._place.values())
            place = min(self._waiting, key=lambda name: (crowd[name], -len(self._waiting[name])))
        group = self._waiting[place].popleft()
        if not self._waiting[place]:
            del self._waiting[place]
        self._place[worker], self._doing[worker] = place, group
        return group

    def finish(self, worker: int) -> None:
        """Note that a worker did what it was given."""
        del self._doing[worker]

    def lose(self, worker: int) -> tuple[Group, int] | None:
        """Note that a worker is gone: what it did waits again, or is given up.

        Returns:
            What it did, and how many workers were lost over that; None if it did nothing.
        """
        self._place.pop(worker, None)
        group = self._doing.pop(worker, None)
        if group is None:
            return None
        self._lost[group.key] += 1
        if self._lost[group.key] < ATTEMPTS:
            self._waiting.setdefault(_picture(group), deque()).appendleft(group)
        else:
            self.given_up.append(group)
        return group, self._lost[group.key]


def _picture(group: Group) -> str:
    return group.cells[0].picture.name
