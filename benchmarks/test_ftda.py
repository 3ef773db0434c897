"""What FTDA costs against NIC-RobustBench's, which runs the net at every step, at equal strength.

    python -m pytest benchmarks/test_ftda.py

How often either asks the net depends on its weights and on the picture: a bundled net, two bundled
photographs. Strength is the MSE between what real bytes decode to, of the attacked picture and of
the clean one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import pytest
import torch
from torch import Tensor

from attacks.gradient.ftda_cw import FTDA
from attacks.objectives.basic import Distortion
from backends.learned.compressai import CompressAI, load_checkpoint
from bench.budget import Mse
from bench.codec import Image
from bench.crafting.craft import quantise_and_check
from bench.crafting.search import run_attack
from bench.crafting.target import CodecTarget
from bench.images.image_set import Crop, ImageSpec, load
from bench.metrics.scores import mse
from bench.tensors import to_image, to_tensor

_ARCHITECTURE, _MODEL = "bmshj2018-hyperprior", "bmshj2018-hyperprior-small-q4"
_PHOTOGRAPHS = ("astronaut", "coffee")
_TRIED = (1, 2, 5, 10, 15, 20, 30, 50, 100, 200)
"""Numbers of our steps, until one finds as much."""


@dataclass(frozen=True)
class Preset:
    """One of NIC-RobustBench's: Adam's rates on the way up and on the way back into the cap."""

    cap: float
    lr: float
    back: float
    steps: int

    def __str__(self) -> str:
        return f"MSE {self.cap:g}, lr {self.lr:g}, {self.steps} steps"


_PRESETS = (
    Preset(6e-4, 0.2, 0.1, 100),
    Preset(3e-4, 0.15, 0.1, 100),
    Preset(6e-4, 0.01, 0.01, 100),
    Preset(3e-4, 0.007, 0.007, 200),
)


@dataclass(frozen=True)
class Case:
    """A preset on a photograph."""

    preset: Preset
    photograph: Image

    @cached_property
    def source(self) -> Tensor:
        return to_tensor(self.photograph)

    @cached_property
    def codec(self) -> CompressAI:
        return CompressAI(_ARCHITECTURE, checkpoint=_MODEL)

    def strength(self, picture: Image) -> float:
        clean, attacked = map(self._decoded, (self.photograph, picture))
        return mse(clean, attacked)

    def _decoded(self, picture: Image) -> Image:
        return self.codec.decode(self.codec.encode(picture))

    def ours(self, steps: int) -> Image:
        budget = Mse(self.preset.cap)
        target = CodecTarget(self.codec, Distortion("clean"), self.source)
        found = run_attack(
            FTDA(steps=steps, lr=self.preset.lr), target, self.source, budget, seed=0
        )
        return quantise_and_check(found, self.source, budget)

    @cached_property
    def net(self) -> torch.nn.Module:
        """The net as the peer has it: weights with gradients, noise in the place of rounding."""
        return load_checkpoint(_ARCHITECTURE, _MODEL).train().requires_grad_(True)

    def theirs(self) -> Image:
        """Return where the peer's search ends: the last change, brought back into the cap."""
        preset = self.preset
        with torch.no_grad():
            clean = self.net(self.source)["x_hat"]
        generator = torch.Generator().manual_seed(0)
        change = torch.randn(self.source.shape, generator=generator) * preset.cap
        change.requires_grad_(True)
        up, down = (torch.optim.Adam([change], lr=rate) for rate in (preset.lr, preset.back))
        for _ in range(preset.steps):
            up.zero_grad()
            self.net.zero_grad()
            decoded = self.net((self.source + change).clamp(0, 1))["x_hat"]
            size = change.square().mean()
            if size < preset.cap:
                (-(decoded - clean).square().mean()).backward()
                up.step()
            else:
                (10_000 * size).backward()
                down.step()
        for _ in range(1000):
            if (size := change.square().mean()) <= preset.cap:
                break
            down.zero_grad()
            (100 * size).backward()
            down.step()
        return to_image((self.source + change).detach())


@pytest.fixture
def case(request: pytest.FixtureRequest) -> Case:
    preset, name = request.param
    (photograph,) = load(
        ImageSpec(set="sample", names=(name,), crop=Crop(height=256, width=256)), Path()
    )
    return Case(preset, photograph.pixels)


@pytest.mark.parametrize(
    "case",
    [
        pytest.param((preset, name), id=f"{name}-{preset}")
        for preset in _PRESETS
        for name in _PHOTOGRAPHS
    ],
    indirect=True,
)
def test_ftda_at_equal_strength(compare, say, case, request):
    goal = case.strength(case.theirs())
    found = ((steps, case.strength(case.ours(steps))) for steps in _TRIED)
    steps, error = next(one for one in found if one[1] >= goal)
    label = request.node.callspec.id
    say(f"{label}: MSE {goal:.2e} theirs, {error:.2e} ours in {steps} steps")
    compare(partial(case.ours, steps), case.theirs, f"{label}, ours of {steps} steps", rounds=5)
