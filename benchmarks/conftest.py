"""Ratios of two pieces of work, timed in turn within one run: machines drift, ratios less.

Times are those of one core that this process computed on: what else runs there does little harm.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np
import pytest
import torch

for kind in (np.float32, np.float64):
    np.finfo(kind)  # once, and kept: it warns where denormals are flushed already

Work = Callable[[], object]


@pytest.fixture(autouse=True)
def _settled() -> None:
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)


@pytest.fixture
def compare(benchmark, request: pytest.FixtureRequest):
    """Time `ours` by pytest-benchmark and `theirs` between its rounds; keep the median ratio."""

    def compare(ours: Work, theirs: Work, label: str, rounds: int = 15) -> None:
        timed: dict[str, list[float]] = {"ours": [], "theirs": []}

        def clock(name: str, work: Work) -> None:
            started = time.process_time()
            work()
            timed[name].append(time.process_time() - started)

        benchmark.pedantic(
            lambda: clock("ours", ours),
            setup=lambda: clock("theirs", theirs),
            rounds=rounds,
            warmup_rounds=2,
        )
        pairs = zip(timed["ours"][2:], timed["theirs"][2:], strict=True)
        ratio = statistics.median(our / their for our, their in pairs)
        benchmark.extra_info["ratio"] = round(ratio, 3)
        request.config.stash[_RATIOS].append(f"{label}: {ratio:.3f}")

    return compare


@pytest.fixture
def say(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Return what adds a line to the summary."""
    return request.config.stash[_RATIOS].append


_RATIOS = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_RATIOS] = []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if ratios := terminalreporter.config.stash[_RATIOS]:
        terminalreporter.section("median ratio, ours / theirs, of rounds timed in turn")
        terminalreporter.write_line("\n".join(ratios))
