"""What a run shows while it works: what is attacked now, cells done of all, time left."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from bench.engine.resume import Event
from bench.planning.estimate import missing, seconds
from bench.planning.jobs import CraftJob, MeasureJob, Plan, in_words
from bench.store.records import CraftRecord, MeasureRecord, WorkerRecord
from bench.store.run_folder import Store


class _TimeLeft(ProgressColumn):
    """Expected seconds of what is missing, scaled by how wrong the expectation was so far."""

    def render(self, task: Task) -> Text:
        done, total = task.fields["work_done"], task.fields["work"]
        if not task.elapsed or done <= 0:
            return Text("estimating", style="cyan")
        left = task.elapsed / done * (total - done)
        return Text(f"{duration(left)} left", style="cyan")


def watch(events: Iterable[Event], plan: Plan, store: Store, console: Console) -> int:
    """Consume a run's events, showing them; return how many cells were measured.

    On a terminal a live display; elsewhere one line for each finished search.
    """
    jobs = {job.key: seconds(job) for job in missing(plan, store)}
    progress = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TextColumn("cells"),
        TimeElapsedColumn(),
        _TimeLeft(),
        console=console,
        disable=not console.is_terminal,
    )
    with progress:
        done = len(plan.cells) - sum(job.key in jobs for job in plan.cells)
        total = len(plan.cells)
        task = progress.add_task(
            "starting", total=total, completed=done, work=sum(jobs.values()), work_done=0.0
        )
        return _consume(events, progress, task, jobs, console)


def duration(seconds: float) -> str:
    """Return a time as people say it: 40 s, 12 min, 3.5 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _consume(
    events: Iterable[Event],
    progress: Progress,
    task: TaskID,
    jobs: dict[str, float],
    console: Console,
) -> int:
    work, measured = 0.0, 0
    for event in events:
        if isinstance(event, (CraftJob, MeasureJob)):
            progress.update(task, description=in_words(event))
            if isinstance(event, CraftJob) and not console.is_terminal:
                console.print(in_words(event), markup=False, highlight=False)
            continue
        for line in _noteworthy(event):
            progress.console.print(line, markup=False, highlight=False)
        if isinstance(event, WorkerRecord):
            continue
        work += jobs.get(event.key, 0.0)
        progress.update(task, work_done=work, advance=isinstance(event, MeasureRecord))
        measured += isinstance(event, MeasureRecord)
    return measured


def _noteworthy(record: CraftRecord | MeasureRecord | WorkerRecord) -> list[str]:
    """Return what a user should see at once: failures, flags and workers that were lost."""
    if isinstance(record, WorkerRecord):
        lost = f"worker {record.worker} was lost: {record.reason}"
        return [lost] if record.event == "lost" else []
    if isinstance(record, CraftRecord):
        who = f"{record.attack} on {record.picture} against {' + '.join(record.sources)}"
        flags = [f"flag {flag}: {who}, {record.objective}" for flag in record.flags]
        return flags if record.status == "ok" else [f"{record.status}: {who}: {record.reason}"]
    if record.status == "ok" or record.stage == "craft":
        return []
    return [f"{record.status}: {record.victim} on {record.picture}: {record.reason}"]
