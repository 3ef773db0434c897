"""CompressAI's variable-rate image models: one set of weights for eight rate levels.

    Kamisli, Racape, Choi: Variable-rate learned image compression with multi-objective optimization
    and quantization-reconstruction offsets, DCC 2024, https://arxiv.org/abs/2402.18930

A level's gain multiplies the latents before rounding. Decoded latents are moved towards the mean by
an offset that a small network computes from the latent's scale and the gain:

    q = round(gain (y - mean)),   y_hat = mean + (q - sign(q) offset(gain scale, gain)) / gain

In some checkpoints the quantisation step of the hyper-latent also depends on the gain. A model
always runs at stage 2; stage 1, without gains, exists only in training.
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
from backends.learned.compressai import download, locate
from backends.learned.frozen.replace import with_fast_layers
from backends.learned.nets import Device, freeze, on_device, view
from backends.learned.surrogates.entropy_models import (
    CostedBottleneck,
    CostedGaussian,
    RoundedBottleneck,
    straight_through_round,
)
from backends.learned.surrogates.passes import Pass, Surrogate, SurrogateForward
from bench.codec import Rounding
from bench.errors import ConfigError
from bench.models.checkpoint import load

_LEAST_LIKELIHOOD = 1e-9


class VariableRate(Learned):
    """One operating point of a variable-rate model.

    Args:
        architecture: its name in CompressAI's zoo, such as "mbt2018-mean-vbr".
        level: the rate level, 0 (fewest bits) to 7; CompressAI calls it s.
        scale: the gain itself instead of a level, for rates between the levels and beyond them.
        checkpoint: use these weights instead of the published ones (downloaded once): a bundled
            name, or the path of a .safetensors or CompressAI .pth.tar file, relative to the working
            directory.
        device: the device of gradients, "cpu" or "cuda"; bitstreams are coded on the CPU.

    Raises:
        ConfigError: not exactly one of level and scale is set, or the weights cannot be loaded.
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
        file = locate(checkpoint) if checkpoint else download(model_urls[architecture]["mse"])
        changed = file.stat().st_mtime_ns if file.exists() else 0
        net = freeze(_copied(_read(file, changed, architecture)))
        gain = torch.tensor(scale) if level is None else net.Gain[level].abs()
        name = f"{architecture} scale {scale}" if level is None else f"{architecture} level {level}"
        net = _with_tables(net, gain)
        surrogate_of = partial(_surrogate, gain=gain, device=device)
        options = {"inputscale": gain}
        super().__init__(name, net, surrogate_of, partial(_estimator, gain=gain), options)


@lru_cache(maxsize=1)
def _read(file: Path, changed: int, architecture: str) -> CompressionModel:
    """Return the model of a file, read once for all its operating points."""
    del changed
    return load(file, architecture)


def _copied(net: CompressionModel) -> CompressionModel:
    """Return a model that shares the weights and has its own entropy-coder tables."""
    return copy.deepcopy(net, {id(weight): weight for weight in net.parameters()})


def _with_tables(net: CompressionModel, gain: Tensor) -> CompressionModel:
    """Compute the entropy coder's tables for a gain, where they depend on the gain."""
    if isinstance(net.entropy_bottleneck, EntropyBottleneckVbr):
        with torch.no_grad():
            net.update(scale=gain, force=True)
    return net


def _surrogate(
    net: CompressionModel, rounding: Rounding, gain: Tensor, device: Device
) -> Surrogate:
    net = with_fast_layers(on_device(net, device))
    passes = _SurrogatePasses(net, rounding, gain.to(device))
    return Surrogate(net, SurrogateForward(passes.reconstruct, passes.rate, passes.relaxed))


class _SurrogatePasses:
    """The surrogate's forward passes at one gain.

    As in `backends.learned.surrogates.views`, rounding is straight-through or left out of the
    reconstruction, and the rate is the coder's. The rounded reconstruction runs the hyperprior path
    without its entropy model, because the offsets depend on its scales; their gradient is kept.

    The coder of the autoregressive model predicts each latent from the latents coded before it.
    Here all latents are predicted at once: first from the unrounded latents, and then from the
    latents quantised with the first prediction. A prediction differs from the coder's where an
    earlier one differs.

    Args:
        net: the frozen model, with tables for the gain.
        rounding: the surrogate of the latents' rounding in the reconstruction.
        gain: 0-dimensional, positive.
    """

    def __init__(self, net: CompressionModel, rounding: Rounding, gain: Tensor) -> None:
        self._net = net
        self._rounding = rounding
        self._gain = gain
        step = _step(net, self._gain)
        self._rounded = RoundedBottleneck(net.entropy_bottleneck, step)
        self._costed = CostedBottleneck(net.entropy_bottleneck, step)
        self._gaussian = CostedGaussian(net.gaussian_conditional)

    def reconstruct(self, images: Tensor) -> dict[str, Tensor]:
        """Return "x_hat", (B, 3, H, W), not clipped."""
        if self._rounding == "none":
            return {"x_hat": self._net.g_s(self._net.g_a(images))}
        y, z = self._analysed(images)
        z_hat, _ = self._rounded(z)
        return {"x_hat": self._decoded(y, *self._predicted(y, z_hat))}

    def rate(self, images: Tensor) -> dict[str, dict[str, Tensor]]:
        """Return the coder's bits of y and z as "likelihoods"; the decoder is not run."""
        y, z = self._analysed(images)
        z_hat, z_bits = self._costed(z)
        return {"likelihoods": {"y": self._bits(y, *self._predicted(y, z_hat)), "z": z_bits}}

    def relaxed(self, images: Tensor) -> dict[str, Any]:
        """Return "x_hat" and "likelihoods"."""
        y, z = self._analysed(images)
        z_hat, z_bits = self._costed(z)
        scales, means = self._predicted(y, z_hat)
        bits = {"y": self._bits(y, scales, means), "z": z_bits}
        is_rounded = self._rounding == "straight-through"
        x_hat = self._decoded(y, scales, means) if is_rounded else self._net.g_s(y)
        return {"x_hat": x_hat, "likelihoods": bits}

    def _analysed(self, images: Tensor) -> tuple[Tensor, Tensor]:
        y = self._net.g_a(images)
        return y, self._net.h_a(y if _has_means(self._net) else y.abs())

    def _predicted(self, y: Tensor, z_hat: Tensor) -> tuple[Tensor, Tensor]:
        """Return scales and means of the latents before the gain, (B, C, h, w)."""
        hyper = self._net.h_s(z_hat)
        if not _has_means(self._net):
            return hyper, torch.zeros_like(hyper)
        if not isinstance(self._net, JointAutoregressiveHierarchicalPriorsVbr):
            return _halves(hyper)
        quantised = self._quantised(y, *self._in_context(hyper, y))
        return self._in_context(hyper, quantised)

    def _in_context(self, hyper: Tensor, latents: Tensor) -> tuple[Tensor, Tensor]:
        net = self._net
        gain_term = net.scale_to_context(self._gain.view(1, 1)).view(1, -1, 1, 1)
        context = net.context_prediction(latents) + gain_term
        return _halves(net.entropy_parameters(torch.cat((hyper, context), 1)))

    def _quantised(self, y: Tensor, scales: Tensor, means: Tensor) -> Tensor:
        gain = self._gain
        symbols = straight_through_round(y * gain - means * gain)
        offsets = symbols.detach().sign() * self._offsets(scales * gain)
        return (symbols - offsets) / gain + means

    def _offsets(self, scales: Tensor) -> Tensor:
        lowest = float(self._net.gaussian_conditional.lower_bound_scale.bound)
        inputs = torch.stack((scales.clamp_min(lowest), self._gain.expand_as(scales)), -1)
        return cast("Tensor", self._net.QuantABCD(inputs)).squeeze(-1)

    def _decoded(self, y: Tensor, scales: Tensor, means: Tensor) -> Tensor:
        return cast("Tensor", self._net.g_s(self._quantised(y, scales, means)))

    def _bits(self, y: Tensor, scales: Tensor, means: Tensor) -> Tensor:
        gain = self._gain
        _, bits = self._gaussian(y * gain, scales * gain, means * gain)
        return cast("Tensor", bits)


class _Likelihoods(nn.Module):
    """Replaces an EntropyBottleneckVbr: its forward with correct likelihoods.

    CompressAI 1.2.8 passes the step where a flag is expected, and therefore integrates half a unit
    to both sides, whatever the step. Its coder's tables are correct.
    """

    def __init__(self, bottleneck: CostedBottleneck) -> None:
        super().__init__()
        self._bottleneck = bottleneck

    def forward(self, inputs: Tensor, **_: object) -> tuple[Tensor, Tensor]:
        """Return the rounded latents and their likelihoods, both (B, C, h, w)."""
        rounded, _ = self._bottleneck(inputs)
        return rounded, self._bottleneck.probability(rounded).clamp_min(_LEAST_LIKELIHOOD)


def _estimator(net: CompressionModel, gain: Tensor) -> Pass:
    """Return the model's own forward, with its likelihoods corrected where necessary."""
    if isinstance(net.entropy_bottleneck, EntropyBottleneckVbr):
        costed = CostedBottleneck(net.entropy_bottleneck, _step(net, gain))
        net = view(net, entropy_bottleneck=_Likelihoods(costed))
    return partial(net, inputscale=gain)


def _step(net: CompressionModel, gain: Tensor) -> float | Tensor:
    """Return the quantisation step of the hyper-latent."""
    if not isinstance(net.entropy_bottleneck, EntropyBottleneckVbr):
        return 1.0
    step: Tensor = net.lower_bound_zqstep(net.gayn2zqstep(1 / gain.view(1)))
    return step[0]


def _has_means(net: CompressionModel) -> bool:
    return isinstance(net, MeanScaleHyperprior)


def _halves(parameters: Tensor) -> tuple[Tensor, Tensor]:
    scales, means = parameters.chunk(2, 1)
    return scales, means
