"""A run folder: manifest.json, records.jsonl, adversarial/KEY.png. Append-only and crash-safe.

timings.json says how long codecs take (`bench.store.timings`), resources.json what adversarial
pictures take (`bench.store.resources`); they are written when all else is done.
If several workers made it, workers.jsonl lists when each started or was lost, and where it ran.

A record is one line, flushed and synced to disk before it is reported. An incomplete last line,
left by a crash, is removed when the folder is opened again. Only one process may write at a time.

Where only the pictures of the suite have changed, the run goes on: records of other pictures move
to set-aside.jsonl (`bench.store.set_aside`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock, Timeout

from bench.codec import Image
from bench.errors import StoreError
from bench.images.png import encode_png
from bench.store.manifest import (
    MANIFEST,
    Manifest,
    difference,
    has_other_pictures_only,
    identity,
    read_manifest,
    write_manifest,
)
from bench.store.pictures import picture_file, read_picture
from bench.store.records import CraftRecord, MeasureRecord, WorkerRecord
from bench.store.records_file import (
    RECORDS,
    append_line,
    as_line,
    os_errors_as_store_errors,
    read_records,
)
from bench.store.resources import RESOURCES, Resources
from bench.store.set_aside import exchange
from bench.store.timings import TIMINGS, Timings
from bench.utils.files import write_atomically
from bench.utils.memory import collection_paused

_WORKERS = "workers.jsonl"


@dataclass(frozen=True)
class Run:
    """A run folder as read, finished or not.

    Attributes:
        folder: its path.
        manifest: description of the run.
        crafts: records of the searches, by key.
        measures: records of the evaluations, in the order they were written.
        timings: how long operating points take; None for a published entry that has no
            timings, for which the times of its records count.
        resources: time and memory of coding adversarial pictures; empty where not measured.
    """

    folder: Path
    manifest: Manifest
    crafts: dict[str, CraftRecord]
    measures: list[MeasureRecord]
    timings: Timings | None = None
    resources: Resources = field(default_factory=dict)


class Store:
    """The only writer of a run folder; made by `open_run`.

    Attributes:
        crafts: records of the searches, by key.
        measured: records of the evaluations, by key.
        set_aside: number of records that were set aside when the folder was opened.
    """

    def __init__(self, folder: Path, set_aside: int = 0) -> None:
        self._folder = folder
        self._end = 0
        self.set_aside = set_aside
        self.crafts: dict[str, CraftRecord] = {}
        self.measured: dict[str, MeasureRecord] = {}
        with collection_paused():
            for record, end in read_records(folder / RECORDS):
                self._index(record)
                self._end = end

    def append(self, record: CraftRecord | MeasureRecord) -> None:
        """Write a record to disk; once this returns, the record survives a crash.

        Raises:
            StoreError: it cannot be written.
        """
        line = as_line(record)
        with os_errors_as_store_errors(f"write to {self._folder / RECORDS}"):
            append_line(self._folder / RECORDS, self._end, line)
        self._end += len(line)
        self._index(record)

    def append_worker(self, record: WorkerRecord) -> None:
        """Write the record of a worker to workers.jsonl.

        Raises:
            StoreError: it cannot be written.
        """
        path = self._folder / _WORKERS
        line = as_line(record)
        with os_errors_as_store_errors(f"write to {path}"), path.open("ab") as file:
            file.write(line)

    def save_picture(self, key: str, image: Image) -> None:
        """Write the adversarial picture of a search, uint8 (H, W, 3), completely or not at all.

        Raises:
            StoreError: it cannot be written.
        """
        path = self._folder / picture_file(key)
        with os_errors_as_store_errors(f"write {path}"):
            path.parent.mkdir(exist_ok=True)
            write_atomically(path, encode_png(image))

    def load_picture(self, key: str) -> Image | None:
        """Return the picture that a recorded search found; None if it is lost or altered."""
        return read_picture(self._folder, self.crafts[key])

    @property
    def timings(self) -> Timings:
        """How long operating points take; empty until it is measured.

        Raises:
            StoreError: timings.json cannot be read.
        """
        return TIMINGS.read(self._folder)

    def save_timings(self, timings: Timings) -> None:
        """Write how long operating points take.

        Raises:
            StoreError: timings.json cannot be written.
        """
        TIMINGS.write(self._folder, timings)

    @property
    def resources(self) -> Resources:
        """Time and memory of coding adversarial pictures; empty until it is measured.

        Raises:
            StoreError: resources.json cannot be read.
        """
        return RESOURCES.read(self._folder)

    def save_resources(self, resources: Resources) -> None:
        """Write time and memory of coding adversarial pictures.

        Raises:
            StoreError: resources.json cannot be written.
        """
        RESOURCES.write(self._folder, resources)

    def _index(self, record: CraftRecord | MeasureRecord) -> None:
        if isinstance(record, CraftRecord):
            self.crafts[record.key] = record
        else:
            self.measured[record.key] = record


@contextmanager
def open_run(folder: Path, manifest: Manifest, jobs: Collection[str] = ()) -> Iterator[Store]:
    """Open a run folder for writing; it is created, or an unfinished run in it is continued.

    A codec that changes the working directory does not change where records are written.

    Args:
        folder: its path.
        manifest: the description of the run.
        jobs: the keys of all its jobs. With them, a run is also continued if pictures were added,
            removed or replaced since, as long as one is the same.

    Raises:
        StoreError: the folder belongs to another suite, other codecs or other pictures, another
            process is writing to it, or it cannot be written.
    """
    folder = folder.absolute()
    if folder.exists() and not folder.is_dir():
        raise StoreError(f"{folder} is a file, not a folder; choose another with --out")
    with os_errors_as_store_errors(f"make the folder {folder}"):
        folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".lock", timeout=0)
    with os_errors_as_store_errors(f"lock the folder {folder}"):
        try:
            lock.acquire()
        except Timeout as error:
            raise StoreError(
                f"another process is writing to {folder}; wait for it, or choose --out"
            ) from error
    try:
        yield Store(folder, _claim(folder, manifest, jobs))
    finally:
        lock.release()


def read_run(folder: Path) -> Run:
    """Read a run folder, finished or not; its records may be compressed, as records.jsonl.gz.

    Raises:
        StoreError: the path is no run folder, or a record in it cannot be read.
    """
    if not folder.is_dir():
        problem = "it is a file" if folder.exists() else "it does not exist"
        raise StoreError(f"{folder} is no run folder: {problem}")
    manifest = read_manifest(folder)
    if manifest is None:
        raise StoreError(f"{folder} is no run folder: it has no {MANIFEST}")
    path = next((path for path in _record_paths(folder) if path.exists()), folder / RECORDS)
    with collection_paused():
        records = [record for record, _ in read_records(path)]
    crafts = {record.key: record for record in records if isinstance(record, CraftRecord)}
    measures = [record for record in records if isinstance(record, MeasureRecord)]
    timings, resources = TIMINGS.read(folder), RESOURCES.read(folder)
    return Run(folder, manifest, crafts, measures, timings, resources)


def _claim(folder: Path, manifest: Manifest, jobs: Collection[str]) -> int:
    """Write the manifest into a new folder, or check that an old folder is of the same run.

    Returns:
        The number of records that were set aside because the pictures have changed.
    """
    existing = read_manifest(folder)
    if existing is None:
        if any(path.exists() for path in _record_paths(folder)):
            raise StoreError(f"{folder} has records but no {MANIFEST}; choose another --out")
        write_manifest(folder, manifest)
    elif (folder / f"{RECORDS}.gz").exists():
        raise StoreError(
            f"{folder} has its records compressed; unpack {RECORDS}.gz to go on, or choose another"
            " folder with --out"
        )
    elif identity(existing) != identity(manifest):
        if not jobs or not has_other_pictures_only(existing, manifest):
            raise StoreError(
                f"{folder} belongs to another run ({difference(existing, manifest)}); choose"
                " another folder with --out, or remove it"
            )
        count = exchange(folder / RECORDS, jobs)
        write_manifest(folder, manifest.model_copy(update={"started": existing.started}))
        return count
    return 0


def _record_paths(folder: Path) -> tuple[Path, Path]:
    """Return the two possible paths of the records: as a run writes them, and compressed."""
    return folder / RECORDS, folder / f"{RECORDS}.gz"
