"""Every doubt is raised by a codec broken to raise it, and none by a healthy one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from backends.toy import Toy
from bench.crafting.search import FLAT_LOSS, STILL_RISING, trajectory_flags
from bench.engine.runner import describe, execute, prepare
from bench.store.run_folder import open_run, read_run
from bench.suite.suite import Suite
from bench.utils.yaml_config import parse
from leaderboard.ranking.board import build_board

SUITE = """\
name: doubts
images: {set: sample, names: [chelsea], crop: {height: 24, width: 40}}
codecs: [{name: toy, gain: 0.5, label: toy}]
attacks: [{name: pgd, steps: 20}]
objectives: [distortion, rate, {name: rd, lmbda: 0.001}]
budgets: [{linf: 8}]
compute: {threads: 1}
"""


@pytest.fixture
def flags(tmp_path):
    """Return a function: the flags of the toy codec's row, as the board words them."""

    def run():
        prepared = prepare(parse(SUITE, "doubts.yaml", Suite), Path())
        with open_run(tmp_path, describe(prepared)) as store:
            list(execute(prepared, store))
        (row,) = (row for row in build_board([read_run(tmp_path)]).rows if row.place.codec == "toy")
        return [str(flag) for flag in row.flags]

    return run


def test_a_healthy_codec_raises_none(flags):
    assert flags() == []


def test_values_that_hang_on_nothing(flags, monkeypatch):
    monkeypatch.setattr(Toy, "reconstruct", lambda self, images: images - images.detach() + 0.5)
    assert "flat-loss (1/3)" in flags()


def test_a_rate_that_hangs_on_nothing(flags, monkeypatch):
    monkeypatch.setattr(Toy, "rate", lambda self, images: {"y": torch.ones_like(images)})
    assert "zero-gradient (1/3)" in flags()


def test_a_quantiser_that_masks_its_gradient(flags, monkeypatch):
    monkeypatch.setattr(Toy, "reconstruct", lambda self, images: (images * 8).round() / 8)
    assert {"zero-gradient (1/3)", "weaker-than-noise (distortion 1/1)"} <= set(flags())


def test_an_encoder_that_draws_random_numbers(flags, monkeypatch):
    encode = Toy.encode
    monkeypatch.setattr(
        Toy, "decode", lambda self, stream, decode=Toy.decode: decode(self, stream[4:])
    )
    monkeypatch.setattr(Toy, "header_bytes", lambda self, stream: 4)
    monkeypatch.setattr(Toy, "encode", lambda self, image: os.urandom(4) + encode(self, image))
    assert "randomised (1/1)" in flags()


def test_a_surrogate_that_is_another_codec(flags, monkeypatch):
    monkeypatch.setattr(Toy, "reconstruct", lambda self, images: images * 0.8)
    monkeypatch.setattr(Toy, "rate", lambda self, images: {"y": 255 * 1.2 * images})
    found = flags()
    assert any(flag.startswith("surrogate-off (distortion 1/1, up to ") for flag in found)
    assert any(flag.startswith("surrogate-off (rate 1/1, up to ") for flag in found)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], ()),
        ([3.0], ()),
        ([float("-inf")] * 9, ()),
        ([3.0] * 20, (FLAT_LOSS,)),
        ([0.0, *[1.0] * 19], ()),
        (list(range(20)), (STILL_RISING,)),
        ([0.0, *[10.0] * 18, 11.0], ()),
        ([0.0, *[10.0] * 18, 12.0], (STILL_RISING,)),
        ([0.0, 1.0, 2.0], ()),
    ],
)
def test_what_the_course_of_a_search_says(values, expected):
    assert trajectory_flags(torch.tensor(values, dtype=torch.float32)) == expected
