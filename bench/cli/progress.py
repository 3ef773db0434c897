"""The progress display of a run: the current search, finished evaluations and the time left."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from bench.engine.resume import Event
from bench.planning.estimate import estimated_seconds, jobs_without_record
from bench.planning.jobs import CraftJob, MeasureJob, Plan, describe_job
from bench.store.records import CraftRecord, MeasureRecord, WorkerRecord
from bench.store.run_folder import Store
from bench.utils.terminal import duration, plain_line


def watch(events: Iterable[Event], plan: Plan, store: Store, console: Console) -> int:
    """Show the events of a run as they arrive; return the number of scored evaluations.

    A terminal gets a live display, other outputs one line per search. Progress is counted in
    expected seconds, because a search can take a thousand times as long as an evaluation.
    """
    work = _Work.of(plan, store)
    if work.done and work.expected:
        _print(console, f"resuming, {work.done} of {work.total} evaluations done")
    with _display(console) as progress:
        return _Watch(work, progress, console).consume(events)


@dataclass
class _Work:
    """The progress of a run.

    Attributes:
        expected: expected seconds of each job without a record at the start, by key.
        total: number of evaluations in the plan.
        done: number of evaluations that have records.
        spent: expected seconds of the jobs that have finished since the start.
        started: start time of the run, from a monotonic clock.
    """

    expected: dict[str, float]
    total: int
    done: int
    spent: float = 0.0
    started: float = field(default_factory=time.monotonic)

    @classmethod
    def of(cls, plan: Plan, store: Store) -> _Work:
        """Return the progress of a plan in a run folder."""
        expected = {job.key: estimated_seconds(job) for job in jobs_without_record(plan, store)}
        done = sum(cell.key not in expected for cell in plan.cells)
        return cls(expected, len(plan.cells), done)

    @property
    def all_seconds(self) -> float:
        """Expected seconds of all jobs without a record at the start."""
        return sum(self.expected.values())

    def finish(self, record: CraftRecord | MeasureRecord) -> None:
        """Count a record."""
        self.spent += self.expected.get(record.key, 0.0)
        self.done += isinstance(record, MeasureRecord)

    def describe(self) -> str:
        """Return the finished evaluations and the time left, corrected by the measured speed."""
        evaluations = f"{self.done}/{self.total} evaluations"
        if self.spent <= 0:
            return evaluations
        pace = (time.monotonic() - self.started) / self.spent
        return f"{evaluations}, {duration(pace * max(0.0, self.all_seconds - self.spent))} left"


class _Watch:
    """Shows the events of a run as they arrive."""

    def __init__(self, work: _Work, progress: Progress, console: Console) -> None:
        self._work = work
        self._progress = progress
        self._console = console
        self._task = progress.add_task("starting", total=work.all_seconds, state=work.describe())

    def consume(self, events: Iterable[Event]) -> int:
        """Show all events; return the number of scored evaluations."""
        before = self._work.done
        for event in events:
            if isinstance(event, (CraftJob, MeasureJob)):
                self._start(event)
            else:
                self._finish(event)
        return self._work.done - before

    def _start(self, job: CraftJob | MeasureJob) -> None:
        self._progress.update(self._task, description=plain_line(describe_job(job)))
        if isinstance(job, CraftJob) and not self._console.is_terminal:
            _print(self._console, f"{self._work.describe()}: {describe_job(job)}")

    def _finish(self, record: CraftRecord | MeasureRecord | WorkerRecord) -> None:
        for line in _noteworthy(record):
            _print(self._progress.console, line)
        if not isinstance(record, WorkerRecord):
            self._work.finish(record)
            state = self._work.describe()
            self._progress.update(self._task, completed=self._work.spent, state=state)


def _display(console: Console) -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),
        TextColumn("{task.fields[state]}", markup=False),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
    )


def _print(console: Console, line: str) -> None:
    console.print(plain_line(line), highlight=False, soft_wrap=True)
    console.file.flush()


def _noteworthy(record: CraftRecord | MeasureRecord | WorkerRecord) -> list[str]:
    """Return the lines to print immediately: failures, flags and lost workers."""
    if isinstance(record, WorkerRecord):
        lost = f"worker {record.worker} was lost: {record.reason}"
        return [lost] if record.event == "lost" else []
    if isinstance(record, CraftRecord):
        sources = " + ".join(record.sources)
        target = f"against {sources}" if sources else "(codec-independent)"
        search = f"{record.attack} on {record.picture} {target}"
        flags = [f"flag {flag}: {search}, {record.objective}" for flag in record.flags]
        return flags if record.status == "ok" else [f"{record.status}: {search}: {record.reason}"]
    if record.status == "ok" or record.stage == "craft":
        return []
    return [f"{record.status}: {record.victim} on {record.picture}: {record.reason}"]
