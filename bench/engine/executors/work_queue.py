"""The assignment of groups to workers, by source picture.

Each worker keeps its own clean results. Ten workers on one picture would each code it with every
victim; ten workers on ten pictures code each picture once. While one worker searches on a batch,
the groups of the other pictures in the batch wait for the results.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain

from bench.planning.jobs import CraftJob, Group, MeasureJob

ATTEMPTS = 3
"""Number of workers that may be lost over one group before the job at fault is given up."""


@dataclass
class WorkQueue:
    """The groups that wait and those that workers are doing.

    Attributes:
        given_up: jobs that too many workers were lost over, by key. If a search is given up, the
            evaluations of its picture are not done either.
    """

    given_up: dict[str, CraftJob | MeasureJob] = field(default_factory=dict)
    _waiting: dict[str, deque[Group]] = field(default_factory=dict)
    _running: dict[int, Group] = field(default_factory=dict)
    _picture: dict[int, str] = field(default_factory=dict)
    _searching: dict[str, int] = field(default_factory=dict)
    _losses: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, groups: Iterable[Group]) -> WorkQueue:
        """Return a queue in which all groups wait."""
        queue = cls()
        for group in groups:
            queue._waiting.setdefault(_picture_name(group), deque()).append(group)
        return queue

    @property
    def is_waiting(self) -> bool:
        """Whether a group waits for a worker."""
        return bool(self._waiting)

    @property
    def is_done(self) -> bool:
        """Whether no group waits and no worker is busy."""
        return not self._waiting and not self._running

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
        return None

    def _pictures_by_need(self) -> Iterator[str]:
        workers = Counter(self._picture.values())
        yield from sorted(
            self._waiting, key=lambda name: (workers[name], -len(self._waiting[name]))
        )

    def _is_ready(self, group: Group) -> bool:
        return group.craft is None or group.craft.key not in self._searching

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

    def finish(self, worker: int) -> None:
        """Register that a worker has finished its group."""
        del self._running[worker]
        self._end_searches(worker)

    def _end_searches(self, worker: int) -> None:
        """Let no group wait for searches that a worker no longer does."""
        self._searching = {key: owner for key, owner in self._searching.items() if owner != worker}

    def lose(
        self, worker: int, job: CraftJob | MeasureJob | None = None
    ) -> tuple[Group, int] | None:
        """Register that a worker was lost: its group waits again, or its job is given up.

        If an evaluation is given up, the rest of its group waits again.

        Args:
            worker: its number.
            job: the job that it was doing, if known.

        Returns:
            The group and the number of workers lost over it so far; None if the worker was idle.
        """
        self._picture.pop(worker, None)
        self._end_searches(worker)
        group = self._running.pop(worker, None)
        if group is None:
            return None
        self._losses[group.key] += 1
        attempt = self._losses[group.key]
        if attempt >= ATTEMPTS:
            at_fault = job or group.craft or group.cells[0]
            self.given_up[at_fault.key] = at_fault
            del self._losses[group.key]
        if attempt < ATTEMPTS or isinstance(job, MeasureJob):
            self._waiting.setdefault(_picture_name(group), deque()).appendleft(group)
        return group, attempt


def _picture_name(group: Group) -> str:
    return group.cells[0].picture.name
