"""`--executor auto`: as many processes as pay off, and never more than there is room for."""

import os
from pathlib import Path

import pytest

from bench.engine import executors
from bench.engine.executors import Options, automatic
from bench.engine.executors.automatic import WORKER_BYTES, expected_seconds, worker_count
from bench.engine.runner import describe, prepare
from bench.errors import ConfigError
from bench.planning.estimate import remaining_seconds
from bench.registry.registry import Component
from bench.store.run_folder import open_run
from bench.suite.suite import Suite
from bench.utils.yaml_config import parse
from small_run import SUITE, records_of

LONG = SUITE.replace("steps: 3", "steps: 100000")


@pytest.fixture(scope="module")
def small():
    return prepare(parse(SUITE, "small.yaml", Suite), Path())


@pytest.fixture(scope="module")
def long():
    return prepare(parse(LONG, "small.yaml", Suite), Path()).plan


@pytest.fixture
def machine(monkeypatch):
    """Return a function that sets the cores and the free memory, in workers."""

    def describe(cores, workers=1000.0):
        monkeypatch.setattr(automatic, "usable_cores", lambda: cores)
        monkeypatch.setattr(automatic, "free_bytes", lambda: workers * WORKER_BYTES)

    return describe


@pytest.mark.parametrize(
    ("cores", "threads", "workers"),
    [(1, 1, 1), (2, 1, 2), (2, 2, 2), (4, 2, 2), (8, 2, 4), (8, 1, 8)],
)
def test_there_is_one_worker_for_every_threads_cores_and_two_where_there_are_two(
    long, machine, cores, threads, workers
):
    machine(cores)
    assert worker_count(long, threads) == workers


def test_free_memory_bounds_the_workers(long, machine):
    machine(8, workers=3.5)
    assert worker_count(long, 1) == 3
    machine(8, workers=0.5)
    assert worker_count(long, 1) == 1


def test_workers_with_codecs_of_plugins_need_more_memory(long, machine, monkeypatch):
    machine(8, workers=3.5)
    monkeypatch.setattr(Component, "is_foreign", property(lambda _: True))
    assert worker_count(long, 1) == 1


def test_there_are_never_more_workers_than_groups(long, machine):
    machine(1000)
    assert worker_count(long, 1) == len(long.groups)


def test_a_plan_that_is_done_before_a_worker_has_started_is_done_in_this_process(small, machine):
    machine(8)
    assert remaining_seconds(small.plan) < automatic.STARTING_S
    assert worker_count(small.plan, 1) == 1


def test_the_expected_time_is_of_the_workers_that_will_work(long):
    assert expected_seconds(long, 1) == remaining_seconds(long)
    assert expected_seconds(long, 4) < 0.3 * remaining_seconds(long)


def _run(prepared, folder, name, options=None):
    run = executors.executor(name, options or Options())
    with open_run(folder, describe(prepared)) as store:
        list(run(prepared, store))
    return sorted(records_of(folder), key=lambda record: record["key"])


def test_the_records_are_those_of_any_other_executor(small, tmp_path):
    serial = _run(small, tmp_path / "serial", "serial")
    assert _run(small, tmp_path / "auto", "auto") == serial
    assert _run(small, tmp_path / "two", "auto", Options(workers=2)) == serial
    assert (tmp_path / "two/workers.jsonl").exists()
    assert not (tmp_path / "auto/workers.jsonl").exists()


def test_options_of_ray_are_refused():
    with pytest.raises(ConfigError, match="--executor ray"):
        executors.executor("auto", Options(gpus=1.0))


def test_free_memory_is_what_the_system_says():
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert 2**20 < automatic.free_bytes() <= total
