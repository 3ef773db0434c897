"""A net's first weights, from a trained parent's."""

from __future__ import annotations

from pathlib import Path

import torch
from compressai.models import CompressionModel
from torch import Tensor, nn

from bench.errors import ConfigError
from bench.models import checkpoint

_TRANSFORMS = ("g_a.", "g_s.", "correction.")


def inherit(net: CompressionModel, architecture: str, path: Path) -> None:
    """Take over a parent's weights, in place.

    Of a parent of another architecture, or a narrower one, the transforms are taken and the entropy
    model starts anew. A narrower parent fills the first channels: what comes out of the others is
    drawn at random, and nothing listens to it yet, so that a latent is decoded as the parent would.

    Args:
        net: with random weights.
        architecture: its name.
        path: of the parent's weights.

    Raises:
        ConfigError: the parent cannot be read, is wider, or has other transforms.
    """
    card = checkpoint.read(path).card
    ancestor = card.architecture if card else architecture
    found = dict(checkpoint.load(path, ancestor).named_parameters())
    own = dict(net.named_parameters())
    same = ancestor == architecture and all(own[name].shape == found[name].shape for name in own)
    taken = {name: own[name] for name in own if same or name.startswith(_TRANSFORMS)}
    if not all(name in found and _holds(own[name], found[name]) for name in taken):
        raise ConfigError(
            f"the parent {path} ({ancestor}) has other transforms than the recipe, or is wider"
        )
    inputs = dict(_inputs(net))
    with torch.no_grad():
        for name, weight in taken.items():
            _fill(weight, found[name], inputs.get(name))


def _holds(weight: Tensor, part: Tensor) -> bool:
    sides = zip(weight.shape, part.shape, strict=False)
    return weight.ndim == part.ndim and all(whole >= own for whole, own in sides)


def _inputs(net: nn.Module) -> list[tuple[str, int]]:
    """Return the axis of the inputs of every convolution's weight, by name."""
    axes = {nn.Conv2d: 1, nn.ConvTranspose2d: 0}
    return [
        (f"{name}.weight", axis)
        for name, module in net.named_modules()
        for kind, axis in axes.items()
        if isinstance(module, kind)
    ]


def _fill(weight: Tensor, part: Tensor, inputs: int | None) -> None:
    if inputs is not None:
        known = part.shape[inputs]
        weight.narrow(inputs, known, weight.shape[inputs] - known).zero_()
    weight[tuple(slice(side) for side in part.shape)] = part
