"""`auto`: several processes where there are several cores and enough to do, else this process."""

from __future__ import annotations

from collections.abc import Generator
from functools import partial
from pathlib import Path

from bench.engine.executors import Executor, Options, processes, serial
from bench.engine.resume import Event, is_pending
from bench.engine.runner import Prepared
from bench.errors import ConfigError
from bench.planning.estimate import remaining
from bench.planning.jobs import Plan
from bench.store.run_folder import Store
from bench.utils.machine import cores

WORKER_BYTES = 1.5 * 2**30
"""Memory that a worker takes, measured on small crops: libraries, codecs and one search."""

STARTING_S = 8.0
"""CPU seconds that a worker takes to import its libraries and make its codecs."""

_MEMORY = Path("/proc/meminfo")


def executor(options: Options) -> Executor:
    """Return what does a plan with as many processes as pay off.

    Raises:
        ConfigError: an option was given that is Ray's.
    """
    if options.address is not None or options.gpus is not None:
        raise ConfigError("--address and --gpus go with --executor ray")
    return partial(_execute, options=options)


def _execute(prepared: Prepared, store: Store, options: Options) -> Generator[Event, None, None]:
    threads = prepared.suite.compute.threads
    count = options.workers or worker_count(prepared.plan, threads, store)
    chosen = serial.executor(Options()) if count == 1 else processes.executor(Options(count))
    yield from chosen(prepared, store)


def worker_count(plan: Plan, threads: int, store: Store | None = None) -> int:
    """Return how many processes shall work on what is left of a plan; 1 is this process.

    One for every `threads` cores, but two where there are two cores: while one searches, the
    other one codes and scores. Never more than free memory allows, and one alone where starting
    another takes longer than it saves.
    """
    by_cores = max(cores() // threads, min(2, cores()))
    by_memory = int(free_bytes() // WORKER_BYTES)
    groups = sum(store is None or is_pending(group, store) for group in plan.groups)
    count = max(1, min(by_cores, by_memory, groups))
    pays_off = expected_seconds(plan, count, store) < remaining(plan, store)
    return count if pays_off else 1


def expected_seconds(plan: Plan, workers: int, store: Store | None = None) -> float:
    """Return the expected seconds of what is left of a plan."""
    alone = remaining(plan, store)
    return alone if workers == 1 else alone / workers + STARTING_S


def free_bytes() -> float:
    """Return how much memory is free, as far as the system says; infinity where it does not."""
    if not _MEMORY.is_file():
        return float("inf")
    lines = dict(line.split(":", 1) for line in _MEMORY.read_text(encoding="ascii").splitlines())
    return int(lines["MemAvailable"].split()[0]) * 1024.0
