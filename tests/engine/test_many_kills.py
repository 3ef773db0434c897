"""`kill -9` at 50 random moments of one run, under each executor: nothing is lost.

The moments are spread over the run: a kill waits until some more records are on disk. One in five
comes while the command starts. Run it with `pytest -m slow tests/engine/test_many_kills.py -s`.
"""

import contextlib
import itertools
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench.store.run_folder import read_run
from small_run import records_of

KILLS = 50
SUITE = """\
name: killed
images: {set: sample, names: [chelsea, coffee, astronaut, rocket], crop: {height: 96, width: 128}}
codecs: [{name: toy, label: toy}, {name: jpeg, quality: 50, label: JPEG}]
attacks: [fgsm, {name: pgd, steps: 80}]
objectives: [distortion, rate]
budgets: [{linf: 4}, {linf: 6}, {linf: 8}]
compute: {threads: 1}
"""


def start(folder: Path, suite: Path, executor: str) -> subprocess.Popen[bytes]:
    workers = ["--workers", "2"] if executor == "processes" else []
    options = ["-o", folder, "--executor", executor, *workers]
    return subprocess.Popen(
        [sys.executable, "-m", "bench", "run", suite, *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"BENCH_TEST": str(folder)},
    )


def count(folder: Path) -> int:
    path = folder / "records.jsonl"
    return path.read_bytes().count(b"\n") if path.exists() else 0


def processes_of(folder: Path) -> list[str]:
    """Return the processes that a command under test has started."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if f"BENCH_TEST={folder}\0".encode() in path.read_bytes():
                found.append(path.parent.name)
    return found


def kill_at_random(running: subprocess.Popen[bytes], folder: Path, chance: random.Random) -> None:
    """Kill a command after a few more records, or while it starts."""
    if chance.random() < 0.2:
        time.sleep(chance.uniform(0, 3))
    else:
        goal = count(folder) + chance.randint(1, 5)
        while count(folder) < goal and running.poll() is None:
            time.sleep(0.002)
    running.send_signal(signal.SIGKILL)
    running.wait()


@pytest.mark.slow
@pytest.mark.parametrize("executor", ["serial", "processes"])
def test_fifty_kills_lose_nothing(tmp_path, executor):
    suite = tmp_path / "killed.yaml"
    suite.write_text(SUITE)
    assert start(tmp_path / "whole", suite, "serial").wait() == 0
    chance, seen = random.Random(20), [0]
    for _ in range(KILLS):
        kill_at_random(start(tmp_path / "killed", suite, executor), tmp_path / "killed", chance)
        seen.append(count(tmp_path / "killed"))
        assert seen[-1] >= seen[-2]
    assert start(tmp_path / "killed", suite, executor).wait() == 0
    time.sleep(2)
    assert processes_of(tmp_path / "killed") == []
    grown = sum(after > before for before, after in itertools.pairwise(seen))
    total = count(tmp_path / "killed")
    sys.stdout.write(
        f"{executor}: {KILLS} kills, {grown} of them after new records, {total} in all\n"
    )
    assert grown >= KILLS / 2
    records = [records_of(tmp_path / name) for name in ("whole", "killed")]
    whole, killed = ({record["key"]: record for record in one} for one in records)
    assert killed == whole
    assert len(records[1]) == len(killed)
    assert read_run(tmp_path / "killed").manifest.cells == len(
        read_run(tmp_path / "whole").measures
    )
