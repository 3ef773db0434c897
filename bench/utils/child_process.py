"""A child process: messages over a socket, and an end that takes its own programs along.

    Child("bench.module:function") --send--> Parent.receive()   in the child process,
                                  <--send--                     where function(parent) runs

The child is a new Python program, not a fork, which would copy the state of torch. It leads its own
process group, so an interrupt from the terminal does not reach it. When the parent ends, the child
is killed at once, with every program that it runs at that moment.
"""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any

from bench.utils.waiting import waits

_START = (
    "import sys; sys.path[:] = filter(None, sys.path);"
    " from bench.utils.child_process import main; main()"
)
"""`python -m` would import files of the current folder as modules."""


class LostError(Exception):
    """The other process has ended; the message gives the reason."""


class KilledError(LostError):
    """The other process was killed by SIGKILL."""


class TookTooLongError(LostError):
    """The other process was stopped because a call in it exceeded its time limit."""


class Child:
    """A child process on this machine.

    Args:
        target: "module:function" that it runs; the function is called with a `Parent`.
        variables: environment variables that it has besides those of this process.
    """

    def __init__(self, target: str, variables: Mapping[str, str] | None = None) -> None:
        self._connection, theirs = Pipe()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _START, str(theirs.fileno()), target],
                stdin=subprocess.DEVNULL,
                stdout=2,  # what a plugin prints must not mix with the command's own output
                pass_fds=[theirs.fileno()],
                start_new_session=True,
                env={
                    **os.environ,
                    "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
                    **(variables or {}),
                },
            )

    def send(self, message: object) -> None:
        """Send an object that can be pickled.

        Raises:
            LostError: the process has ended.
        """
        try:
            self._connection.send(message)
        except OSError as error:
            raise self._end() from error

    def receive(self, limit_s: float | None = None) -> Any:  # noqa: ANN401 - whatever it sends
        """Return the next object that the process sends.

        Args:
            limit_s: seconds to wait, without pauses; None waits without limit.

        Raises:
            LostError: the process has ended.
            TimeoutError: nothing was sent within the limit; the process still runs.
        """
        try:
            if limit_s is not None and not any(map(self._connection.poll, waits(limit_s))):
                raise TimeoutError(f"still running after {limit_s:g} s")
            return self._connection.recv()
        except (EOFError, ConnectionError) as error:
            raise self._end() from error

    def stop(self) -> None:
        """Kill the process and every program that it runs."""
        if self._process.returncode is None:  # otherwise its number may be in use again
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def _end(self) -> LostError:
        """Kill the programs of a process whose socket is closed; return how the process ended."""
        with suppress(ChildProcessError):
            os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
        self.stop()
        code = self._process.wait()
        if code >= 0:
            return LostError(f"its process ended with exit code {code}")
        kind = KilledError if code == -signal.SIGKILL else LostError
        return kind(f"its process was killed by {signal.Signals(-code).name}")


class Parent:
    """The parent, as the child process sees it.

    Args:
        descriptor: file descriptor of the child's end of the socket.
    """

    def __init__(self, descriptor: int) -> None:
        self._connection = Connection(descriptor)
        self._received: SimpleQueue[Any] = SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()

    def send(self, message: object) -> None:
        """Send an object that can be pickled; where the parent has ended, this process ends."""
        try:
            self._connection.send(message)
        except OSError:
            _end_group()

    def receive(self) -> Any:  # noqa: ANN401 - whatever is sent
        """Wait for the next object from the parent and return it."""
        return self._received.get()

    def _listen(self) -> None:
        try:
            while True:
                self._received.put(self._connection.recv())
        except (EOFError, OSError):
            _end_group()
        except BaseException:  # noqa: BLE001 - a message that cannot be read; the parent waits
            traceback.print_exc()
            os._exit(1)


def _end_group() -> None:
    """Kill this process with every program that it runs."""
    os.killpg(os.getpgrp(), signal.SIGKILL)


def main() -> None:
    """Run the function that the child's command line names."""
    descriptor, target = sys.argv[1:]
    module, _, function = target.partition(":")
    getattr(importlib.import_module(module), function)(Parent(int(descriptor)))
