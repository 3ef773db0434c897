"""Operations on any CompressAI model: device, padding, shared copies and the weights' hash."""

from __future__ import annotations

import copy
import hashlib
from typing import Literal, TypeAlias, cast

import torch
from compressai.models import CompressionModel
from torch import Tensor, nn
from torch.nn import functional

from bench.errors import ConfigError

Device: TypeAlias = Literal["cpu", "cuda"]

_DEFAULT_FACTOR = 64


def downsampling_factor(net: CompressionModel) -> int:
    """Return the number of which picture sides must be multiples, in pixels."""
    return getattr(net, "downsampling_factor", _DEFAULT_FACTOR)


def freeze(net: CompressionModel) -> CompressionModel:
    """Switch a model to eval mode and its weights to no gradient, and return it."""
    moved = net.to(memory_format=torch.channels_last).eval()
    return cast("CompressionModel", moved.requires_grad_(False))


def on_device(net: CompressionModel, device: Device) -> CompressionModel:
    """Return a model on a device: the model itself on the CPU, a copy on another device.

    Raises:
        ConfigError: torch finds no GPU.
    """
    if device == "cpu":
        return net
    if not torch.cuda.is_available():
        raise ConfigError("device 'cuda' is not available: torch finds no GPU; use 'cpu'")
    return cast("CompressionModel", copy.deepcopy(net).to(device))


def view(net: nn.Module, **replaced: nn.Module) -> nn.Module:
    """Return a shallow copy that shares every weight, with some submodules replaced."""
    copied = copy.copy(net)
    copied._modules = {**net._modules, **replaced}
    return copied


def padded(images: Tensor, factor: int) -> Tensor:
    """Return (B, 3, H', W'): edge-padded below and on the right to multiples of `factor`."""
    bottom, right = (-side % factor for side in images.shape[-2:])
    if bottom or right:
        images = functional.pad(images, (0, right, 0, bottom), mode="replicate")
    return images.contiguous(memory_format=torch.channels_last)


def weights_hash(architecture: str, net: CompressionModel) -> str:
    """Return the architecture and the hash of all weights and entropy-coder tables."""
    digest = hashlib.sha256(architecture.encode())
    for name, tensor in sorted(net.state_dict().items()):
        digest.update(f"{name} {tuple(tensor.shape)}".encode())
        digest.update(tensor.cpu().contiguous().numpy().tobytes())
    return f"{architecture} {digest.hexdigest()[:16]}"
