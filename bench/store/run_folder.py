"""A run folder: manifest.json, records.jsonl, adversarial/KEY.png. Append-only and crash-safe.

Where several workers made it, workers.jsonl says where they were and which of them were lost.

A record is on disk before it is reported: it is written as one line, flushed and synced. What a
crash tore off the last line is cut away when the folder is opened again. One writer at a time.
"""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, ValidationError

from bench.codec import Image
from bench.errors import ImageError, StoreError
from bench.images.png import pixels, png
from bench.store.records import RECORD, CraftRecord, MeasureRecord, WorkerRecord
from bench.utils.files import write_atomically
from bench.utils.memory import collection_paused

_RECORDS = "records.jsonl"
_MANIFEST = "manifest.json"
_WORKERS = "workers.jsonl"
_PICTURES = "adversarial"


class Manifest(BaseModel):
    """What a run folder is of. Two runs with equal manifests, times apart, have equal records.

    Attributes:
        format: of the folder.
        suite: the whole suite, defaults filled in.
        suite_sha256: hash of that.
        plan_sha256: hash of the keys of every job.
        cells: how many cells the suite has.
        codecs: fingerprint of every operating point, by label.
        gradients: labels of those that offer gradients.
        random: labels of those that draw random numbers.
        pictures: hash of every source picture's pixels, by name.
        notes: what was done to a source picture when it was read, where something was.
        versions: of what computes the numbers.
        machine: what computed them.
        started: when the folder was made, UTC.
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
    pictures: dict[str, str]
    notes: dict[str, str]
    versions: dict[str, str]
    machine: dict[str, str]
    started: str


@dataclass(frozen=True)
class Run:
    """A run folder as read: what it is of and what it holds so far."""

    folder: Path
    manifest: Manifest
    crafts: dict[str, CraftRecord]
    measures: list[MeasureRecord]


class Store:
    """The one writer of a run folder; made by `opened`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._end = 0
        self.crafts: dict[str, CraftRecord] = {}
        self.measured: dict[str, MeasureRecord] = {}
        with collection_paused():
            for record, end in _records(folder / _RECORDS):
                self._remember(record)
                self._end = end

    def append(self, record: CraftRecord | MeasureRecord) -> None:
        """Put a record on disk; when this returns it survives a crash."""
        line = RECORD.dump_json(record) + b"\n"
        with _told(f"write to {self._folder / _RECORDS}"):
            _write_at(self._folder / _RECORDS, self._end, line)
        self._end += len(line)
        self._remember(record)

    def append_worker(self, record: WorkerRecord) -> None:
        """Write down what became of a worker."""
        path = self._folder / _WORKERS
        with _told(f"write to {path}"), path.open("a") as file:
            file.write(record.model_dump_json() + "\n")

    def save_picture(self, key: str, image: Image) -> None:
        """Put an adversarial picture on disk, whole or not at all."""
        path = self._picture(key)
        with _told(f"write {path}"):
            path.parent.mkdir(exist_ok=True)
            write_atomically(path, png(image))

    def load_picture(self, key: str) -> Image | None:
        """Return a saved adversarial picture, or None if it cannot be read."""
        try:
            image = pixels(self._picture(key).read_bytes())
        except (OSError, ImageError):
            return None
        image.setflags(write=False)
        return image

    def _picture(self, key: str) -> Path:
        return self._folder / _PICTURES / f"{key}.png"

    def _remember(self, record: CraftRecord | MeasureRecord) -> None:
        if isinstance(record, CraftRecord):
            self.crafts[record.key] = record
        else:
            self.measured[record.key] = record


@contextmanager
def open_run(folder: Path, manifest: Manifest) -> Iterator[Store]:
    """Open a run folder for writing, new or to be continued.

    Raises:
        StoreError: it belongs to another suite, other codecs or pictures, or another process is
            writing to it, or it cannot be written.
    """
    with _told(f"make the folder {folder}"):
        folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".lock", timeout=0)
    with _told(f"lock the folder {folder}"):
        try:
            lock.acquire()
        except Timeout as error:
            raise StoreError(
                f"another process is writing to {folder}; wait for it, or choose --out"
            ) from error
    try:
        _claim(folder, manifest)
        yield Store(folder)
    finally:
        lock.release()


def read_run(folder: Path) -> Run:
    """Read a run folder, finished or not; its records may be compressed, as records.jsonl.gz.

    Raises:
        StoreError: it is none, or a record in it cannot be read.
    """
    if not folder.is_dir():
        told = "it is a file" if folder.exists() else "it is not there"
        raise StoreError(f"{folder} is no run folder: {told}")
    found = _manifest(folder)
    if found is None:
        raise StoreError(f"{folder} is no run folder: it has no {_MANIFEST}")
    path = next((path for path in _places(folder) if path.exists()), folder / _RECORDS)
    with collection_paused():
        records = [record for record, _ in _records(path)]
    crafts = {record.key: record for record in records if isinstance(record, CraftRecord)}
    measures = [record for record in records if isinstance(record, MeasureRecord)]
    return Run(folder, found, crafts, measures)


def _claim(folder: Path, manifest: Manifest) -> None:
    """Write the manifest into a new folder, or see that an old one is of the same run."""
    found = _manifest(folder)
    if found is None:
        if any(path.exists() for path in _places(folder)):
            raise StoreError(f"{folder} has records but no {_MANIFEST}; choose another --out")
        with _told(f"write {folder / _MANIFEST}"):
            content = manifest.model_dump_json(indent=2) + "\n"
            write_atomically(folder / _MANIFEST, content.encode())
    elif (folder / f"{_RECORDS}.gz").exists():
        raise StoreError(
            f"{folder} has its records compressed; unpack {_RECORDS}.gz to go on, or choose another"
            " folder with --out"
        )
    elif _identity(found) != _identity(manifest):
        raise StoreError(
            f"{folder} belongs to another run ({_difference(found, manifest)}); choose another"
            " folder with --out, or remove it"
        )


def _identity(manifest: Manifest) -> tuple[object, ...]:
    """Return what the records of one folder must have in common."""
    return manifest.plan_sha256, manifest.versions


def _difference(found: Manifest, wanted: Manifest) -> str:
    if found.suite_sha256 != wanted.suite_sha256:
        return f"of the suite '{found.suite.get('name')}' as it was on {found.started}"
    for name in ("codecs", "pictures", "versions"):
        before, now = getattr(found, name), getattr(wanted, name)
        for key in sorted(before.keys() | now.keys()):
            if before.get(key) != now.get(key):
                return f"{name}: {key} was {before.get(key)}, now {now.get(key)}"
    return "an attack's version has changed"


def _manifest(folder: Path) -> Manifest | None:
    path = folder / _MANIFEST
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise StoreError(
            f"cannot read {path}: it is no manifest of this version, whose records hold other"
            " scores; run the suite again into another folder with --out"
        ) from error


def _places(folder: Path) -> tuple[Path, Path]:
    """Return where records are kept: as they are written, and compressed by hand."""
    return folder / _RECORDS, folder / f"{_RECORDS}.gz"


def _records(path: Path) -> Iterator[tuple[CraftRecord | MeasureRecord, int]]:
    """Yield every whole record and where its line ends; a torn last line is passed over."""
    if not path.exists():
        return
    end = 0
    unpacked = gzip.open if path.suffix == ".gz" else open
    with _told(f"read {path}"), unpacked(path, "rb") as file:
        for number, line in enumerate(_lines(file, path), 1):
            if not line.endswith(b"\n"):
                return
            end += len(line)
            try:
                yield RECORD.validate_json(line), end
            except ValidationError as error:
                raise StoreError(
                    f"{path}:{number} is damaged; remove that line and run again"
                ) from error


def _lines(file: Iterable[bytes], path: Path) -> Iterator[bytes]:
    try:
        yield from file
    except (EOFError, zlib.error) as error:
        raise StoreError(f"{path} is damaged ({error}); get a whole copy of it") from error


def _write_at(path: Path, start: int, line: bytes) -> None:
    """Append where the last whole record ends, over whatever a crash left there."""
    with path.open("r+b" if path.exists() else "wb") as file:
        file.seek(start)
        file.truncate()
        file.write(line)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def _told(action: str) -> Iterator[None]:
    """Turn an operating system's refusal into one sentence."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise StoreError(
            f"cannot {action}: {reason}; what was measured before is kept, free the disk and run"
            " the same command again, or choose another folder with --out"
        ) from error
