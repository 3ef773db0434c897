from __future__ import annotations

from pathlib import Path

import pytest
import torch
from pydantic import ValidationError

from bench.budget import Linf, Region
from bench.engine.runner import prepare
from bench.errors import Unsupported
from bench.floors.ssim import Ssim
from bench.metrics import scores as metrics
from bench.suite.fields import BudgetSpec
from bench.suite.suite import Suite
from bench.tensors import to_image, to_tensor
from bench.utils.yaml_config import parse

FLOORS = (0.98, 0.95, 0.8)
PICTURES = ("astronaut", "chelsea", "coffee", "rocket")


def _noise(source, spread):
    generator = torch.Generator().manual_seed(3)
    return source + spread * torch.randn(source.shape, generator=generator)


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("floor", FLOORS)
def test_the_reported_ssim_keeps_the_floor_and_uses_it(name, floor, photograph):
    pixels = photograph(name, 48, 64)
    source, ball = to_tensor(pixels), Ssim(1 - floor)
    levels = ball.rounded(_noise(source, 0.3), source)
    reached = metrics.ssim(pixels, to_image(levels.float() / 255))
    assert floor <= reached < floor + 0.01
    assert ball.holds(levels, (source * 255).round()) == [True]
    assert Ssim(1 - reached - 1e-9).holds(levels, (source * 255).round()) == [False]


def test_the_float_check_is_the_reported_score(photograph):
    """Up to the window, whose weights are float32 there."""
    pixels = photograph("coffee", 40, 33)
    source = to_tensor(pixels)
    noisy = (_noise(source, 0.05).clamp(0, 1) * 255).round() / 255
    reported = 1 - metrics.ssim(pixels, to_image(noisy))
    assert float(Ssim(0.1).size(noisy, source)) == pytest.approx(reported, abs=2e-5)


def test_projection_shrinks_to_the_floor_and_leaves_what_is_inside(photograph):
    source = torch.cat([to_tensor(photograph(name, 32, 40)) for name in PICTURES[:2]])
    ball = Ssim(0.05)
    images = torch.cat([_noise(source[:1], 0.3), source[1:]])
    found = ball.project(images, source)
    assert 0.048 < float(ball.size(found, source)[0]) <= 0.05
    assert torch.equal(found[1], source[1])
    assert ball.allows(found, source).tolist() == [True, True]
    assert ball.allows(images, source).tolist() == [False, True]
    assert torch.equal(ball.project(found, source), found)


def test_a_cap_and_a_region_are_kept_as_well(photograph):
    source, region = to_tensor(photograph("rocket", 32, 32)), Region(4, 6, 20, 18)
    ball = Ssim(0.3, cap=5, region=region)
    found = ball.project(_noise(source, 0.3), source)
    assert Linf(5, region=region).allows(found, source).tolist() == [True]
    levels, base = ball.rounded(_noise(source, 0.3), source), (source * 255).round()
    assert ball.holds(levels, base) == [True]
    levels[0, 0, 10, 10] = (int(base[0, 0, 10, 10]) + 128) % 256
    assert Ssim(0.9, region=region).holds(levels, base) == [True]
    assert Ssim(0.9, cap=5, region=region).holds(levels, base) == [False]


@pytest.mark.parametrize("name", PICTURES)
def test_a_step_in_a_random_direction_reaches_the_floor(name, photograph):
    source, ball = to_tensor(photograph(name, 64, 64)), Ssim(0.05)
    step = ball.steepest(_noise(torch.zeros_like(source), 1))
    assert float(ball.size((source + step).clamp(0, 1), source)) > 0.05


def test_random_pictures_follow_their_generator(photograph):
    source, ball = to_tensor(photograph("coffee", 20, 24)), Ssim(0.1)
    first, again, other = (
        ball.sample(source, [torch.Generator().manual_seed(seed)]) for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert ball.allows(first, source).tolist() == [True]


def test_pictures_below_eleven_pixels_are_refused():
    source = torch.full((1, 3, 10, 40), 0.5)
    with pytest.raises(Unsupported, match="at least 11 pixels, this picture has 10"):
        Ssim(0.05).project(source, source)


_SUITE = """\
name: floors
images: {set: sample, names: [coffee], crop: {height: 16, width: 16}}
codecs: [toy]
attacks: [fgsm]
objectives: [rate]
budgets: [{ssim: 0.95}, {ssim: 0.95, linf: 8}, {ssim: 0.95, linf: 4}, {ssim: 0.9, linf: 4}]
"""


def test_floor_and_cap_are_both_part_of_what_a_search_is():
    """Two budgets that were one to the planner would be refused as the same search."""
    planned = prepare(parse(_SUITE, "floors.yaml", Suite), Path()).plan
    assert len({job.key for job in planned.crafts if job.sources}) == 4


def test_suites_write_a_floor_and_perhaps_a_cap():
    plain, capped = BudgetSpec(ssim=0.95).budget(), BudgetSpec(ssim=0.95, linf=8).budget()
    assert isinstance(plain, Ssim)
    assert 1 - plain.radius == 0.95
    assert [str(plain), str(capped)] == ["ssim 0.95", "ssim 0.95 and linf 8"]
    assert plain.identity != capped.identity
    for wrong in ({"ssim": 0.95, "mse": 1e-3}, {"ssim": 1.0}, {"linf": 8, "l2": 3.0}):
        with pytest.raises(ValidationError):
            BudgetSpec(**wrong)
