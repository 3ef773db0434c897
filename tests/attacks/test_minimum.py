"""The smallest perturbation that reaches a goal, on the toy codec, where it is known exactly."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from attacks.bisection import GOAL_NOT_REACHED
from attacks.gradient.minimum import MinimumAPGD
from attacks.objectives.basic import Distortion, Rate
from attacks.query.minimum import MinimumSquare
from backends.toy import Toy
from bench.budget import L2, Linf, Mse, Region
from bench.crafting.craft import make_target_view, quantise_and_check
from bench.crafting.search import run_attack
from bench.crafting.target import CodecTarget
from bench.errors import ConfigError, Unsupported
from bench.metrics.scores import linf, mse
from bench.suite.suite import Suite
from bench.tensors import to_image, to_tensor
from bench.utils.yaml_config import parse
from small_run import records_of, run_suite

GAIN = 1.25
THREE_DB = 10**0.3
BOX = Region(2, 3, 9, 5)
BOTH = pytest.mark.parametrize("attack", [MinimumAPGD, MinimumSquare])


@pytest.fixture
def picture(rng):
    """A picture whose reconstruction stays away from 0 and 255 in a budget of linf 32."""
    return rng.integers(90, 110, (16, 17, 3), dtype=np.uint8)


def _search(attack, objective, picture, ball, codec=None):
    """Return what an attack found, as 8-bit picture and with its flags; and its target."""
    source = to_tensor(picture)
    target = CodecTarget(codec or Toy(GAIN), objective, source)
    result = run_attack(attack, make_target_view(attack, [target], source, ball), source, ball, 3)
    return quantise_and_check(result, source, ball), result.flags[0], target


def _error(picture, attacked):
    return mse(picture, np.clip(np.rint(attacked * GAIN), 0, 255).astype(np.uint8))


def _brightened(picture, level, box=None):
    changed = picture.astype(np.int64)
    area = (slice(None), slice(None)) if box is None else np.s_[2:11, 3:8]
    changed[area] += level
    return changed


@pytest.mark.parametrize("factor", [1.3, THREE_DB, 4.0])
@pytest.mark.parametrize("box", [None, BOX], ids=["whole", "region"])
def test_the_linf_of_a_loss_is_exact(picture, factor, box):
    """The error grows with every level in every value, so the smallest radius can be counted."""
    goal = factor * _error(picture, picture)
    exact = next(
        (r for r in range(41) if _error(picture, _brightened(picture, r, box)) >= goal), None
    )
    ball = Linf(40, region=box)
    found, flags, _ = _search(MinimumAPGD(goal=factor), Distortion(), picture, ball)
    if exact is None:
        assert flags == (GOAL_NOT_REACHED,)
    else:
        assert (linf(picture, found), flags) == (exact, ())
        assert _error(picture, found) >= goal * (1 - 1e-6)


@pytest.mark.parametrize("factor", [1.05, 1.1, 1.25])
def test_the_linf_of_a_rate_is_exact(picture, factor):
    def size(image):
        return len(Toy(GAIN).encode(image.astype(np.uint8)))

    exact = next(r for r in range(41) if size(_brightened(picture, r)) >= factor * size(picture))
    found, _, target = _search(MinimumAPGD(goal=factor), Rate(), picture, Linf(40))
    assert linf(picture, found) == exact
    assert size(found) >= factor * size(picture) > size(found - (found > picture))
    assert target.queries <= MinimumAPGD(goal=factor).evaluations


@pytest.mark.parametrize("ball", [L2(1500), Mse(0.02)], ids=str)
def test_the_norm_of_a_loss_is_that_along_the_picture(picture, ball):
    """|gain (x + d) - x| is largest along x: |d| = (sqrt(goal) - 1) (gain - 1) |x| / gain."""
    length = float(np.linalg.norm(picture.astype(float)))
    exact = (math.sqrt(THREE_DB) - 1) * (GAIN - 1) * length / GAIN
    found, flags, _ = _search(MinimumAPGD(goal=THREE_DB), Distortion(), picture, ball)
    norm = float(np.linalg.norm(found.astype(float) - picture))
    assert flags == ()
    assert norm == pytest.approx(exact, rel=0.04)
    assert _error(picture, found) >= THREE_DB * _error(picture, picture) * (1 - 1e-6)


@pytest.mark.parametrize("ball", [Linf(40), L2(1500), Mse(0.02)], ids=str)
def test_queries_reach_the_goal_with_a_little_more(picture, ball):
    gradient, _, _ = _search(MinimumAPGD(goal=THREE_DB), Distortion(), picture, ball)
    found, flags, target = _search(MinimumSquare(goal=THREE_DB), Distortion(), picture, ball)
    smallest, size = (
        float(ball.size(to_tensor(image), to_tensor(picture))[0]) for image in (gradient, found)
    )
    assert flags == ()
    assert _error(picture, found) >= THREE_DB * _error(picture, picture) * (1 - 1e-6)
    assert smallest <= size < ball.radius
    assert 0 < target.queries <= MinimumSquare(goal=THREE_DB).evaluations


@BOTH
@pytest.mark.parametrize("psnr", [18.0, 15.0])
def test_a_chosen_psnr_is_reached_and_hardly_passed(picture, attack, psnr):
    goal = 10 ** (-psnr / 10)
    found, flags, _ = _search(attack(goal=goal, relative=False), Distortion(), picture, L2(3000))
    assert flags == ()
    assert psnr - 0.1 < -10 * math.log10(_error(picture, found)) <= psnr + 1e-4


@BOTH
def test_a_goal_that_the_source_reaches_needs_no_perturbation(picture, attack):
    goal = _error(picture, picture) / 2
    found, flags, target = _search(attack(goal=goal, relative=False), Distortion(), picture, L2(99))
    assert np.array_equal(found, picture)
    assert (flags, target.queries) == ((), 1)


def test_a_goal_beyond_the_budget_gives_the_strongest_picture(picture):
    found, flags, _ = _search(MinimumAPGD(goal=100.0), Distortion(), picture, Linf(8))
    assert flags == (GOAL_NOT_REACHED,)
    assert np.array_equal(found, _brightened(picture, 8))


@BOTH
def test_no_multiple_of_zero_is_a_goal(picture, attack):
    with pytest.raises(Unsupported, match="is 0 for the source picture"):
        _search(attack(goal=2.0), Distortion(), picture, Linf(8), Toy(1.0))


def test_each_picture_of_a_batch_has_its_own_radius(rng):
    pictures = [rng.integers(low, low + 20, (8, 9, 3), dtype=np.uint8) for low in (60, 100, 150)]
    source = torch.cat([to_tensor(picture) for picture in pictures])
    attack, ball = MinimumAPGD(goal=THREE_DB), Linf(40)
    found = run_attack(attack, CodecTarget(Toy(GAIN), Distortion(), source), source, ball, 3)
    alone = [_search(attack, Distortion(), picture, ball)[0] for picture in pictures]
    assert [linf(*pair) for pair in zip(pictures, alone, strict=True)] == [
        linf(picture, to_image(image))
        for picture, image in zip(pictures, found.images.split(1), strict=True)
    ]
    assert len(set(ball.size(found.images, source).tolist())) == 3


SUITE = """\
name: small
images: {set: sample, names: [coffee], crop: {height: 24, width: 40}}
codecs:
  - {name: toy, gain: 1.25, label: toy}
  - {name: toy, label: lossless}
  - {name: jpeg, quality: 50, label: JPEG}
attacks: [{name: minimum-perturbation, loss_db: 2, growth: 1.2, steps: 8, queries: 10}]
objectives: [distortion, rate]
budgets: [{linf: 60}]
compute: {threads: 1}
"""


def _labels(attacks, objectives="[distortion, rate]", budget="linf: 60"):
    text = SUITE.replace("[distortion, rate]", objectives).replace("linf: 60", budget)
    before = "{name: minimum-perturbation, loss_db: 2, growth: 1.2, steps: 8, queries: 10}"
    suite = parse(text.replace(before, attacks), "small.yaml", Suite)
    return [(str(choice), str(choice.objectives[0])) for choice in suite.all_attacks]


def test_the_ensembles_have_a_search_for_each_goal():
    assert _labels("minimum-perturbation") == [
        ("minimum-perturbation-1: loss 3 dB", "distortion"),
        ("minimum-perturbation-1: loss 3 dB, by queries", "distortion"),
        ("minimum-perturbation-1: rate ×1.5", "rate"),
        ("minimum-perturbation-1: rate ×1.5, by queries", "rate"),
    ]
    assert _labels("{name: minimum-perturbation, growth: 2, queries: 0}", "[rate]") == [
        ("minimum-perturbation-1: rate ×2", "rate")
    ]
    assert _labels("{name: chosen-quality, psnr: 25, bpp: 2, queries: 0}") == [
        ("chosen-quality-1: PSNR 25 dB", "distortion"),
        ("chosen-quality-1: 2 bpp", "rate"),
    ]
    assert _labels("{name: chosen-quality, bpp: 2, queries: 0}", budget="mse: 0.01") == [
        ("chosen-quality-1: 2 bpp", "rate")
    ]


@pytest.mark.parametrize(
    ("attacks", "message"),
    [
        ("chosen-quality", "'chosen-quality' has no goal; set 'psnr', 'bpp' or both"),
        ("{name: minimum-perturbation, growth: 1}", "'growth' of the ensemble"),
        ("minimum-apgd", "the attack 'minimum-apgd' needs the parameter 'goal'"),
    ],
)
def test_goals_that_are_none_are_refused(attacks, message):
    with pytest.raises(ConfigError) as caught:
        _labels(attacks)
    assert message in str(caught.value)


def test_a_suite_records_sizes_queries_and_why_there_is_no_goal(tmp_path: Path):
    run_suite(SUITE, tmp_path)
    records = records_of(tmp_path)
    crafts = {one["key"]: one for one in records if one["kind"] == "craft"}
    scores = {
        (one["victim"], crafts[one["craft"]]["attack"]): (one["scores"], crafts[one["craft"]])
        for one in records
        if one["kind"] == "measure" and one["craft"] and one["scores"]
    }
    for attack, query in (("loss 2 dB", ""), ("loss 2 dB", ", by queries")):
        found, craft = scores["toy", f"minimum-perturbation-1: {attack}{query}"]
        assert found["drop_db"] >= 2 - 1e-5
        assert found["linf"] < 60
        assert craft["queries"] > 1
        assert bool(craft["gradients"]) == (not query)
    found, _ = scores["JPEG", "minimum-perturbation-1: rate ×1.2, by queries"]
    assert found["bpp_factor"] >= 1.2
    (lost, *_) = (one for one in crafts.values() if one["sources"] == ["lossless"])
    assert lost["status"] == "unsupported"
    assert "no multiple of that is a goal" in lost["reason"]
