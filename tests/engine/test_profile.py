"""Profiles: what is counted adds up, inner activities count once, and nothing stays wrapped."""

import threading
from pathlib import Path

import pytest
import torch

from backends.toy import Toy
from bench.cli.main import main
from bench.crafting.target import CodecTarget
from bench.engine import profiler as profile
from bench.engine.profiler import Clock, Spent, profiled, table
from bench.scoring import measure
from bench.store.run_folder import Store

SUITE = """\
name: small
images: {set: sample, names: [coffee], crop: {height: 16, width: 24}}
codecs: [toy, {name: jpeg, quality: 50}]
attacks: [{name: pgd, steps: 3}]
budgets: [{linf: 8}]
compute: {threads: 1}
"""


@pytest.fixture
def clock(monkeypatch):
    """A clock whose time passes as a test says: seconds by the wall, of them computed."""
    now = [0.0, 0.0]

    def passes(seconds, computed):
        now[:] = now[0] + seconds, now[1] + computed

    monkeypatch.setattr(Clock, "_now", staticmethod(lambda: tuple(now)))
    made = Clock()
    made.passes = passes
    return made


def test_what_is_inside_counts_for_what_is_inside(clock):
    clock.passes(1, 1)
    with clock.at("outer"):
        clock.passes(2, 2)
        with clock.at("inner"):
            clock.passes(4, 1)
        clock.passes(8, 8)
    clock.passes(16, 0)
    clock.stop()
    assert clock.spent["outer"] == Spent(1, 10, 0)
    assert clock.spent["inner"] == Spent(1, 4, 3)
    (rest,) = (spent for spent in clock.spent.values() if not spent.calls)
    assert rest == Spent(0, 17, 16)


def test_an_activity_that_fails_is_over(clock):
    with pytest.raises(ZeroDivisionError), clock.at("failing"):
        _ = 1 / 0
    clock.passes(1, 1)
    clock.stop()
    assert clock.spent["failing"] == Spent(1, 0, 0)


def test_another_thread_is_not_counted(clock):

    def elsewhere():
        with clock.at("elsewhere"):
            pass

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert "elsewhere" not in clock.spent


def test_a_profile_of_a_suite_counts_every_call_and_leaves_nothing_behind(
    tmp_path: Path, monkeypatch, capsys
):
    seams = [
        CodecTarget._surrogate_output,
        torch.autograd.grad,
        measure.score,
        Store.append,
        Toy.encode,
    ]
    clocks = []

    def kept(clock):
        clocks.append(clock)
        return table(clock)

    monkeypatch.setattr(profile, "table", kept)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.yaml").write_text(SUITE)
    assert main(["profile", "small.yaml"]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["small.yaml"]
    (clock,) = clocks
    calls = {activity: spent.calls for activity, spent in clock.spent.items()}
    searches, victims = 2, 3  # against toy: distortion, rate; toy, jpeg, lossless
    assert calls["attack, backward"] >= searches * 3
    assert calls["metrics"] == victims * (1 + 1 + searches)  # clean, noise
    assert calls["encode"] >= calls["decode"] >= victims * (1 + 1 + searches)
    assert calls["disk"] == victims * (1 + 1 + searches) + 2 * (1 + searches)
    printed = capsys.readouterr().out
    assert all(activity in printed for activity in calls)
    assert seams == [
        CodecTarget._surrogate_output,
        torch.autograd.grad,
        measure.score,
        Store.append,
        Toy.encode,
    ]


def test_seams_are_given_back_after_an_error():
    encode = Toy.encode
    with pytest.raises(KeyError), profiled(Clock()):
        _fail_inside(encode)
    assert Toy.encode is encode


def _fail_inside(encode):
    assert Toy.encode is not encode
    raise KeyError
