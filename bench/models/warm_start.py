"""Warm start: the initial weights of a net from a trained parent."""

from __future__ import annotations

from pathlib import Path

import torch
from compressai.models import CompressionModel
from torch import Tensor, nn

from bench.errors import ConfigError
from bench.models import checkpoint

_TRANSFORMS = ("g_a.", "g_s.", "correction.")


def inherit(net: CompressionModel, architecture: str, path: Path) -> None:
    """Copy the weights of a parent into a net, in place.

    From a parent of another architecture, or a narrower one, only the transforms are copied, and
    the entropy model keeps its random weights. A narrower parent fills the first channels. The
    other channels have random weights, but the weights of whatever reads them are zero, so a latent
    is decoded as the parent would decode it.

    Args:
        net: a net with random weights.
        architecture: its name.
        path: path of the parent's weights.

    Raises:
        ConfigError: the parent cannot be read, is wider, or has other transforms.
    """
    card = checkpoint.read(path).card
    parent_architecture = card.architecture if card else architecture
    parent = dict(checkpoint.load(path, parent_architecture).named_parameters())
    own = dict(net.named_parameters())
    same = parent_architecture == architecture and all(
        own[name].shape == parent[name].shape for name in own
    )
    copied = {name: own[name] for name in own if same or name.startswith(_TRANSFORMS)}
    if not all(name in parent and _fits(own[name], parent[name]) for name in copied):
        raise ConfigError(
            f"the parent {path} ({parent_architecture}) has other transforms than the recipe,"
            " or is wider"
        )
    input_axes = _input_axes(net)
    with torch.no_grad():
        for name, weight in copied.items():
            _fill(weight, parent[name], input_axes.get(name))


def _fits(weight: Tensor, part: Tensor) -> bool:
    sides = zip(weight.shape, part.shape, strict=False)
    return weight.ndim == part.ndim and all(side >= part_side for side, part_side in sides)


def _input_axes(net: nn.Module) -> dict[str, int]:
    """Return the axis of the input channels in every convolution's weight, by name."""
    axes = {nn.Conv2d: 1, nn.ConvTranspose2d: 0}
    return {
        f"{name}.weight": axis
        for name, module in net.named_modules()
        for kind, axis in axes.items()
        if isinstance(module, kind)
    }


def _fill(weight: Tensor, part: Tensor, input_axis: int | None) -> None:
    """Copy the part into the first channels; set the weights of all further inputs to zero."""
    if input_axis is not None:
        known = part.shape[input_axis]
        weight.narrow(input_axis, known, weight.shape[input_axis] - known).zero_()
    weight[tuple(slice(side) for side in part.shape)] = part
