"""What is done with any CompressAI net: where it runs, what it is known by, what sizes it takes."""

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

_USUAL_FACTOR = 64


def factor(net: CompressionModel) -> int:
    """Return what sides of pictures must be multiples of."""
    return getattr(net, "downsampling_factor", _USUAL_FACTOR)


def frozen(net: CompressionModel) -> CompressionModel:
    """Return the net itself in eval mode; its weights take no gradient."""
    moved = net.to(memory_format=torch.channels_last).eval()
    return cast("CompressionModel", moved.requires_grad_(False))


def on_device(net: CompressionModel, device: Device) -> CompressionModel:
    """Return a net where gradients are computed: itself on the CPU, a copy elsewhere.

    Raises:
        ConfigError: the device is not there.
    """
    if device == "cpu":
        return net
    if not torch.cuda.is_available():
        raise ConfigError("device 'cuda' was asked for, but torch sees no GPU; use 'cpu'")
    return cast("CompressionModel", copy.deepcopy(net).to(device))


def view(net: nn.Module, **replaced: nn.Module) -> nn.Module:
    """Return a shallow copy that shares every weight, with some parts replaced."""
    copied = copy.copy(net)
    copied._modules = {**net._modules, **replaced}
    return copied


def padded(images: Tensor, factor: int) -> Tensor:
    """Repeat the edge up to multiples of the factor."""
    bottom, right = (-side % factor for side in images.shape[-2:])
    if bottom or right:
        images = functional.pad(images, (0, right, 0, bottom), mode="replicate")
    return images.contiguous(memory_format=torch.channels_last)


def weights_hash(architecture: str, net: CompressionModel) -> str:
    """Return a net's architecture and the hash of all its weights and tables."""
    digest = hashlib.sha256(architecture.encode())
    for name, tensor in sorted(net.state_dict().items()):
        digest.update(f"{name} {tuple(tensor.shape)}".encode())
        digest.update(tensor.cpu().contiguous().numpy().tobytes())
    return f"{architecture} {digest.hexdigest()[:16]}"
