"""Time limits of programs and of child processes, in a process that is paused meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from bench.utils.waiting import run_program
from paths import ROOT

OF_A_PROGRAM = """
from backends.external.program import Program
print("go", flush=True)
print(Program("sleep").run(["1"], 2.0).returncode)
"""
OF_A_CHILD = """
from bench.utils.child_process import Child
child = Child("waiting_child:main")
print(child.receive(), flush=True)
print(child.receive(2.0))
child.stop()
"""
CHILD = """
import time

def main(parent):
    parent.send("go")
    for _ in range(10):
        time.sleep(0.1)
    parent.send(0)
    parent.receive()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="children are found in /proc")
@pytest.mark.parametrize("program", [OF_A_PROGRAM, OF_A_CHILD], ids=["program", "child"])
def test_a_pause_is_not_counted(program, tmp_path):
    (tmp_path / "waiting_child.py").write_text(CHILD)
    path = os.pathsep.join([str(ROOT), str(tmp_path)])
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    ) as process:
        assert process.stdout.readline() == "go\n"
        _pause(process.pid, seconds=4)
        assert process.stdout.read() == "0\n"


def _pause(pid, seconds):
    """Stop a process and its children while a child is at work."""
    deadline = time.monotonic() + 60
    while not (pids := _with_children(pid))[1:]:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    for one in pids:
        os.kill(one, signal.SIGSTOP)
    time.sleep(seconds)
    for one in pids:
        with suppress(ProcessLookupError):
            os.kill(one, signal.SIGCONT)


def _with_children(pid):
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [pid, *map(int, found.split())]


def test_a_program_beyond_its_limit_is_killed():
    with pytest.raises(subprocess.TimeoutExpired, match=r"timed out after 1\.5 seconds"):
        run_program(["sleep", "60"], 1.5)


def test_more_input_and_output_than_a_pipe_holds():
    data = bytes(range(256)) * 4096
    slow = (
        "import sys, time; data = sys.stdin.buffer.read(); time.sleep(2);"
        " sys.stdout.buffer.write(data)"
    )
    done = run_program([sys.executable, "-c", slow], 60, data)
    assert (done.returncode, done.stdout, done.stderr) == (0, data, b"")
