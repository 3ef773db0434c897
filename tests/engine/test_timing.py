"""Coding times: which calls of codecs are timed, and what is stored of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from backends.toy import Toy
from bench.cli.main import main
from bench.engine import timing, trials
from bench.errors import CodecError
from bench.registry.registry import entry
from bench.store.run_folder import read_run

SUITE = """\
name: timed
images: {set: sample, names: [coffee], crop: {height: 8, width: 40}}
codecs:
  - {name: toy, gain: 1.0, label: first}
  - {name: toy, gain: 2.0, label: second}
attacks: [sign-noise]
budgets: [{linf: 8}]
compute: {threads: 1}
"""


@pytest.fixture
def calls(monkeypatch):
    """Return the gain and the size of the picture of each call of a toy codec, as they come."""
    seen, encode = [], Toy.encode

    def watched(self, image):
        seen.append((self._gain, image.shape[:2]))
        return encode(self, image)

    monkeypatch.setattr(Toy, "encode", watched)
    return seen


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Return a function that runs the suite in this process and returns its run."""
    monkeypatch.chdir(tmp_path)
    Path("timed.yaml").write_text(SUITE)

    def ran():
        assert main(["run", "timed.yaml", "--executor", "serial", "-o", "run"]) == 0
        return read_run(Path("run"))

    return ran


def test_warm_codecs_take_turns_on_a_large_picture(run, calls):
    timings = run().timings
    timed = [call for call in calls if call[1] != (8, 40)]
    warm_up, large = (timing.WARM_UP_SIDE,) * 2, (timing.SIDE,) * 2
    assert timed == [
        *[(1.0, warm_up)] * 2,
        *[(2.0, warm_up)] * 2,
        *[(1.0, large), (2.0, large)] * 3,
    ]
    assert timings.keys() == {"first", "second", "identity"}
    for one in timings.values():
        assert one.pixels == timing.SIDE**2
        assert len(one.encoding) == len(one.decoding) == 3


def test_times_are_measured_once(run, calls):
    before = run().timings
    calls.clear()
    assert run().timings == before
    assert not [call for call in calls if call[1] != (8, 40)]


def test_times_are_measured_of_runs_that_have_none(run):
    run()
    Path("run/timings.json").unlink()
    page = _coding_times(Path("run/leaderboard.md").read_text())
    assert main(["leaderboard", "run", "-o", "page.md"]) == 0
    assert "No coding times are known yet" in _coding_times(Path("page.md").read_text())
    assert run().timings.keys() == {"first", "second", "identity"}
    assert "No coding times are known yet" not in page


def _coding_times(page):
    return page.partition("<summary>Coding times</summary>")[2].partition("</details>")[0]


def test_a_codec_that_fails_on_a_large_picture_has_no_times(run, monkeypatch):
    encode = Toy.encode

    def small_only(self, image):
        if self._gain == 2.0 and len(image) > timing.WARM_UP_SIDE:
            raise CodecError("too large")
        return encode(self, image)

    monkeypatch.setattr(Toy, "encode", small_only)
    found = run()
    assert {label for label, one in found.timings.items() if one} == {"first", "identity"}
    assert found.timings["second"] is None
    assert {record.status for record in found.measures} == {"ok"}
    page = _coding_times(Path("run/leaderboard.md").read_text())
    assert "| second | – | – | – | – |" in page
    assert run().timings == found.timings


@pytest.mark.parametrize("side", ["WARM_UP_SIDE", "SIDE"])
def test_a_machine_without_memory_is_no_failure(run, monkeypatch, side):
    encode, side = Toy.encode, getattr(timing, side)

    def greedy(self, image):
        if self._gain == 2.0 and len(image) == side:
            raise MemoryError
        return encode(self, image)

    with monkeypatch.context() as patch:
        patch.setattr(Toy, "encode", greedy)
        assert run().timings.keys() == {"first", "identity"}
    assert all(run().timings[label] for label in ("first", "second", "identity"))


def test_only_codecs_that_are_timed_are_counted(run, capsys):
    """With `score`, the codecs of the suite that are left to others are not timed."""
    Path("timed.yaml").write_text(f"{SUITE}score: [second]\n")
    assert main(["run", "timed.yaml", "--executor", "serial", "-o", "run"]) == 0
    assert read_run(Path("run")).timings.keys() == {"second", "identity"}
    assert "timing 2 operating points on a megapixel, slow ones on less" in capsys.readouterr().out


def test_a_codec_that_fails_on_every_picture_is_not_timed(run, monkeypatch, calls):
    def broken(self, image):
        calls.append(image.shape[:2])
        raise CodecError("never works")

    monkeypatch.setattr(Toy, "encode", broken)
    assert run().timings.keys() == {"identity"}
    assert set(calls) == {(8, 40)}


def test_slow_codecs_are_timed_on_the_small_picture(run, monkeypatch):
    monkeypatch.setattr(timing, "_SLOW_S", 0.0)
    assert {one.pixels for one in run().timings.values()} == {timing.WARM_UP_SIDE**2}


def test_other_threads_are_counted_where_the_system_does(run, monkeypatch):
    counts = iter(range(1000))
    monkeypatch.setattr(trials, "others_running", lambda: next(counts))
    loads = [one.load for one in run().timings.values()]
    assert loads == sorted(loads)
    monkeypatch.setattr(trials, "others_running", lambda: None)
    Path("run/timings.json").unlink()
    assert {one.load for one in run().timings.values()} == {None}
    assert "How busy the machine was is not known" in Path("run/leaderboard.md").read_text()


def test_damaged_times_are_named(run, capsys):
    run()
    path = Path("run/timings.json")
    stored = json.loads(path.read_text())
    path.write_text(json.dumps(stored | {"first": {"pixels": 0}}))
    capsys.readouterr()
    assert main(["show", "run"]) == 2
    assert "run/timings.json; remove it, and" in capsys.readouterr().err


PLUGIN = """\
from backends.toy import Toy
from bench.entry import Cost, Entry

COSTS = {"fast": 0.01, "medium": 12.0, "slow": 200.0}
CODECS = {
    name: Entry(Toy, "unary code", cost=Cost(coding=cost)) for name, cost in COSTS.items()
}
"""
PLUGIN_SUITE = """\
name: timed
plugins: [costs.py]
images: {set: sample, names: [coffee], crop: {height: 8, width: 40}}
codecs: [fast, medium, slow]
budgets: [{linf: 8}]
attacks: [sign-noise]
"""


def test_the_plan_says_how_long_the_timing_takes(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(timing, "WARM_UP_SIDE", 256)
    monkeypatch.setattr(timing, "SIDE", 1024)
    (tmp_path / "costs.py").write_text(PLUGIN)
    (tmp_path / "timed.yaml").write_text(PLUGIN_SUITE)
    assert main(["plan", str(tmp_path / "timed.yaml")]) == 0
    # Twice the small picture for each codec, then two rounds of the large one, as the first takes
    # less than 20 s. The slow codec is timed on the small picture only.
    small, large = 256**2 / 1e6, 1024**2 / 1e6
    identity = entry("codec", "identity").cost.coding
    expected = 2 * small * (0.01 + 12 + 200 + identity) + 2 * large * (0.01 + 12 + identity)
    assert f"then about {expected:.0f} s to time" in capsys.readouterr().out
