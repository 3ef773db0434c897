"""Several processes of this machine, each with the threads that the suite gives one search.

    driver --source picture, task--> worker        a socket each; nothing else is shared
           <--answers as they come--

Each is begun as a new program, not by fork, which would copy a half-used torch. Each leads a
process group of its own: a terminal's interrupt does not reach it, and it is ended with all that it
runs.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import suppress
from functools import partial
from multiprocessing import Pipe

from bench.errors import BenchError, ConfigError
from bench.executors import Executor, Options
from bench.executors.crew import LostError
from bench.executors.drive import drive
from bench.executors.kit import Kit
from bench.executors.parcel import Answer, pack, understood
from bench.keeping import Event
from bench.run import Prepared
from bench.store import Store
from bench.workshop import Made, Task


def executor(options: Options) -> Executor:
    """Return what does a plan with processes; one for every `threads` cores if not told.

    Raises:
        ConfigError: an option was given that is Ray's.
    """
    if options.address is not None or options.gpus is not None:
        raise ConfigError("--address and --gpus go with --executor ray")
    return partial(_execute, workers=options.workers)


def _execute(prepared: Prepared, store: Store, workers: int | None) -> Generator[Event, None, None]:
    kit = Kit.of(prepared)
    count = workers or max(1, cores() // prepared.suite.compute.threads)
    yield from drive(prepared, store, lambda: ProcessWorker(kit), count)


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0))


class ProcessWorker:
    """A `bench.executors.crew.Worker` that is a process of this machine."""

    def __init__(self, kit: Kit) -> None:
        self._kit = kit
        self._connection, theirs = Pipe()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "bench.executors.worker", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=2,  # what a plugin prints is no part of what the command prints
                pass_fds=[theirs.fileno()],
                start_new_session=True,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            )

    def start(self) -> str:
        """Wait until it is ready; return its host and process."""
        self._send(self._kit)
        host = self._receive()
        if isinstance(host, BenchError):
            raise host
        return str(host)

    def do(self, task: Task) -> Iterator[Made]:
        """Do a task there, yielding what is made as it comes."""
        self._send((pack(task), *task.pictures))
        yield from understood(task, self._answers())

    def stop(self) -> None:
        """End it, and all that it runs."""
        if self._process.returncode is None:  # else its number may be another one's by now
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def _answers(self) -> Iterator[Answer]:
        while (answer := self._receive()) is not None:
            yield answer

    def _send(self, message: object) -> None:
        try:
            self._connection.send(message)
        except OSError as error:
            raise LostError(self._end()) from error

    def _receive(self) -> Answer | None:
        try:
            received: Answer | None = self._connection.recv()
        except (EOFError, OSError) as error:
            raise LostError(self._end()) from error
        return received

    def _end(self) -> str:
        """Return how it ended, once its socket is closed; what it ran is ended, too."""
        with suppress(ChildProcessError):
            os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
        self.stop()
        code = self._process.wait()
        if code < 0:
            return f"its process was killed by {signal.Signals(-code).name}"
        return f"its process ended with exit code {code}"
