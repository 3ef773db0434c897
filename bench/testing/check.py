"""`bench check`: the conformance tests of codecs for one operating point.

The checks run in another process. If a codec crashes or hangs, that check fails and the remaining
checks run in a new process.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

from bench.errors import BenchError, ConfigError
from bench.registry import plugins
from bench.registry.component_spec import ComponentSpec
from bench.testing.advice import ADVICE
from bench.testing.check_process import REQUIREMENTS, CheckRequest, CheckResult, requirement_of
from bench.utils.child_process import Child, LostError

LIMIT_S = 120.0
"""Default time limit of one check, in seconds."""

_SLOW = "make the call end, or give the test more seconds with --limit"

_BUILD_S = 600.0
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
    while done < len(REQUIREMENTS):
        for result in _results(choice, REQUIREMENTS[done:], limit_s):
            done += 1
            yield result


def _results(choice: ComponentSpec, names: Sequence[str], limit_s: float) -> Iterator[CheckResult]:
    """Yield results until all checks are done or one check ends the process."""
    with closing(_CheckProcess()) as process:
        process.build(choice)
        for name in names:
            yield process.check(name, limit_s)
            if process.is_lost:
                return


class _CheckProcess:
    """A process that runs the checks of a codec.

    Attributes:
        is_lost: whether the process crashed or was stopped.
    """

    def __init__(self) -> None:
        self.is_lost = False
        self._child = Child("bench.testing.check_process:serve")

    def build(self, choice: ComponentSpec) -> None:
        try:
            self._request(CheckRequest(plugins.loaded(), pickle.dumps(choice)), _BUILD_S)
        except (LostError, TimeoutError) as error:
            raise ConfigError(f"the codec '{choice}' cannot be built: {_reason(error)}") from error

    def check(self, name: str, limit_s: float) -> CheckResult:
        try:
            result: CheckResult = self._request(name, limit_s)
        except (LostError, TimeoutError) as error:
            self.is_lost = True
            advice = _SLOW if isinstance(error, TimeoutError) else ADVICE[name]
            return CheckResult(requirement_of(name), "FAIL", _reason(error), advice)
        return result

    def close(self) -> None:
        self._child.stop()

    def _request(self, message: object, limit_s: float) -> Any:  # noqa: ANN401 - None or a CheckResult
        self._child.send(message)
        answer = self._child.receive(limit_s)
        if isinstance(answer, BenchError):
            raise answer
        return answer


def _reason(error: LostError | TimeoutError) -> str:
    return f"crashed: {error}" if isinstance(error, LostError) else str(error)
