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
from bench.metric import StreamMetric
from bench.planning.estimate import remaining_seconds
from bench.planning.jobs import Plan
from bench.store.run_folder import Store
from bench.utils.machine import usable_cores

WORKER_BYTES = 2**30
"""Memory of one worker in bytes; 0.8 GiB were measured on 192x192 crops (docs/performance.md)."""

CODER_BYTES = 640 * 2**20
"""Memory of a process in which codecs code, in bytes; 618 MiB were measured, with a small model."""

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
    count = options.workers or worker_count(prepared, store)
    alone = serial.executor(replace(options, workers=None))
    chosen = alone if count == 1 else processes.executor(replace(options, workers=count))
    yield from chosen(prepared, store)


def worker_count(prepared: Prepared, store: Store | None = None) -> int:
    """Return the number of processes for the remaining work of a suite; 1 is this process.

    It is one for every `threads` cores, but two on two cores: while one searches, the other one
    codes and scores. It is limited by free memory, and it is 1 if starting workers would take
    longer than it saves.

    Args:
        prepared: the suite and its plan.
        store: the run folder; None if nothing is done yet.
    """
    plan, threads = prepared.plan, prepared.suite.compute.threads
    by_cores = max(usable_cores() // threads, min(2, usable_cores()))
    by_memory = int((free_bytes() - CODER_BYTES) // _worker_bytes(prepared))
    groups = sum(store is None or is_pending(group, store) for group in plan.groups)
    count = max(1, min(by_cores, by_memory, groups))
    pays_off = expected_seconds(plan, count, store) < remaining_seconds(plan, store)
    return count if pays_off else 1


def _worker_bytes(prepared: Prepared) -> int:
    """Return the memory of a worker with the processes of its codecs, see `CoderPool`.

    Codecs of plugins encode in one process and decode in another one. The damaged bitstreams of all
    codecs are decoded in a third one. The codecs of the harness need one more in one worker only,
    which decodes the witness picture; `worker_count` leaves room for it.
    """
    is_foreign = any(cell.victim.choice.is_foreign for cell in prepared.plan.cells)
    metrics = (named.metric for named in prepared.terms.named_metrics)
    coders = 2 * is_foreign + any(isinstance(metric, StreamMetric) for metric in metrics)
    return WORKER_BYTES + coders * CODER_BYTES


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
