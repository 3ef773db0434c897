"""The one loop over several workers: groups out, records in, and what was lost done again.

groups that are left --Rota--> Task --Crew--> Made --keep--> run folder
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone

from bench.crafting.craft import CraftResult
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
from bench.planning.jobs import CraftJob, Group, MeasureJob, in_words
from bench.store.records import MeasureRecord, WorkerRecord
from bench.store.run_folder import Store


def drive(
    prepared: Prepared, store: Store, hire: Callable[[], Worker], count: int
) -> Generator[Event, None, None]:
    """Do what is not yet done with several workers; none of them outlives this, done or closed.

    Args:
        prepared: what is to be done.
        store: where the records go; nobody else writes there.
        hire: makes one more worker.
        count: how many are to work, if there is work for all.

    Raises:
        MachineError: no worker can be started, or too many were lost over the same search.
    """
    groups = [group for group in prepared.plan.groups if is_pending(group, store)]
    crew = WorkerPool(hire)
    yield from _Drive(WorkQueue.of(groups), crew, store).run(min(count, len(groups)))


@dataclass
class _Drive:
    rota: WorkQueue
    crew: WorkerPool
    store: Store
    hosts: dict[int, str] = field(default_factory=dict)
    doing: dict[int, CraftJob | MeasureJob] = field(default_factory=dict)
    idle: list[int] = field(default_factory=list)
    stillborn: int = 0
    reason: str = ""

    def run(self, count: int) -> Iterator[Event]:
        news: News | None = None
        try:
            for _ in range(count):
                self.crew.hire()
            while not self.rota.is_done:
                worker, news = self.crew.news()
                yield from self.take(worker, news)
        finally:
            for late in (news, *self.crew.dismiss()):
                if isinstance(late, (CraftResult, MeasureRecord)):
                    commit(late, self.store)
        self.complain()

    def take(self, worker: int, news: News) -> Iterator[Event]:
        if isinstance(news, Rejected):
            raise news.error
        if isinstance(news, Started):
            yield self.began(worker, news.host)
            self.employ(worker)
        elif isinstance(news, Finished):
            self.rota.finish(worker)
            self.employ(worker)
        elif isinstance(news, Lost):
            yield self.lost(worker, news.reason)
            self.replace()
        else:
            event = commit(news, self.store)
            if event is not None:
                yield event
            if isinstance(news, (CraftJob, MeasureJob)):
                self.doing[worker] = news
            elif isinstance(news, CraftResult):
                self.found(news)

    def employ(self, worker: int) -> None:
        self.doing.pop(worker, None)
        while (group := self.rota.take(worker)) is not None:
            task = self.rest(group)
            if task is not None:
                self.rota.search(worker, (job.key for job in task.searches))
                self.crew.hand(worker, task)
                return
            self.rota.finish(worker)  # lost after its last record had come
        self.idle.append(worker)

    def rest(self, group: Group) -> WorkItem | None:
        """Return what is left of a group but for the cells that are given up; None if nothing."""
        if not is_pending(group, self.store):
            return None
        task = remaining_work(group, self.store)
        cells = tuple(cell for cell in task.cells if cell.key not in self.rota.given_up)
        searched = group.craft is None or group.craft.key in self.store.crafts
        return replace(task, cells=cells) if cells or not searched else None

    def found(self, crafted: CraftResult) -> None:
        """Let who is idle go on with the pictures of a batch."""
        self.rota.found(crafted.record.key)
        idle, self.idle = self.idle, []
        for worker in idle:
            self.employ(worker)

    def replace(self) -> None:
        """Let somebody do what waits: who is idle, or someone new."""
        if self.rota.is_waiting and self.idle:
            self.employ(self.idle.pop())
        elif self.rota.is_waiting:
            self.crew.hire()

    def began(self, worker: int, host: str) -> WorkerRecord:
        self.hosts[worker], self.stillborn = host, 0
        return self.noted(WorkerRecord(at=_now(), worker=worker, host=host, event="began"))

    def lost(self, worker: int, reason: str) -> WorkerRecord:
        host, self.reason = self.hosts.get(worker, ""), reason
        record = WorkerRecord(at=_now(), worker=worker, host=host, event="lost", reason=reason)
        job = self.doing.pop(worker, None)
        given = self.rota.lose(worker, job)
        if given is not None:
            group, attempt = given
            told = {"task": group.key, "attempt": attempt, "job": in_words(job) if job else ""}
            record = record.model_copy(update=told)
        elif worker in self.idle:
            self.idle.remove(worker)
        elif not host:
            self.stillborn += 1
            if self.stillborn >= ATTEMPTS:
                raise MachineError(f"no worker comes up: {reason}")
        return self.noted(record)

    def noted(self, record: WorkerRecord) -> WorkerRecord:
        self.store.append_worker(record)
        return record

    def complain(self) -> None:
        if self.rota.given_up:
            first, *others = map(in_words, self.rota.given_up.values())
            more = f" and {len(others)} other jobs" if others else ""
            raise MachineError(
                f"given up: {first}{more}; {ATTEMPTS} workers were lost over each ({self.reason};"
                " workers.jsonl has all reasons); what was measured is kept: mend or leave out the"
                " codec, or run the same command again"
            )


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
