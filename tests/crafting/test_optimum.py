"""What attacks reach on the toy codec, where the optimum is known in closed form."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from attacks import ATTACKS
from attacks.objectives.basic import Distortion
from backends.toy import Toy
from bench.budget import L2, Linf, Mse, Region
from bench.crafting.craft import make_target_view, quantise_and_check
from bench.crafting.search import run_attack
from bench.crafting.target import CodecTarget
from bench.registry.component_spec import ComponentSpec
from bench.registry.registry import instantiate, parameters
from bench.tensors import to_image, to_tensor
from bench.testing import Linear

CONVERGED = {"steps": 40, "restarts": 1, "searches": 3}
SLOW = {"ftda": {"steps": 250}}
BUDGETS = [Linf(8), Linf(3.7), Linf(8, region=Region(2, 3, 9, 5)), L2(300), Mse(1.5e-3)]
GAIN = 2
BLACK_BOX_BUDGETS = [Linf(8), L2(60)]
FEW_CANDIDATES = {"best-noise", "colour-shift"}
HEAPS_UP = ("square", "l2")
STRUCTURED = {"ssah", "dct", "recolour", "korhonen", "patch", "universal"}
"""Of one kind of change, or learnt elsewhere: see tests/attacks/."""

OTHER_AIMS = {"minimum-apgd", "minimum-square", "collision-search", "corruption"}
"""They do not search for the largest value: see tests/attacks/."""


def _made(name):
    fields = parameters("attack", name).model_fields
    given = {key: value for key, value in (CONVERGED | SLOW.get(name, {})).items() if key in fields}
    return instantiate("attack", ComponentSpec(name, tuple(given.items())))


ATTACKS_MADE = {name: _made(name) for name in ATTACKS if name not in STRUCTURED | OTHER_AIMS}
PAIRS = [
    pytest.param(name, ball, id=f"{name}-{ball}")
    for name, attack in ATTACKS_MADE.items()
    for ball in (BLACK_BOX_BUDGETS if attack.needs == "queries" else BUDGETS)
    if ball.kind in attack.budgets
]


@pytest.fixture
def source(rng, request):
    """A picture away from 0 and 255; for queries, one of 60 values, each with a best of its own."""
    name = request.node.callspec.params.get("name")
    is_small = name is not None and ATTACKS_MADE[name].needs == "queries"
    size = (4, 5, 3) if is_small else (16, 17, 3)
    return to_tensor(rng.integers(50, 60, size, dtype=np.uint8))


@pytest.fixture
def weights(source, rng):
    return torch.from_numpy(rng.normal(size=source.shape[1:]))


def _radius(ball, source):
    """The radius as a norm of pictures in [0, 1]; whole levels of a value, where it is of one."""
    if ball.kind == "linf":
        return math.floor(ball.radius) / 255
    return math.sqrt(ball.radius * source.numel()) if ball.kind == "mse" else ball.radius / 255


def _growth(name, ball, objective, source):
    """By how much an attack raises what is really decoded of the 8-bit picture."""
    target = CodecTarget(Toy(GAIN), objective, source)
    attack = ATTACKS_MADE[name]
    seen = make_target_view(attack, [] if attack.needs == "nothing" else [target], source, ball)
    found = quantise_and_check(run_attack(attack, seen, source, ball, 2), source, ball)
    clean, attacked = (target.query(image[None])[0] for image in (to_image(source), found))
    return attacked - clean


def _assert_near(name, ball, growth, optimum):
    """Nothing exceeds the optimum, gradients reach it up to rounding, queries most of it."""
    assert growth <= optimum * (1 + 1e-6)
    if name in FEW_CANDIDATES:
        return
    if ATTACKS_MADE[name].needs == "gradient":
        assert growth >= 0.98 * optimum
    if ATTACKS_MADE[name].needs == "queries":
        assert growth >= (0.6 if (name, ball.kind) == HEAPS_UP else 0.8) * optimum


@pytest.mark.parametrize(("name", "ball"), PAIRS)
def test_a_linear_objective_reaches_the_dual_norm_of_its_weights(name, ball, source, weights):
    free = weights if ball.region is None else weights * ball.region.mask(weights)
    norm = free.norm(p=1 if ball.kind == "linf" else 2)
    optimum = GAIN * _radius(ball, source) * float(norm)
    growth = _growth(name, ball, Linear(weights), source)
    _assert_near(name, ball, growth, optimum)
    if ATTACKS_MADE[name].needs == "nothing":
        assert growth < 0.3 * optimum


@pytest.mark.parametrize(("name", "ball"), PAIRS)
def test_a_separable_quadratic_reaches_its_farthest_point(name, ball, source):
    """The error |2 x' - x|^2: on the box every value goes up, on the sphere all go along x."""
    radius, free = _radius(ball, source), source.double()
    if ball.region is not None:
        free = free * ball.region.mask(free)
    if ball.kind == "linf":
        moved = free + GAIN * radius * (free > 0)
        optimum = float((moved.square() - free.square()).mean())
    else:
        length = float(free.norm())
        optimum = ((length + GAIN * radius) ** 2 - length**2) / source.numel()
    _assert_near(name, ball, _growth(name, ball, Distortion(), source), optimum)


@pytest.mark.parametrize("ball", [Linf(8), L2(60)], ids=str)
def test_a_colour_shift_takes_the_best_sign_of_each_channel(ball, source):
    weights = torch.tensor([0.5, -2.0, 1.0]).view(3, 1, 1).expand(source.shape[1:])
    target = CodecTarget(Toy(GAIN), Linear(weights), source)
    found = run_attack(
        instantiate("attack", ComponentSpec("colour-shift")), target, source, ball, 1
    ).images
    shift = (found - source).mean((0, 2, 3))
    assert torch.equal(shift.sign(), torch.tensor([1.0, -1.0, 1.0]))
    assert float(ball.size(found, source)) == pytest.approx(ball.radius, rel=1e-3)
