"""Ray: a real cluster of two nodes on loopback, of which a worker and a whole node are killed."""

import os
import signal
import time
from contextlib import closing
from pathlib import Path

import pytest

from bench.engine import executors
from bench.engine.executors import Options
from bench.engine.runner import describe, execute, prepare
from bench.errors import MachineError
from bench.store.records import TIMES, MeasureRecord, WorkerRecord
from bench.store.run_folder import open_run, read_run
from bench.suite.suite import Suite
from bench.utils.yaml_config import parse
from workers import is_alive, process_of

pytest.importorskip("ray", reason="Ray is not installed: pip install 'codec-robustness-bench[ray]'")
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::ResourceWarning")

SUITE = """\
name: small
images: {set: sample, names: [chelsea, coffee], crop: {height: 32, width: 48}}
codecs:
  - {name: bmshj2018-factorized, checkpoint: bmshj2018-factorized-small-q1, label: learned}
  - {name: jpeg, quality: 50, label: JPEG}
attacks: [fgsm, {name: pgd, steps: [2, 3, 4]}]
budgets: [{linf: 8}, {linf: 4}]
compute: {threads: 1}
"""


@pytest.fixture
def cluster(monkeypatch):
    """Two nodes of one core each, and what ends the second one as a power cut does."""
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("RAY_worker_niceness", "0")  # at 15 workers starve on a busy machine
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    second = made.add_node(num_cpus=1)
    yield made, lambda: made.remove_node(second, allow_graceful=False)
    made.shutdown()


@pytest.mark.slow
def test_a_cluster_that_loses_a_worker_and_a_node_gives_the_records_of_one_process(
    cluster, tmp_path
):
    nodes, cut_second = cluster
    prepared = prepare(parse(SUITE, "small.yaml", Suite), Path())
    with open_run(tmp_path / "serial", describe(prepared)) as store:
        assert sum(isinstance(event, MeasureRecord) for event in execute(prepared, store))
    run = executors.executor("ray", Options(workers=2, address=nodes.address))
    seen, is_killed = [], False
    with (
        open_run(tmp_path / "ray", describe(prepared)) as store,
        closing(run(prepared, store)) as running,
    ):
        for event in running:
            if isinstance(event, WorkerRecord):
                seen.append(event)
                if len(seen) == 2:
                    cut_second()
            elif len(seen) > 2 and not is_killed:  # what the lost one did is still to be done
                os.kill(_survivor(seen), signal.SIGKILL)
                is_killed = True
    assert [event.event for event in seen[:4]] == ["began", "began", "lost", "lost"]
    assert {event.worker for event in seen[2:4]} == {0, 1}
    assert all(event.reason for event in seen[2:4])
    assert _records(tmp_path / "ray") == _records(tmp_path / "serial")
    for path in (tmp_path / "serial/adversarial").iterdir():
        assert (tmp_path / "ray/adversarial" / path.name).read_bytes() == path.read_bytes()
    workers, until = [process_of(event) for event in seen if event.host], time.monotonic() + 300
    while any(map(is_alive, workers)) and time.monotonic() < until:
        time.sleep(0.1)  # Ray ends actors in its own time
    assert not any(map(is_alive, workers))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (Options(address="127.0.0.1:1"), "Ray cannot be had at '127.0.0.1:1': .*refused"),
        (Options(gpus=64.0, workers=1), "a worker asks Ray for 1 cores and 64 GPUs, and there are"),
    ],
)
def test_what_ray_would_wait_for_in_vain_is_reported_at_once(tmp_path, options, message):
    prepared = prepare(parse(SUITE, "small.yaml", Suite), Path())
    with (
        open_run(tmp_path, describe(prepared)) as store,
        closing(executors.executor("ray", options)(prepared, store)) as running,
        pytest.raises(MachineError, match=message),
    ):
        next(running)


def _survivor(seen):
    lost = {event.worker for event in seen if event.event == "lost"}
    return next(process_of(event) for event in seen if event.worker not in lost)


def _records(folder):
    """Return all records, times apart, in the order of their keys."""
    run = read_run(folder)
    lines = [*run.crafts.values(), *run.measures]
    records = [line.model_dump(exclude=set(TIMES)) for line in lines]
    return sorted(records, key=lambda line: line["key"])
