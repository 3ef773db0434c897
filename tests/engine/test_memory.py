"""Peak memory of a call: what it holds at most, in this process and in programs that it runs."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from bench.cli.main import main
from bench.store.run_folder import read_run
from bench.utils import memory
from bench.utils.memory import track_peak
from leaderboard.ranking.board import build_board

MEGABYTE = 1_000_000

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/clear_refs").exists(), reason="this system does not tell of memory"
)


def _hold(megabytes):
    np.ones(megabytes * MEGABYTE // 8).sum()


@pytest.mark.parametrize("megabytes", [40, 200])
def test_what_a_call_holds_and_gives_back_is_counted_every_time(megabytes):
    for _ in range(2):
        with track_peak() as peak:
            _hold(megabytes)
        assert peak.bytes == pytest.approx(megabytes * MEGABYTE, rel=0.1, abs=4 * MEGABYTE)


def test_small_blocks_that_were_freed_are_counted_again():
    """An allocator keeps them, and a second call finds them there."""
    for _ in range(3):
        with track_peak() as peak:
            blocks = [bytes(50_000) for _ in range(1000)]
            del blocks
        assert peak.bytes > 40 * MEGABYTE


def test_what_was_held_before_is_not_counted():
    kept = np.ones(100 * MEGABYTE // 8)
    with track_peak() as peak:
        kept.sum()
    assert peak.bytes < 20 * MEGABYTE


def test_a_program_is_counted_by_its_own_size_and_not_by_ours():
    kept = np.ones(300 * MEGABYTE // 8)
    hold = "import time; block = bytearray(b'1') * 60_000_000; time.sleep(1)"
    with track_peak() as peak:
        subprocess.run([sys.executable, "-IS", "-c", hold], check=True)
    assert kept.size == 300 * MEGABYTE // 8
    assert 60 * MEGABYTE < peak.bytes < 110 * MEGABYTE


def test_a_program_that_ended_before_it_was_waited_for_is_counted():
    hold = "import time; block = bytearray(b'1') * 60_000_000; time.sleep(1)"
    with track_peak() as peak:
        program = subprocess.Popen([sys.executable, "-IS", "-c", hold])
        os.waitid(os.P_PID, program.pid, os.WEXITED | os.WNOWAIT)
        time.sleep(0.1)
        program.wait()
    assert peak.bytes > 60 * MEGABYTE


def test_where_the_system_does_not_tell_nothing_is_said(monkeypatch, tmp_path):
    monkeypatch.setattr(memory, "_PROCESS", tmp_path / "gone")
    with track_peak() as peak:
        _hold(40)
    assert peak.bytes is None


def test_source_pictures_have_it_in_their_records_and_on_the_board(tmp_path):
    (tmp_path / "two.yaml").write_text("""\
name: two
images: {set: sample, names: [coffee], crop: {height: 64, width: 64}}
codecs: [{name: jpeg, quality: 50}, {name: hevc, qp: 40, preset: ultrafast}]
attacks: [sign-noise]
budgets: [linf: 4]
""")
    assert main(["run", str(tmp_path / "two.yaml"), "-o", str(tmp_path / "out")]) == 0
    run = read_run(tmp_path / "out")
    for record in run.measures:
        peaks = (record.encode_peak, record.decode_peak)
        if record.craft is not None:
            assert peaks == (None, None)
        elif record.victim.startswith("hevc"):
            assert min(peaks) > 10 * MEGABYTE
        else:
            assert 0 <= max(peaks) < 10 * MEGABYTE
    (row,) = (row for row in build_board([run]).rows if row.place.codec.startswith("hevc"))
    assert row.clean.encoding_memory.mean > 10
    assert "| encoding MB" in (tmp_path / "out/leaderboard-full.md").read_text()


def test_an_error_inside_is_passed_on():
    with pytest.raises(ValueError, match="inside"), track_peak():
        raise ValueError("inside")


def test_a_program_that_ran_before_the_call_is_not_counted():
    hold = "import time; block = bytearray(b'1') * 60_000_000; print(1, flush=True); time.sleep(9)"
    with subprocess.Popen([sys.executable, "-IS", "-c", hold], stdout=subprocess.PIPE) as before:
        before.stdout.read(1)
        with track_peak() as peak:
            time.sleep(0.1)
        before.kill()
    assert peak.bytes < 10 * MEGABYTE
