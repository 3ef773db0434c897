"""CPU seconds of commands (user and system, all processes): the median of five, after a warm-up.

python -m pytest -q -s benchmarks/test_startup.py
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image as Pillow
from skimage import data

ROUNDS = 5
ANSWERS = (
    "--help",
    "--version",
    "rnu",
    "list suites",
    "schema",
    "list codecs",
    "list attacks",
    "list defences",
    "list metrics",
    "list objectives",
    "list zoo",
)


def _spent() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _seconds(folder: Path, words: list[str]) -> float:
    before = _spent()
    command = [sys.executable, "-m", "bench", *words]
    subprocess.run(command, cwd=folder, capture_output=True, check=False)
    return _spent() - before


@pytest.fixture
def timed(benchmark, say):
    """Return a function that times a command; pytest-benchmark has the seconds on the wall."""

    def time(folder: Path, words: list[str], label: str) -> None:
        found: list[float] = []
        benchmark.pedantic(
            lambda: found.append(_seconds(folder, words)), rounds=ROUNDS, warmup_rounds=1
        )
        median = statistics.median(found[1:])
        benchmark.extra_info["cpu_seconds"] = round(median, 3)
        say(f"{label}: {median:.2f} CPU s")

    return time


@pytest.mark.parametrize("line", ANSWERS)
def test_a_command_that_only_answers(line, timed, tmp_path):
    timed(tmp_path, line.split(), f"bench {line}")


@pytest.fixture(scope="module")
def quick(tmp_path_factory) -> Path:
    """A folder with a finished run of the suite `quick`."""
    folder = tmp_path_factory.mktemp("quick")
    subprocess.run(
        [sys.executable, "-m", "bench", "run", "quick"], cwd=folder, check=True, capture_output=True
    )
    return folder


@pytest.mark.parametrize(
    "line",
    [
        "show runs/quick",
        "export runs/quick -o rows.csv",
        "leaderboard runs/quick -o board.md",
        "run quick",
    ],
)
def test_a_command_on_a_finished_run(line, timed, quick):
    timed(quick, line.split(), f"bench {line}")


def test_an_attack_on_one_picture(timed, tmp_path):
    Pillow.fromarray(data.astronaut()[:256, :256]).save(tmp_path / "photo.png")
    words = "attack photo.png --attack pgd steps=4 --codec bmshj2018-factorized"
    checkpoint = "checkpoint=bmshj2018-factorized-small-q4"
    timed(tmp_path, [*words.split(), checkpoint], "bench attack, PGD of 4 steps at 256x256")
