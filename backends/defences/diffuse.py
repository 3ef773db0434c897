"""A diffusion model as purifier: noise covers the perturbation, and the model removes both.

    x --noise up to time t of 1000--> x_t --the model, step by step--> x_0 --the codec-->

The user supplies the model: a class in a module that a suite's `plugins:` names, and a file with
its weights. The model is called with noisy pictures (B, 3, H, W) in [-1, 1] and times (B,) in
0-999, and returns the noise in its first three channels; H and W are multiples of 64. The noise
schedule is that of Ho et al. (betas from 1e-4 to 0.02), as in OpenAI's guided diffusion and most
published pixel-space weights.

    Nie et al., DiffPure, https://arxiv.org/abs/2205.07460
    Ho et al., DDPM, https://arxiv.org/abs/2006.11239
    Lee & Kim (attacks through every step), https://arxiv.org/abs/2303.09051
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
from backends.learned.nets import Device, freeze, model_hash, on_device, padded
from bench.codec import Codec
from bench.defence import only
from bench.errors import ConfigError, one_line
from bench.models.checkpoint import read
from bench.models.fit import check_finite
from bench.models.state_names import beginnings, fitted
from bench.registry.trusted import load_class
from bench.wrapping import layered, randomised

_TIMES = 1000
_MULTIPLE = 64
_SEEDS = 2**31


@dataclass(frozen=True)
class Diffuse:
    """Diffusion purification (DiffPure) before encoding, with new noise for every picture.

    Args:
        model: "module:Class"; the suite's `plugins` names the module, and the class is an nn.Module
            with a constructor without arguments.
        checkpoint: path of its weights: a .safetensors file, or a .pt or .pth file of tensors only.
        time: time up to which noise is added, of the model's 1000.
        stride: number of times that one step of the model goes back.
        device: the device that runs the model.
    """

    gradient: ClassVar[str] = "exact through every step, each recomputed on the way back"
    model: str
    checkpoint: str
    time: Annotated[int, Field(ge=1, le=_TIMES)] = 150
    stride: Annotated[int, Field(ge=1, le=_TIMES)] = 10
    device: Device = "cpu"

    def __call__(self, codec: Codec) -> Codec:
        """Return the codec with the purifier in front of it.

        Raises:
            ConfigError: `plugins` does not name the model's module, or the weights do not fit.
        """
        net = _net(self.model, Path(self.checkpoint))
        identity = f"diffused to {self.time} by {self.stride}, {model_hash(self.model, net)}"
        times = [*range(self.time, 0, -self.stride), 0]
        net = on_device(net, self.device)

        def with_seed(seed: int) -> Codec:
            layer = _Diffused(net, times, seed, f"{identity}, seed {seed}")
            return layered(only(layer), 0, codec)

        return randomised(_SEEDS, with_seed)


class _Diffused(Filter):
    """The purifier with one draw of the noise.

    Args:
        net: the model.
        times: the visited times, from the noisiest down to 0.
        seed: seed of all noise.
        identity: the layer's identity.
    """

    def __init__(self, net: nn.Module, times: list[int], seed: int, identity: str) -> None:
        self._net, self._times, self._seed, self._identity = net, times, seed, identity
        betas = torch.linspace(1e-4, 0.02, _TIMES, dtype=torch.float64)
        signal: list[float] = torch.cat([torch.ones(1), (1 - betas).cumprod(0)]).tolist()
        self._signal = signal

    @property
    def identity(self) -> str:
        return self._identity

    def filtered(self, images: Tensor) -> Tensor:
        """Return purified pictures; all pictures of a batch get the same noise."""
        device = next(self._net.parameters(), images).device
        state = padded(images.to(device), _MULTIPLE) * 2 - 1
        noise = self._noise(state)
        signal = self._signal[self._times[0]]
        state = sqrt(signal) * state + sqrt(1 - signal) * noise[0]
        for (time, next_time), step_noise in zip(pairwise(self._times), noise[1:], strict=True):
            state = recomputed(self._step, state, time, next_time, step_noise, use_reentrant=False)
        clean = (state + 1) / 2
        return clean[..., : images.shape[-2], : images.shape[-1]].to(images)

    def _noise(self, state: Tensor) -> Tensor:
        """Return the noise added at the start and after each step, (steps + 1, 3, H, W)."""
        generator = torch.Generator().manual_seed(self._seed)
        return torch.randn((len(self._times), *state.shape[1:]), generator=generator).to(state)

    def _step(self, state: Tensor, time: int, next_time: int, step_noise: Tensor) -> Tensor:
        """Return a sample of the state at the next, earlier time (Ho et al., equations 6 and 7)."""
        now, then = self._signal[time], self._signal[next_time]
        times = torch.full((len(state),), time - 1, device=state.device)
        noise: Tensor = self._net(state, times)[:, :3]
        clean = ((state - sqrt(1 - now) * noise) / sqrt(now)).clamp(-1, 1)
        share = (1 - now / then) / (1 - now)
        mean = sqrt(then) * share * clean + sqrt(now / then) * (1 - then) / (1 - now) * state
        return mean + sqrt(share * (1 - then)) * step_noise


def _net(model: str, weights: Path) -> nn.Module:
    net, state = load_class(model, nn.Module)(), read(weights).state

    def load(names: dict[str, Tensor]) -> nn.Module:
        net.load_state_dict(names)
        return net

    try:
        check_finite(fitted(load, state))
    except ConfigError as error:
        raise ConfigError(f"{weights}: {error}") from error
    except RuntimeError as error:
        raise ConfigError(
            f"{weights} does not hold the weights of {model}: {one_line(error)}; its names begin"
            f" with {beginnings(state)}"
        ) from error
    return cast("nn.Module", freeze(net))
