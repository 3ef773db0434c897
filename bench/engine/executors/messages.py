"""How a task travels to another process and what it gives travels back.

Task --pack--> bytes, without its source pictures, which may be there already
Made --answered--> Answer, jobs by their keys alone --understood--> Made
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np

from bench.crafting.craft import CraftResult
from bench.engine.job_runner import JobEvent, WorkItem
from bench.errors import BenchError
from bench.images.image_set import Picture
from bench.planning.jobs import CraftJob, MeasureJob
from bench.store.records import MeasureRecord

Answer: TypeAlias = str | CraftResult | MeasureRecord | BenchError | RuntimeError
"""The key of a job that starts, what came of it, or why the run must end."""


class _Packer(pickle.Pickler):
    def persistent_id(self, obj: Any) -> str | None:  # noqa: ANN401 - whatever is pickled
        return obj.name if isinstance(obj, Picture) else None


class _Unpacker(pickle.Unpickler):
    def __init__(self, packed: bytes, pictures: Iterable[Picture]) -> None:
        super().__init__(io.BytesIO(packed))
        self._pictures = {picture.name: picture for picture in pictures}

    def persistent_load(self, pid: Any) -> Picture:  # noqa: ANN401 - as its base class has it
        if pid not in self._pictures:
            raise pickle.UnpicklingError(f"a task on {', '.join(self._pictures)} names {pid}")
        return self._pictures[pid]


def pack(task: WorkItem) -> bytes:
    """Return a task without its source pictures."""
    content = io.BytesIO()
    _Packer(content, protocol=pickle.HIGHEST_PROTOCOL).dump(task)
    return content.getvalue()


def unpack(packed: bytes, pictures: Sequence[Picture]) -> WorkItem:
    """Return a task and its source pictures together, no picture to be written to."""
    task: WorkItem = _Unpacker(packed, pictures).load()
    for image in (*(picture.pixels for picture in pictures), task.attacked):
        if isinstance(image, np.ndarray):
            image.setflags(write=False)
    return task


def to_message(made: JobEvent) -> Answer:
    """Return what is sent of what was made."""
    return made.key if isinstance(made, (CraftJob, MeasureJob)) else made


def from_messages(task: WorkItem, answers: Iterable[Answer]) -> Iterator[JobEvent]:
    """Yield what was made of a task.

    Raises:
        BenchError: that was the answer.
        RuntimeError: the harness itself failed there; the message is its traceback.
    """
    asked: tuple[CraftJob | MeasureJob, ...] = (*task.searches, *task.cells)
    jobs = {job.key: job for job in asked}
    for answer in answers:
        if isinstance(answer, (BenchError, RuntimeError)):
            raise answer
        yield jobs[answer] if isinstance(answer, str) else answer
