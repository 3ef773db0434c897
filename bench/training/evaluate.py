"""Rate and distortion of trained weights on pictures, from strings that are decoded again."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from compressai.models import CompressionModel
from torch.nn import functional

from bench.codec import Image
from bench.errors import ConfigError
from bench.metrics import scores as metrics
from bench.models import checkpoint
from bench.models.architectures import build
from bench.models.card import RateDistortion, write_card
from bench.models.denoiser import Denoiser
from bench.models.entropy_coder import compressed
from bench.tensors import to_image, to_tensor

_PAD = 64
"""Pictures are padded to multiples of this many pixels."""


def measure(weights: Path, name: str, pictures: Iterable[Image]) -> RateDistortion:
    """Measure trained weights on a set of pictures and write the result into their card.

    Args:
        weights: a .safetensors file with its card.
        name: name of the set in the card.
        pictures: uint8, each (H, W, 3).

    Raises:
        ConfigError: the weights cannot be read, or have no card.
    """
    trained = checkpoint.read(weights)
    if trained.card is None:
        raise ConfigError(f"{weights} has no card beside it; only trained weights have one")
    net = build(trained.card.architecture, trained.state)
    result = rate_distortion(net, pictures)
    results = {**trained.card.rate_distortion, name: result}
    write_card(weights, trained.card.model_copy(update={"rate_distortion": results}))
    return result


def rate_distortion(net: CompressionModel | Denoiser, pictures: Iterable[Image]) -> RateDistortion:
    """Return the mean rate and PSNR of a net on pictures.

    Args:
        net: a net in eval mode, on the CPU, with its CDF tables; or a denoiser, whose rate is 0.
        pictures: uint8, each (H, W, 3); padded for the net, and cropped after decoding.
    """
    scores = [_score(net, picture) for picture in pictures]
    bpp, psnr, estimate = np.mean(scores, axis=0)
    return RateDistortion(bpp=bpp, psnr=psnr, estimated_bpp=estimate, pictures=len(scores))


def _score(net: CompressionModel | Denoiser, picture: Image) -> tuple[float, float, float]:
    """Return bits per pixel, PSNR and estimated bits per pixel of one picture."""
    height, width, _ = picture.shape
    padding = (0, -width % _PAD, 0, -height % _PAD)
    padded = functional.pad(to_tensor(picture), padding, mode="replicate")
    if isinstance(net, Denoiser):
        return 0.0, metrics.psnr(picture, _denoised(net, picture)), 0.0
    packed = compressed(net, padded)
    with torch.no_grad():
        decoded = net.decompress(packed["strings"], packed["shape"])["x_hat"]
        likelihoods = net(padded)["likelihoods"].values()
    size = sum(len(string) for strings in packed["strings"] for string in strings)
    estimate = sum(float(-p.double().log2().sum()) for p in likelihoods) / (height * width)
    rounded = to_image(decoded[..., :height, :width])
    return metrics.bpp(size, height, width), metrics.psnr(picture, rounded), estimate


@torch.no_grad()
def _denoised(net: Denoiser, picture: Image) -> Image:
    return to_image(net(to_tensor(picture))["x_hat"])
