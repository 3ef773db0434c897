"""What one attack step costs: the harness over a bare loop, half a codec over the whole one.

    python -m pytest benchmarks          or: make bench

Full-size networks with random weights (speed does not depend on them), one picture. How often FTDA
asks a net does depend on weights: a bundled one, and a photograph.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import product
from pathlib import Path
from typing import get_args

import pytest
import torch
from compressai.models import (
    Cheng2020Anchor,
    CompressionModel,
    FactorizedPrior,
    MeanScaleHyperprior,
    ScaleHyperprior,
)

from attacks.constrained import FTDA
from attacks.gradient import PGD
from attacks.objectives import Distortion, Rate
from backends.compressai import CompressAI, local
from backends.entropy import straight_through_round
from backends.nets import frozen
from backends.quick import quick
from bench.arithmetic import Arithmetic, Precision, computing
from bench.budget import Linf, Mse
from bench.craft import search
from bench.images import Crop, ImageSpec, load
from bench.target import CodecTarget
from bench.tensors import to_tensor

_MODELS: dict[str, Callable[[], CompressionModel]] = {
    "bmshj2018-factorized": lambda: FactorizedPrior(128, 192),
    "bmshj2018-hyperprior": lambda: ScaleHyperprior(128, 192),
    "mbt2018-mean": lambda: MeanScaleHyperprior(128, 192),
    "cheng2020-anchor": lambda: Cheng2020Anchor(128),
}
_SIZES = {"256x256": 9, "512x768": 3}
"""Rounds for each size of picture."""

_STEPS = 4


@pytest.fixture(scope="module")
def picture() -> torch.Tensor:
    return torch.rand(1, 3, 256, 256, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module", params=list(_MODELS))
def model(request: pytest.FixtureRequest) -> tuple[str, CompressionModel]:
    torch.manual_seed(0)
    net = _MODELS[request.param]().eval()
    net.update()
    return request.param, net


@pytest.fixture
def codec(model: tuple[str, CompressionModel], tmp_path: Path) -> CompressAI:
    name, net = model
    torch.save(net.state_dict(), tmp_path / "weights.pth")
    return CompressAI(name, checkpoint=str(tmp_path / "weights.pth"))


def _bare_pgd(net: CompressionModel, source: torch.Tensor, epsilon: float) -> torch.Tensor:
    """Sign PGD on the distortion of a factorised prior: nothing but torch, best iterate kept."""
    medians = net.entropy_bottleneck.quantiles[:, 0, 1].view(1, -1, 1, 1)
    generator = torch.Generator().manual_seed(0)
    noise = torch.rand(source.shape, generator=generator) * 2 - 1
    images = (source + noise * epsilon).clamp(0, 1)
    best, highest = images, torch.tensor(-1.0)
    for step in range(_STEPS + 1):
        images = images.detach().requires_grad_(step < _STEPS)
        latents = net.g_a(images.contiguous(memory_format=torch.channels_last))
        decoded = net.g_s(straight_through_round(latents - medians) + medians).clamp(0, 1)
        value = (decoded - source).square().mean()
        if value > highest:
            best, highest = images.detach(), value.detach()
        if step < _STEPS:
            (gradient,) = torch.autograd.grad(value, images)
            moved = images.detach() + gradient.sign() * epsilon / 4
            images = torch.clamp(source + (moved - source).clamp(-epsilon, epsilon), 0, 1)
    return best


def test_harness_over_a_bare_loop(compare, picture, tmp_path):
    torch.manual_seed(0)
    net = FactorizedPrior(128, 192).eval()
    net.update()
    torch.save(net.state_dict(), tmp_path / "weights.pth")
    codec = CompressAI("bmshj2018-factorized", checkpoint=str(tmp_path / "weights.pth"))
    bare = quick(frozen(net))

    def through_the_harness() -> None:
        target = CodecTarget(codec, Distortion(), picture)
        search(PGD(steps=_STEPS), target, picture, Linf(8), seed=0)

    compare(
        through_the_harness,
        lambda: _bare_pgd(bare, picture, 8 / 255),
        f"PGD of {_STEPS} steps through the harness / bare torch loop",
        rounds=25,
    )


def _peer_step(net: CompressionModel, picture: torch.Tensor, counted: str) -> None:
    """One step on the whole model: every output computed, gradients of all weights kept."""
    images = picture.clone().requires_grad_(True)
    out = net(images)
    error = (out["x_hat"] - picture).square().mean()
    bits = sum(-torch.log2(likelihood).sum() for likelihood in out["likelihoods"].values())
    loss = {"reconstruction": error, "rate": bits, "all outputs": error + bits}[counted]
    net.zero_grad()
    loss.backward()


@pytest.mark.parametrize("precision", get_args(Precision))
@pytest.mark.parametrize("size", _SIZES)
@pytest.mark.parametrize("case", product([Distortion(), Rate()], ["all outputs", "the same"]))
def test_half_a_codec_over_the_whole(compare, model, codec, size, case, precision):
    (name, net), (objective, loss) = model, case
    height, width = map(int, size.split("x"))
    picture = torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(0))
    net.requires_grad_(True)
    net.to(memory_format=torch.contiguous_format)
    target = CodecTarget(codec, objective, picture)
    counted = objective.needs if loss == "the same" else loss
    compare(
        partial(_step, target, picture, Arithmetic(precision)),
        lambda: _peer_step(net, picture, counted),
        f"{name} at {size}, gradient of the {objective.needs} in {precision} / full forward and"
        f" weight gradients in float32, loss on {loss}",
        rounds=_SIZES[size],
    )


def _step(target: CodecTarget, picture: torch.Tensor, arithmetic: Arithmetic) -> None:
    with computing(arithmetic):
        target.value_and_grad(picture)


@pytest.mark.slow
@pytest.mark.parametrize("precision", get_args(Precision))
@pytest.mark.parametrize("model", ["bmshj2018-hyperprior"], indirect=True)
@pytest.mark.parametrize("objective", [Distortion(), Rate()], ids=["distortion", "rate"])
def test_compiled_over_not_compiled(compare, codec, picture, objective, precision):
    target = CodecTarget(codec, objective, picture)
    compare(
        partial(_step, target, picture, Arithmetic(precision, compiled=True)),
        partial(_step, target, picture, Arithmetic(precision)),
        f"bmshj2018-hyperprior at 256x256, {objective.needs} in {precision}, compiled / not",
        rounds=9,
    )


_BUNDLED = "bmshj2018-hyperprior-small-q4"
_FTDA_STEPS, _FTDA_MSE, _FTDA_RATES = 100, 6e-4, (0.2, 0.1)
"""NIC-RobustBench's first preset: Adam's learning rates inside the cap and outside."""


def test_ftda(compare, say):
    """Ours over the peer's, which runs the net at every step, and follows it only inside the cap.

    Both begin at the source picture, theirs with noise in the place of rounding.
    """
    (photograph,) = load(
        ImageSpec(set="sample", names=("astronaut",), crop=Crop(height=256, width=256)), Path()
    )
    source = to_tensor(photograph.pixels)
    codec = CompressAI("bmshj2018-hyperprior", checkpoint=_BUNDLED)
    net = local("bmshj2018-hyperprior", _BUNDLED).train().requires_grad_(True)
    asked: dict[str, int] = {}

    def ours() -> None:
        target = CodecTarget(codec, Distortion("clean"), source)
        attack = FTDA(steps=_FTDA_STEPS, lr=_FTDA_RATES[0])
        search(attack, target, source, Mse(_FTDA_MSE), seed=0)
        asked["ours"] = target.gradients

    def theirs() -> None:
        asked["theirs"] = _peer_ftda(net, source)

    label = f"FTDA of {_FTDA_STEPS} steps, ours / net forward at every step"
    compare(ours, theirs, label, rounds=3)
    told = ", ".join(f"{who} {count}" for who, count in asked.items())
    say(f"gradients of the net in these {_FTDA_STEPS} steps: {told}")


def _peer_ftda(net: CompressionModel, source: torch.Tensor) -> int:
    """Return how often the net's gradient was followed."""
    with torch.no_grad():
        clean = net(source)["x_hat"]
    generator = torch.Generator().manual_seed(0)
    change = torch.randn(source.shape, generator=generator) * _FTDA_MSE
    change.requires_grad_(True)
    up, down = (torch.optim.Adam([change], lr=rate) for rate in _FTDA_RATES)
    followed = 0
    for _ in range(_FTDA_STEPS):
        up.zero_grad()
        net.zero_grad()
        decoded = net((source + change).clamp(0, 1))["x_hat"]
        size = change.square().mean()
        if size < _FTDA_MSE:
            (-(decoded - clean).square().mean()).backward()
            up.step()
            followed += 1
        else:
            (10_000 * size).backward()
            down.step()
    return followed
