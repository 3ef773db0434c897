"""A run folder: manifest.json, records.jsonl, adversarial/KEY.png. Append-only and crash-safe.

If several workers made it, workers.jsonl lists when each started or was lost, and where it ran.

A record is one line, flushed and synced to disk before it is reported. An incomplete last line,
left by a crash, is removed when the folder is opened again. Only one process may write at a time.

Where only the pictures of the suite have changed, the run goes on: records of other pictures move
to set-aside.jsonl (`bench.store.set_aside`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, ValidationError

from bench.codec import Image
from bench.errors import ImageError, StoreError
from bench.images.png import decode_png, encode_png
from bench.store.records import CraftRecord, MeasureRecord, WorkerRecord
from bench.store.records_file import append_line, as_line, os_errors_as_store_errors, read_records
from bench.store.set_aside import exchange
from bench.utils.files import read_file, write_atomically
from bench.utils.memory import collection_paused

_RECORDS = "records.jsonl"
_MANIFEST = "manifest.json"
_WORKERS = "workers.jsonl"
_PICTURES = "adversarial"


class Manifest(BaseModel):
    """The description of a run: suite, codecs, pictures, versions and machine.

    Two runs whose manifests are equal, `started` apart, have equal records, times apart.

    Attributes:
        format: version of the format of run folders.
        suite: the whole suite, with defaults filled in.
        suite_sha256: hash of `suite`.
        plan_sha256: hash of the keys of all jobs.
        cells: number of evaluations in the suite.
        codecs: fingerprint of every operating point, by label.
        gradients: labels of the operating points with gradients.
        random: labels of the operating points that draw random numbers.
        searching: version of the search, see `bench.planning.searches.SEARCHING_VERSION`.
        pictures: hash of the pixels of every source picture, by name.
        notes: conversions applied when a source picture was read, by name; only where there were
            any.
        versions: versions of the packages and programs that compute the numbers, by name.
        machine: `bench.utils.machine.describe_machine` of the machine that computed them.
        started: when the folder was created, ISO 8601, UTC.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[3] = 3
    suite: dict[str, Any]
    suite_sha256: str
    plan_sha256: str
    cells: int
    codecs: dict[str, str]
    gradients: tuple[str, ...]
    random: tuple[str, ...]
    searching: int = 2
    pictures: dict[str, str]
    notes: dict[str, str]
    versions: dict[str, str]
    machine: dict[str, str]
    started: str


@dataclass(frozen=True)
class Run:
    """A run folder as read, finished or not.

    Attributes:
        folder: its path.
        manifest: description of the run.
        crafts: records of the searches, by key.
        measures: records of the evaluations, in the order they were written.
    """

    folder: Path
    manifest: Manifest
    crafts: dict[str, CraftRecord]
    measures: list[MeasureRecord]


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
            for record, end in read_records(folder / _RECORDS):
                self._index(record)
                self._end = end

    def append(self, record: CraftRecord | MeasureRecord) -> None:
        """Write a record to disk; once this returns, the record survives a crash.

        Raises:
            StoreError: it cannot be written.
        """
        line = as_line(record)
        with os_errors_as_store_errors(f"write to {self._folder / _RECORDS}"):
            append_line(self._folder / _RECORDS, self._end, line)
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
        path = self._picture_path(key)
        with os_errors_as_store_errors(f"write {path}"):
            path.parent.mkdir(exist_ok=True)
            write_atomically(path, encode_png(image))

    def load_picture(self, key: str) -> Image | None:
        """Return a saved adversarial picture, uint8 (H, W, 3); None if it cannot be read."""
        try:
            image = decode_png(read_file(self._picture_path(key)))
        except (OSError, ImageError):
            return None
        image.setflags(write=False)
        return image

    def _picture_path(self, key: str) -> Path:
        return self._folder / _PICTURES / f"{key}.png"

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
    manifest = _read_manifest(folder)
    if manifest is None:
        raise StoreError(f"{folder} is no run folder: it has no {_MANIFEST}")
    path = next((path for path in _record_paths(folder) if path.exists()), folder / _RECORDS)
    with collection_paused():
        records = [record for record, _ in read_records(path)]
    crafts = {record.key: record for record in records if isinstance(record, CraftRecord)}
    measures = [record for record in records if isinstance(record, MeasureRecord)]
    return Run(folder, manifest, crafts, measures)


def _claim(folder: Path, manifest: Manifest, jobs: Collection[str]) -> int:
    """Write the manifest into a new folder, or check that an old folder is of the same run.

    Returns:
        The number of records that were set aside because the pictures have changed.
    """
    existing = _read_manifest(folder)
    if existing is None:
        if any(path.exists() for path in _record_paths(folder)):
            raise StoreError(f"{folder} has records but no {_MANIFEST}; choose another --out")
        _write_manifest(folder, manifest)
    elif (folder / f"{_RECORDS}.gz").exists():
        raise StoreError(
            f"{folder} has its records compressed; unpack {_RECORDS}.gz to go on, or choose another"
            " folder with --out"
        )
    elif _identity(existing) != _identity(manifest):
        if not jobs or not _has_other_pictures_only(existing, manifest):
            raise StoreError(
                f"{folder} belongs to another run ({_difference(existing, manifest)}); choose"
                " another folder with --out, or remove it"
            )
        count = exchange(folder / _RECORDS, jobs)
        _write_manifest(folder, manifest.model_copy(update={"started": existing.started}))
        return count
    return 0


def _write_manifest(folder: Path, manifest: Manifest) -> None:
    with os_errors_as_store_errors(f"write {folder / _MANIFEST}"):
        content = manifest.model_dump_json(indent=2) + "\n"
        write_atomically(folder / _MANIFEST, content.encode())


def _identity(manifest: Manifest) -> tuple[object, ...]:
    """Return what two runs must have in common to share a folder."""
    return manifest.plan_sha256, manifest.versions


def _has_other_pictures_only(existing: Manifest, manifest: Manifest) -> bool:
    """Return whether two runs differ in some of their pictures and in nothing else."""
    first, second = (
        ({**one.suite, "images": None}, one.codecs, one.versions) for one in (existing, manifest)
    )
    common = existing.pictures.items() & manifest.pictures.items()
    return first == second and bool(common) and existing.pictures != manifest.pictures


def _difference(existing: Manifest, manifest: Manifest) -> str:
    if existing.suite_sha256 != manifest.suite_sha256:
        return f"of the suite '{existing.suite.get('name')}' as it was on {existing.started}"
    for name in ("codecs", "pictures", "versions"):
        before, now = getattr(existing, name), getattr(manifest, name)
        for key in sorted(before.keys() | now.keys()):
            if before.get(key) != now.get(key):
                return f"{name}: {key} was {before.get(key)}, now {now.get(key)}"
    return "an attack's version has changed"


def _read_manifest(folder: Path) -> Manifest | None:
    path = folder / _MANIFEST
    try:
        return Manifest.model_validate_json(read_file(path))
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise StoreError(
            f"cannot read {path}: it is no manifest of this version, whose records hold other"
            " scores; run the suite again into another folder with --out"
        ) from error


def _record_paths(folder: Path) -> tuple[Path, Path]:
    """Return the two possible paths of the records: as a run writes them, and compressed."""
    return folder / _RECORDS, folder / f"{_RECORDS}.gz"
