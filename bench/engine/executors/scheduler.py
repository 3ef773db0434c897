"""The loop over several workers: groups out, records in, and lost work done again.

pending groups --WorkQueue--> WorkItem --WorkerPool--> JobEvent --commit--> run folder
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone

from bench.crafting.result import CraftResult
from bench.engine.executors.work_queue import ATTEMPTS, WorkQueue
from bench.engine.executors.worker_pool import (
    Finished,
    Lost,
    News,
    Rejected,
    Started,
    Worker,
    WorkerPool,
)
from bench.engine.job_runner import WorkItem
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
        MachineError: no worker can be started, or too many were lost over the same job.
        BenchError: a worker rejected the run, or a record cannot be written.
    """
    groups = [group for group in prepared.plan.groups if is_pending(group, store)]
    scheduler = _Scheduler(WorkQueue.of(groups), WorkerPool(make_worker), store)
    yield from scheduler.run(min(count, len(groups)))


@dataclass
class _Scheduler:
    """The state of a run with several workers.

    Attributes:
        queue: the groups.
        pool: the workers.
        store: the run folder.
        hosts: host and process of every worker that has started, by number.
        current_jobs: the job that each worker is running, by number.
        idle: numbers of the workers without work.
        failed_starts: number of workers lost since the last one that started.
        last_reason: why the last worker was lost.
    """

    queue: WorkQueue
    pool: WorkerPool
    store: Store
    hosts: dict[int, str] = field(default_factory=dict)
    current_jobs: dict[int, CraftJob | MeasureJob] = field(default_factory=dict)
    idle: list[int] = field(default_factory=list)
    failed_starts: int = 0
    last_reason: str = ""

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
        self.raise_if_given_up()

    def handle(self, worker: int, news: News) -> Iterator[Event]:
        if isinstance(news, Rejected):
            raise news.error
        if isinstance(news, Started):
            yield self.record_start(worker, news.host)
            self.assign(worker)
        elif isinstance(news, Finished):
            self.queue.finish(worker)
            self.assign(worker)
        elif isinstance(news, Lost):
            yield self.record_loss(worker, news.reason)
            self.replace_lost()
        else:
            event = commit(news, self.store)
            if event is not None:
                yield event
            if isinstance(news, (CraftJob, MeasureJob)):
                self.current_jobs[worker] = news
            elif isinstance(news, CraftResult):
                self.release(news)

    def assign(self, worker: int) -> None:
        """Give a worker its next work item; without one it becomes idle."""
        self.current_jobs.pop(worker, None)
        while (group := self.queue.take(worker)) is not None:
            item = self.remaining(group)
            if item is not None:
                self.queue.start_searches(worker, (job.key for job in item.searches))
                self.pool.assign(worker, item)
                return
            self.queue.finish(worker)  # its last worker was lost after the last record arrived
        self.idle.append(worker)

    def remaining(self, group: Group) -> WorkItem | None:
        """Return the remaining work of a group, without jobs that are given up; None if none."""
        if not is_pending(group, self.store):
            return None
        item = remaining_work(group, self.store)
        cells = tuple(cell for cell in item.cells if cell.key not in self.queue.given_up)
        searched = group.craft is None or group.craft.key in self.store.crafts
        return replace(item, cells=cells) if cells or not searched else None

    def release(self, crafted: CraftResult) -> None:
        """Let idle workers evaluate a picture of a batch that another worker has found."""
        self.queue.finish_search(crafted.record.key)
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

    def record_loss(self, worker: int, reason: str) -> WorkerRecord:
        host, self.last_reason = self.hosts.get(worker, ""), reason
        record = WorkerRecord(at=_now(), worker=worker, host=host, event="lost", reason=reason)
        job = self.current_jobs.pop(worker, None)
        lost = self.queue.lose(worker, job)
        if lost is not None:
            group, attempt = lost
            description = describe_job(job) if job else ""
            fields = {"task": group.key, "attempt": attempt, "job": description}
            record = record.model_copy(update=fields)
        elif worker in self.idle:
            self.idle.remove(worker)
        elif not host:
            self.count_failed_start(reason)
        return self.append(record)

    def count_failed_start(self, reason: str) -> None:
        self.failed_starts += 1
        if self.failed_starts >= ATTEMPTS:
            raise MachineError(f"no worker comes up: {reason}")

    def append(self, record: WorkerRecord) -> WorkerRecord:
        self.store.append_worker(record)
        return record

    def raise_if_given_up(self) -> None:
        if self.queue.given_up:
            first, *others = map(describe_job, self.queue.given_up.values())
            more = f" and {len(others)} other jobs" if others else ""
            raise MachineError(
                f"given up: {first}{more}; {ATTEMPTS} workers were lost over each"
                f" ({self.last_reason}; workers.jsonl has all reasons); what was measured is kept:"
                " mend or leave out the codec, or run the same command again"
            )


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
