"""Messages between a run and its workers.

WorkItem --pack--> bytes, without the source pictures, which the worker may have already
JobEvent --to_message--> Answer, with the key in place of a job --from_messages--> JobEvent
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np

from bench.crafting.result import CraftResult
from bench.engine.job_runner import JobEvent, Postponed, WorkItem
from bench.errors import BenchError
from bench.images.image_set import Picture
from bench.planning.jobs import CraftJob, MeasureJob
from bench.store.records import MeasureRecord
from bench.utils.child_process import LostError

Answer: TypeAlias = (
    str | CraftResult | MeasureRecord | Postponed | BenchError | LostError | RuntimeError
)
"""The key of a job that starts, what came of one, or the error that ends the run."""


class _Packer(pickle.Pickler):
    def persistent_id(self, obj: Any) -> str | None:  # noqa: ANN401 - whatever is pickled
        return obj.name if isinstance(obj, Picture) else None


class _Unpacker(pickle.Unpickler):  # noqa: S301 - from this program's own workers
    def __init__(self, packed: bytes, pictures: Iterable[Picture]) -> None:
        super().__init__(io.BytesIO(packed))
        self._pictures = {picture.name: picture for picture in pictures}

    def persistent_load(self, pid: Any) -> Picture:  # noqa: ANN401 - as its base class has it
        if pid not in self._pictures:
            raise pickle.UnpicklingError(f"a task on {', '.join(self._pictures)} names {pid}")
        return self._pictures[pid]


def pack(item: WorkItem) -> bytes:
    """Return a work item as bytes, without its source pictures."""
    content = io.BytesIO()
    _Packer(content, protocol=pickle.HIGHEST_PROTOCOL).dump(item)
    return content.getvalue()


def unpack(packed: bytes, pictures: Sequence[Picture]) -> WorkItem:
    """Return a work item with its source pictures; all pictures are made read-only."""
    item: WorkItem = _Unpacker(packed, pictures).load()
    for image in (*(picture.pixels for picture in pictures), item.attacked):
        if isinstance(image, np.ndarray):
            image.setflags(write=False)
    return item


def to_message(event: JobEvent) -> Answer:
    """Return the message for an event: a job is sent as its key, a result as it is."""
    return event.key if isinstance(event, (CraftJob, MeasureJob)) else event


def from_messages(item: WorkItem, answers: Iterable[Answer]) -> Iterator[JobEvent]:
    """Yield the events of a work item from the messages of a worker.

    Raises:
        BenchError: the worker sent it.
        LostError: the worker's process has ended.
        RuntimeError: the harness itself failed in the worker; the message is the traceback.
    """
    all_jobs: tuple[CraftJob | MeasureJob, ...] = (*item.searches, *item.cells)
    jobs = {job.key: job for job in all_jobs}
    for answer in answers:
        if isinstance(answer, (BenchError, LostError, RuntimeError)):
            raise answer
        yield jobs[answer] if isinstance(answer, str) else answer
