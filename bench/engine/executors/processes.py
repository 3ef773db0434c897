"""Several processes of this machine, each with as many threads as the suite gives one search.

    driver --work item, source pictures--> worker      one socket each; nothing else is shared
           <--answers as they come--

Each worker is a `bench.utils.child_process`: an interrupt from the terminal does not reach it, and
it is stopped together with all that it runs.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from functools import partial

from bench.engine.executors import Executor, Options
from bench.engine.executors.messages import from_messages, pack
from bench.engine.executors.scheduler import drive
from bench.engine.executors.worker import WorkerConfig
from bench.engine.executors.worker_process import WorkerProcess
from bench.engine.job_runner import JobEvent, WorkItem
from bench.engine.resume import Event
from bench.engine.runner import Prepared
from bench.errors import BenchError, ConfigError
from bench.store.run_folder import Store
from bench.utils.machine import usable_cores


def executor(options: Options) -> Executor:
    """Return the executor with processes; by default one for every `threads` cores.

    Raises:
        ConfigError: an option for Ray was given.
    """
    if options.address is not None or options.gpus is not None:
        raise ConfigError("--address and --gpus go with --executor ray")
    return partial(_execute, options=options)


def _execute(prepared: Prepared, store: Store, options: Options) -> Generator[Event, None, None]:
    config = WorkerConfig.of(prepared, options.call_limit_s)
    count = options.workers or max(1, usable_cores() // prepared.suite.compute.threads)
    yield from drive(prepared, store, lambda: ProcessWorker(config), count)


class ProcessWorker:
    """A `bench.engine.executors.worker_pool.Worker` that is a process of this machine."""

    def __init__(self, config: WorkerConfig) -> None:
        self._process = WorkerProcess(config)

    def start(self) -> str:
        """Wait until the worker is ready; return its host and process."""
        host = self._process.start()
        if isinstance(host, BenchError):
            raise host
        return host

    def run(self, item: WorkItem) -> Iterator[JobEvent]:
        """Run a work item in the worker; yield its events as they arrive."""
        yield from from_messages(item, self._process.run(pack(item), *item.pictures))

    def stop(self) -> None:
        """Stop the worker and all that it runs."""
        self._process.stop()
