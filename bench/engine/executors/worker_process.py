"""The process of a worker, as the process that starts it sees it.

    WorkerProcess --WorkerConfig, work items--> bench.engine.executors.worker
                  <--answers, limits of calls--

It is killed when a call takes longer than its limit.
"""

from __future__ import annotations

from collections.abc import Iterator

from bench.engine.executors.messages import Answer
from bench.engine.executors.worker import WorkerConfig
from bench.errors import BenchError
from bench.images.image_set import Picture
from bench.utils.child_process import Child, TookTooLongError
from bench.utils.foreign_call import CallLimit


class WorkerProcess:
    """A worker in a child process.

    Args:
        config: description of the run.
    """

    def __init__(self, config: WorkerConfig) -> None:
        self._config = config
        self._child = Child("bench.engine.executors.worker:main")

    def start(self) -> str | BenchError:
        """Wait until the worker is ready; return its host and process, or why it cannot run jobs.

        Raises:
            LostError: the process has ended.
        """
        self._child.send(self._config)
        host: str | BenchError = self._child.receive()
        return host

    def run(self, packed: bytes, *pictures: Picture) -> Iterator[Answer]:
        """Run a packed work item; yield the answers as they arrive.

        Raises:
            LostError: the process has ended.
            TookTooLongError: a call exceeded its time limit.
        """
        self._child.send((packed, *pictures))
        while (answer := self._next_answer()) is not None:
            yield answer

    def stop(self) -> None:
        """Stop the process and all that it runs."""
        self._child.stop()

    def _next_answer(self) -> Answer | None:
        """Return the next answer; None at the end of a work item."""
        limit = CallLimit()
        while True:
            try:
                answer: Answer | CallLimit | None = self._child.receive(limit.seconds)
            except TimeoutError:
                self._child.stop()
                raise TookTooLongError(
                    f"{limit.what} took longer than {limit.seconds:.1f} s and was stopped"
                ) from None
            if not isinstance(answer, CallLimit):
                return answer
            limit = answer
