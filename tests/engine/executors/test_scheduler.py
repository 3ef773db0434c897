"""The loop over workers, with workers in this process that are lost when a test says so."""

import itertools
from contextlib import closing
from pathlib import Path

import pytest

from bench.engine.attempts import LOST
from bench.engine.executors.scheduler import drive
from bench.engine.job_runner import JobRunner
from bench.engine.runner import describe, execute, prepare
from bench.errors import MachineError
from bench.store.records import TIMES, MeasureRecord, WorkerRecord
from bench.store.run_folder import open_run
from bench.suite.suite import Suite
from bench.utils.child_process import LostError, TookTooLongError
from bench.utils.yaml_config import parse

SUITE = """\
name: small
images: {set: sample, names: [chelsea, coffee], crop: {height: 8, width: 16}}
codecs: [toy, {name: jpeg, quality: 50}]
attacks: [fgsm]
budgets: [{linf: 8}]
compute: {threads: 1}
"""


class Worker:
    """Does tasks in its thread; is lost after so many things it made, or by a job with a key."""

    def __init__(self, prepared, patience=None, fatal="", error=LostError):
        self._runner, self._left = JobRunner(prepared), patience
        self._fatal, self._error = fatal, error("it has had enough")

    def start(self):
        if self._left == 0:
            raise LostError("it never came up")
        return "here"

    def run(self, task):
        for made in self._runner.run(task):
            yield made
            if getattr(made, "key", None) == self._fatal:
                raise self._error
            if self._left is not None:
                self._left -= 1
                if self._left == 0:
                    raise LostError("it has had enough")

    def stop(self):
        pass


@pytest.fixture(scope="module")
def prepared():
    return prepare(parse(SUITE, "small.yaml", Suite), Path())


@pytest.fixture(scope="module")
def wanted(prepared, tmp_path_factory):
    with open_run(tmp_path_factory.mktemp("serial"), describe(prepared)) as store:
        for _ in execute(prepared, store):
            pass
        return _timeless(store)


def _timeless(store):
    records = {**store.crafts, **store.measured}
    return {key: record.model_dump(exclude=set(TIMES)) for key, record in records.items()}


def _driven(prepared, folder, patience, count, *fatal):
    """Return the events of a run whose workers have so much patience, one after another."""
    left = itertools.chain(patience, itertools.repeat(None))

    def worker():
        return Worker(prepared, next(left), *fatal)

    with (
        open_run(folder, describe(prepared)) as store,
        closing(drive(prepared, store, worker, count)) as running,
    ):
        return list(running), _timeless(store)


@pytest.mark.parametrize("patience", range(1, 9))
def test_wherever_a_worker_is_lost_the_records_are_the_same(prepared, wanted, tmp_path, patience):
    events, found = _driven(prepared, tmp_path, [patience], 1)
    assert found == wanted
    workers = [event for event in events if isinstance(event, WorkerRecord)]
    assert [(one.worker, one.event) for one in workers] == [(0, "began"), (0, "lost"), (1, "began")]
    assert workers[1].reason == "it has had enough"
    measured = [event.key for event in events if isinstance(event, MeasureRecord)]
    assert len(measured) == len(set(measured)) == len(prepared.plan.cells)


def test_three_workers_of_which_two_are_lost(prepared, wanted, tmp_path):
    events, found = _driven(prepared, tmp_path, [3, None, 5], 3)
    assert found == wanted
    lost = [e for e in events if isinstance(e, WorkerRecord) and e.event == "lost"]
    assert {event.worker for event in lost} == {0, 2}


def test_a_worker_that_never_comes_up_is_replaced(prepared, wanted, tmp_path):
    events, found = _driven(prepared, tmp_path, [0] * (LOST - 1), 1)
    assert found == wanted
    lost = [e for e in events if isinstance(e, WorkerRecord) and e.event == "lost"]
    assert [(one.reason, one.task) for one in lost] == [("it never came up", None)] * 2


def test_where_none_comes_up_the_run_ends(prepared, tmp_path):
    with pytest.raises(MachineError, match="no worker comes up: it never came up"):
        _driven(prepared, tmp_path, [0] * LOST, 1)


@pytest.mark.parametrize(("error", "losses"), [(LostError, LOST), (TookTooLongError, 1)])
@pytest.mark.parametrize("count", [1, 2])
def test_a_job_that_every_worker_is_lost_over_is_recorded_as_failed(
    prepared, wanted, tmp_path, error, losses, count
):
    first = prepared.plan.groups[0].cells[0].key
    events, found = _driven(prepared, tmp_path, [], count, first, error)
    assert (found[first]["status"], found[first]["stage"]) == ("failed", "clean")
    assert found[first]["reason"] == "it has had enough"
    assert {key for key in wanted if found[key] != wanted[key]} == {first}
    lost = [e for e in events if isinstance(e, WorkerRecord) and e.event == "lost"]
    assert [event.attempt for event in lost] == list(range(1, losses + 1))


def test_a_search_that_every_worker_is_lost_over_fails_with_its_evaluations(
    prepared, wanted, tmp_path
):
    group = next(group for group in prepared.plan.groups if group.craft is not None)
    _, found = _driven(prepared, tmp_path, [], 1, group.craft.key)
    lost = {group.craft.key, *(cell.key for cell in group.cells)}
    assert {key for key in wanted if found[key] != wanted[key]} == lost
    assert {found[key]["status"] for key in lost} == {"failed"}
    assert {found[cell.key]["stage"] for cell in group.cells} == {"craft"}
