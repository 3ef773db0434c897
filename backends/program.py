"""External programs: run from a list of arguments, within a time limit, failing in one sentence."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.errors import CodecError, MachineError, raise_if_machine


class ProgramError(CodecError):
    """A program ended with another exit code than 0.

    Attributes:
        errors: all that it said on stderr.
    """

    def __init__(self, name: str, code: int, errors: str) -> None:
        super().__init__(f"{name} ended with exit code {code}: {_last_line(errors)}")
        self.errors = errors


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
        self, arguments: Sequence[str], data: bytes, seconds: float
    ) -> subprocess.CompletedProcess[bytes]:
        """Run it to its end; it is gone when this returns or raises.

        Args:
            arguments: without its own name.
            data: what it reads on stdin.
            seconds: the time limit.

        Returns:
            What it wrote to stdout and stderr, its exit code being 0.

        Raises:
            CodecError: it cannot be started, failed, or was stopped at the time limit.
            MachineError: it was killed from outside.
        """
        command = [self.path, *arguments]
        try:
            done = subprocess.run(
                command, input=data, capture_output=True, timeout=seconds, check=False
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
            raise ProgramError(self.name, done.returncode, done.stderr.decode(errors="replace"))
        return done


def _last_line(errors: str) -> str:
    """Return the last line said, without the addresses that differ from run to run."""
    said = [line.strip() for line in errors.splitlines() if line.strip()]
    return re.sub(r" @ 0x[0-9a-f]+", "", said[-1]) if said else "it said nothing"
