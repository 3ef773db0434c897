"""What a cell costs besides its codec, from 100 cells to 100,000: it should not grow.

    python -m pytest benchmarks/test_scale.py

Plans of many small pictures; records as long as real ones. Disks are not timed: what a record waits
for the disk (one fsync) does not depend on how many there are.
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bench.engine.executors.work_queue import WorkQueue
from bench.engine.resume import is_pending
from bench.images.image_set import Picture
from bench.planning.baselines import with_baselines
from bench.planning.jobs import Plan
from bench.planning.operating_point import OperatingPoint
from bench.planning.planner import plan
from bench.planning.resolve import make_attack, planned_attack, scoring_spec
from bench.store.records import CraftRecord, MeasureRecord, Scores
from bench.store.run_folder import Store
from bench.suite.suite import Suite
from bench.utils.yaml_config import parse

SIZES = (100, 1_000, 10_000, 100_000)
SUITE = """\
name: many
images: {set: sample}
codecs:
  - {name: toy, gain: [0.6, 0.7, 0.8, 0.9, 1.0]}
  - {name: jpeg, quality: [10, 30, 50, 70, 90]}
attacks: [fgsm]
budgets: [{linf: 8}]
"""
CELLS_A_PICTURE = 92


@pytest.fixture(autouse=True)
def _no_disk(monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.mark.parametrize("size", SIZES)
def test_cost_per_cell(benchmark, tmp_path, say, size):
    """Time a size, small ones several times; print the least microseconds a cell."""
    found: list[dict[str, float]] = []
    repeats = max(1, 2_000 // size)
    benchmark.pedantic(
        lambda: found.append(_cost(size, tmp_path / str(len(found)))), rounds=repeats
    )
    parts = {part: 1e6 * min(one[part] for one in found) / size for part in found[0]}
    told = ", ".join(f"{part} {microseconds:.0f}" for part, microseconds in parts.items())
    say(f"{size:>7} cells, microseconds a cell: {told}")


def _cost(size: int, folder: Path) -> dict[str, float]:
    """Return the seconds of this process that each part took."""
    spent: dict[str, float] = {}
    planned = _timed(spent, "plan", lambda: _planned(size))
    folder.mkdir()
    store = Store(folder)
    records = list(_records(planned))
    _timed(spent, "store", lambda: [store.append(record) for record in records])
    again = _timed(spent, "read", lambda: Store(folder))
    left = _timed(spent, "resume", lambda: [g for g in planned.groups if is_pending(g, again)])
    assert not left
    _timed(spent, "hand out", lambda: _handed_out(planned))
    return spent


def _timed(spent: dict[str, float], part: str, work: Callable[[], object]):
    began = time.process_time()
    made = work()
    spent[part] = time.process_time() - began
    return made


def _planned(size: int) -> Plan:
    suite = parse(SUITE, "many.yaml", Suite)
    choices, searches = with_baselines(suite)
    points = [OperatingPoint(choice, str(choice), choice.name == "toy") for choice in choices]
    pixels = np.zeros((8, 8, 3), np.uint8)
    pictures = [
        Picture(f"picture-{n}", pixels, f"{n:064d}") for n in range(-(-size // CELLS_A_PICTURE))
    ]
    found = [planned_attack(choice, make_attack(choice)) for choice in searches]
    return plan(suite, points, found, pictures, scoring_spec(suite))


def _records(planned: Plan):
    others = {"bytes", "header_bytes", "unexplained", "extra"}
    scores = Scores(
        **dict.fromkeys(set(Scores.model_fields) - others, 1 / 3),
        bytes=12_345,
        header_bytes=22,
        unexplained=False,
    )
    for job in planned.crafts:
        yield CraftRecord(
            key=job.key,
            status="ok",
            sources=tuple(point.label for point in job.sources),
            picture=job.picture.name,
            picture_sha256=job.picture.sha256,
            attack=str(job.search.choice),
            objective=None if job.objective is None else str(job.objective),
            budget=str(job.budget),
            seed=job.seed,
            sha256=job.picture.sha256,
        )
    for cell in planned.cells:
        yield MeasureRecord(
            key=cell.key,
            status="ok",
            victim=cell.victim.label,
            fingerprint=cell.victim.fingerprint,
            picture=cell.picture.name,
            threat=cell.threat,
            craft=None if cell.craft is None else cell.craft.key,
            scores=scores,
        )


def _handed_out(planned: Plan) -> None:
    queue = WorkQueue.of(planned.groups)
    for worker in itertools.cycle(range(16)):
        if queue.take(worker) is None:
            return
        queue.finish(worker)
