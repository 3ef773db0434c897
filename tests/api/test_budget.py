from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from bench.budget import L2, Linf, Mse, Region, Unlimited
from bench.floors.metric_floor import Cvvdp, HaarPsi
from bench.floors.ssim import Ssim
from bench.suite.fields import BUDGETS, BudgetSpec
from bench.tensors import to_tensor

REGION = Region(top=3, left=5, height=6, width=4)
BALLS = [
    Linf(8),
    Linf(1.5),
    Linf(0.4),
    Linf(300),
    L2(60),
    L2(3.3),
    L2(0.7),
    L2(1e5),
    Mse(1e-3),
    Mse(1e-4),
    Mse(1e-8),
    Linf(4, region=REGION),
    L2(30, region=REGION),
    Mse(2e-4, region=REGION),
    Unlimited(),
]
EACH = pytest.mark.parametrize("ball", BALLS, ids=str)


@pytest.fixture
def source(photograph, rng):
    """Return a photograph, and noise with many values at 0 and 255."""
    noise = rng.integers(-200, 456, (12, 17, 3)).clip(0, 255).astype(np.uint8)
    return torch.cat([to_tensor(photograph("astronaut", 12, 17)), to_tensor(noise)])


def _random(like, seed, spread):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(like.shape, generator=generator, dtype=like.dtype) * spread


def _rngs(source, seed=0):
    return [torch.Generator().manual_seed(seed + index) for index in range(len(source))]


def _levels(images):
    return (images * 255).round().to(torch.uint8)


def _outside(images, source):
    """Return the parts of two batches outside the region."""
    mask = REGION.mask(source).expand_as(source) == 0
    return images[mask], source[mask]


def test_every_kind_of_budget_has_a_ball():
    classes = {"linf": Linf, "l2": L2, "mse": Mse, "ssim": Ssim, "haarpsi": HaarPsi}
    classes |= {"cvvdp": Cvvdp, "unlimited": Unlimited}
    values = {"linf": 1, "unlimited": True}
    assert tuple(classes) == BUDGETS
    for kind, wanted in classes.items():
        spec = BudgetSpec.model_validate({kind: values.get(kind, 0.5)})
        assert type(spec.budget()) is wanted
        assert ("unlimited" in spec.model_dump()) == (kind == "unlimited")
    assert [str(ball) for ball in (Linf(8), Mse(1e-4))] == ["linf 8", "mse 0.0001"]
    assert str(Linf(4)) != str(Linf(4, region=REGION))


def test_without_a_limit_every_picture_is_allowed(source):
    ball, opposite = Unlimited(), (source < 0.5).to(source)
    assert torch.equal(ball.rounded(opposite, source), _levels(opposite))
    assert ball.allows(opposite, source).all()
    assert ball.holds(_levels(opposite), _levels(source)) == [True, True]
    assert str(ball) == "unlimited"


def test_sizes_match_their_names():
    source = torch.zeros(1, 3, 2, 2, dtype=torch.float64)
    image = source.clone()
    image[0, 0, 0, 0], image[0, 1, 1, 1] = 3 / 255, -4 / 255
    assert float(Linf(1).size(image, source)) == pytest.approx(4)
    assert float(L2(1).size(image, source)) == pytest.approx(5)
    assert float(Mse(1).size(image, source)) == pytest.approx(25 / 12 / 255**2)


@EACH
@pytest.mark.parametrize("spread", [0.001, 0.03, 3])
def test_projection_is_inside_and_idempotent(ball, spread, source):
    projected = ball.project(source + _random(source, 1, spread), source)
    assert (ball.size(projected, source) <= ball.radius * (1 + 1e-4) + 1e-6).all()
    assert projected.min() >= 0
    assert projected.max() <= 1
    assert ball.allows(projected, source).all()
    assert torch.allclose(ball.project(projected, source), projected, rtol=0, atol=1e-6)
    if ball.region is not None:
        assert torch.equal(*_outside(projected, source))


@EACH
def test_projection_does_not_change_pictures_inside(ball, source):
    inside = (source + _random(source, 2, 1e-9)).clamp(0, 1)
    inside = torch.where(REGION.mask(source) == 1, inside, source)
    assert torch.allclose(ball.project(inside, source), inside, rtol=0, atol=1e-7)


@EACH
@pytest.mark.parametrize("spread", [0.01, 0.1, 1])
def test_projection_is_the_nearest_picture(ball, spread, source):
    """The angle at the projection between the point and any picture of a convex set is obtuse."""
    images = source + _random(source, 3, spread)
    if ball.region is not None:
        images = torch.where(REGION.mask(source) == 1, images, source)
    nearest = ball.project(images, source)
    way = (images - nearest).double()
    for step in (0.1, 0.5, 1):
        other = ball.project(nearest + step * (images - nearest), source)
        inner = (way * (other - nearest)).flatten(1).sum(1)
        assert (inner <= 1e-3 * way.square().flatten(1).sum(1) + 1e-9).all()


@EACH
@pytest.mark.parametrize("spread", [1, 1e-8, 1e-25])
def test_steepest_is_the_largest_inner_product(ball, spread, source):
    gradient = _random(source, 4, spread)
    step = ball.steepest(gradient)
    assert (ball.size(source + step.double(), source.double()) <= ball.radius * (1 + 1e-4)).all()
    reached = (gradient.double() * step).flatten(1).sum(1)
    masked = gradient.double() * (1 if ball.region is None else REGION.mask(gradient))
    dual = masked.abs().flatten(1).sum(1) if ball.kind == "linf" else masked.flatten(1).norm(dim=1)
    reach = ball.radius / 255
    if isinstance(ball, Mse):
        reach = math.sqrt(ball.radius * source[0].numel())
    assert reached.tolist() == pytest.approx((dual * reach).tolist(), rel=1e-5)
    for seed in range(20):
        other = ball.steepest(_random(source, seed + 10, 1) + gradient / spread)
        assert ((gradient.double() * other).flatten(1).sum(1) <= reached).all()


@EACH
def test_a_gradient_of_zero_gives_no_step(ball, source):
    assert torch.equal(ball.steepest(torch.zeros_like(source)), torch.zeros_like(source))


@EACH
def test_random_pictures_are_inside_and_follow_their_generator(ball, source):
    drawn = ball.sample(source, _rngs(source))
    assert ball.allows(drawn, source).all()
    assert torch.equal(drawn, ball.sample(source, _rngs(source)))
    assert torch.equal(drawn[1:], ball.sample(source[1:], _rngs(source)[1:]))
    assert not torch.equal(drawn, ball.sample(source, _rngs(source, 9)))


@pytest.mark.parametrize(
    ("region", "dimensions"),
    [(None, 12), (Region(0, 0, 1, 1), 3)],
    ids=["everywhere", "one pixel"],
)
def test_random_pictures_fill_the_l2_ball_evenly(region, dimensions):
    source = torch.full((2000, 3, 2, 2), 0.5)
    ball = L2(10, region=region)
    shares = ball.size(ball.sample(source, _rngs(source)), source) / ball.radius
    assert float((shares**dimensions).mean()) == pytest.approx(0.5, abs=0.02)


@EACH
@pytest.mark.parametrize("spread", [0.002, 0.02, 0.5])
def test_rounding_stays_inside_exactly(ball, spread, source):
    for seed in range(10):
        delta = _random(source, seed, spread)
        for proposal in (source + delta, ball.project(source + delta, source)):
            rounded = ball.rounded(proposal, source)
            assert rounded.dtype == torch.uint8
            assert all(ball.holds(rounded, _levels(source)))
            if ball.region is not None:
                assert torch.equal(*_outside(rounded, _levels(source)))


@pytest.mark.parametrize(
    "ball", [Linf(8), Linf(8.9), L2(150), Mse(1e-3), Mse(1e-4), Mse(3e-4, region=REGION)], ids=str
)
def test_rounding_uses_the_budget(ball, photograph):
    """Rounding uses linf fully, and 99 % of the radius of l2 and mse."""
    source = _levels(to_tensor(photograph("chelsea", 24, 32)).clamp(0.4, 0.6)) / 255
    proposal = ball.project(source + ball.steepest(_random(source, 6, 1)), source)
    used = float(ball.size(ball.rounded(proposal, source).double() / 255, source))
    if ball.kind == "linf":
        assert used == pytest.approx(8)
    else:
        share = used / ball.radius
        assert (math.sqrt(share) if ball.kind == "mse" else share) > 0.99


@pytest.mark.parametrize(("ball", "levels"), [(Linf(0.9), 0), (L2(0.9), 0), (L2(1), 1), (L2(2), 4)])
def test_tiny_radii_allow_few_levels(ball, levels):
    source = torch.full((1, 3, 4, 4), 100 / 255)
    proposal = source.clone()
    proposal.view(-1)[:4] += torch.tensor([1.0, 0.99, 0.98, 0.97]) / 255
    changed = ball.rounded(proposal, source).int() - 100
    assert int(changed.abs().sum()) == levels


@pytest.mark.parametrize(
    ("ball", "levels"),
    [
        (Linf(8), 8),
        (Linf(1.5), 1),
        (Linf(0.4), 0),
        (L2(60), 60),
        (L2(3.3), 3),
        (L2(30, region=REGION), 30),
        (Mse(50**2 / 255**2 / 612), 50),
        (Mse(2.9**2 / 255**2 / 612, region=REGION), 2),
    ],
    ids=str,
)
def test_the_exact_check_refuses_one_level_more(ball, levels):
    source = torch.full((1, 3, 12, 17), 100, dtype=torch.uint8)
    images = source.clone()
    images[0, 1, 4, 6] += levels
    assert ball.holds(images, source) == [True]
    images[0, 1, 4, 6] += 1
    assert ball.holds(images, source) == [False]


def test_the_exact_check_counts_every_level():
    source = torch.full((1, 3, 2, 2), 100, dtype=torch.uint8)
    images = source.clone()
    images[0, 0, 0, 0] += 60
    assert L2(60).holds(images, source) == [True]
    images[0, 2, 1, 1] += 1
    assert L2(60).holds(images, source) == [False]


@EACH
def test_a_picture_outside_is_not_allowed(ball, source):
    full = source + ball.steepest(torch.ones_like(source))
    assert ball.allows(full, source).all()
    beyond = source + (full - source) * 1.01 + REGION.mask(source) / 255
    assert not ball.allows(beyond, source).any()
    for value in (math.nan, math.inf):
        broken = source.clone()
        broken[1, 0, 4, 6] = value
        assert ball.allows(broken, source).tolist() == [True, False]


@pytest.mark.parametrize("ball", [Linf(4), L2(30), Mse(1e-4)], ids=str)
def test_the_smallest_change_outside_the_region_is_not_allowed(ball, source):
    fenced = type(ball)(ball.radius, region=REGION)
    images, levels = source.clone(), _levels(source)
    images[0, 0, 0, 0] += 1e-6
    moved = levels.clone()
    moved[0, 0, 0, 0] ^= 1
    assert ball.allows(images, source).tolist() == [True, True]
    assert fenced.allows(images, source).tolist() == [False, True]
    assert ball.holds(moved, levels) == [True, True]
    assert fenced.holds(moved, levels) == [False, True]


@pytest.mark.parametrize("floor", [Ssim(0.97), HaarPsi(0.96), Cvvdp(9.7), Cvvdp(9.4), Ssim(0.1)])
def test_a_scaled_floor_is_never_smaller(floor):
    assert floor.radius <= floor.scaled(2).radius < floor.best


@pytest.mark.parametrize(
    "ball", [Linf(8), L2(60), Mse(3e-4), Linf(8, region=Region(1, 2, 9, 5)), Ssim(0.05, cap=8)]
)
def test_a_scaled_ball_holds_perturbations_that_are_as_many_times_as_large(ball, rng):
    source = to_tensor(rng.integers(90, 160, (24, 25, 3), dtype=np.uint8))
    edge = ball.project(source + ball.steepest(torch.randn(source.shape)), source) - source
    larger = ball.scaled(1.5)
    assert larger.allows(source + 1.5 * edge, source).all()
    assert not ball.allows(source + 1.5 * edge, source).any()
    assert type(larger) is type(ball)
    assert larger.region == ball.region
