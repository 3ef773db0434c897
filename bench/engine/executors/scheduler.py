"""The loop over several workers: groups out, records in, and lost work done again.

pending groups --WorkQueue--> WorkItem --WorkerPool--> JobEvent --commit--> run folder
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from bench.crafting.result import CraftResult
from bench.engine.attempts import LOST, POSTPONED, Attempts, failures, find_job
from bench.engine.executors.work_queue import WorkQueue
from bench.engine.executors.worker_pool import (
    Finished,
    Lost,
    News,
    Rejected,
    Started,
    Worker,
    WorkerPool,
)
from bench.engine.job_runner import Postponed, WorkItem
from bench.engine.resume import Event, commit, is_pending, remaining_work
from bench.engine.runner import Prepared
from bench.errors import MachineError
from bench.planning.jobs import CraftJob, Group, MeasureJob, describe_job
from bench.store.records import MeasureRecord, WorkerRecord
from bench.store.run_folder import Store


def drive(
    prepared: Prepared, store: Store, make_worker: Callable[[], Worker], count: int
) -> Generator[Event, None, None]:
    """Run the jobs without a record with several workers; stop them when done or closed.

    Args:
        prepared: the suite and its plan.
        store: the run folder; nobody else writes to it.
        make_worker: makes one more worker.
        count: number of workers, if there is work for all.

    Raises:
        MachineError: no worker can be started.
        BenchError: a worker rejected the run, or a record cannot be written.
    """
    groups = [group for group in prepared.plan.groups if is_pending(group, store)]
    scheduler = _Scheduler(WorkQueue.of(groups, store.crafts), WorkerPool(make_worker), store)
    yield from scheduler.run(min(count, len(groups)))


@dataclass
class _Scheduler:
    """The state of a run with several workers.

    Attributes:
        queue: the groups.
        pool: the workers.
        store: the run folder.
        hosts: host and process of every worker that has started, by number.
        items: the work item of each worker that has one, by number.
        current_jobs: the job that each worker is running, by number.
        idle: numbers of the workers without work.
        attempts: how often each job could not be done.
        failed_starts: number of workers lost since the last one that started.
    """

    queue: WorkQueue
    pool: WorkerPool
    store: Store
    hosts: dict[int, str] = field(default_factory=dict)
    items: dict[int, WorkItem] = field(default_factory=dict)
    current_jobs: dict[int, CraftJob | MeasureJob] = field(default_factory=dict)
    idle: list[int] = field(default_factory=list)
    attempts: Attempts = field(default_factory=Attempts)
    failed_starts: int = 0

    def run(self, count: int) -> Iterator[Event]:
        news: News | None = None
        try:
            for _ in range(count):
                self.pool.add_worker()
            while not self.queue.is_done:
                worker, news = self.pool.next_news()
                yield from self.handle(worker, news)
        finally:
            for late in (news, *self.pool.stop()):
                if isinstance(late, (CraftResult, MeasureRecord)):
                    commit(late, self.store)

    def handle(self, worker: int, news: News) -> Iterator[Event]:
        if isinstance(news, Rejected):
            raise news.error
        if isinstance(news, Started):
            yield self.record_start(worker, news.host)
            self.assign(worker)
        elif isinstance(news, Finished):
            self.finish(worker)
        elif isinstance(news, Lost):
            yield from self.handle_loss(worker, news)
        elif isinstance(news, Postponed):
            yield from self.handle_postponed(worker, news)
        else:
            yield from self.commit(news)
            if isinstance(news, (CraftJob, MeasureJob)):
                self.current_jobs[worker] = news
            elif isinstance(news, CraftResult):
                self.wake_idle()

    def commit(self, news: CraftJob | MeasureJob | CraftResult | MeasureRecord) -> Iterator[Event]:
        event = commit(news, self.store)
        if isinstance(news, CraftResult):
            self.queue.finish_search(news.record.key)
        if event is not None:
            yield event

    def finish(self, worker: int) -> None:
        """Give a worker that has done its work item the next one; set aside what was postponed."""
        group = self.queue.finish(worker)
        if is_pending(group, self.store):
            self.queue.set_aside(group)
        self.assign(worker)
        self.wake_idle()

    def assign(self, worker: int) -> None:
        """Give a worker its next work item; without one it becomes idle."""
        self.current_jobs.pop(worker, None)
        while (group := self.queue.take(worker)) is not None:
            if is_pending(group, self.store):
                item = self.items[worker] = remaining_work(group, self.store)
                self.queue.start_searches(worker, (job.key for job in item.searches))
                self.pool.assign(worker, item)
                return
            self.queue.finish(worker)  # its last worker was lost after the last record arrived
        self.idle.append(worker)

    def wake_idle(self) -> None:
        """Let idle workers look for work again."""
        idle, self.idle = self.idle, []
        for worker in idle:
            self.assign(worker)

    def replace_lost(self) -> None:
        """Let an idle worker do the waiting work, or else start a new worker."""
        if self.queue.is_waiting and self.idle:
            self.assign(self.idle.pop())
        elif self.queue.is_waiting:
            self.pool.add_worker()

    def record_start(self, worker: int, host: str) -> WorkerRecord:
        self.hosts[worker], self.failed_starts = host, 0
        return self.append(WorkerRecord(at=_now(), worker=worker, host=host, event="began"))

    def handle_postponed(self, worker: int, news: Postponed) -> Iterator[Event]:
        """Record a job as failed if it was postponed before; otherwise its group is set aside."""
        item = self.items[worker]
        job = find_job(item, news.key)
        if self.attempts.fail(job) >= POSTPONED:
            for result in failures(job, item, news.reason):
                yield from self.commit(result)

    def handle_loss(self, worker: int, news: Lost) -> Iterator[Event]:
        """Record the loss of a worker, decide about its job, and replace the worker."""
        group, running = self.queue.lose(worker), self.current_jobs.pop(worker, None)
        if group is None:
            yield self.record_loss(worker, news.reason)
            self.forget_idle(worker, news.reason)
        elif (job := self.job_at_fault(group, running)) is None:
            yield self.record_loss(worker, news.reason)
        else:
            attempt = self.attempts.fail(job)
            fields = {"task": group.key, "attempt": attempt, "job": describe_job(job)}
            yield self.record_loss(worker, news.reason, **fields)
            if attempt >= LOST or news.took_too_long:
                for result in failures(job, remaining_work(group, self.store), news.reason):
                    yield from self.commit(result)
            back = self.queue.set_aside if attempt == LOST - 1 else self.queue.put_back
            back(group)
        self.replace_lost()

    def job_at_fault(
        self, group: Group, running: CraftJob | MeasureJob | None
    ) -> CraftJob | MeasureJob | None:
        """Return the job over which a worker was lost; None if the group is done.

        Args:
            group: the group.
            running: the job that the worker reported last.
        """
        if not is_pending(group, self.store):
            return None
        item = remaining_work(group, self.store)
        jobs: list[CraftJob | MeasureJob] = [*item.searches, *item.cells]
        return running if running in jobs else jobs[0]

    def record_loss(self, worker: int, reason: str, **fields: Any) -> WorkerRecord:  # noqa: ANN401 - fields of the record
        host = self.hosts.get(worker, "")
        record = {"at": _now(), "worker": worker, "host": host, "event": "lost", "reason": reason}
        return self.append(WorkerRecord(**record, **fields))

    def forget_idle(self, worker: int, reason: str) -> None:
        """Count the loss of a worker that had no work, if it never started."""
        if worker in self.idle:
            self.idle.remove(worker)
        elif worker not in self.hosts:
            self.count_failed_start(reason)

    def count_failed_start(self, reason: str) -> None:
        self.failed_starts += 1
        if self.failed_starts >= LOST:
            raise MachineError(f"no worker comes up: {reason}")

    def append(self, record: WorkerRecord) -> WorkerRecord:
        self.store.append_worker(record)
        return record


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
