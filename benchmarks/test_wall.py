"""How long a whole suite with an external codec takes on several cores, against one job at a time.

    python -m pytest -m slow benchmarks/test_wall.py

Seconds on the wall, so this needs a machine that does nothing else; it tells how busy it was.
"""

from __future__ import annotations

import os
import time
from contextlib import closing
from pathlib import Path

import pytest

from bench.engine.executors import Name, Options, executor
from bench.engine.runner import describe, prepare
from bench.store.run_folder import open_run
from bench.suite.suite import Suite
from bench.utils.machine import usable_cores
from bench.utils.yaml_config import parse

SUITE = """\
name: wall
images: {set: sample, crop: {height: 192, width: 192}}
codecs:
  - {name: bmshj2018-hyperprior, checkpoint: bmshj2018-hyperprior-small-q4, label: learned}
  - {name: vvc, qp: [32, 37], preset: fast, label: "VVC {qp}"}
attacks: [{name: pgd, steps: 10}]
budgets: [{linf: 8}]
compute: {threads: 1}
"""


@pytest.mark.slow
def test_a_suite_on_all_cores_over_one_job_at_a_time(say, tmp_path):
    taken = {name: _seconds(name, tmp_path / name) for name in ("serial", "processes")}
    ratio = taken["processes"] / taken["serial"]
    told = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in taken.items())
    say(f"{told} on {usable_cores()} cores: {ratio:.2f} (load {os.getloadavg()[0]:.1f})")


def _seconds(name: Name, folder: Path) -> float:
    """Return what a suite takes from reading it to its last record."""
    started = time.perf_counter()
    prepared = prepare(parse(SUITE, "wall.yaml", Suite), Path())
    with (
        open_run(folder, describe(prepared)) as store,
        closing(executor(name, Options())(prepared, store)) as events,
    ):
        for _ in events:
            pass
    return time.perf_counter() - started
