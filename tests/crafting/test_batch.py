"""Searches on several pictures at once: which, by the plan; what is found, whoever does it."""

import json
import os
import signal
from collections import Counter
from contextlib import closing

import numpy as np
import pytest
from PIL import Image as Pillow

from attacks.gradient.pgd import PGD
from bench.attack import AttackResult
from bench.crafting.search import run_attack
from bench.crafting.target import ZERO_GRADIENT, CodecTarget
from bench.engine import executors
from bench.engine.executors import Options
from bench.engine.executors.work_queue import WorkQueue
from bench.engine.runner import describe, prepare
from bench.planning.jobs import CraftJob
from bench.store.records import TIMES, CraftRecord, WorkerRecord
from bench.store.run_folder import open_run, read_run
from bench.suite.suite import Suite
from bench.tensors import to_tensor
from bench.utils.yaml_config import parse

SUITE = """\
name: small
images: {set: pictures}
codecs:
  - {name: bmshj2018-factorized, checkpoint: bmshj2018-factorized-small-q1, label: learned}
  - {name: jpeg, quality: 50, label: JPEG}
attacks: [{name: pgd, steps: 3}, {name: square, queries: 4}]
objectives: [rate]
budgets: [{linf: 8}]
compute: {threads: 1, batch: 3}
"""

TOY = SUITE.replace(
    "{name: bmshj2018-factorized, checkpoint: bmshj2018-factorized-small-q1, label: learned}",
    "{name: toy, label: toy}",
)

SIZES = {"a": (32, 48), "b": (32, 48), "c": (48, 32), "d": (32, 48), "e": (32, 48)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory, photograph):
    """Return a folder with five pictures, of which four have the same size."""
    base = tmp_path_factory.mktemp("base")
    (base / "pictures").mkdir()
    large = photograph("coffee", 128, 160)
    for index, (name, (height, width)) in enumerate(SIZES.items()):
        part = large[index * 8 : index * 8 + height, index * 16 : index * 16 + width]
        Pillow.fromarray(part).save(base / "pictures" / f"{name}.png")
    return base


def _prepared(folder, text=SUITE):
    return prepare(parse(text, str(folder / "small.yaml"), Suite), folder)


def _run(folder, out, name="serial", workers=None, text=SUITE, seen=lambda event: None):
    prepared, events = _prepared(folder, text), []
    with (
        open_run(out, describe(prepared)) as store,
        closing(executors.executor(name, Options(workers))(prepared, store)) as running,
    ):
        for event in running:
            events.append(event)
            seen(event)
    return events


def _records(out):
    lines = map(json.loads, (out / "records.jsonl").read_text().splitlines())
    records = [{k: v for k, v in line.items() if k not in TIMES} for line in lines]
    return sorted(records, key=lambda line: line["key"])


@pytest.fixture(scope="module")
def finished(folder):
    _run(folder, folder / "serial")
    return folder / "serial"


def _batches(prepared):
    mates = {group.mates for group in prepared.plan.groups if group.mates}
    return [[job.picture.name for job in batch] for batch in mates]


def test_pictures_of_one_size_are_searched_together_in_their_order(folder):
    prepared = _prepared(folder)
    assert _batches(prepared) == [["a", "b", "d"]]
    alone = [group.craft for group in prepared.plan.groups if group.craft and not group.mates]
    assert Counter(job.picture.name for job in alone if job.search.need == "gradient") == {
        "c": 1,
        "e": 1,
    }
    assert {job.picture.name for job in alone if job.search.need == "queries"} == set(SIZES)
    (batch,) = {group.mates for group in prepared.plan.groups if group.mates}
    groups = [group for group in prepared.plan.groups if group.mates]
    assert [group.craft for group in groups] == list(batch)


def test_every_job_of_a_plan_is_there_once_whatever_the_batch(folder):
    def jobs(size):
        planned = _prepared(folder, SUITE.replace("batch: 3", f"batch: {size}")).plan
        keys = [job.key for job in planned.crafts]
        assert len(keys) == len(set(keys))
        searches = (
            (j.picture.name, str(j.search.choice), str(j.objective)) for j in planned.crafts
        )
        return Counter(searches), len(planned.cells)

    assert jobs(1) == jobs(2) == jobs(3) == jobs(100)


def test_who_is_in_a_batch_is_part_of_the_keys(folder):
    def keys(size, names):
        images = f"images: {{set: pictures, names: [{names}]}}"
        text = SUITE.replace("images: {set: pictures}", images)
        planned = _prepared(folder, text.replace("batch: 3", f"batch: {size}")).plan
        return {
            job.picture.name: job.key for job in planned.crafts if job.search.need == "gradient"
        }

    assert keys(3, "a, b")["a"] != keys(3, "a, d")["a"]
    assert keys(3, "a, b")["a"] != keys(3, "a")["a"]
    assert keys(3, "a, c")["a"] == keys(3, "a")["a"]
    assert keys(2, "a")["a"] != keys(1, "a")["a"]
    plain = _prepared(folder, SUITE.replace(", batch: 3", "")).plan
    assert {job.key for job in plain.crafts} == {
        job.key for job in _prepared(folder, SUITE.replace("batch: 3", "batch: 1")).plan.crafts
    }


def test_a_batch_is_one_search_and_finds_what_its_pictures_find_alone(folder, finished):
    prepared, run = _prepared(folder), read_run(finished)
    assert {record.status for record in run.measures} == {"ok"}
    (batch,) = {group.mates for group in prepared.plan.groups if group.mates}
    for job in batch:
        record = run.crafts[job.key]
        assert record.gradients == 3
        source = to_tensor(job.picture.pixels)
        target = CodecTarget(prepared.codecs["learned"], prepared.objectives["rate"], source)
        alone = run_attack(PGD(steps=3), target, source, job.budget, job.seed)
        assert record.values == pytest.approx(
            (alone.trace[0].item(), alone.trace.max().item()), rel=1e-3
        )
        with Pillow.open(finished / "adversarial" / f"{job.key}.png") as file:
            found = np.asarray(file) / 255
        assert np.mean(np.abs(found - alone.images[0].permute(1, 2, 0).numpy()) < 0.5 / 255) > 0.95


def test_clean_pictures_are_coded_once_for_a_whole_batch(folder, tmp_path, monkeypatch):
    coded = Counter()
    prepared = _prepared(folder)
    codec = type(prepared.codecs["JPEG"])
    encode = codec.encode
    sources = {picture.pixels.tobytes(): picture.name for picture in prepared.pictures}

    def counted(self, image):
        coded[sources.get(image.tobytes())] += 1
        return encode(self, image)

    monkeypatch.setattr(codec, "encode", counted)
    _run(folder, tmp_path, text=SUITE.replace(", {name: square, queries: 4}", ""))
    assert {coded[name] for name in SIZES} == {2}  # once to score, once to see the bytes again


def test_processes_give_the_records_of_one(folder, tmp_path):
    _run(folder, tmp_path / "serial", text=TOY)
    events = _run(folder, tmp_path / "run", "processes", 3, TOY)
    assert _records(tmp_path / "run") == _records(tmp_path / "serial")
    searched = Counter(event.key for event in events if isinstance(event, CraftJob))
    assert set(searched.values()) == {1}


@pytest.mark.slow
def test_a_worker_lost_over_a_batch_is_made_up_for(folder, tmp_path):
    batched = {job.key for g in _prepared(folder, TOY).plan.groups for job in g.mates}
    began, killed = [], []

    def seen(event):
        if isinstance(event, WorkerRecord) and event.event == "began":
            began.append(int(event.host.rpartition(" ")[2]))
        if isinstance(event, CraftRecord) and event.key in batched and not killed:
            killed.append(began[0])
            os.kill(began[0], signal.SIGKILL)

    _run(folder, tmp_path / "run", "processes", 1, TOY, seen)
    _run(folder, tmp_path / "serial", text=TOY)
    assert len(began) == 2
    assert _records(tmp_path / "run") == _records(tmp_path / "serial")


@pytest.mark.parametrize("kept", [1, 2])
def test_what_was_found_of_a_batch_before_an_end_is_found_again(folder, finished, tmp_path, kept):
    """Only some pictures of a batch were kept: all are searched again, and found the same."""
    batched = {job.key for g in _prepared(folder).plan.groups for job in g.mates}
    seen = 0
    prepared = _prepared(folder)
    with open_run(tmp_path, describe(prepared)) as store:
        events = executors.executor("serial", Options())(prepared, store)
        for event in events:
            seen += isinstance(event, CraftRecord) and event.key in batched
            if seen == kept:
                break
        events.close()
    _run(folder, tmp_path)
    assert _records(tmp_path) == _records(finished)


def test_nobody_begins_a_batch_that_another_one_searches(folder):
    groups = _prepared(folder).plan.groups
    batched = [group for group in groups if group.mates]
    queue = WorkQueue.of(batched)
    first = queue.take(0)
    assert first in batched
    keys = [job.key for job in first.mates]
    queue.start_searches(0, keys)
    assert queue.take(1) is None
    assert queue.is_waiting
    for key in keys:
        queue.finish_search(key)
    others = [queue.take(1), queue.take(2)]
    assert {group.key for group in (first, *others)} == {group.key for group in batched}
    for worker in range(3):
        queue.finish(worker)
    assert queue.is_done


def test_a_lost_batch_is_free_for_others(folder):
    queue = WorkQueue.of(group for group in _prepared(folder).plan.groups if group.mates)
    first = queue.take(0)
    queue.start_searches(0, (job.key for job in first.mates))
    assert queue.take(1) is None
    queue.lose(0)
    assert queue.take(1).mates == first.mates


def test_what_one_picture_of_a_batch_suffers_is_not_reported_for_the_others(
    folder, tmp_path, monkeypatch
):
    def lopsided(self, target, images, budget, rngs):
        target.value_and_grad(images)
        far = images.clone()
        far[0] = (far[0] + 9 / 255).clamp(0, 1)
        return AttackResult(far, images.new_zeros(1, len(images)))

    raw_value_and_grad = CodecTarget.raw_value_and_grad

    def dead(self, images):
        values, gradients = raw_value_and_grad(self, images)
        gradients[1 % len(images)] = 0
        return values, gradients

    monkeypatch.setattr(PGD, "__call__", lopsided)
    monkeypatch.setattr(CodecTarget, "raw_value_and_grad", dead)
    _run(folder, tmp_path)
    run = read_run(tmp_path)
    (batch,) = {group.mates for group in _prepared(folder).plan.groups if group.mates}
    records = [run.crafts[job.key] for job in batch]
    assert [record.status for record in records] == ["failed", "ok", "ok"]
    assert "the budget is linf 8" in records[0].reason
    assert [ZERO_GRADIENT in record.flags for record in records[1:]] == [True, False]


MEETING = """\
import time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch

from backends.pillow import Jpeg
from bench.attack import AttackResult
from bench.entry import Entry

HERE = Path(__file__).parent


def meet(own, other):
    (HERE / own).touch()
    until = time.monotonic() + 300
    while not (HERE / other).exists():
        assert time.monotonic() < until, f"nobody is {other} while somebody is {own}"
        time.sleep(0.01)


@dataclass(frozen=True)
class Brighter:
    needs: ClassVar[str] = "nothing"
    budgets: ClassVar[tuple[str, ...]] = ("linf",)
    version: ClassVar[int] = 1
    evaluations: ClassVar[int] = 0

    def __call__(self, target, images, budget, rngs):
        if images.mean() > 0.5:
            meet("searching", "coding")
        return AttackResult(images + 1 / 255, torch.empty(0, len(images)))


class Coding(Jpeg):
    def encode(self, image):
        if image[0, 0, 0] == 51:
            meet("coding", "searching")
        return super().encode(image)


ATTACKS = {"brighter": Entry(Brighter, "a level more, once a picture is coded meanwhile")}
CODECS = {"coding": Entry(Coding, "codes, once another picture is searched on meanwhile")}
"""

MEETING_SUITE = """\
name: meeting
plugins: [meeting.py]
images: {set: pictures}
codecs: [{name: coding, quality: 50}]
attacks: [brighter]
budgets: [{linf: 8}]
compute: {threads: 1}
"""


def test_one_picture_is_searched_on_while_another_one_is_coded(tmp_path):
    (tmp_path / "pictures").mkdir()
    (tmp_path / "meeting.py").write_text(MEETING)
    for name, level in (("bright", 200), ("dark", 50)):
        Pillow.fromarray(np.full((16, 16, 3), level, np.uint8)).save(
            tmp_path / "pictures" / f"{name}.png"
        )
    _run(tmp_path, tmp_path / "run", "processes", 2, text=MEETING_SUITE)
    run = read_run(tmp_path / "run")
    assert len(run.measures) == run.manifest.cells
    assert {(record.status, record.reason) for record in run.measures} == {("ok", "")}
