"""External programs: run with a list of arguments and a time limit; failures are one sentence.

The programs' files have no names, and on Linux the programs end with the harness, so that nothing
is left behind however it ends: `setpriv` of util-linux asks the system for it and becomes the
program. A function that Python runs in the child would do too, but then every start copies the page
tables of a process with torch, which takes 50 ms.
"""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, Literal

from bench.errors import CodecError, MachineError, raise_if_machine
from bench.utils.waiting import run_program

_START_S, _PATIENCE = 60.0, 10
"""The time limit: a constant in seconds, and a multiple of the time on an idle core."""

_SETPRIV, _PRLIMIT = "setpriv", "prlimit"
_EXEC_FAILED = (126, 127)
"""The exit codes of both if the program cannot be run."""


class ProgramError(CodecError):
    """A program ended with an exit code other than 0.

    Attributes:
        stderr: all its output on stderr, as text.
        stdout: all its output on stdout.
    """

    def __init__(self, message: str, stderr: str, stdout: bytes) -> None:
        super().__init__(message)
        self.stderr, self.stdout = stderr, stdout


@dataclass(frozen=True)
class Scratch:
    """A temporary file for a program; the system removes it when its last holder closes it.

    Attributes:
        file: open for reading and writing.
    """

    file: IO[bytes]

    @property
    def path(self) -> str:
        """The path under which the program opens it."""
        return f"/dev/fd/{self.file.fileno()}"

    def read(self) -> bytes:
        """Return its whole content."""
        self.file.seek(0)
        return self.file.read()


@contextmanager
def scratch(data: bytes = b"") -> Iterator[Scratch]:
    """Open a temporary file that holds `data`."""
    with tempfile.TemporaryFile(prefix="bench-") as file:
        file.write(data)
        file.flush()
        yield Scratch(file)


@dataclass(frozen=True)
class Place:
    """Where a program runs, and how much it can write there.

    Attributes:
        folder: the working directory; None for that of this process.
        most_bytes: size of the largest file that it can write; None for any size. On Linux the
            system stops it there, elsewhere its caller checks what it wrote.
    """

    folder: Path | None = None
    most_bytes: int | None = None


HERE = Place()
"""This process's working directory, without a limit."""


@dataclass(frozen=True)
class Program:
    """An executable. A wrapper script must `exec` it, or a time limit stops only the script.

    Attributes:
        path: its path.
        cause: index of the line on stderr that states the cause of a failure.
        chatter: beginnings of lines on stderr that never state it.
    """

    path: str
    cause: Literal[0, -1] = -1
    chatter: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Its name in messages, the same on every machine."""
        return Path(self.path).name

    def run(
        self,
        arguments: Sequence[str],
        seconds: float,
        data: bytes = b"",
        files: Sequence[Scratch] = (),
        place: Place = HERE,
    ) -> subprocess.CompletedProcess[bytes]:
        """Run the program to its end; no process is left when this returns or raises.

        Args:
            arguments: the arguments, without the program's name.
            seconds: the time limit.
            data: the content of stdin.
            files: the files whose paths are among the arguments.
            place: where it runs.

        Returns:
            The finished process with exit code 0, its stdout and stderr.

        Raises:
            CodecError: the program cannot be started, failed, or exceeded the time limit.
            MachineError: the program was killed from outside.
        """
        process = self._wait(arguments, seconds, data, files, place)
        if process.returncode == -signal.SIGKILL:
            raise MachineError(
                f"{self.name} was killed from outside, as the system does when memory runs out"
            )
        if process.returncode == -signal.SIGXFSZ and place.most_bytes is not None:
            raise CodecError(f"{self.name} wrote a file of more than {place.most_bytes} bytes")
        if process.returncode != 0:
            raise self._failure(process)
        return process

    def _failure(self, process: subprocess.CompletedProcess[bytes]) -> CodecError:
        """Return the error of a process that ended with an exit code other than 0."""
        code, stderr = process.returncode, process.stderr.decode(errors="replace")
        if code in _EXEC_FAILED and stderr.startswith((f"{_SETPRIV}: ", f"{_PRLIMIT}: ")):
            return CodecError(f"{self.name} cannot be run: {stderr.strip().rpartition(': ')[2]}")
        cause = _line(stderr, self.cause, self.chatter)
        message = f"{self.name} ended with exit code {code}: {cause}"
        return ProgramError(message, stderr, process.stdout)

    def _wait(
        self,
        arguments: Sequence[str],
        seconds: float,
        data: bytes,
        files: Sequence[Scratch],
        place: Place,
    ) -> subprocess.CompletedProcess[bytes]:
        """Return the finished process, whatever its exit code."""
        try:
            return run_program(
                [*_launcher(), *_limiter(place.most_bytes), self.path, *arguments],
                seconds,
                data,
                folder=place.folder,
                descriptors=[file.file.fileno() for file in files],
            )
        except subprocess.TimeoutExpired:
            raise CodecError(f"{self.name} was stopped after {seconds:g} s") from None
        except OSError as error:
            raise_if_machine(error)
            raise CodecError(f"{self.name} cannot be run: {error.strerror}") from error


@cache
def _launcher() -> tuple[str, ...]:
    """Return the command that lets a program be killed with the thread that waits for it.

    Empty on other systems than Linux, and without setpriv: a program then ends by itself.
    """
    path = shutil.which(_SETPRIV) if sys.platform == "linux" else None
    return () if path is None else (path, "--pdeathsig", "KILL", "--")


@cache
def _limiter(most_bytes: int | None) -> tuple[str, ...]:
    """Return the command that limits the size of the files that a program can write."""
    path = shutil.which(_PRLIMIT) if sys.platform == "linux" else None
    limited = path is not None and most_bytes is not None
    return (str(path), f"--fsize={most_bytes}", "--") if limited else ()


def time_limit(seconds_per_megapixel: float = 0, height: int = 0, width: int = 0) -> float:
    """Return the time limit in seconds of a program with this running time on one idle core."""
    return _START_S + _PATIENCE * seconds_per_megapixel * height * width / 1e6


def _line(stderr: str, index: int, chatter: tuple[str, ...]) -> str:
    """Return one line, without memory addresses, which differ between runs."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    lines = [line for line in lines if not line.startswith(chatter)]
    return re.sub(r" @ 0x[0-9a-f]+", "", lines[index]) if lines else "it printed no error message"
