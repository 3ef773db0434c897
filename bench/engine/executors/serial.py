"""Execution of one job after another, in the order of the plan.

They run in this process if all code is the harness's own. Otherwise they run in one worker process,
because a call of foreign code that hangs can be ended only with its process.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from functools import partial

from bench.engine.executors import Executor, Options, processes
from bench.engine.resume import Event
from bench.engine.runner import Prepared, execute
from bench.errors import ConfigError
from bench.isolation.coder_pool import shared_pool
from bench.store.run_folder import Store


def executor(options: Options) -> Executor:
    """Return the executor of one job at a time.

    Raises:
        ConfigError: an option for workers was given.
    """
    if (options.workers, options.address, options.gpus) != (None, None, None):
        raise ConfigError("one process works alone; choose --executor processes or ray")
    return partial(_execute, options=options)


def _execute(prepared: Prepared, store: Store, options: Options) -> Generator[Event, None, None]:
    if prepared.has_foreign_code:
        one_worker = processes.executor(replace(options, workers=1))
        yield from one_worker(prepared, store)
        return
    pool = shared_pool(prepared.suite.compute.threads, options.call_limit_s)
    yield from execute(prepared, store, pool)
