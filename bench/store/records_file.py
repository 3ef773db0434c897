"""The file of records, one per line: reading, and appending such that complete lines survive."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import ValidationError

from bench.errors import StoreError
from bench.store.records import RECORD, CraftRecord, MeasureRecord


def read_records(path: Path) -> Iterator[tuple[CraftRecord | MeasureRecord, int]]:
    """Yield every complete record and the offset of its end; skip an incomplete last line.

    Args:
        path: records.jsonl, or the same compressed, as records.jsonl.gz; it need not exist.

    Raises:
        StoreError: the file cannot be read, or a line other than the last is damaged.
    """
    if not path.exists():
        return
    end = 0
    open_file = gzip.open if path.suffix == ".gz" else open
    with os_errors_as_store_errors(f"read {path}"), open_file(path, "rb") as file:
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
        raise StoreError(f"{path} is damaged ({error}); get a complete copy of it") from error


def append_line(path: Path, start: int, line: bytes) -> None:
    """Write a line at offset `start`, sync it to disk, and remove all bytes after it.

    Raises:
        OSError: the file cannot be written.
    """
    with path.open("r+b" if path.exists() else "wb") as file:
        file.seek(start)
        file.truncate()
        file.write(line)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def os_errors_as_store_errors(action: str) -> Iterator[None]:
    """Raise an `OSError` again as a `StoreError` that says what could not be done."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise StoreError(
            f"cannot {action}: {reason}; what was measured before is kept, free the disk and run"
            " the same command again, or choose another folder with --out"
        ) from error
