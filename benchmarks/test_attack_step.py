"""What one attack step costs: the harness over a bare loop, half a codec over the whole one.

    python -m pytest benchmarks          or: make bench

Full-size networks with random weights (speed does not depend on them), one picture.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
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

from attacks.gradient.pgd import PGD
from attacks.objectives.basic import Distortion, Rate
from backends.learned.compressai import CompressAI
from backends.learned.frozen.replace import with_fast_layers
from backends.learned.nets import freeze
from backends.learned.surrogates.entropy_models import straight_through_round
from bench.budget import Linf
from bench.crafting.search import run_attack
from bench.crafting.target import CodecTarget
from bench.utils.memory import keep_freed_memory
from bench.utils.precision import Arithmetic, Precision, use_arithmetic

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
    bare = with_fast_layers(freeze(net))

    def through_the_harness() -> None:
        target = CodecTarget(codec, Distortion(), picture)
        run_attack(PGD(steps=_STEPS), target, picture, Linf(8), seed=0)

    with keep_freed_memory():
        compare(
            through_the_harness,
            lambda: _bare_pgd(bare, picture, 8 / 255),
            f"PGD of {_STEPS} steps through the harness / bare torch loop",
            rounds=25,
        )


@pytest.mark.parametrize("size", _SIZES)
def test_kept_memory_over_memory_as_it_comes(compare, model, codec, size):
    height, width = map(int, size.split("x"))
    picture = torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(0))
    target = CodecTarget(codec, Distortion(), picture)

    def searched(memory: Callable[[], AbstractContextManager[None]]) -> None:
        with memory():
            run_attack(PGD(steps=_STEPS), target, picture, Linf(8), seed=0)

    compare(
        partial(searched, keep_freed_memory),
        partial(searched, nullcontext),
        f"{model[0]} at {size}, PGD of {_STEPS} steps, freed memory kept / as it comes",
        rounds=_SIZES[size],
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
@pytest.mark.parametrize("case", [*product([Distortion(), Rate()], ["all outputs", "the same"])])
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
    with use_arithmetic(arithmetic):
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
