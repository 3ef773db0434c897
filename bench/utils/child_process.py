"""Another process of ours: spoken to over a socket, and ended with all that it runs.

    Child("bench.module:function") --send--> Parent.receive()   in the other process,
                                  <--send--                     where function(parent) runs

It is begun as a new program, not by fork, which would copy a half-used torch. It leads a process
group of its own: a terminal's interrupt does not reach it. It ends with whoever holds the other
end, at once and with every program that it runs then.
"""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any

_START = (
    "import sys; sys.path[:] = filter(None, sys.path);"
    " from bench.utils.child_process import main; main()"
)
"""Python's own way would let files of the current folder pass for modules."""


class LostError(Exception):
    """A process is gone; the message says why."""


class Child:
    """A process of this machine.

    Args:
        target: "module:function" of what it runs; it is given a `Parent`.
    """

    def __init__(self, target: str) -> None:
        self._connection, theirs = Pipe()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _START, str(theirs.fileno()), target],
                stdin=subprocess.DEVNULL,
                stdout=2,  # what a plugin prints is no part of what the command prints
                pass_fds=[theirs.fileno()],
                start_new_session=True,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            )

    def send(self, message: object) -> None:
        """Send it something that can be pickled.

        Raises:
            LostError: it is gone.
        """
        try:
            self._connection.send(message)
        except OSError as error:
            raise LostError(self._end()) from error

    def receive(self, limit_s: float | None = None) -> Any:  # noqa: ANN401 - whatever it sends
        """Return what it sends next.

        Raises:
            LostError: it is gone.
            TimeoutError: it sent nothing for that long; it still runs.
        """
        try:
            if not self._connection.poll(limit_s):
                raise TimeoutError(f"still running after {limit_s:g} s")
            return self._connection.recv()
        except (EOFError, ConnectionError) as error:
            raise LostError(self._end()) from error

    def stop(self) -> None:
        """End it, and all that it runs."""
        if self._process.returncode is None:  # else its number may be another one's by now
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def _end(self) -> str:
        """Return how it ended, once its socket is closed; what it ran is ended, too."""
        with suppress(ChildProcessError):
            os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
        self.stop()
        code = self._process.wait()
        if code < 0:
            return f"its process was killed by {signal.Signals(-code).name}"
        return f"its process ended with exit code {code}"


class Parent:
    """Who began this process, as it is seen from here.

    Args:
        descriptor: the number of this end of the socket.
    """

    def __init__(self, descriptor: int) -> None:
        self._connection = Connection(descriptor)
        self._received: SimpleQueue[Any] = SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()

    def send(self, message: object) -> None:
        """Send something that can be pickled."""
        self._connection.send(message)

    def receive(self) -> Any:  # noqa: ANN401 - whatever is sent
        """Wait for what is sent next, and return it."""
        return self._received.get()

    def _listen(self) -> None:
        try:
            while True:
                self._received.put(self._connection.recv())
        except (EOFError, OSError):
            os.killpg(os.getpgrp(), signal.SIGKILL)


def main() -> None:
    """Run what the command line of a child names."""
    descriptor, target = sys.argv[1:]
    module, _, function = target.partition(":")
    getattr(importlib.import_module(module), function)(Parent(int(descriptor)))
