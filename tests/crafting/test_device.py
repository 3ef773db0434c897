"""Searches where gradients are computed elsewhere than on the CPU: on torch's meta device.

It has shapes and devices and no numbers. What mixes devices fails on it as on a GPU; what would
make the CPU wait for a GPU is counted.
"""

from __future__ import annotations

import io
from contextlib import nullcontext
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from attacks import ATTACKS, OBJECTIVES
from attacks.gradient.pgd import PGD
from backends.defences.filters import Bilateral, BitDepth, Gaussian, Median, Resize
from backends.defences.rearrangements import Flip, SelfEnsemble, TwoWay
from backends.learned.base import Learned
from backends.learned.compressai import bundled, live, load_checkpoint
from backends.learned.frozen.replace import with_fast_layers
from backends.learned.nets import freeze
from bench.budget import L2, Linf, Mse, Region
from bench.crafting.composed_target import compose_target
from bench.crafting.craft import craft
from bench.crafting.search import run_attack
from bench.engine.runner import prepare
from bench.floors.ssim import Ssim
from bench.registry import registry
from bench.registry.component_spec import ComponentSpec
from bench.registry.registry import instantiate
from bench.suite.suite import Suite
from bench.utils.yaml_config import parse

ELSEWHERE = torch.device("meta")
FAMILIES = ("bmshj2018-factorized", "bmshj2018-hyperprior", "mbt2018-mean")
_SPECIAL = {"target", "hyper-rate", "collision", "time"}
OBJECTIVES_OF_ALL = sorted(OBJECTIVES.keys() - {*_SPECIAL, "haarpsi"})
"""HaarPSI is left out: piq, an extra, looks at the values to check their range, and waits."""

FIELDS = {name: registry.parameters("attack", name).model_fields for name in ATTACKS}
ENCODING = {"minimum-apgd", "minimum-square", "collision-search"}
STEPPING = [name for name, own in FIELDS.items() if "steps" in own and name not in ENCODING]
"""Attacks that only follow gradients; the others also encode pictures, on the CPU."""

WAITS_OF_A_STEP = {"ftda": 1}
"""FTDA asks where its pictures are, to leave the codec alone where that alone decides."""

WAITS_OF_A_PROJECTION = {"ssim": 1}
"""That onto an SSIM asks whether any picture is outside, to spare nine times SSIM."""

_SENT_ON_THE_WAY = 1 << 16
"""Bytes up to which CUDA copies what it is sent, and the CPU goes on."""

SUITE = """\
name: small
images: {set: sample, names: [chelsea], crop: {height: 64, width: 64}}
codecs: [{name: bmshj2018-factorized, checkpoint: bmshj2018-factorized-small-q1}]
attacks: [{name: pgd, steps: 2}, uniform-noise]
budgets: [{linf: 8}]
"""


class Traffic(TorchDispatchMode):
    """Counts what a CPU waits for while a GPU works; every number that it asks for is 1."""

    def __init__(self):
        super().__init__()
        self.waits = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name, first = func.overloadpacket.__name__, args[0] if args else None
        if name == "_local_scalar_dense" and first.device == ELSEWHERE:
            self.waits += 1
            return torch.ones((), dtype=first.dtype).item()
        if name == "_to_copy" and kwargs.get("device", first.device) != first.device:
            self.waits += first.device == ELSEWHERE or first.nbytes > _SENT_ON_THE_WAY
            if first.device == ELSEWHERE:
                return torch.ones(first.shape, dtype=kwargs.get("dtype") or first.dtype)
        return func(*args, **kwargs)


@pytest.fixture(autouse=True)
def _no_autocast(monkeypatch):
    """The meta device has none, not even one that is switched off."""
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())


@pytest.fixture(scope="module")
def codec():
    """Return a function: a bundled codec of a family whose gradients are computed elsewhere."""

    @cache
    def made(family):
        net = freeze(load_checkpoint(family, bundled(family)[0]))

        def surrogate(own, rounding):
            return _moved(live(with_fast_layers(own), rounding))

        return Learned(family, net, surrogate, net)

    return made


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("objective", OBJECTIVES_OF_ALL)
def test_no_step_waits_whatever_is_wanted(codec, family, objective):
    assert _waits_of_a_step(codec(family), "pgd", objective) == 0


def test_no_step_waits_that_wants_side_information(codec):
    assert _waits_of_a_step(codec("mbt2018-mean"), "pgd", "hyper-rate") == 0


@pytest.mark.parametrize("attack", STEPPING)
def test_no_step_of_an_attack_waits(codec, attack):
    waits = _waits_of_a_step(codec("bmshj2018-factorized"), attack, "distortion", steps=(1, 3))
    assert waits == WAITS_OF_A_STEP.get(attack, 0)


@pytest.mark.parametrize(
    "budget",
    [Linf(8), L2(300), Mse(1e-3), Linf(8, region=Region(0, 0, 16, 16)), Ssim(0.05, cap=8)],
    ids=str,
)
def test_no_step_inside_a_budget_waits(codec, budget):
    waits = _waits_of_a_step(codec("bmshj2018-factorized"), "pgd", "rate", budget)
    assert waits == WAITS_OF_A_PROJECTION.get(budget.kind, 0)


@pytest.mark.parametrize(
    "defence",
    [Flip(), SelfEnsemble(), TwoWay(), BitDepth(), Resize(), Gaussian(), Median(), Bilateral()],
    ids=lambda defence: type(defence).__name__,
)
def test_no_step_on_a_defended_codec_waits(codec, defence):
    defended = defence(codec("bmshj2018-factorized"))
    assert defended.device == ELSEWHERE
    assert _waits_of_a_step(defended, "pgd", "distortion") == 0


def test_a_search_keeps_its_pictures_where_gradients_are_computed(codec):
    plan = prepare(parse(SUITE, "small.yaml", Suite), Path()).plan
    job = next(group.craft for group in plan.groups if group.craft and group.craft.objective)
    learned, rate, waits = (
        codec("bmshj2018-factorized"),
        instantiate("objective", ComponentSpec("rate")),
        [],
    )
    for steps in (2, 4):
        with Traffic() as traffic:
            (found,) = craft([job], [learned], PGD(steps), rate)
        assert "away or outside its region" in found.record.reason  # a picture of ones
        waits.append(traffic.waits)
    assert waits[0] == waits[1]


def _waits_of_a_step(codec, attack, objective, budget=None, steps=(1, 2)):
    few, many = (
        _waits(
            codec,
            instantiate("attack", ComponentSpec(attack, (("steps", count),))),
            objective,
            budget,
        )
        for count in steps
    )
    return (many - few) / (steps[1] - steps[0])


def _waits(codec, attack, objective, budget):
    source = torch.zeros(2, 3, 192, 192, device=ELSEWHERE)
    budget = budget or (Linf(8) if "linf" in attack.budgets else Mse(1e-3))
    wanted = instantiate("objective", ComponentSpec(objective))
    target = compose_target(codec, wanted, source, draws=2, rng=np.random.default_rng(0))
    with Traffic() as traffic:
        found = run_attack(attack, target, source, budget, seed=0)
    assert found.images.device == ELSEWHERE
    return traffic.waits


def _moved(surrogate):
    """Return a surrogate with all its numbers elsewhere, wherever it keeps them."""
    file = io.BytesIO()
    torch.save(surrogate, file)
    file.seek(0)
    moved = torch.load(file, map_location=ELSEWHERE, weights_only=False)
    moved.device = ELSEWHERE
    return moved
