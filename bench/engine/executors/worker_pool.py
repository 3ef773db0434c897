"""Concurrent workers, with one queue for the news of all of them.

    WorkerPool --WorkItem--> Worker --JobEvent, JobEvent, ...--> news

Each worker has a thread in this process that sends its work items and receives its events. An
interrupt reaches only the main thread, so it never cuts a message in two.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Protocol, TypeAlias

from bench.engine.job_runner import JobEvent, WorkItem
from bench.utils.child_process import LostError, TookTooLongError

_PATIENCE_S = 10.0
"""Seconds that the threads have to notice that their workers were stopped."""


class Worker(Protocol):
    """Another process that does work items, one at a time."""

    def start(self) -> str:
        """Wait until the worker is ready; return its host and process.

        Raises:
            LostError: the worker was lost.
            BenchError: the worker cannot do jobs of this run.
        """
        ...

    def run(self, item: WorkItem) -> Iterator[JobEvent]:
        """Run a work item; yield its events as they arrive.

        Raises:
            LostError: the worker was lost; the events until then were yielded.
            BenchError: its machine ran out of a resource.
        """
        ...

    def stop(self) -> None:
        """Stop the worker at once, with all that it started; called from any thread, any time."""
        ...


@dataclass(frozen=True)
class Started:
    """A worker is ready; `host` is its host and process."""

    host: str


@dataclass(frozen=True)
class Finished:
    """A worker has finished its work item."""


@dataclass(frozen=True)
class Lost:
    """A worker was lost.

    Attributes:
        reason: one sentence.
        took_too_long: whether it was stopped because of a time limit.
    """

    reason: str
    took_too_long: bool = False


@dataclass(frozen=True)
class Rejected:
    """A worker reported an error that ends the run."""

    error: Exception


News: TypeAlias = Started | JobEvent | Finished | Lost | Rejected


class WorkerPool:
    """Workers by number, and the news of all of them in the order of arrival.

    Args:
        make_worker: makes one more worker.
    """

    def __init__(self, make_worker: Callable[[], Worker]) -> None:
        self._make_worker = make_worker
        self._news: SimpleQueue[tuple[int, News]] = SimpleQueue()
        self._workers: list[Worker] = []
        self._items: list[SimpleQueue[WorkItem | None]] = []
        self._threads: list[threading.Thread] = []

    def add_worker(self) -> None:
        """Add a worker; its first news is `Started`, `Lost` or `Rejected`."""
        number, worker = len(self._workers), self._make_worker()
        self._workers.append(worker)
        self._items.append(SimpleQueue())
        thread = threading.Thread(target=self._serve, args=(number, worker), daemon=True)
        self._threads.append(thread)
        thread.start()

    def assign(self, number: int, item: WorkItem) -> None:
        """Send a work item to a worker that is ready."""
        self._items[number].put(item)

    def next_news(self) -> tuple[int, News]:
        """Wait for the next news; return it with the number of its worker."""
        return self._news.get()

    def stop(self) -> Iterator[News]:
        """Stop all workers; yield the news that have arrived and were not taken yet."""
        for worker, items in zip(self._workers, self._items, strict=True):
            worker.stop()
            items.put(None)
        deadline = time.monotonic() + _PATIENCE_S
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        while not self._news.empty():
            yield self._news.get_nowait()[1]

    def _serve(self, number: int, worker: Worker) -> None:
        try:
            for news in self._news_of(number, worker):
                self._news.put((number, news))
        except LostError as error:
            worker.stop()
            self._news.put((number, Lost(str(error), isinstance(error, TookTooLongError))))
        except Exception as error:  # noqa: BLE001 - every error is reported to the run
            self._news.put((number, Rejected(error)))

    def _news_of(self, number: int, worker: Worker) -> Iterator[News]:
        yield Started(worker.start())
        for item in iter(self._items[number].get, None):
            yield from worker.run(item)
            yield Finished()
