"""Executors: whoever does the work, the records are the same; what is lost is done again."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing, suppress
from pathlib import Path

import pytest

from bench.engine import executors
from bench.engine.executors import Options
from bench.engine.executors.work_queue import WorkQueue
from bench.engine.runner import describe, prepare
from bench.errors import ConfigError
from bench.store.records import TIMES, MeasureRecord, WorkerRecord
from bench.store.run_folder import open_run, read_run
from bench.suite.suite import Suite
from bench.utils.yaml_config import parse
from workers import is_alive, process_of

SUITE = """\
name: small
images: {set: sample, names: [chelsea, coffee], crop: {height: 32, width: 48}}
codecs:
  - {name: toy, label: toy}
  - {name: jpeg, quality: 50, label: JPEG, defence: [{name: flip, way: random}]}
attacks: [fgsm, {name: pgd, steps: 3}]
budgets: [{linf: 8}]
draws: 2
compute: {threads: 1}
"""

LEARNED = SUITE.replace(
    "{name: toy, label: toy}",
    "{name: bmshj2018-factorized, checkpoint: bmshj2018-factorized-small-q1, label: learned}",
)

UNSCORED = """\
name: unscored
images: {set: sample, limit: 1, crop: {height: 32, width: 32}}
codecs: [{name: toy, gain: 0.5, label: listed}, {name: toy, gain: 0.25, label: mine}]
score: [mine]
transfer: none
attacks:
  - {name: pgd, steps: 2, label: first}
  - {name: apgd, steps: 3, label: second, start_from: {attack: first}, transfer: all}
objectives: [distortion]
budgets: [{linf: 8}]
compute: {threads: 1}
"""

WAITING = """\
import time
from pathlib import Path

from attacks.noise import SignNoise
from bench.entry import Entry


class Waiting(SignNoise):
    def __call__(self, target, images, budget, rngs):
        while Path(__file__).with_name("wait").exists():
            time.sleep(0.01)
        return super().__call__(target, images, budget, rngs)


ATTACKS = {"waiting": Entry(Waiting, "waits for a file to go")}
"""

WAITING_SUITE = "plugins: [waiting.py]\n" + SUITE.replace("steps: 3}", "steps: 3}, waiting")

MORTAL = """\
import os
import signal

from backends.pillow import Jpeg
from bench.entry import Entry


class Mortal(Jpeg):
    def encode(self, image):
        if image.mean() > {limit}:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().encode(image)


CODECS = {{"mortal": Entry(Mortal, "is killed by bright pictures")}}
"""

MORTAL_SUITE = """\
name: mortal
plugins: [mortal.py]
images: {set: sample, names: [chelsea], crop: {height: 32, width: 48}}
codecs: [toy, {name: mortal, quality: 50}]
attacks: [fgsm]
objectives: [rate]
budgets: [{linf: 8}]
compute: {threads: 1}
"""


def prepared(text=SUITE, base=Path()):
    return prepare(parse(text, str(base / "small.yaml"), Suite), base)


def run(folder, name, workers=None, text=SUITE, seen=lambda event: None):
    """Run a suite to its end, showing every event to `seen`; return the events."""
    made = prepared(text, folder.parent)
    events = []
    with (
        open_run(folder, describe(made)) as store,
        closing(executors.executor(name, Options(workers))(made, store)) as running,
    ):
        for event in running:
            events.append(event)
            seen(event)
    return events


def records(folder):
    """Return all records, times apart, in the order of their keys."""
    lines = map(json.loads, (folder / "records.jsonl").read_text().splitlines())
    records = [{k: v for k, v in line.items() if k not in TIMES} for line in lines]
    return sorted(records, key=lambda line: line["key"])


def pictures(folder):
    return {path.name: path.read_bytes() for path in (folder / "adversarial").iterdir()}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished") / "run"
    run(folder, "serial")
    assert {record.status for record in read_run(folder).measures} == {"ok"}
    return folder


def test_processes_give_the_records_and_pictures_of_one(tmp_path):
    run(tmp_path / "serial", "serial", text=LEARNED)
    events = run(tmp_path / "run", "processes", 2, LEARNED)
    assert records(tmp_path / "run") == records(tmp_path / "serial")
    assert pictures(tmp_path / "run") == pictures(tmp_path / "serial")
    assert [event.event for event in events if isinstance(event, WorkerRecord)] == ["began"] * 2


def test_searches_from_pictures_that_are_not_scored_run_in_processes(tmp_path):
    """With `score`, a search without victims remains for the searches that start there."""
    run(tmp_path / "serial", "serial", text=UNSCORED)
    run(tmp_path / "run", "processes", 2, UNSCORED)
    assert records(tmp_path / "run") == records(tmp_path / "serial")
    searched = {record.attack for record in read_run(tmp_path / "run").crafts.values()}
    assert "first" in searched


def test_nobody_is_hired_where_nothing_is_left(finished):
    assert run(finished, "processes", 2) == []


def test_what_a_killed_worker_did_is_done_again(finished, tmp_path):
    workers, killed = [], []

    def seen(event):
        if isinstance(event, WorkerRecord) and event.event == "began":
            workers.append(process_of(event))
        if isinstance(event, MeasureRecord) and not killed:
            killed.append(workers[0])
            os.kill(workers[0], signal.SIGKILL)

    events = run(tmp_path / "run", "processes", 1, seen=seen)
    (lost,) = (e for e in events if isinstance(e, WorkerRecord) and e.event == "lost")
    assert lost.reason == "its process was killed by SIGKILL"
    assert (lost.worker, lost.attempt) == (0, 1)
    assert lost.task in {record["key"] for record in records(finished)}
    noted = (tmp_path / "run/workers.jsonl").read_text().splitlines()
    assert [json.loads(line)["event"] for line in noted] == ["began", "lost", "began"]
    assert records(tmp_path / "run") == records(finished)
    assert pictures(tmp_path / "run") == pictures(finished)
    assert not any(map(is_alive, workers))


def test_an_end_in_the_middle_keeps_what_was_made_and_leaves_nobody_behind(finished, tmp_path):
    made, shown, workers = prepared(), 0, []
    with (
        open_run(tmp_path, describe(made)) as store,
        closing(executors.executor("processes", Options(2))(made, store)) as running,
    ):
        for event in running:
            shown += isinstance(event, MeasureRecord)
            if isinstance(event, WorkerRecord):
                workers.append(process_of(event))
            if shown == 5:
                break
    assert shown <= len(read_run(tmp_path).measures) < read_run(finished).manifest.cells
    assert not any(map(is_alive, workers))
    run(tmp_path, "serial")
    assert records(tmp_path) == records(finished)


@pytest.fixture(scope="module")
def waited_for(tmp_path_factory):
    """Return the records of a run whose attack had nothing to wait for."""
    folder = tmp_path_factory.mktemp("waited")
    (folder / "waiting.py").write_text(WAITING)
    run(folder / "run", "serial", text=WAITING_SUITE)
    return records(folder / "run")


@pytest.mark.parametrize(
    "ended",
    [
        pytest.param(signal.SIGINT, marks=pytest.mark.slow),
        pytest.param(signal.SIGTERM, marks=pytest.mark.slow),
        signal.SIGKILL,
    ],
)
def test_no_worker_outlives_the_command(waited_for, tmp_path, ended):
    suite, folder = tmp_path / "small.yaml", tmp_path / "run"
    suite.write_text(WAITING_SUITE)
    (tmp_path / "waiting.py").write_text(WAITING)
    (tmp_path / "wait").touch()
    command = [sys.executable, "-m", "bench", "run", str(suite), "--out", str(folder)]
    process = subprocess.Popen(
        [*command, "--executor", "processes", "--workers", "2"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
        env={**os.environ, "BENCH_TEST": str(tmp_path)},
    )
    while process.poll() is None and _count(folder) < 3:
        time.sleep(0.01)
    os.killpg(process.pid, ended)
    _, output = process.communicate()
    assert process.returncode == (-signal.SIGKILL if ended == signal.SIGKILL else 130)
    assert b"Traceback" not in output
    until = time.monotonic() + 300
    while _marked(str(tmp_path)) and time.monotonic() < until:
        time.sleep(0.01)
    assert _marked(str(tmp_path)) == []
    (tmp_path / "wait").unlink()
    run(folder, "serial", text=WAITING_SUITE)
    assert records(folder) == waited_for


def _count(folder):
    path = folder / "records.jsonl"
    return path.read_bytes().count(b"\n") if path.exists() else 0


def _marked(value):
    """Return the processes that have BENCH_TEST from a command under test."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if f"BENCH_TEST={value}\0".encode() in path.read_bytes():
                found.append(int(path.parent.name))
    return found


def test_what_crashes_is_recorded_as_failed_and_the_rest_is_done(tmp_path, photograph):
    limit = photograph("chelsea", 32, 48).mean() + 6  # against the rate of the toy all rises by 8
    (tmp_path / "mortal.py").write_text(MORTAL.format(limit=limit))
    run(tmp_path / "run", "processes", 1, MORTAL_SUITE)
    found = read_run(tmp_path / "run")
    assert len(found.measures) == found.manifest.cells
    failed = [record for record in found.measures if record.status != "ok"]
    assert {(record.victim, record.stage) for record in failed} == {
        ("mortal quality=50", "attacked")
    }
    assert {record.reason for record in failed} == {"encoding: its process was killed by SIGKILL"}


def test_workers_stay_at_their_pictures_and_help_at_the_end():
    groups = prepared().plan.groups
    queue = WorkQueue.of(groups)
    taken = [(worker, queue.take(worker)) for worker in (0, 1, 0, 1, 0, 1)]
    assert all(group is not None for _, group in taken)
    places = {(worker, group.cells[0].picture.name) for worker, group in taken}
    assert places == {(0, "chelsea"), (1, "coffee")}
    left = [queue.take(0) for _ in range(len(groups) - 6)]
    assert Counter(g.key for g in left) + Counter(g.key for _, g in taken) == Counter(
        group.key for group in groups
    )
    assert queue.take(1) is None


def test_a_group_that_was_set_aside_runs_alone():
    first, second, third = prepared().plan.groups[:3]
    queue = WorkQueue.of([first, second, third])
    assert queue.take(0) is first
    queue.set_aside(queue.finish(0))
    assert {queue.take(0).key, queue.take(1).key} == {second.key, third.key}
    queue.finish(0)
    assert queue.take(0) is None
    assert not queue.is_waiting
    queue.finish(1)
    assert queue.is_waiting
    assert queue.take(1) is first
    assert queue.take(0) is None
    queue.finish(1)
    assert queue.is_done


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("serial", Options(workers=2), "one process works alone"),
        ("processes", Options(workers=0), "a number of at least 1"),
        ("processes", Options(address="auto"), "go with --executor ray"),
        ("ray", Options(gpus=-1.0), "--gpus is a number of at least 0"),
        ("ray", Options(gpus=float("nan")), "--gpus is a number of at least 0"),
    ],
)
def test_options_that_an_executor_does_not_take(name, options, message):
    with pytest.raises(ConfigError, match=message):
        executors.executor(name, options)


def test_ray_is_imported_by_who_asks_for_it_alone(monkeypatch):
    asked = (
        "import sys, bench.cli.main, bench.engine.executors.processes; print('ray' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, check=True)
    assert done.stdout == b"False\n"
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.delitem(sys.modules, "bench.engine.executors.ray_cluster", raising=False)
    with pytest.raises(ConfigError, match=r"pip install 'codec-robustness-bench\[ray\]'"):
        executors.executor("ray", Options())
