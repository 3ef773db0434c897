"""One training's moving parts: the net, its running mean, the optimisers, and what a step does."""

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
from torch.nn import functional

from bench.codec import Image
from bench.crops import draw_crops
from bench.errors import BenchError
from bench.recipe import Recipe


@dataclass(frozen=True)
class Losses:
    """One step's figures, 0-dim tensors: bits per pixel, MSE in [0, 1] and their sum."""

    loss: Tensor
    bpp: Tensor
    mse: Tensor


class Trainer:
    """A net in training: weights, their running mean, both optimisers and the step reached."""

    def __init__(self, recipe: Recipe, net: CompressionModel, device: torch.device) -> None:
        """Take over `net`; the recipe says how it is trained."""
        self.recipe = recipe
        self.device = device
        self.step = 0
        net = net.to(device=device, memory_format=torch.channels_last).train()
        self._net = _entropy_in_float32(net)
        self._live: dict[str, Tensor] = dict(net.named_parameters())
        self._mean = {name: weight.detach().clone() for name, weight in self._live.items()}
        self._weights = [w for name, w in self._live.items() if not name.endswith("quantiles")]
        quantiles = [w for name, w in self._live.items() if name.endswith("quantiles")]
        self._optimiser = torch.optim.Adam(self._weights, recipe.lr, fused=True)
        self._aux = torch.optim.Adam(quantiles, recipe.aux_lr, fused=True)

    def advance(self, pictures: Sequence[Image]) -> Losses:
        """Do one step on fresh crops of the pictures."""
        recipe = self.recipe
        rng = np.random.default_rng((recipe.seed, self.step))
        crops = draw_crops(pictures, recipe.crop, recipe.batch, rng)
        torch.manual_seed(int(rng.integers(2**63)))
        losses = self._descend(_floats(crops, self.device))
        self._descend_quantiles()
        self._average(1 - recipe.ema_at(self.step))
        self.step += 1
        return losses

    def averaged(self) -> dict[str, Tensor]:
        """Return the net's state with the running mean in place of the weights."""
        return {**self._net.state_dict(), **self._mean}

    def state(self) -> dict[str, Any]:
        """Return all that `restore` needs to go on exactly."""
        return {
            "step": self.step,
            "net": self._net.state_dict(),
            "mean": self._mean,
            "optimiser": self._optimiser.state_dict(),
            "aux": self._aux.state_dict(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where `state` was taken."""
        self.step = state["step"]
        self._net.load_state_dict(state["net"])
        self._optimiser.load_state_dict(state["optimiser"])
        self._aux.load_state_dict(state["aux"])
        self._mean = {name: mean.to(self.device) for name, mean in state["mean"].items()}

    def _descend(self, images: Tensor) -> Losses:
        self._optimiser.param_groups[0]["lr"] = self.recipe.lr_at(self.step)
        self._optimiser.zero_grad()
        losses = self._losses(images)
        losses.loss.backward()
        norm = nn.utils.clip_grad_norm_(self._weights, self.recipe.clip)
        if not torch.isfinite(norm):
            raise BenchError(f"training diverged at step {self.step}; lower lr in the recipe")
        self._optimiser.step()
        return Losses(losses.loss.detach(), losses.bpp.detach(), losses.mse.detach())

    def _losses(self, images: Tensor) -> Losses:
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.recipe.bfloat16):
            out = self._net(images)
        pixels = images.numel() // 3
        bpp = torch.stack([-p.log2().sum() / pixels for p in out["likelihoods"].values()]).sum()
        mse = functional.mse_loss(out["x_hat"].float(), images)
        return Losses(bpp + self.recipe.lmbda * 255**2 * mse, bpp, mse)

    @torch.no_grad()
    def _average(self, share: float) -> None:
        torch._foreach_lerp_(list(self._mean.values()), list(self._live.values()), share)

    def _descend_quantiles(self) -> None:
        self._aux.zero_grad()
        self._net.aux_loss().backward()
        self._aux.step()


def _floats(pictures: Tensor, device: torch.device) -> Tensor:
    """Return uint8 (B, 3, H, W) as float in [0, 1], in channels_last."""
    return pictures.to(device).float().div_(255).contiguous(memory_format=torch.channels_last)


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
    given = [tensor.float() for tensor in (x, scales, means) if tensor is not None]
    with torch.autocast(x.device.type, enabled=False):
        return forward(*given)
