"""Several processes of this machine, each with the threads that the suite gives one search.

    driver --source picture, task--> worker        a socket each; nothing else is shared
           <--answers as they come--

Each is a `bench.utils.child_process`: a terminal's interrupt does not reach it, and it is ended
with all that it runs.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from functools import partial

from bench.engine.executors import Executor, Options
from bench.engine.executors.messages import Answer, from_messages, pack
from bench.engine.executors.scheduler import drive
from bench.engine.executors.worker import WorkerConfig
from bench.engine.job_runner import JobEvent, WorkItem
from bench.engine.resume import Event
from bench.engine.runner import Prepared
from bench.errors import BenchError, ConfigError
from bench.store.run_folder import Store
from bench.utils.child_process import Child
from bench.utils.machine import usable_cores


def executor(options: Options) -> Executor:
    """Return what does a plan with processes; one for every `threads` cores if not told.

    Raises:
        ConfigError: an option was given that is Ray's.
    """
    if options.address is not None or options.gpus is not None:
        raise ConfigError("--address and --gpus go with --executor ray")
    return partial(_execute, workers=options.workers)


def _execute(prepared: Prepared, store: Store, workers: int | None) -> Generator[Event, None, None]:
    kit = WorkerConfig.of(prepared)
    count = workers or max(1, usable_cores() // prepared.suite.compute.threads)
    yield from drive(prepared, store, lambda: ProcessWorker(kit), count)


class ProcessWorker:
    """A `bench.engine.executors.worker_pool.Worker` that is a process of this machine."""

    def __init__(self, kit: WorkerConfig) -> None:
        self._kit = kit
        self._child = Child("bench.engine.executors.worker:main")

    def start(self) -> str:
        """Wait until it is ready; return its host and process."""
        self._child.send(self._kit)
        host = self._child.receive()
        if isinstance(host, BenchError):
            raise host
        return str(host)

    def do(self, task: WorkItem) -> Iterator[JobEvent]:
        """Do a task there, yielding what is made as it comes."""
        self._child.send((pack(task), *task.pictures))
        yield from from_messages(task, self._answers())

    def stop(self) -> None:
        """End it, and all that it runs."""
        self._child.stop()

    def _answers(self) -> Iterator[Answer]:
        while (answer := self._child.receive()) is not None:
            yield answer
