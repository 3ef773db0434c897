"""`bench check`: the contract that tests put codecs through, run on one operating point.

It runs in another process: a codec that crashes or hangs breaks one promise, and the rest is
checked in a new one.
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
"""How long one promise may take."""

_MAKING_S = 600.0
"""How long making the codec may take: it may have weights to download."""


def check(choice: ComponentSpec, limit_s: float = LIMIT_S) -> Iterator[CheckResult]:
    """Yield every promise as it is checked.

    Args:
        choice: the codec.
        limit_s: how long each may take.

    Raises:
        ConfigError: the codec cannot be made.
        MachineError: this machine lacks something.
    """
    done = 0
    while done < len(PROMISES):
        for found in _checked(choice, PROMISES[done:], limit_s):
            done += 1
            yield found


def _checked(choice: ComponentSpec, names: Sequence[str], limit_s: float) -> Iterator[CheckResult]:
    """Yield promises until the process that checks them is gone, with the one that ended it."""
    with closing(_Examiner()) as examiner:
        examiner.make(choice)
        for name in names:
            yield examiner.checked(name, limit_s)
            if examiner.is_lost:
                return


class _Examiner:
    """A process that checks promises of a codec.

    Attributes:
        is_lost: whether it checks no more.
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
