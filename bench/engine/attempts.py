"""What happens to a job that could not be done, and the failures that are recorded for it.

    no memory, no disk, ...   tried once more, alone
    worker lost               tried again, then once more, alone
    call that took too long   not tried again

After its last attempt a job is recorded as failed, and the run goes on.
"""

from __future__ import annotations

from collections import Counter

from bench.crafting.result import CraftResult, search_identity
from bench.engine.job_runner import WorkItem
from bench.planning.jobs import CraftJob, MeasureJob
from bench.scoring.measure import failed_evaluation
from bench.scoring.roundtrip import CodingFailure
from bench.store.records import CraftRecord, MeasureRecord, Stage

POSTPONED, LOST = 2, 3
"""How often a job is tried if the machine lacks a resource, and if its worker is lost."""


class Attempts:
    """Counts how often each job could not be done."""

    def __init__(self) -> None:
        self._failed: Counter[str] = Counter()

    def fail(self, job: CraftJob | MeasureJob) -> int:
        """Register that a job could not be done; return how often that has happened."""
        self._failed[job.key] += 1
        return self._failed[job.key]


def failures(
    job: CraftJob | MeasureJob, item: WorkItem, reason: str
) -> list[CraftResult | MeasureRecord]:
    """Return the results of a job that failed; the searches of a batch fail together.

    Args:
        job: the job.
        item: its work item.
        reason: one sentence.
    """
    jobs = [job] if isinstance(job, MeasureJob) else item.searches
    return [failed_job(one, reason) for one in jobs]


def failed_job(job: CraftJob | MeasureJob, reason: str) -> CraftResult | MeasureRecord:
    """Return the result of a job that failed."""
    if isinstance(job, MeasureJob):
        stage: Stage = "clean" if job.craft is None else "attacked"
        return failed_evaluation(job, CodingFailure("failed", reason), stage)
    fields = search_identity(job) | {"status": "failed", "reason": reason}
    return CraftResult(None, CraftRecord.model_validate(fields))


def find_job(item: WorkItem, key: str) -> CraftJob | MeasureJob:
    """Return the job of a work item with a key."""
    jobs: tuple[CraftJob | MeasureJob, ...] = (*item.searches, *item.cells)
    return next(job for job in jobs if job.key == key)
