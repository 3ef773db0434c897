"""External programs: run from a list of arguments, within a time limit, failing in one sentence.

Their files have no names and, on Linux, they end with the harness, so that nothing is left behind
however it ends.
"""

from __future__ import annotations

import ctypes
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

from bench.errors import CodecError, MachineError, raise_if_machine

_START_S, _PATIENCE = 60.0, 10
"""Time limit: this many seconds, and this many times what an idle core needs for the picture."""

_PR_SET_PDEATHSIG = 1
_prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None


class ProgramError(CodecError):
    """A program ended with another exit code than 0.

    Attributes:
        errors: all that it said on stderr.
        output: all that it wrote to stdout.
    """

    def __init__(self, name: str, code: int, errors: str, output: bytes) -> None:
        super().__init__(f"{name} ended with exit code {code}: {_last_line(errors)}")
        self.errors, self.output = errors, output


@dataclass(frozen=True)
class Scratch:
    """A temporary file that a program is lent; the system removes it with the last who holds it.

    Attributes:
        file: open for reading and writing.
    """

    file: IO[bytes]

    @property
    def path(self) -> str:
        """What the program it is lent to opens."""
        return f"/dev/fd/{self.file.fileno()}"

    def read(self) -> bytes:
        """Return all that it holds."""
        self.file.seek(0)
        return self.file.read()


@contextmanager
def scratch(data: bytes = b"") -> Iterator[Scratch]:
    """Make a temporary file that holds `data`."""
    with tempfile.TemporaryFile(prefix="bench-") as file:
        file.write(data)
        file.flush()
        yield Scratch(file)


@dataclass(frozen=True)
class Program:
    """An executable. A script around one must `exec` it, or a time limit stops only the script.

    Attributes:
        path: where it is.
    """

    path: str

    @property
    def name(self) -> str:
        """What messages call it: the same on every machine."""
        return Path(self.path).name

    def run(
        self,
        arguments: Sequence[str],
        seconds: float,
        data: bytes = b"",
        files: Sequence[Scratch] = (),
    ) -> subprocess.CompletedProcess[bytes]:
        """Run it to its end; it is gone when this returns or raises.

        Args:
            arguments: without its own name.
            seconds: the time limit.
            data: what it reads on stdin.
            files: those whose paths are among the arguments.

        Returns:
            What it wrote to stdout and stderr, its exit code being 0.

        Raises:
            CodecError: it cannot be started, failed, or was stopped at the time limit.
            MachineError: it was killed from outside.
        """
        try:
            done = subprocess.run(
                [self.path, *arguments],
                input=data,
                capture_output=True,
                timeout=seconds,
                check=False,
                pass_fds=[file.file.fileno() for file in files],
                preexec_fn=_tie(),
            )
        except subprocess.TimeoutExpired:
            raise CodecError(f"{self.name} was stopped after {seconds:g} s") from None
        except OSError as error:
            raise_if_machine(error)
            raise CodecError(f"{self.name} cannot be run: {error.strerror}") from error
        if done.returncode == -signal.SIGKILL:
            raise MachineError(
                f"{self.name} was killed from outside, as a machine without memory does; what was"
                " measured is kept, run the same command again"
            )
        if done.returncode != 0:
            errors = done.stderr.decode(errors="replace")
            raise ProgramError(self.name, done.returncode, errors, done.stdout)
        return done


def _tie() -> Callable[[], None] | None:
    """Return what a program does before it starts, to be killed with the thread that waits for it.

    Calls nothing but the system: other threads may hold any lock that the child now has a copy of.
    """
    return None if _prctl is None else partial(_end_with, _prctl, os.getpid())


def _end_with(prctl: Callable[[int, int], object], parent: int) -> None:
    prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it was gone before
        os._exit(1)


def time_limit(seconds_per_megapixel: float = 0, height: int = 0, width: int = 0) -> float:
    """Return how long a program may take that needs so many seconds on one idle core."""
    return _START_S + _PATIENCE * seconds_per_megapixel * height * width / 1e6


def _last_line(errors: str) -> str:
    """Return the last line said, without the addresses that differ from run to run."""
    said = [line.strip() for line in errors.splitlines() if line.strip()]
    return re.sub(r" @ 0x[0-9a-f]+", "", said[-1]) if said else "it said nothing"
