"""CompressAI's variable-rate image models: one file of weights for eight levels.

    Kamisli, Racape, Choi: Variable-rate learned image compression with multi-objective optimization
    and quantization-reconstruction offsets, DCC 2024, https://arxiv.org/abs/2402.18930

A level's gain multiplies the latents before they are rounded; what is decoded is moved towards the
mean by an offset that a small network tells from the latent's scale and the gain:

    q = round(gain (y - mean)),   y_hat = mean + (q - sign(q) offset(gain scale, gain)) / gain

In some weights the step of the hyper latent follows from the gain, too. A model is run at stage 2
always: stage 1, without gains, is of its training.
"""

from __future__ import annotations

import copy
from functools import lru_cache, partial
from pathlib import Path
from typing import Annotated, Any, cast

import torch
from compressai.entropy_models import EntropyBottleneckVbr
from compressai.models import (
    CompressionModel,
    JointAutoregressiveHierarchicalPriorsVbr,
    MeanScaleHyperprior,
)
from compressai.zoo.image_vbr import model_urls
from pydantic import Field
from torch import Tensor, nn

from backends.learned.base import Learned
from backends.learned.compressai import downloaded, located
from backends.learned.entropy_models import (
    CostedBottleneck,
    CostedGaussian,
    RoundedBottleneck,
    straight_through_round,
)
from backends.learned.frozen.replace import quick
from backends.learned.nets import Device, frozen, on_device, view
from backends.learned.surrogate_passes import Pass, Surrogate, SurrogateForward
from bench.errors import ConfigError
from bench.models.checkpoint import load

_LEAST_LIKELIHOOD = 1e-9


class VariableRate(Learned):
    """One operating point of a model whose weights serve many.

    Args:
        architecture: a name of CompressAI's zoo, such as "mbt2018-mean-vbr".
        level: from 0, the fewest bits, to 7; CompressAI calls it s.
        scale: the gain itself, in the place of a level: any rate between the levels' and beyond.
        checkpoint: take these weights instead of the published ones (downloaded once): a bundled
            name, or the path of a .safetensors or CompressAI .pth.tar file, relative to the working
            directory.
        device: where gradients are computed, "cpu" or "cuda"; strings are coded on the CPU.
    """

    def __init__(
        self,
        architecture: str,
        level: Annotated[int, Field(ge=0, le=7)] | None = None,
        scale: Annotated[float, Field(gt=0, le=1000)] | None = None,
        checkpoint: str | None = None,
        device: Device = "cpu",
    ) -> None:
        if (level is None) == (scale is None):
            raise ConfigError(f"{architecture} needs either 'level' (0 to 7) or 'scale'")
        file = located(checkpoint) if checkpoint else downloaded(model_urls[architecture]["mse"])
        changed = file.stat().st_mtime_ns if file.exists() else 0
        net = frozen(_copied(_read(file, changed, architecture)))
        gain = torch.tensor(scale) if level is None else net.Gain[level].abs()
        name = f"{architecture} scale {scale}" if level is None else f"{architecture} level {level}"
        net = _at(net, gain)
        surrogate_of = partial(_surrogate, gain=gain, device=device)
        super().__init__(name, net, surrogate_of, _estimating(net, gain), {"inputscale": gain})


@lru_cache(maxsize=1)
def _read(file: Path, changed: int, architecture: str) -> CompressionModel:
    """Return the net of a file, read once for all its operating points."""
    del changed
    return load(file, architecture)


def _copied(net: CompressionModel) -> CompressionModel:
    """Return a net with the same weights and tables of its own."""
    return copy.deepcopy(net, {id(weight): weight for weight in net.parameters()})


def _at(net: CompressionModel, gain: Tensor) -> CompressionModel:
    """Make the entropy coder's tables for a gain, where they are not the same for all."""
    if isinstance(net.entropy_bottleneck, EntropyBottleneckVbr):
        with torch.no_grad():
            net.update(scale=gain, force=True)
    return net


def _surrogate(net: CompressionModel, gain: Tensor, device: Device) -> Surrogate:
    nearby = quick(on_device(net, device))
    made = _Surrogate(nearby, gain.to(device))
    return Surrogate(nearby, SurrogateForward(made.reconstruct, made.rate, made.relaxed))


class _Surrogate:
    """What stands in for quantisation and the entropy coder at one gain.

    As in `backends.learned.surrogate`: straight-through rounding, and the coder's bits of the
    unrounded latents. The reconstruction runs the hyper path (never its entropy model),
    whose scales the offsets depend on; their gradient is kept.

    The coder of the autoregressive model predicts each latent from those it has coded already. Here
    all are predicted at once: from the unrounded ones, and again from what these predictions make
    of them. A prediction is not the coder's where one before it is not.

    Args:
        net: frozen, its tables made for the gain.
        gain: 0-dim, positive.
    """

    def __init__(self, net: CompressionModel, gain: Tensor) -> None:
        self._net = net
        self._gain = gain
        step = _step(net, self._gain)
        self._rounded = RoundedBottleneck(net.entropy_bottleneck, step)
        self._costed = CostedBottleneck(net.entropy_bottleneck, step)
        self._gaussian = CostedGaussian(net.gaussian_conditional)

    def reconstruct(self, images: Tensor) -> dict[str, Tensor]:
        """Return "x_hat", not clipped."""
        y, z = self._analysed(images)
        z_hat, _ = self._rounded(z)
        return {"x_hat": self._decoded(y, *self._predicted(y, z_hat))}

    def rate(self, images: Tensor) -> dict[str, dict[str, Tensor]]:
        """Return the coder's bits of y and z as "likelihoods"; the decoder is not run."""
        y, z = self._analysed(images)
        z_hat, z_bits = self._costed(z)
        return {"likelihoods": {"y": self._bits(y, *self._predicted(y, z_hat)), "z": z_bits}}

    def relaxed(self, images: Tensor) -> dict[str, Any]:
        """Return both."""
        y, z = self._analysed(images)
        z_hat, z_bits = self._costed(z)
        scales, means = self._predicted(y, z_hat)
        bits = {"y": self._bits(y, scales, means), "z": z_bits}
        return {"x_hat": self._decoded(y, scales, means), "likelihoods": bits}

    def _analysed(self, images: Tensor) -> tuple[Tensor, Tensor]:
        y = self._net.g_a(images)
        return y, self._net.h_a(y if _has_means(self._net) else y.abs())

    def _predicted(self, y: Tensor, z_hat: Tensor) -> tuple[Tensor, Tensor]:
        """Return scales and means of the latents, before the gain."""
        hyper = self._net.h_s(z_hat)
        if not _has_means(self._net):
            return hyper, torch.zeros_like(hyper)
        if not isinstance(self._net, JointAutoregressiveHierarchicalPriorsVbr):
            return _halves(hyper)
        guessed = self._quantised(y, *self._in_context(hyper, y))
        return self._in_context(hyper, guessed)

    def _in_context(self, hyper: Tensor, latents: Tensor) -> tuple[Tensor, Tensor]:
        net = self._net
        of_gain = net.scale_to_context(self._gain.view(1, 1)).view(1, -1, 1, 1)
        context = net.context_prediction(latents) + of_gain
        return _halves(net.entropy_parameters(torch.cat((hyper, context), 1)))

    def _quantised(self, y: Tensor, scales: Tensor, means: Tensor) -> Tensor:
        gain = self._gain
        symbols = straight_through_round(y * gain - means * gain)
        offsets = symbols.detach().sign() * self._offsets(scales * gain)
        return (symbols - offsets) / gain + means

    def _offsets(self, scales: Tensor) -> Tensor:
        lowest = float(self._net.gaussian_conditional.lower_bound_scale.bound)
        known = torch.stack((scales.clamp_min(lowest), self._gain.expand_as(scales)), -1)
        return cast("Tensor", self._net.QuantABCD(known)).squeeze(-1)

    def _decoded(self, y: Tensor, scales: Tensor, means: Tensor) -> Tensor:
        return cast("Tensor", self._net.g_s(self._quantised(y, scales, means)))

    def _bits(self, y: Tensor, scales: Tensor, means: Tensor) -> Tensor:
        gain = self._gain
        _, bits = self._gaussian(y * gain, scales * gain, means * gain)
        return cast("Tensor", bits)


class _Likelihoods(nn.Module):
    """In the place of an EntropyBottleneckVbr: its forward, with the right likelihoods.

    CompressAI 1.2.8 hands over the step where a flag is expected, and so takes the mass of
    half a unit to both sides, whatever the step. Its coder's tables are right.
    """

    def __init__(self, bottleneck: CostedBottleneck) -> None:
        super().__init__()
        self._bottleneck = bottleneck

    def forward(self, inputs: Tensor, **_: object) -> tuple[Tensor, Tensor]:
        """Return the rounded latents and their likelihoods, both (B, C, h, w)."""
        rounded, _ = self._bottleneck(inputs)
        return rounded, self._bottleneck.probability(rounded).clamp_min(_LEAST_LIKELIHOOD)


def _estimating(net: CompressionModel, gain: Tensor) -> Pass:
    """Return the model's own forward, its likelihoods mended where they need it."""
    if isinstance(net.entropy_bottleneck, EntropyBottleneckVbr):
        costed = CostedBottleneck(net.entropy_bottleneck, _step(net, gain))
        net = view(net, entropy_bottleneck=_Likelihoods(costed))
    return partial(net, inputscale=gain)


def _step(net: CompressionModel, gain: Tensor) -> float | Tensor:
    """Return the distance between two quantised hyper latents."""
    if not isinstance(net.entropy_bottleneck, EntropyBottleneckVbr):
        return 1.0
    step: Tensor = net.lower_bound_zqstep(net.gayn2zqstep(1 / gain.view(1)))
    return step[0]


def _has_means(net: CompressionModel) -> bool:
    return isinstance(net, MeanScaleHyperprior)


def _halves(parameters: Tensor) -> tuple[Tensor, Tensor]:
    scales, means = parameters.chunk(2, 1)
    return scales, means
