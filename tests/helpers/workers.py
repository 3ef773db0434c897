"""The processes of workers, from the records of their start."""

import os
from contextlib import suppress

from bench.store.records import WorkerRecord


def process_of(event: WorkerRecord) -> int:
    """Return the ID of a worker's process."""
    return int(event.host.rpartition(" ")[2])


def is_alive(process: int) -> bool:
    """Return whether a process exists."""
    with suppress(ProcessLookupError):
        os.kill(process, 0)
        return True
    return False
