"""`auto`: several processes if there are several cores and enough work, otherwise this process."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from functools import partial
from pathlib import Path

from bench.engine.executors import Executor, Options, processes, serial
from bench.engine.resume import Event, is_pending
from bench.engine.runner import Prepared
from bench.errors import ConfigError
from bench.planning.estimate import remaining_seconds
from bench.planning.jobs import Plan
from bench.store.run_folder import Store
from bench.utils.machine import usable_cores

WORKER_BYTES = 2**30
"""Memory of one worker in bytes; 0.8 GiB were measured on 192x192 crops (docs/performance.md)."""

FOREIGN_WORKER_BYTES = 2 * WORKER_BYTES
"""Memory of a worker with the two processes in which codecs of plugins code, 0.5 GiB each."""

STARTING_S = 8.0
"""CPU seconds that a worker needs to import its libraries and make its codecs."""

_MEMORY = Path("/proc/meminfo")


def executor(options: Options) -> Executor:
    """Return the executor that uses as many processes as are worthwhile.

    Raises:
        ConfigError: an option for Ray was given.
    """
    if options.address is not None or options.gpus is not None:
        raise ConfigError("--address and --gpus go with --executor ray")
    return partial(_execute, options=options)


def _execute(prepared: Prepared, store: Store, options: Options) -> Generator[Event, None, None]:
    threads = prepared.suite.compute.threads
    count = options.workers or worker_count(prepared.plan, threads, store)
    alone = serial.executor(replace(options, workers=None))
    chosen = alone if count == 1 else processes.executor(replace(options, workers=count))
    yield from chosen(prepared, store)


def worker_count(plan: Plan, threads: int, store: Store | None = None) -> int:
    """Return the number of processes for the remaining work of a plan; 1 is this process.

    It is one for every `threads` cores, but two on two cores: while one searches, the other one
    codes and scores. It is limited by free memory, and it is 1 if starting workers would take
    longer than it saves.

    Args:
        plan: the plan.
        threads: number of threads of one search.
        store: the run folder; None if nothing is done yet.
    """
    by_cores = max(usable_cores() // threads, min(2, usable_cores()))
    is_foreign = any(cell.victim.choice.is_foreign for cell in plan.cells)
    by_memory = int(free_bytes() // (FOREIGN_WORKER_BYTES if is_foreign else WORKER_BYTES))
    groups = sum(store is None or is_pending(group, store) for group in plan.groups)
    count = max(1, min(by_cores, by_memory, groups))
    pays_off = expected_seconds(plan, count, store) < remaining_seconds(plan, store)
    return count if pays_off else 1


def expected_seconds(plan: Plan, workers: int, store: Store | None = None) -> float:
    """Return the expected duration of the remaining work of a plan, in seconds."""
    alone = remaining_seconds(plan, store)
    return alone if workers == 1 else alone / workers + STARTING_S


def free_bytes() -> float:
    """Return the free memory in bytes; infinity if the system does not report it."""
    if not _MEMORY.is_file():
        return float("inf")
    lines = dict(line.split(":", 1) for line in _MEMORY.read_text(encoding="ascii").splitlines())
    return int(lines["MemAvailable"].split()[0]) * 1024.0
