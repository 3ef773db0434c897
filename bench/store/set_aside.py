"""Records whose job a run no longer has: kept in set-aside.jsonl, which no leaderboard reads.

    records.jsonl --record without a job--> set-aside.jsonl
                  <--its job is back-------

A job is gone if its picture was removed or replaced. A record that is set aside is not computed
again when its job comes back.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from bench.store.records import RECORD, CraftRecord, MeasureRecord
from bench.store.records_file import append_line, os_errors_as_store_errors, read_records
from bench.utils.files import write_atomically

_SET_ASIDE = "set-aside.jsonl"


def exchange(records: Path, jobs: Collection[str]) -> int:
    """Leave exactly the records of the current jobs in a file of records.

    What leaves the file is on disk in the other one before, so that a crash loses nothing. What
    comes back stays in the other file too.

    Args:
        records: the path of records.jsonl.
        jobs: the keys of all current jobs.

    Returns:
        The number of records that were set aside.

    Raises:
        StoreError: a file cannot be read or written, or a line in it is damaged.
    """
    aside = records.with_name(_SET_ASIDE)
    present = [record for record, _ in read_records(records)]
    gone = [record for record in present if record.key not in jobs]
    kept = {record.key: record for record in present if record.key in jobs}
    stored = list(read_records(aside))
    earlier = {record.key: record for record, _ in stored}
    end = stored[-1][1] if stored else 0
    back = {key: record for key, record in earlier.items() if key in jobs}
    with os_errors_as_store_errors(f"write to {aside}"):
        append_line(aside, end, _lines([one for one in gone if one.key not in earlier]))
    with os_errors_as_store_errors(f"write {records}"):
        write_atomically(records, _lines((back | kept).values()))
    return len(gone)


def _lines(records: Collection[CraftRecord | MeasureRecord]) -> bytes:
    return b"".join(RECORD.dump_json(record) + b"\n" for record in records)
