"""The file of records, one per line: reading, and appending such that complete lines survive."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import ValidationError
from pydantic_core import PydanticSerializationError

from bench.errors import SCARCE, StoreError, writable
from bench.store.records import RECORD, CraftRecord, MeasureRecord, WorkerRecord
from bench.utils.files import open_regular

RECORDS = "records.jsonl"

LONGEST_LINE = 2**24
"""Longest line of a file of records that is read, in bytes."""


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
    with os_errors_as_store_errors(f"read {path}"), open_regular(path) as file:
        unpacked = gzip.GzipFile(fileobj=file) if path.suffix == ".gz" else file
        for number, line in enumerate(record_lines(unpacked, path), 1):
            if not line.endswith(b"\n"):
                return
            end += len(line)
            try:
                yield RECORD.validate_json(line), end
            except ValidationError as error:
                raise StoreError(
                    f"{path}:{number} is damaged; remove that line and run again"
                ) from error


def record_lines(file: BinaryIO | gzip.GzipFile, path: Path) -> Iterator[bytes]:
    """Yield the lines of a file of records, one at a time, so that no more is held in memory.

    Args:
        file: the file, unpacked.
        path: its path, for error messages.

    Raises:
        StoreError: the compressed file is damaged, or a line is longer than any record.
    """
    try:
        while line := file.readline(LONGEST_LINE + 1):
            if len(line) > LONGEST_LINE:
                raise StoreError(
                    f"{path} has a line of more than {LONGEST_LINE} bytes, which is no record; get"
                    " a complete copy of it"
                )
            yield line
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise StoreError(f"{path} is damaged ({error}); get a complete copy of it") from error


def as_line(record: CraftRecord | MeasureRecord | WorkerRecord) -> bytes:
    """Return a record as one line; what is no text in it, such as a plugin's flag, is escaped."""
    try:
        return record.model_dump_json().encode() + b"\n"
    except PydanticSerializationError:
        fields = _writable(record.model_dump())
        return type(record).model_validate(fields).model_dump_json().encode() + b"\n"


def _writable(value: Any) -> Any:  # noqa: ANN401 - the fields of a record
    if isinstance(value, dict):
        return {writable(str(key)): _writable(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_writable(one) for one in value]
    return writable(value) if isinstance(value, str) else value


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
        remedy = "free the disk and run the same command again, or " * (error.errno in SCARCE)
        raise StoreError(
            f"cannot {action}: {reason}; what was measured before is kept, {remedy}choose another"
            " folder with --out"
        ) from error
