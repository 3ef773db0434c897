"""Operations on any CompressAI model: device, padding, shared copies and hashes."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable
from typing import Literal, TypeAlias, cast

import torch
from compressai.models import CompressionModel
from torch import Tensor, nn
from torch.nn import functional

from bench.errors import ConfigError

Device: TypeAlias = Literal["cpu", "cuda"]

_DEFAULT_FACTOR = 64

TABLES = ("_quantized_cdf", "_cdf_length", "_offset", ".scale_table")
"""The last parts of the names of entropy-coder tables in a model of CompressAI."""


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


def view(net: nn.Module, /, **replaced: nn.Module) -> nn.Module:
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


def model_hash(name: str, net: nn.Module) -> str:
    """Return a name and the hash of the whole model: weights and entropy-coder tables."""
    digest = hashlib.sha256(name.encode())
    _add(digest, net, lambda _: True)
    return f"{name} {digest.hexdigest()[:16]}"


def weights_hash(net: nn.Module) -> str:
    """Return the hash of the weights, without the entropy-coder tables.

    Tables are made from the weights by torch, so equal weights have other tables where another
    build of torch rounds differently.
    """
    digest = hashlib.sha256()
    _add(digest, net, lambda key: not key.endswith(TABLES))
    return digest.hexdigest()[:16]


def _add(digest: hashlib._Hash, net: nn.Module, is_wanted: Callable[[str], bool]) -> None:
    for name, tensor in sorted(net.state_dict().items()):
        if is_wanted(name):
            digest.update(f"{name} {tuple(tensor.shape)}".encode())
            digest.update(tensor.cpu().contiguous().numpy().tobytes())
