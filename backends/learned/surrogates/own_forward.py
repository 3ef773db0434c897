"""The surrogate of a model of another class: its own forward, with other entropy models.

The forward of a model predicts each latent from those coded before it, masks, and corrects what
rounding has lost, as its coder does. So nothing about its class needs to be known:

    net(images) --> entropy model of z --> entropy model of each slice of y --> x_hat, likelihoods

Every entropy bottleneck and Gaussian conditional is replaced; models with other entropy models are
refused (mixtures of Gaussians, the bottleneck of variable-rate models). The replacement rounds with
the identity as gradient, and its likelihoods are 2 ** -bits, where the bits have the value of the
coder's tables and the gradient of the smooth bits (`entropy_models`). The model may select, join or
mask them. Where it rounds by itself, the gradient is the identity, too (`rounding`).

The surrogate without rounding is the same forward with values that are not rounded. It keeps what
the decoder adds to the latents or does not code.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, cast

import torch
from compressai.entropy_models import (
    EntropyBottleneck,
    EntropyBottleneckVbr,
    EntropyModel,
    GaussianConditional,
    GaussianMixtureConditional,
)
from compressai.models import CompressionModel
from torch import Tensor, nn

from backends.learned.surrogates.entropy_models import (
    CostedBottleneck,
    CostedGaussian,
    RoundedBottleneck,
    RoundedGaussian,
    straight_through_round,
)
from backends.learned.surrogates.rounding import SurrogateRounding, before_rounding
from bench.codec import Rounding
from bench.errors import ConfigError


class OwnForward(nn.Module):
    """The forward of a model, with all entropy models replaced; it shares every weight.

    Args:
        net: the model.
        counts_bits: whether to compute the coder's bits; otherwise there are no "likelihoods".
        decodes: whether to run the decoder g_s, if the model has one.
        rounding: the surrogate of every rounding.
    """

    def __init__(
        self,
        net: CompressionModel,
        *,
        counts_bits: bool,
        decodes: bool = True,
        rounding: Rounding = "straight-through",
    ) -> None:
        super().__init__()
        self._counts_bits = counts_bits
        self._rounding: Rounding = rounding
        self._net = _copied(net, _counting if counts_bits else _rounding)
        if not decodes and "g_s" in self._net._modules:
            self._net.g_s = _SkippedDecoder(self._net.g_s)

    def forward(self, images: Tensor) -> dict[str, Any]:
        """Return "x_hat", and the bits of each stream as "likelihoods"."""
        with SurrogateRounding(self._rounding):
            out = self._net(images)
        if not self._counts_bits:
            return {"x_hat": out["x_hat"]}
        bits = {name: -torch.log2(stream) for name, stream in out["likelihoods"].items()}
        return {"x_hat": out["x_hat"], "likelihoods": bits}


class OwnForwardUnrounded(nn.Module):
    """Decodes the unrounded latents, and counts the bits of the rounded latents.

    Args:
        net: the model.
    """

    def __init__(self, net: CompressionModel) -> None:
        super().__init__()
        self._reconstruction = OwnForward(net, counts_bits=False, rounding="none")
        self._rate = OwnForward(net, counts_bits=True, decodes=False)

    def forward(self, images: Tensor) -> dict[str, Any]:
        """Return "x_hat", and the bits of each stream as "likelihoods"."""
        return {**self._rate(images), **self._reconstruction(images)}


class _Substitute(nn.Module):
    """Takes the place of a part of a model; what it does not define is that of the part."""

    def __init__(self, part: nn.Module) -> None:
        super().__init__()
        self._part = part

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - any attribute of the part
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("_part"), name)


class _SkippedDecoder(_Substitute):
    """A decoder whose output is not used. Models that call its layers still find them."""

    def forward(self, latents: Tensor, *_: object, **__: object) -> Tensor:
        return latents

    def __getitem__(self, index: Any) -> Any:  # noqa: ANN401 - a layer, or several
        return cast("nn.Sequential", self._part)[index]

    def __len__(self) -> int:
        return len(cast("nn.Sequential", self._part))


class _EntropyModel(_Substitute):
    """An entropy model without a least likelihood, which would hide the cost of rare symbols."""

    use_likelihood_bound = False

    def likelihood_lower_bound(self, likelihoods: Tensor) -> Tensor:
        """Return the likelihoods unchanged."""
        return likelihoods


class _Gaussian(_EntropyModel):
    """A Gaussian conditional that rounds straight-through and counts the coder's bits.

    Args:
        model: the Gaussian conditional.
        counted: computes its bits; without it, all likelihoods are 1.
    """

    def __init__(self, model: GaussianConditional, counted: CostedGaussian | None) -> None:
        super().__init__(model)
        self._rounded = RoundedGaussian()
        self._counted = counted

    def forward(
        self, inputs: Tensor, scales: Tensor, means: Tensor | None = None, **_: object
    ) -> tuple[Tensor, Tensor]:
        rounded = self._rounded.quantize(inputs, "dequantize", means)
        return rounded, self._likelihood(inputs, scales, means)

    def quantize(self, inputs: Tensor, mode: str, means: Tensor | None = None) -> Tensor:
        """Round around the means; as "symbols", without adding them again."""
        if mode == "symbols":
            return straight_through_round(inputs if means is None else inputs - means)
        return self._rounded.quantize(inputs, mode, means)

    def _likelihood(self, inputs: Tensor, scales: Tensor, means: Tensor | None = None) -> Tensor:
        if self._counted is None:
            return torch.ones_like(inputs)
        return torch.exp2(-self._counted.bits(before_rounding(inputs), scales, means))


class _Bottleneck(_EntropyModel):
    """An entropy bottleneck that rounds straight-through and counts the coder's bits.

    Args:
        model: the bottleneck.
        counted: computes its bits; without it, all likelihoods are 1.
    """

    def __init__(self, model: EntropyBottleneck, counted: CostedBottleneck | None) -> None:
        super().__init__(model)
        self._rounded = RoundedBottleneck(model)
        self._counted = counted

    def forward(self, inputs: Tensor, **_: object) -> tuple[Tensor, Tensor]:
        rounded, _unused = self._rounded(inputs)
        if self._counted is None:
            return rounded, torch.ones_like(inputs)
        return rounded, torch.exp2(-self._counted.bits(inputs))


def _rounding(model: EntropyModel) -> nn.Module:
    substitute = _Gaussian if isinstance(model, GaussianConditional) else _Bottleneck
    return substitute(model, None)


def _counting(model: EntropyModel) -> nn.Module:
    if isinstance(model, GaussianConditional):
        return _Gaussian(model, CostedGaussian(model))
    return _Bottleneck(model, CostedBottleneck(model))


def _check_supported(name: str, model: nn.Module) -> None:
    """Raise a ConfigError for an entropy model that has no substitute here."""
    is_known = isinstance(model, EntropyBottleneck | GaussianConditional)
    if not is_known or isinstance(model, GaussianMixtureConditional):
        raise ConfigError(
            f"there is no surrogate of the {type(model).__name__} '{name}'; entropy models must be"
            " derived from CompressAI's EntropyBottleneck or GaussianConditional"
        )


def _copied(
    net: CompressionModel, substitute: Callable[[EntropyModel], nn.Module]
) -> CompressionModel:
    """Return a copy that shares every weight, with all entropy models replaced.

    They are replaced wherever the net refers to them: CompressAI's latent codecs also keep their
    parts in a plain dictionary.

    Raises:
        ConfigError: an entropy model has no substitute.
    """
    shared: dict[int, object] = {id(one): one for one in (*net.parameters(), *net.buffers())}
    for name, part in net.named_modules():
        if isinstance(part, EntropyModel | EntropyBottleneckVbr):
            _check_supported(name, part)
            shared[id(part)] = substitute(part)
    copied: CompressionModel = copy.deepcopy(net, shared)
    return copied
