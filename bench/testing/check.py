"""`bench check`: the conformance tests of codecs for one operating point.

The checks run in another process. If a codec crashes or hangs, that check fails and the remaining
checks run in a new process.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

from bench.errors import BenchError, ConfigError
from bench.registry import plugins
from bench.registry.registry import ComponentSpec
from bench.testing.check_process import PROMISES, CheckRequest, CheckResult, promise_of
from bench.utils.child_process import Child, LostError

LIMIT_S = 120.0
"""Default time limit of one check, in seconds."""

_MAKING_S = 600.0
"""Time limit for building the codec, which may download weights, in seconds."""


def check(choice: ComponentSpec, limit_s: float = LIMIT_S) -> Iterator[CheckResult]:
    """Yield the result of every check.

    Args:
        choice: the codec and its parameters.
        limit_s: time limit of each check, in seconds.

    Raises:
        ConfigError: the codec cannot be built.
        MachineError: the machine ran out of memory or another resource.
    """
    done = 0
    while done < len(PROMISES):
        for found in _checked(choice, PROMISES[done:], limit_s):
            done += 1
            yield found


def _checked(choice: ComponentSpec, names: Sequence[str], limit_s: float) -> Iterator[CheckResult]:
    """Yield results until all checks are done or one check ends the process."""
    with closing(_Examiner()) as examiner:
        examiner.make(choice)
        for name in names:
            yield examiner.checked(name, limit_s)
            if examiner.is_lost:
                return


class _Examiner:
    """A process that runs the checks of a codec.

    Attributes:
        is_lost: whether the process crashed or was stopped.
    """

    def __init__(self) -> None:
        self.is_lost = False
        self._child = Child("bench.testing.check_process:serve")

    def make(self, choice: ComponentSpec) -> None:
        try:
            self._asked(CheckRequest(plugins.loaded(), choice), _MAKING_S)
        except (LostError, TimeoutError) as error:
            raise ConfigError(f"the codec '{choice}' cannot be made: {_fate(error)}") from error

    def checked(self, name: str, limit_s: float) -> CheckResult:
        try:
            found: CheckResult = self._asked(name, limit_s)
        except (LostError, TimeoutError) as error:
            self.is_lost = True
            return CheckResult(promise_of(name), _fate(error))
        return found

    def close(self) -> None:
        self._child.stop()

    def _asked(self, message: object, limit_s: float) -> Any:  # noqa: ANN401 - None, or a Check
        self._child.send(message)
        answer = self._child.receive(limit_s)
        if isinstance(answer, BenchError):
            raise answer
        return answer


def _fate(error: LostError | TimeoutError) -> str:
    return f"crashed: {error}" if isinstance(error, LostError) else str(error)
