"""What isolation costs: runs with the coding processes over the same runs without them.

    python -m pytest -m slow -s benchmarks/test_isolation.py

CPU seconds of all processes, so a busy machine matters less. Three runs: the demo, whose codecs are
the harness's own; a suite of about 100 evaluations of such codecs; the same suite with codecs of a
plugin, which encode and decode in other processes.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import closing
from pathlib import Path

import pytest

from bench.engine import executors
from bench.engine.executors import Options
from bench.engine.resume import Event
from bench.engine.runner import Prepared, describe, execute, prepare
from bench.store.run_folder import Store, open_run
from bench.suite.bundled import named_suite
from bench.suite.suite import Suite
from bench.utils.yaml_config import parse

OWN = """\
name: isolation
images: {set: sample, names: [chelsea, coffee, astronaut], crop: {height: 192, width: 192}}
codecs:
  - {name: bmshj2018-hyperprior, checkpoint: bmshj2018-hyperprior-small-q4, label: learned}
  - {name: jpeg, quality: [50, 70], label: "JPEG {quality}"}
attacks: [{name: pgd, steps: 10}, fgsm]
budgets: [{linf: 4}, {linf: 8}]
compute: {threads: 1}
"""

PLUGIN = """\
from backends.pillow import Jpeg
from bench.entry import Entry

CODECS = {"foreign-jpeg": Entry(Jpeg, "the JPEG codec, as foreign code")}
"""


def _in_this_process(prepared: Prepared, store: Store) -> Generator[Event, None, None]:
    yield from execute(prepared, store)


def _cpu_seconds(suite: Suite, base: Path, folder: Path, *, isolated: bool) -> float:
    """Return the CPU seconds of a run without its preparation, those of its processes included."""
    prepared = prepare(suite, base)
    run = executors.executor("serial", Options()) if isolated else _in_this_process
    before = sum(os.times()[:4])
    with open_run(folder, describe(prepared)) as store, closing(run(prepared, store)) as events:
        for _ in events:
            pass
    return sum(os.times()[:4]) - before


@pytest.mark.slow
@pytest.mark.parametrize("name", ["demo", "own codecs", "codecs of a plugin"])
def test_a_run_with_isolation_over_the_same_run_without(name, say, tmp_path):
    (tmp_path / "foreign.py").write_text(PLUGIN)
    text = {
        "own codecs": OWN,
        "codecs of a plugin": "plugins: [foreign.py]\n" + OWN.replace("jpeg,", "foreign-jpeg,"),
    }.get(name)
    if text is None:
        suite, base = named_suite("quick")
    else:
        suite, base = parse(text, str(tmp_path / "isolation.yaml"), Suite), tmp_path
    evaluations = len(prepare(suite, base).plan.cells)
    without, with_it = (
        _cpu_seconds(suite, base, tmp_path / str(isolated), isolated=isolated)
        for isolated in (False, True)
    )
    say(
        f"{name}, {evaluations} evaluations: {without:.1f} CPU s without, {with_it:.1f} with"
        f" isolation: {with_it / without:.2f}"
    )
