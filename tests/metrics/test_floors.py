"""Floors of any metric for which higher is better, kept on the 8-bit picture."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from attacks.gradient.pgd import FGSM, PGD
from attacks.noise import UniformNoise
from attacks.query.square import Square
from bench.budget import Linf, Region
from bench.crafting.craft import make_target_view, quantise_and_check
from bench.crafting.search import run_attack
from bench.crafting.target import CodecTarget
from bench.engine.runner import prepare, versions
from bench.errors import ConfigError, Unsupported
from bench.floors.metric_floor import Cvvdp, HaarPsi, MetricFloor
from bench.registry.component_spec import ComponentSpec
from bench.registry.registry import instantiate, unavailable
from bench.suite.fields import BudgetSpec
from bench.suite.suite import Suite
from bench.tensors import to_image, to_tensor
from bench.utils.yaml_config import parse
from leaderboard.render.descriptions import allowed

PICTURES = ("astronaut", "chelsea", "coffee", "rocket")
ATTACKS = (UniformNoise(), FGSM(), PGD(steps=6), Square(queries=12))


class _Closeness:
    """A metric without a package: 10 less the root mean squared error in levels."""

    unit, better, version = "", "higher", 1

    def __call__(self, reference, picture):
        return 10 - float(np.sqrt(np.mean((reference.astype(float) - picture) ** 2)))


@dataclass(frozen=True)
class Plain(MetricFloor):
    """Has the kind of another budget, so that attacks take it."""

    kind: ClassVar[str] = "ssim"
    unit: ClassVar[str] = "10 - closeness"
    best: ClassVar[float] = 10.0

    def _metric(self):
        return _Closeness()

    def _noise(self):
        return (2 * self.radius / 255) ** 2


@dataclass(frozen=True)
class Shrunk(Cvvdp):
    """The budget that saves comparisons, with the same metric."""

    kind: ClassVar[str] = "ssim"
    least_side: ClassVar[int] = 1

    def _metric(self):
        return _Closeness()

    def _noise(self):
        return (2 * self.radius / 255) ** 2


FLOORS = [Plain(3), Plain(0.5), Plain(4, cap=6), Plain(2, region=Region(2, 3, 9, 8)), Shrunk(3)]
EXTRA = [HaarPsi(0.1), HaarPsi(0.02, cap=8), HaarPsi(0.2, region=Region(4, 4, 20, 20)), Cvvdp(0.5)]


@pytest.fixture(params=[*FLOORS, *EXTRA], ids=lambda ball: f"{type(ball).__name__} {ball}")
def ball(request):
    if request.param in EXTRA and (problem := unavailable("metric", request.param.kind)):
        pytest.skip(f"the budget {request.param.kind} {problem}")
    return request.param


def _value(ball, pixels, levels):
    return ball._metric()(pixels, to_image(levels.float() / 255))


def _noisy(source, spread=0.3):
    return source + spread * torch.randn(source.shape, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize("name", PICTURES[:2])
def test_the_8_bit_picture_keeps_the_floor_and_uses_it(name, ball, photograph):
    pixels = photograph(name, 48, 40)
    source = to_tensor(pixels)
    levels, base = ball.rounded(_noisy(source), source), (source * 255).round()
    reached = _value(ball, pixels, levels)
    assert ball.holds(levels, base) == [True]
    assert reached >= ball.floor
    if ball.cap is None:
        assert reached < ball.floor + max(0.12 * ball.radius, 0.02)
        closer = replace(ball, radius=ball.best - reached - 1e-6)
        assert closer.holds(levels, base) == [False]


def test_a_projection_is_inside_stays_and_leaves_what_is_inside(ball, photograph):
    source = torch.cat([to_tensor(photograph(name, 32, 40)) for name in PICTURES[:2]])
    images = torch.cat([_noisy(source[:1]), source[1:]])
    found = ball.project(images, source)
    assert ball.allows(found, source).tolist() == [True, True]
    assert ball.allows(images, source).tolist() == [False, True]
    assert torch.equal(found[1], source[1])
    assert torch.equal(ball.project(found, source), found)
    if ball.cap is None:
        assert 0.88 * ball.radius < float(ball.size(found, source)[0]) <= ball.radius
    else:
        assert Linf(ball.cap).allows(found, source).all()


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: type(attack).__name__)
def test_every_kind_of_attack_keeps_it(attack, ball, photograph):
    pixels = photograph("coffee", 33, 40)
    source, toy = to_tensor(pixels), instantiate("codec", ComponentSpec("toy"))
    objective = instantiate("objective", ComponentSpec("distortion"))
    targets = [] if attack.needs == "nothing" else [CodecTarget(toy, objective, source)]
    target = make_target_view(attack, targets, source, ball)
    image = quantise_and_check(run_attack(attack, target, source, ball, 1), source, ball)
    value = ball._metric()(pixels, image)
    assert ball.floor <= value
    if attack.needs != "nothing":  # noise of a small random share can round to nothing
        assert not np.array_equal(image, pixels)


def test_a_step_in_a_random_direction_reaches_the_floor(ball, photograph):
    for name in PICTURES:
        source = to_tensor(photograph(name, 64, 64))
        step = ball.steepest(_noisy(torch.zeros_like(source), 1))
        if ball.cap is None and ball.region is None:
            assert float(ball.size((source + step).clamp(0, 1), source)) > ball.radius


def test_random_pictures_follow_their_generator(ball, photograph):
    source = to_tensor(photograph("coffee", 20, 24))
    first, again, other = (
        ball.sample(source, [torch.Generator().manual_seed(seed)]) for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert ball.allows(first, source).tolist() == [True]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_picture_with_a_value_that_is_no_number_is_outside(value):
    source = torch.full((2, 3, 20, 20), 0.5)
    images = source.clone()
    images[1, 0, 4, 6] = value
    assert Plain(3).allows(images, source).tolist() == [True, False]


def test_saving_comparisons_needs_few(photograph):
    counted = []

    class Counting(_Closeness):
        def __call__(self, reference, picture):
            counted.append(1)
            return super().__call__(reference, picture)

    @dataclass(frozen=True)
    class Counted(Shrunk):
        def _metric(self):
            return Counting()

    source = to_tensor(photograph("rocket", 32, 32))
    ball = Counted(3)
    edge = ball.project(_noisy(source, 0.02), source)
    counted.clear()
    images = torch.cat([source + 1.3 * (edge - source), source])
    ball.project(images, source.expand_as(images))
    assert len(counted) <= 2 * 4


def test_pictures_that_are_too_small_are_refused():
    source = torch.full((1, 3, 15, 40), 0.5)
    with pytest.raises(Unsupported, match="haarpsi needs a short side of at least 16 pixels"):
        HaarPsi(0.1).project(source, source)


def test_suites_write_a_floor_and_perhaps_a_cap():
    names = {"haarpsi": (0.9, HaarPsi), "cvvdp": (9.5, Cvvdp)}
    for kind, (floor, made) in names.items():
        plain, capped = (BudgetSpec(**{kind: floor}, linf=linf).budget() for linf in (None, 8))
        assert type(plain) is made
        assert [str(plain), str(capped)] == [f"{kind} {floor}", f"{kind} {floor} and linf 8"]
        assert plain.floor == pytest.approx(floor, abs=1e-12)
        assert plain.identity != capped.identity
        assert str(floor) in allowed(capped)
        assert "255 levels" in allowed(capped)
    assert "ColorVideoVDP to the source picture is at least 9.5 JOD" in allowed(Cvvdp(0.5))
    for wrong in ({"haarpsi": 0.9, "ssim": 0.9}, {"haarpsi": 1.0}, {"cvvdp": 10}):
        with pytest.raises(ValidationError):
            BudgetSpec(**wrong)
    with pytest.raises(
        ValidationError, match="only linf can be combined, with ssim, haarpsi or cv"
    ):
        BudgetSpec(haarpsi=0.9, mse=0.1)
    assert set(BudgetSpec(ssim=0.9).model_dump()) == {"linf", "l2", "mse", "ssim", "region"}


_SUITE = """\
name: floors
images: {set: sample, names: [coffee], crop: {height: 16, width: 16}}
codecs: [toy]
attacks: [fgsm]
objectives: [rate]
budgets: [{haarpsi: 0.9}]
"""


def test_a_suite_whose_floor_cannot_be_computed_is_refused_before_anything_runs(monkeypatch):
    suite, found = parse(_SUITE, "floors.yaml", Suite), metadata.version

    def missing(package):
        if package == "piq":
            raise metadata.PackageNotFoundError(package)
        return found(package)

    monkeypatch.setattr(metadata, "version", missing)
    with pytest.raises(
        ConfigError, match=r"a budget in haarpsi needs piq: pip install .*perceptual"
    ):
        prepare(suite, Path())
    monkeypatch.setattr(metadata, "version", lambda p: "9.9" if p == "piq" else found(p))
    assert versions(suite)["piq"] == "9.9"
