"""What a command imports before it has something to do: asked of sys.modules, not of a clock."""

import json
import subprocess
import sys

import pytest

from small_run import SUITE, run_suite

HEAVY = {"torch", "compressai", "scipy.stats", "skimage", "matplotlib", "plotly", "pandas", "ray"}
PROGRAM = """\
import json, sys
from contextlib import redirect_stdout
from io import StringIO
from bench.cli.main import main

with redirect_stdout(StringIO()):
    try:
        status = main(sys.argv[1:])
    except SystemExit as ended:
        status = ended.code
print(json.dumps([status, sorted(sys.modules)]))
"""


def _loaded(*arguments):
    """Return the exit status of a command and the heavy libraries that it imported."""
    command = [sys.executable, "-c", PROGRAM, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    status, modules = json.loads(done.stdout.splitlines()[-1])
    return status, HEAVY & set(modules)


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["--help"], 0),
        (["--version"], 0),
        ([], 0),
        (["rnu"], 2),
        (["run"], 2),
        (["run", "--help"], 0),
        (["list", "nothing"], 2),
        (["list", "suites"], 0),
        (["list", "codecs"], 0),
        (["list", "attacks"], 0),
        (["list", "defences", "--json"], 0),
        (["list", "metrics"], 0),
        (["list", "objectives"], 0),
        (["list", "zoo"], 0),
        (["schema"], 0),
    ],
)
def test_what_only_answers_imports_nothing_heavy(words, status):
    assert _loaded(*words) == (status, set())


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "small"
    run_suite(SUITE, folder)
    return folder


def test_boards_of_finished_runs_need_no_torch(finished, tmp_path):
    assert _loaded("show", str(finished)) == (0, set())
    assert _loaded("export", str(finished), "-o", str(tmp_path / "rows.csv")) == (0, set())
    page = tmp_path / "board.md"
    assert _loaded("leaderboard", str(finished), "-o", str(page)) == (0, {"matplotlib"})
    assert page.read_text().startswith("#")
