"""A diffusion model as purifier: noise drowns what an attacker added, the model takes both out.

    x --noise of so many times of 1000--> x_t --the model, step by step--> x_0 --codec inside-->

The model is the user's: a class that a suite's `plugins:` names, and a file of its weights. It is
called with noisy pictures (B, 3, H, W) in [-1, 1] and times (B,) of 0-999, and returns the noise in
its first three channels; H and W are multiples of 64. Times are those of Ho et al. (betas from 1e-4
to 0.02), which OpenAI's guided diffusion and most published weights of pixels share.

    Nie et al., DiffPure, https://arxiv.org/abs/2205.07460
    Ho et al., DDPM, https://arxiv.org/abs/2006.11239
    Lee & Kim (attack it through every step), https://arxiv.org/abs/2303.09051
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import sqrt
from pathlib import Path
from typing import Annotated, ClassVar, cast

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint as recomputed

from backends.defences.filters import Filter
from backends.learned.nets import Device, frozen, on_device, padded, weights_hash
from bench.codec import Codec
from bench.defence import only
from bench.errors import ConfigError, one_line
from bench.models.checkpoint import read
from bench.registry import trusted as consent
from bench.wrapping import layered, randomised

_TIMES = 1000
_MULTIPLE = 64
_SEEDS = 2**31


@dataclass(frozen=True)
class Diffuse:
    """Noised and denoised by a diffusion model first, with other noise for every picture.

    Args:
        model: "module:Class", the module being named in the suite's `plugins`; the class is an
            nn.Module that is made without arguments.
        checkpoint: the path of its weights, a .safetensors file or a .pt or .pth of tensors alone.
        time: how much noise is added, in the model's times.
        stride: how many times one step of the model undoes.
        device: where the model runs.
    """

    gradient: ClassVar[str] = "exact through every step, each recomputed on the way back"
    model: str
    checkpoint: str
    time: Annotated[int, Field(ge=1, le=_TIMES)] = 150
    stride: Annotated[int, Field(ge=1, le=_TIMES)] = 10
    device: Device = "cpu"

    def __call__(self, codec: Codec) -> Codec:
        """Return the codec of pictures that went through noise.

        Raises:
            ConfigError: the model is not named in `plugins`, or the weights are not its own.
        """
        net = _net(self.model, Path(self.checkpoint))
        identity = f"diffused to {self.time} by {self.stride}, {weights_hash(self.model, net)}"
        times = [*range(self.time, 0, -self.stride), 0]
        net = on_device(net, self.device)

        def drawn(seed: int) -> Codec:
            layer = _Diffused(net, times, seed, f"{identity}, seed {seed}")
            return layered(only(layer), 0, codec)

        return randomised(_SEEDS, drawn)


class _Diffused(Filter):
    """One draw of the noise.

    Args:
        net: the model.
        times: those that are visited, from the noisiest down to 0.
        seed: of all noise.
        identity: what names it.
    """

    def __init__(self, net: nn.Module, times: list[int], seed: int, identity: str) -> None:
        self._net, self._times, self._seed, self._identity = net, times, seed, identity
        betas = torch.linspace(1e-4, 0.02, _TIMES, dtype=torch.float64)
        kept: list[float] = torch.cat([torch.ones(1), (1 - betas).cumprod(0)]).tolist()
        self._kept = kept

    @property
    def identity(self) -> str:
        return self._identity

    def filtered(self, images: Tensor) -> Tensor:
        """Return pictures after noise was added and taken out; all of a batch get the same."""
        where = next(self._net.parameters(), images).device
        state = padded(images.to(where), _MULTIPLE) * 2 - 1
        noise = self._noise(state)
        kept = self._kept[self._times[0]]
        state = sqrt(kept) * state + sqrt(1 - kept) * noise[0]
        for (time, after), grain in zip(pairwise(self._times), noise[1:], strict=True):
            state = recomputed(self._step, state, time, after, grain, use_reentrant=False)
        clean = (state + 1) / 2
        return clean[..., : images.shape[-2], : images.shape[-1]].to(images)

    def _noise(self, state: Tensor) -> Tensor:
        """Return what is added at first and after each step, (steps + 1, 3, H, W)."""
        generator = torch.Generator().manual_seed(self._seed)
        return torch.randn((len(self._times), *state.shape[1:]), generator=generator).to(state)

    def _step(self, state: Tensor, time: int, after: int, grain: Tensor) -> Tensor:
        """Return a sample of the state at an earlier time, of what the model believes."""
        kept, then = self._kept[time], self._kept[after]
        now = torch.full((len(state),), time - 1, device=state.device)
        noise: Tensor = self._net(state, now)[:, :3]
        clean = ((state - sqrt(1 - kept) * noise) / sqrt(kept)).clamp(-1, 1)
        share = (1 - kept / then) / (1 - kept)
        mean = sqrt(then) * share * clean + sqrt(kept / then) * (1 - then) / (1 - kept) * state
        return mean + sqrt(share * (1 - then)) * grain


def _net(model: str, weights: Path) -> nn.Module:
    kind = consent.load_class(model, nn.Module)
    net, state = kind(), read(weights).state
    try:
        net.load_state_dict(state)
    except RuntimeError as error:
        raise ConfigError(
            f"{weights} does not hold the weights of {model}: {one_line(error)}"
        ) from error
    return cast("nn.Module", frozen(net))
