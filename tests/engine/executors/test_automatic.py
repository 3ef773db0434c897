"""`--executor auto`: as many processes as pay off, and never more than there is room for."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from bench.engine import executors
from bench.engine.executors import Options, automatic
from bench.engine.executors.automatic import (
    CODER_BYTES,
    WORKER_BYTES,
    expected_seconds,
    worker_count,
)
from bench.engine.runner import describe, prepare
from bench.errors import ConfigError
from bench.planning.estimate import remaining_seconds
from bench.registry.registry import Component
from bench.store.run_folder import open_run
from bench.suite.suite import Suite
from bench.utils.yaml_config import parse
from small_run import SUITE, records_of

LONG = SUITE.replace("steps: 3", "steps: 100000")
DAMAGED = f"{LONG}metrics: [{{name: bit-errors, rate: 1.0e-4}}]\n"


@pytest.fixture(scope="module")
def small():
    return prepare(parse(SUITE, "small.yaml", Suite), Path())


@pytest.fixture(scope="module")
def long():
    return prepare(parse(LONG, "small.yaml", Suite), Path())


def with_threads(prepared, threads):
    compute = prepared.suite.compute.model_copy(update={"threads": threads})
    return replace(prepared, suite=prepared.suite.model_copy(update={"compute": compute}))


@pytest.fixture
def machine(monkeypatch):
    """Return a function that sets the cores and the free memory, in workers and coders."""

    def describe(cores, workers=1000.0, coders=1):
        free = workers * WORKER_BYTES + coders * CODER_BYTES
        monkeypatch.setattr(automatic, "usable_cores", lambda: cores)
        monkeypatch.setattr(automatic, "free_bytes", lambda: free)

    return describe


@pytest.mark.parametrize(
    ("cores", "threads", "workers"),
    [(1, 1, 1), (2, 1, 2), (2, 2, 2), (4, 2, 2), (8, 2, 4), (8, 1, 8)],
)
def test_there_is_one_worker_for_every_threads_cores_and_two_where_there_are_two(
    long, machine, cores, threads, workers
):
    machine(cores)
    assert worker_count(with_threads(long, threads)) == workers


def test_free_memory_bounds_the_workers(long, machine):
    machine(8, workers=3.5)
    assert worker_count(long) == 3
    machine(8, workers=0.5)
    assert worker_count(long) == 1


@pytest.mark.parametrize(("is_foreign", "text", "each"), [(True, LONG, 2), (False, DAMAGED, 1)])
def test_the_processes_in_which_codecs_code_need_memory_too(
    machine, monkeypatch, is_foreign, text, each
):
    monkeypatch.setattr(Component, "is_foreign", property(lambda _: is_foreign))
    suite = prepare(parse(text, "small.yaml", Suite), Path())
    machine(8, workers=3, coders=1 + 3 * each)
    assert worker_count(suite) == 3
    machine(8, workers=3, coders=3 * each)
    assert worker_count(suite) == 2


def test_there_are_never_more_workers_than_groups(long, machine):
    machine(1000)
    assert worker_count(long) == len(long.plan.groups)


def test_a_plan_that_is_done_before_a_worker_has_started_is_done_in_this_process(small, machine):
    machine(8)
    assert remaining_seconds(small.plan) < automatic.STARTING_S
    assert worker_count(small) == 1


def test_the_expected_time_is_of_the_workers_that_will_work(long):
    alone = remaining_seconds(long.plan)
    assert expected_seconds(long.plan, 1) == alone
    assert expected_seconds(long.plan, 4) < 0.3 * alone


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
