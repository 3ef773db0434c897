"""The state of a training: net, moving average, optimisers; and one optimisation step."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from compressai.entropy_models import EntropyModel
from compressai.models import CompressionModel
from torch import Tensor, nn

from bench.errors import BenchError
from bench.models.subsampling import subsampling_first
from bench.training.adversary import Adversary
from bench.training.recipe import Stage
from bench.utils.machine import is_bfloat16_faster


@dataclass(frozen=True)
class Batch:
    """The crops of one step.

    Attributes:
        images: input of the net, float (B, 3, H, W) in [0, 1].
        reference: target of the decoder, same shape.
        weights: weight of each crop in the loss, (B,).
        attacked: number of adversarial crops; they are the first.
    """

    images: Tensor
    reference: Tensor
    weights: Tensor
    attacked: int = 0


@dataclass(frozen=True)
class Losses:
    """The losses of one step, 0-dim tensors, means over the crops.

    Attributes:
        loss: bpp + lmbda * 255^2 * mse, weighted, with the recipe's idempotence term; without its
            gradient penalty.
        bpp: estimated rate in bits per pixel.
        mse: mean squared error on [0, 1].
        attacked: loss of the adversarial crops only; NaN if there are none.
    """

    loss: Tensor
    bpp: Tensor
    mse: Tensor
    attacked: Tensor

    def detached(self) -> Losses:
        """Return the same losses without their autograd graph."""
        values = (self.loss, self.bpp, self.mse, self.attacked)
        return Losses(*(value.detach() for value in values))


class Trainer:
    """A net in training: weights, their moving average, both optimisers, and the current step.

    Args:
        stage: the stage of the recipe.
        net: the net; it is moved to the device and changed in place.
        device: where to train.

    Attributes:
        step: number of steps done.
        bfloat16: whether convolutions run in bfloat16.
    """

    def __init__(self, stage: Stage, net: CompressionModel, device: torch.device) -> None:
        self.stage = stage
        self.recipe = stage.recipe
        self.device = device
        chosen = self.recipe.bfloat16
        self.bfloat16 = is_bfloat16_faster(device) if chosen is None else chosen
        self.step = 0
        net = net.to(device=device, memory_format=torch.channels_last).train()
        self._net = subsampling_first(_entropy_in_float32(net))
        self._live: dict[str, Tensor] = dict(net.named_parameters())
        self._mean = {name: weight.detach().clone() for name, weight in self._live.items()}
        self._weights = [w for name, w in self._live.items() if not name.endswith("quantiles")]
        quantiles = [w for name, w in self._live.items() if name.endswith("quantiles")]
        self._optimiser = torch.optim.Adam(self._weights, self.recipe.lr, fused=True)
        lr = self.recipe.aux_lr
        self._aux = torch.optim.Adam(quantiles, lr, fused=True) if quantiles else None
        self._adversaries = [Adversary(spec, stage.lmbda, self._net) for spec in self.recipe.attack]

    def advance(self, crops: Tensor) -> Losses:
        """Do one step on crops, uint8 (B, 3, H, W), and return its losses.

        Raises:
            BenchError: the gradient is not finite; training diverged.
        """
        seeds = np.random.default_rng((self.recipe.seed, self.step, 1)).integers(2**63, size=2)
        torch.manual_seed(int(seeds[0]))
        losses = self._descend(self.batch(crops, int(seeds[1])))
        self._descend_quantiles()
        self._average(1 - self.stage.ema_at(self.step))
        self.step += 1
        return losses

    def batch(self, crops: Tensor, seed: int) -> Batch:
        """Return the batch of crops, uint8 (B, 3, H, W), part of them made adversarial.

        Args:
            crops: the crops; the first go to the first attack of the recipe, and so on.
            seed: seed of the searches.
        """
        source = _floats(crops, self.device)
        weights = torch.ones(len(source), device=self.device)
        images: list[Tensor] = []
        references: list[Tensor] = []
        first = 0
        for adversary in self._adversaries:
            mine = slice(first, first + adversary.spec.count(len(source)))
            with self._autocast():
                images.append(adversary.attacked(source[mine], self.step, seed + first))
                references.append(adversary.reference(source[mine], images[-1]))
            weights[mine] = adversary.spec.weight
            first = mine.stop
        clean = source[first:]
        return Batch(_joined([*images, clean]), _joined([*references, clean]), weights, first)

    def averaged(self) -> dict[str, Tensor]:
        """Return the state of the net with the moving average in place of the weights."""
        return {**self._net.state_dict(), **self._mean}

    def state(self) -> dict[str, Any]:
        """Return everything that `restore` needs to continue exactly."""
        return {
            "step": self.step,
            "bfloat16": self.bfloat16,
            "net": self._net.state_dict(),
            "mean": self._mean,
            "optimiser": self._optimiser.state_dict(),
            "aux": self._aux.state_dict() if self._aux else {},
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from a state that `state` returned."""
        self.step = state["step"]
        self.bfloat16 = state["bfloat16"]
        self._net.load_state_dict(state["net"])
        self._optimiser.load_state_dict(state["optimiser"])
        if self._aux:
            self._aux.load_state_dict(state["aux"])
        self._mean = {name: mean.to(self.device) for name, mean in state["mean"].items()}

    def _descend(self, batch: Batch) -> Losses:
        self._optimiser.param_groups[0]["lr"] = self.stage.lr_at(self.step)
        self._optimiser.zero_grad()
        penalised = self.recipe.gradient_penalty > 0
        images = batch.images.detach().requires_grad_(penalised)
        losses = self._losses(images, batch)
        penalty = self._penalty(losses.loss, images) if penalised else 0
        (losses.loss + penalty).backward()
        norm = nn.utils.clip_grad_norm_(self._weights, self.recipe.clip)
        if not torch.isfinite(norm):
            raise BenchError(f"training diverged at step {self.step}; lower lr in the recipe")
        self._optimiser.step()
        return losses.detached()

    def _losses(self, images: Tensor, batch: Batch) -> Losses:
        with self._autocast():
            out = self._net(images)
        pixels = images[0].numel() // 3
        bits = [-p.log2().flatten(1).sum(1) for p in out["likelihoods"].values()]
        decoded = out["x_hat"].float()
        mse = (decoded - batch.reference).square().flatten(1).mean(1)
        bpp = sum(bits, torch.zeros_like(mse)) / pixels
        costs = bpp + self.stage.lmbda * 255**2 * mse
        loss = (batch.weights * costs).mean()
        if self.recipe.idempotence:
            loss = loss + self.recipe.idempotence * self._change(decoded[batch.attacked :])
        return Losses(loss, bpp.mean(), mse.mean(), costs[: batch.attacked].mean())

    def _change(self, decoded: Tensor) -> Tensor:
        """Return lmbda * 255^2 * MSE between decoded crops and what they decode to again."""
        first = decoded.detach().clamp(0, 1).mul(255).round().div(255)
        with self._autocast():
            second = self._net(first)["x_hat"].float()
        change: Tensor = (second - first).square().mean()
        return self.stage.lmbda * 255**2 * change

    def _penalty(self, loss: Tensor, images: Tensor) -> Tensor:
        """Return the increase of the loss that an attack could cause, to first order."""
        (gradient,) = torch.autograd.grad(loss, images, create_graph=True)
        return self.recipe.gradient_penalty / 255 * gradient.abs().sum()

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.bfloat16)

    @torch.no_grad()
    def _average(self, share: float) -> None:
        torch._foreach_lerp_(list(self._mean.values()), list(self._live.values()), share)

    def _descend_quantiles(self) -> None:
        if self._aux:
            self._aux.zero_grad()
            self._net.aux_loss().backward()
            self._aux.step()


def _floats(pictures: Tensor, device: torch.device) -> Tensor:
    """Return uint8 (B, 3, H, W) as float in [0, 1], in channels_last."""
    return pictures.to(device).float().div_(255).contiguous(memory_format=torch.channels_last)


def _joined(pictures: Sequence[Tensor]) -> Tensor:
    return torch.cat(list(pictures)).contiguous(memory_format=torch.channels_last)


def _entropy_in_float32(net: CompressionModel) -> CompressionModel:
    """Take the entropy models of a net out of autocast, in place."""
    for module in net.modules():
        if isinstance(module, EntropyModel):
            module.forward = functools.partial(_in_float32, module.forward)
    return net


def _in_float32(
    forward: Callable[..., Any],
    x: Tensor,
    scales: Tensor | None = None,
    means: Tensor | None = None,
) -> Any:  # noqa: ANN401 - what the entropy model returns
    arguments = [tensor.float() for tensor in (x, scales, means) if tensor is not None]
    with torch.autocast(x.device.type, enabled=False):
        return forward(*arguments)
