"""What travels to a worker, and what it refuses; all of it in this process."""

import dataclasses
import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pictures

from bench.crafting.result import CraftResult
from bench.engine.executors import worker as kit_module
from bench.engine.executors.messages import from_messages, pack, unpack
from bench.engine.executors.worker import WorkerConfig, WorkerSession
from bench.engine.job_runner import Postponed
from bench.engine.resume import remaining_work
from bench.engine.runner import describe, execute, prepare
from bench.errors import ConfigError
from bench.store.records import TIMES, MeasureRecord
from bench.store.run_folder import open_run
from bench.suite.suite import Suite
from bench.utils.yaml_config import parse

SUITE = """\
name: small
images: {{set: sample, names: [coffee], crop: {{height: 16, width: 24}}}}
codecs: [toy, {{name: jpeg, quality: 50}}]
attacks: [fgsm]
objectives: [{{name: target, picture: {picture}}}]
budgets: [{{linf: 8}}]
compute: {{threads: 1}}
"""


@pytest.fixture
def prepared(tmp_path):
    """A suite whose objective holds a picture, of which the file is gone since."""
    path = tmp_path / "wanted.png"
    Pictures.fromarray(np.full((8, 8, 3), 128, np.uint8)).save(path)
    made = prepare(parse(SUITE.format(picture=path), "small.yaml", Suite), Path())
    path.unlink()
    return made


@pytest.fixture
def store(prepared, tmp_path):
    with open_run(tmp_path / "run", describe(prepared)) as made:
        yield made


@pytest.fixture
def bench(prepared):
    made = WorkerSession(pickle.loads(pickle.dumps(WorkerConfig.of(prepared, 60.0))))
    assert str(made.start()).partition(", process ")[2].isdecimal()
    return made


def _timeless(record):
    return record.model_dump(exclude=set(TIMES))


def test_a_worker_makes_what_this_process_would(prepared, bench, store):
    tasks = [remaining_work(group, store) for group in prepared.plan.groups]
    made = [
        one for task in tasks for one in from_messages(task, bench.run(pack(task), *task.pictures))
    ]
    crafted = [one for one in made if isinstance(one, CraftResult)]
    measured = [one for one in made if isinstance(one, MeasureRecord)]
    begun = [one.key for one in made if not isinstance(one, (CraftResult, MeasureRecord))]
    planned = [job for group in prepared.plan.groups for job in (group.craft, *group.cells)]
    assert begun == [job.key for job in planned if job is not None]
    for _ in execute(prepared, store):
        pass
    assert list(map(_timeless, measured)) == list(map(_timeless, store.measured.values()))
    for one in crafted:
        assert _timeless(one.record) == _timeless(store.crafts[one.record.key])
        assert np.array_equal(one.image, store.load_picture(one.record.key))


def test_a_task_travels_without_its_picture_and_none_can_be_written_to(prepared, store):
    for _ in execute(prepared, store):
        pass
    group = prepared.plan.groups[-1]
    store.measured.clear()
    task = remaining_work(group, store)
    (picture,) = pickle.loads(pickle.dumps(task.pictures))
    packed = pack(task)
    assert picture.pixels.tobytes() not in packed
    again = unpack(packed, [picture])
    assert again.pictures[0] is picture
    assert all(cell.picture is picture for cell in again.cells)
    assert np.array_equal(again.attacked, task.attacked)
    assert not again.attacked.flags.writeable
    assert not picture.pixels.flags.writeable
    assert [cell.key for cell in again.cells] == [cell.key for cell in group.cells]


def test_a_picture_is_not_taken_for_another(prepared, store):
    task = remaining_work(prepared.plan.groups[0], store)
    with pytest.raises(pickle.UnpicklingError, match="a task on other names coffee"):
        unpack(pack(task), [dataclasses.replace(task.pictures[0], name="other")])


def test_other_versions_are_refused(prepared, monkeypatch):
    kit = WorkerConfig.of(prepared, 60.0)
    own = kit_module.versions(prepared.suite)
    monkeypatch.setattr(kit_module, "versions", lambda suite: own | {"torch": "1.0"})
    refused = WorkerSession(kit).start()
    assert isinstance(refused, ConfigError)
    assert "torch is 1.0 on " in str(refused)


def test_another_codec_is_refused(prepared, bench, store, monkeypatch):
    monkeypatch.setattr("backends.toy.Toy.fingerprint", lambda self: "another toy")
    task = remaining_work(prepared.plan.groups[0], store)
    with pytest.raises(ConfigError, match="'toy' is another toy, where the run began it is toy"):
        list(from_messages(task, bench.run(pack(task), *task.pictures)))


def test_a_job_that_the_machine_cannot_do_is_postponed_alone(prepared, bench, store, monkeypatch):
    def starved(self, image):
        raise MemoryError

    monkeypatch.setattr("backends.toy.Toy.encode", starved)
    task = remaining_work(prepared.plan.groups[0], store)
    answers = list(bench.run(pack(task), *task.pictures))
    postponed = [answer for answer in answers if isinstance(answer, Postponed)]
    toys = [cell.key for cell in task.cells if cell.victim.label == "toy"]
    assert [one.key for one in postponed] == toys
    assert all("the machine ran out" in one.reason for one in postponed)


def test_a_fault_of_the_harness_comes_back_with_its_traceback(prepared, bench, store, monkeypatch):
    def broken(*_):
        raise IndexError("a fault")

    monkeypatch.setattr("bench.engine.job_runner.measure", broken)
    task = remaining_work(prepared.plan.groups[0], store)
    with pytest.raises(RuntimeError, match=r"Traceback (.|\n)*IndexError: a fault"):
        list(from_messages(task, bench.run(pack(task), *task.pictures)))


def test_an_objective_that_cannot_be_sent_is_reported(prepared):
    local = dataclasses.replace(prepared, objectives={"local": lambda view: view})
    with pytest.raises(ConfigError, match="use --executor serial"):
        WorkerConfig.of(local, 60.0)
