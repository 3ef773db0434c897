"""Workers that work at the same time. What all of them make comes back through one door.

    Crew --Task--> Worker --Made, Made, ...--> news

A thread of this process attends to each worker: it hands it a task, and brings what it makes. So
an interrupt, which the main thread alone gets, never cuts a message in two.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Protocol, TypeAlias

from bench.engine.job_runner import JobEvent, WorkItem
from bench.utils.child_process import LostError

_PATIENCE_S = 10.0
"""How long threads may take to notice that their workers were stopped."""


class Worker(Protocol):
    """Somewhere else where tasks are done, one at a time."""

    def start(self) -> str:
        """Wait until it is ready; return its host and process.

        Raises:
            LostError: it is gone.
            BenchError: it cannot do tasks of this run.
        """
        ...

    def do(self, task: WorkItem) -> Iterator[JobEvent]:
        """Do a task there, yielding what is made as it comes.

        Raises:
            LostError: it is gone; what it made until then was yielded.
            BenchError: the machine it is on lacks something.
        """
        ...

    def stop(self) -> None:
        """End it at once, with all that it started; asked from another thread, at any time."""
        ...


@dataclass(frozen=True)
class Started:
    """A worker is ready."""

    host: str


@dataclass(frozen=True)
class Finished:
    """A worker did all of its task."""


@dataclass(frozen=True)
class Lost:
    """A worker was lost."""

    reason: str


@dataclass(frozen=True)
class Rejected:
    """A worker told of something that ends the run."""

    error: Exception


News: TypeAlias = Started | JobEvent | Finished | Lost | Rejected


class WorkerPool:
    """Workers by number, and the news of all of them in the order they come.

    Args:
        hire: makes one more worker.
    """

    def __init__(self, hire: Callable[[], Worker]) -> None:
        self._hire = hire
        self._news: SimpleQueue[tuple[int, News]] = SimpleQueue()
        self._workers: list[Worker] = []
        self._tasks: list[SimpleQueue[WorkItem | None]] = []
        self._threads: list[threading.Thread] = []

    def hire(self) -> None:
        """Add a worker; its first news is that it began, or is gone."""
        number, worker = len(self._workers), self._hire()
        self._workers.append(worker)
        self._tasks.append(SimpleQueue())
        thread = threading.Thread(target=self._attend, args=(number, worker), daemon=True)
        self._threads.append(thread)
        thread.start()

    def hand(self, number: int, task: WorkItem) -> None:
        """Give a worker that is ready a task."""
        self._tasks[number].put(task)

    def news(self) -> tuple[int, News]:
        """Wait for what comes next, and return it with the number of its worker."""
        return self._news.get()

    def dismiss(self) -> Iterator[News]:
        """End all workers; yield what they had made and nobody has taken yet."""
        for worker, tasks in zip(self._workers, self._tasks, strict=True):
            worker.stop()
            tasks.put(None)
        until = time.monotonic() + _PATIENCE_S
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        while not self._news.empty():
            yield self._news.get_nowait()[1]

    def _attend(self, number: int, worker: Worker) -> None:
        try:
            for news in self._served(number, worker):
                self._news.put((number, news))
        except LostError as error:
            worker.stop()
            self._news.put((number, Lost(str(error))))
        except Exception as error:  # noqa: BLE001 - whatever it is, the run is told
            self._news.put((number, Rejected(error)))

    def _served(self, number: int, worker: Worker) -> Iterator[News]:
        yield Started(worker.start())
        for task in iter(self._tasks[number].get, None):
            yield from worker.do(task)
            yield Finished()
