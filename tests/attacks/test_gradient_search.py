"""The start and the result of gradient searches, on targets with scripted values."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from attacks.gradient.apgd import APGD, ShrinkingAPGD, checkpoints
from attacks.gradient.ftda_cw import FTDA, CarliniWagner
from attacks.gradient.pgd import FGSM, IFGSM, MIFGSM, PGD, ascend
from attacks.gradient.search import RANDOM_START, GradientSearch
from attacks.objectives.basic import Distortion
from backends.toy import Toy
from bench.budget import L2, Linf, Mse
from bench.crafting.craft import quantise_and_check
from bench.crafting.search import run_attack
from bench.crafting.target import CodecTarget
from bench.tensors import to_tensor

NAN = math.nan
FROM_THE_SOURCE = [FGSM(), IFGSM(8), MIFGSM(8), FTDA(30), CarliniWagner(10, 2)]


class Scripted:
    """A target with scripted values, one line per call, whatever the pictures."""

    def __init__(self, *script):
        self._values = torch.tensor(script, dtype=torch.float32)
        self.seen = []

    def value_and_grad(self, images):
        return self.value(images), torch.ones_like(images)

    def value(self, images):
        self.seen.append(images)
        return self._values[len(self.seen) - 1]


@pytest.mark.parametrize(
    ("script", "best"),
    [
        ([[1, 9], [5, 3], [2, 4], [4, 2]], [1, 0]),
        ([[1, 1], [2, 5], [3, 4], [9, 3]], [3, 1]),
        ([[1, 4], [NAN, NAN], [7, 3], [6, 2]], [2, 0]),
        ([[NAN, NAN], [NAN, 2], [3, NAN], [1, 1]], [2, 1]),
    ],
    ids=["falls later", "last is best", "one is no number", "the first is no number"],
)
def test_the_best_picture_is_kept_of_each(script, best):
    source = torch.full((2, 3, 2, 2), 0.5)
    target = Scripted(*script)
    search = GradientSearch(target, source, Linf(8))
    ascend(search, search.start([]), steps=3, step_size=0.25)
    assert len(target.seen) == 4
    assert len({float(images[0, 0, 0, 0]) for images in target.seen}) == 4
    for index, step in enumerate(best):
        assert torch.equal(search.result().images[index], target.seen[step][index])


def test_what_is_outside_the_budget_is_never_the_best():
    source = torch.full((2, 3, 2, 2), 0.5)
    search = GradientSearch(Scripted([1, 1], [9, 9], [5, 0]), source, Linf(8))
    outside = source + torch.tensor([9 / 255, 0.0]).view(2, 1, 1, 1)
    assert search.step(source).values.tolist() == [1, 1]
    assert search.step(outside).values.tolist() == [9, 9]
    search.step(source + 4 / 255)
    found = search.result()
    assert torch.equal(found.images, torch.stack([source[0] + 4 / 255, outside[1]]))
    assert found.trace.amax(0).tolist() == [5, 9]


def test_without_a_single_number_the_source_is_returned():
    source = torch.full((1, 3, 2, 2), 0.5)
    found = run_attack(PGD(steps=2), Scripted([NAN], [NAN], [NAN]), source, Linf(8), 0)
    assert torch.equal(found.images, source)


@pytest.mark.parametrize(
    ("script", "best"), [([[1], [4], [2], [3]], 1), ([[NAN], [1], [2], [3]], 3)]
)
def test_the_best_restart_is_kept(script, best):
    source = torch.full((1, 3, 2, 2), 0.5)
    target = Scripted(*script)
    found = run_attack(PGD(steps=1, restarts=2), target, source, Linf(8), 0)
    assert torch.equal(found.images, target.seen[best])
    assert len(found.trace) == 4


@pytest.mark.parametrize("attack", [PGD(steps=1, restarts=3), APGD(steps=1, restarts=3)])
def test_restarts_begin_elsewhere(attack, photograph):
    source = to_tensor(photograph("coffee", 8, 8))
    target = Scripted([1.0], [2.0], [3.0], [4.0], [5.0], [6.0])
    run_attack(attack, target, source, Linf(8), 0)
    starts = target.seen[::2]
    assert not any(torch.equal(start, source) for start in starts)
    assert not torch.equal(starts[0], starts[1])
    assert not torch.equal(starts[1], starts[2])


@pytest.mark.parametrize("attack", FROM_THE_SOURCE)
def test_a_flat_source_is_left_by_a_random_start_that_is_told(attack, photograph):
    source = to_tensor(photograph("chelsea", 9, 13))
    ball = Mse(4e-4)
    target = CodecTarget(Toy(0.5), Distortion("clean"), source)
    found = run_attack(attack, target, source, ball, 3)
    assert found.flags == ((RANDOM_START,),)
    assert float(found.trace[0]) == 0
    again = (
        torch.from_numpy(quantise_and_check(found, source, ball).copy()).permute(2, 0, 1)[None]
        / 255
    )
    assert float(target.value(again)) >= 0.25 * 4e-4 * 0.9


@pytest.mark.parametrize("attack", FROM_THE_SOURCE)
def test_a_source_with_a_gradient_is_where_the_search_begins(attack, photograph):
    source = to_tensor(photograph("chelsea", 9, 13))
    target = CodecTarget(Toy(0.5), Distortion(), source)
    found = run_attack(attack, target, source, Mse(4e-4), 3)
    assert found.flags == ()
    assert float(found.trace[0]) == float(target.value(source))


def test_of_a_batch_only_flat_pictures_begin_elsewhere(photograph):
    class HalfFlat(Scripted):
        def value_and_grad(self, images):
            values, gradients = super().value_and_grad(images)
            gradients[0] *= len(self.seen) > 1
            return values, gradients

    source = torch.cat([to_tensor(photograph(name, 4, 4)) for name in ("chelsea", "coffee")])
    target = HalfFlat([0, 0], [1, 1], [2, 2])
    found = run_attack(FGSM(), target, source, Linf(8), 0)
    assert found.flags == ((RANDOM_START,), ())
    assert not torch.equal(target.seen[1][0], source[0])
    assert torch.equal(target.seen[1][1], source[1])


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (100, [(22, 22), (41, 19), (57, 16), (70, 13), (80, 10), (87, 7), (93, 6), (99, 6)]),
        (10, [(2, 2), (3, 1), (4, 1), (5, 1), (6, 1), (7, 1), (8, 1), (9, 1)]),
        (1, []),
    ],
)
def test_checkpoints_come_as_published(steps, expected):
    assert list(checkpoints(steps)) == expected


class Bowl:
    """A target with its maximum at the source, so that long steps always overshoot."""

    def __init__(self, source, tilt):
        self._peak = source + tilt
        self.seen = []

    def value_and_grad(self, images):
        self.seen.append(images)
        return self.value(images), 2 * (self._peak - images)

    def value(self, images):
        return -(images - self._peak).square().flatten(1).sum(1)


def test_apgd_halves_its_step_where_steps_overshoot_and_no_other_attack_does():
    source = torch.full((2, 3, 4, 4), 0.5)
    tilt = torch.tensor([0.0, 1.0]).view(2, 1, 1, 1)
    target = Bowl(source, tilt)
    found = run_attack(APGD(steps=60), target, source, Linf(8), 1)
    coarse = run_attack(PGD(steps=60), target, source, Linf(8), 1)
    overshooting, straight = (found.images - source).abs().flatten(1).amax(1) * 255
    assert float(overshooting) < 0.3
    assert float(straight) == pytest.approx(8, abs=1e-3)
    assert float((coarse.images - source)[0].abs().amax()) * 255 > 0.3


def test_apgd_goes_back_to_its_best_point_with_half_the_step():
    """Values fall from the start on, so the search returns there at the first checkpoint."""
    source, ball = torch.full((1, 3, 2, 2), 0.5), Linf(8)
    target = Scripted(*([float(-step)] for step in range(11)))
    run_attack(APGD(steps=10), target, source, ball, 1)
    start, after, _, again = target.seen[:4]
    aimed = ball.project(start + ball.steepest(torch.ones_like(source)) * 1.0, source)
    expected = start + 0.75 * (aimed - start) + 0.25 * (start - after)
    assert torch.allclose(again, ball.project(expected, source), atol=1e-6)


def test_ftda_asks_the_codec_nothing_while_the_change_decides(photograph):
    source = to_tensor(photograph("rocket", 12, 9))
    target = CodecTarget(Toy(0.5), Distortion(), source)
    ball = Mse(1e-5)
    found = run_attack(FTDA(steps=200), target, source, ball, 0)
    assert 2 <= target.gradients < 150
    assert len(found.trace) == target.gradients + 1
    assert found.trace.isfinite().all()


def test_ftda_looks_at_where_it_ended_brought_into_the_budget(photograph):
    """A single step of this size leaves the budget, so nothing else was evaluated."""
    source = to_tensor(photograph("rocket", 12, 9)).clamp(0.3, 0.7)
    target, ball = CodecTarget(Toy(0.5), Distortion(), source), Mse(1e-4)
    found = run_attack(FTDA(steps=1, lr=0.2), target, source, ball, 0)
    assert ball.allows(found.images, source).tolist() == [True]
    assert float(ball.size(found.images, source)) == pytest.approx(ball.radius, rel=1e-3)
    assert found.trace[-1] > found.trace[0]


@pytest.mark.parametrize("clamp", [2, 5])
@pytest.mark.parametrize("reference", ["source", "clean"])
def test_ftda_can_be_clamped_as_well(reference, clamp, photograph):
    source = to_tensor(photograph("rocket", 12, 9))
    ball = Mse(1e-3)
    target = CodecTarget(Toy(0.5), Distortion(reference), source)
    found = run_attack(FTDA(steps=60, clamp=clamp), target, source, ball, 0)
    assert Linf(clamp).allows(found.images, source).tolist() == [True]
    assert float((found.images - source).abs().amax()) * 255 == pytest.approx(clamp, abs=1e-3)


def test_the_lagrangian_ends_on_the_sphere_whatever_the_objectives_unit(photograph):
    class Scaled(Distortion):
        factor = 1.0

        def __call__(self, view):
            return self.factor * super().__call__(view)

    source = to_tensor(photograph("rocket", 12, 9)).clamp(0.2, 0.8)
    for factor in (1e-6, 1.0, 1e6):
        objective = Scaled()
        object.__setattr__(objective, "factor", factor)
        target = CodecTarget(Toy(0.5), objective, source)
        found = run_attack(CarliniWagner(40, 3), target, source, Mse(4e-4), 0)
        assert float(Mse(4e-4).size(found.images, source)) == pytest.approx(4e-4, rel=0.02)


class Sizes:
    """A target that notes how far away the evaluated pictures are, as multiples of the radius."""

    def __init__(self, target, source, ball):
        self._target, self._source, self._ball = target, source, ball
        self.factors = []

    def value_and_grad(self, images):
        self._note(images)
        return self._target.value_and_grad(images)

    def value(self, images):
        self._note(images)
        return self._target.value(images)

    def _note(self, images):
        share = float(self._ball.size(images, self._source)[0]) / self._ball.radius
        self.factors.append(share**0.5 if self._ball.kind in {"mse", "ssim"} else share)


@pytest.mark.parametrize(
    ("ball", "given", "first"),
    [
        (Linf(8), {}, 2),
        (L2(60), {}, 8),
        (Mse(1e-4), {}, 8),
        (Mse(1e-4), {"first_radius": 3}, 3),
        (Linf(8), {"first_radius": 1}, 1),
    ],
)
def test_the_balls_shrink_to_the_budget(ball, given, first, rng):
    source = to_tensor(rng.integers(110, 140, (16, 16, 3), dtype=np.uint8))
    target = Sizes(CodecTarget(Toy(2), Distortion(), source), source, ball)
    found = run_attack(ShrinkingAPGD(steps=20, **given), target, source, ball, 1)
    largest = [
        max(part) for part in (target.factors[1:8], target.factors[9:14], target.factors[15:])
    ]
    assert largest == pytest.approx([first, first**0.5, 1], rel=0.01)
    assert len(target.factors) == 20 + 3
    assert ball.allows(found.images, source).all()
