"""The assignment of groups to workers, by source picture.

Each worker keeps its own clean results. Ten workers on one picture would each code it with every
victim; ten workers on ten pictures code each picture once. While one worker searches on a batch,
the groups of the other pictures in the batch wait for the results. Groups whose searches start from
the picture of another search wait for that picture.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain

from bench.planning.jobs import Group


@dataclass
class WorkQueue:
    """The groups that wait, those that workers are doing, and those set aside.

    A group that is set aside waits until nothing else can start or runs, and then runs alone.
    """

    _waiting: dict[str, deque[Group]] = field(default_factory=dict)
    _aside: deque[Group] = field(default_factory=deque)
    _running: dict[int, Group] = field(default_factory=dict)
    _picture: dict[int, str] = field(default_factory=dict)
    _searching: dict[str, int] = field(default_factory=dict)
    _unknown: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, groups: Iterable[Group], found: Container[str] = ()) -> WorkQueue:
        """Return a queue in which all groups wait.

        Args:
            groups: the groups.
            found: keys of the searches with known results.
        """
        queue = cls()
        for group in groups:
            queue._waiting.setdefault(_picture_name(group), deque()).append(group)
            if group.craft is not None and group.craft.key not in found:
                queue._unknown.add(group.craft.key)
        return queue

    @property
    def is_waiting(self) -> bool:
        """Whether a group waits that a worker can start now."""
        return bool(self._waiting) or (bool(self._aside) and not self._running)

    @property
    def is_done(self) -> bool:
        """Whether no group waits and no worker is busy."""
        return not self._waiting and not self._aside and not self._running

    def take(self, worker: int) -> Group | None:
        """Return the next group of a worker; None if there is none for it now.

        The worker stays at its picture. If nothing is left there, it goes to the picture with the
        fewest workers and, among those, the most groups.
        """
        name = self._picture.pop(worker, None)
        current = [name] if name in self._waiting else []
        for picture in chain(current, self._pictures_by_need()):
            group = next(filter(self._is_ready, self._waiting[picture]), None)
            if group is not None:
                self._start(worker, picture, group)
                return group
        if self._aside and not self._running:  # what waits, waits for what is set aside
            self._running[worker] = self._aside.popleft()
            return self._running[worker]
        return None

    def _pictures_by_need(self) -> Iterator[str]:
        workers = Counter(self._picture.values())
        yield from sorted(
            self._waiting, key=lambda name: (workers[name], -len(self._waiting[name]))
        )

    def _is_ready(self, group: Group) -> bool:
        if group.craft is None:
            return True
        return group.craft.key not in self._searching and not self._unknown.intersection(
            group.parents
        )

    def _start(self, worker: int, picture: str, group: Group) -> None:
        self._waiting[picture].remove(group)
        if not self._waiting[picture]:
            del self._waiting[picture]
        self._picture[worker], self._running[worker] = picture, group

    def start_searches(self, worker: int, keys: Iterable[str]) -> None:
        """Register the searches of a worker; groups that need their pictures wait for them."""
        self._searching.update(dict.fromkeys(keys, worker))

    def finish_search(self, key: str) -> None:
        """Register that the result of a search is known; no group waits for it any longer."""
        self._searching.pop(key, None)
        self._unknown.discard(key)

    def finish(self, worker: int) -> Group:
        """Register that a worker has ended its group, finished or not; return the group."""
        self._end_searches(worker)
        return self._running.pop(worker)

    def lose(self, worker: int) -> Group | None:
        """Register that a worker was lost; return its group, None if it was idle."""
        self._picture.pop(worker, None)
        self._end_searches(worker)
        return self._running.pop(worker, None)

    def put_back(self, group: Group) -> None:
        """Let a group wait again, before the others of its picture."""
        self._waiting.setdefault(_picture_name(group), deque()).appendleft(group)

    def set_aside(self, group: Group) -> None:
        """Let a group wait until nothing else waits or runs."""
        self._aside.append(group)

    def _end_searches(self, worker: int) -> None:
        """Let no group wait for searches that a worker no longer does."""
        self._searching = {key: owner for key, owner in self._searching.items() if owner != worker}


def _picture_name(group: Group) -> str:
    """Return the source picture of a group; a search that others start from can lack victims."""
    job = group.craft or group.cells[0]
    return job.picture.name
