"""Fit to photographs what the files of the networks lack, see `jpeg_ai_networks.prior`.

python -m jpeg_ai_networks.fit PHOTOS
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image as Pictures
from torch import Tensor

from bench.codec import Image
from bench.tensors import to_tensor
from jpeg_ai_networks import folder, networks, prior
from jpeg_ai_networks.entropy_model import deviations
from jpeg_ai_networks.networks import Component, Networks, padded, size_of
from jpeg_ai_networks.prior import ComponentPrior, Prior
from jpeg_ai_networks.range_coder import LOWEST_SCALE, smooth_bits

_SIDE = 512
"""Of each photograph at most so many rows and columns are used, those in the middle."""

_STEPS = 60
_STEP_LIMIT = 2**12
_DISTANCE_LIMIT = 2**16
_DIGITS = 4
"""Of the values in the file: an error of 0.00005 costs no bits."""


def fit(graphs: Networks, photographs: Iterable[Image]) -> Prior:
    """Return the prior with the fewest bits for photographs."""
    latents = [graphs.analyse(padded(to_tensor(one))) for one in photographs]
    luma = _fitted(graphs.luma, [one.luma for one in latents])
    return Prior(graphs.digest, luma, _fitted(graphs.chroma, [one.chroma for one in latents]))


def photographs(source: Path) -> Iterator[Image]:
    """Yield the middle of each picture of a folder."""
    for file in sorted(path for path in source.iterdir() if path.suffix in {".jpg", ".png"}):
        with Pictures.open(file) as picture:
            pixels = np.asarray(picture.convert("RGB"))
        top, left = (max(0, side - _SIDE) // 2 for side in pixels.shape[:2])
        yield pixels[top : top + _SIDE, left : left + _SIDE]


def _fitted(graphs: Component, latents: list[Tensor]) -> ComponentPrior:
    hyper = [graphs.hyper_analysis(one).round() for one in latents]
    predicted = [graphs.prediction(z, size_of(y)) for z, y in zip(hyper, latents, strict=True)]
    residuals = _by_channel(
        [(y - means).round() for y, (means, _) in zip(latents, predicted, strict=True)]
    )
    gain, floors = _fit_deviations(_by_channel([scales for _, scales in predicted]), residuals)
    means, scales = _fit_gaussians(_by_channel(hyper))
    return ComponentPrior(
        round(float(gain), _DIGITS), _listed(floors), _listed(means), _listed(scales)
    )


def _by_channel(tensors: list[Tensor]) -> Tensor:
    """Return the values of all pictures, (C, 1, N)."""
    return torch.cat([one[0].flatten(1) for one in tensors], 1).unsqueeze(1)


def _fit_deviations(scales: Tensor, residuals: Tensor) -> tuple[Tensor, Tensor]:
    """Return the gain, (), and the floors, (C, 1, 1)."""
    log_gain, logs = torch.zeros(()), torch.full((len(scales),), -3.0)
    channels, sizes, distances, counts = _counted(scales, residuals)

    def bits() -> Tensor:
        floors = LOWEST_SCALE + logs.exp()
        wide = deviations(sizes, log_gain.exp(), floors[channels])
        return (counts * smooth_bits(distances, wide)).sum()

    _minimise(bits, [log_gain, logs])
    return log_gain.exp(), LOWEST_SCALE + logs.exp()


def _counted(scales: Tensor, residuals: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return channel, scale, distance and count of latents that are equal, each (M,).

    Scales are equal within 1 %, or below 0.01. That makes one of about a hundred latents.
    """
    channels = torch.arange(len(scales)).view(-1, 1, 1)
    steps = (100 * scales.abs().clamp(0.01, 1e6).log()).round().long() + _STEP_LIMIT // 2
    distances = residuals.abs().long().clamp_max(_DISTANCE_LIMIT - 1)
    keys = (channels * _STEP_LIMIT + steps) * _DISTANCE_LIMIT + distances
    found, counts = keys.unique(return_counts=True)
    sizes = (found // _DISTANCE_LIMIT % _STEP_LIMIT - _STEP_LIMIT // 2) / 100
    channels = found // (_DISTANCE_LIMIT * _STEP_LIMIT)
    return channels, sizes.exp(), found % _DISTANCE_LIMIT, counts


def _fit_gaussians(hyper: Tensor) -> tuple[Tensor, Tensor]:
    """Return the means and the deviations, both (C, 1, 1)."""
    means, logs = hyper.mean(2, keepdim=True), hyper.std(2, keepdim=True).add(0.05).log()

    def bits() -> Tensor:
        return smooth_bits(hyper - means, LOWEST_SCALE + logs.exp()).sum()

    _minimise(bits, [means, logs])
    return means, LOWEST_SCALE + logs.exp()


def _minimise(bits: Callable[[], Tensor], parameters: list[Tensor]) -> None:
    """Change parameters in place until the bits no longer fall."""
    optimiser = torch.optim.LBFGS(parameters, max_iter=_STEPS, line_search_fn="strong_wolfe")
    for one in parameters:
        one.requires_grad_(True)

    def closure() -> Tensor:
        optimiser.zero_grad()
        value = bits()
        value.backward()
        return value

    with torch.enable_grad():
        optimiser.step(closure)
    for one in parameters:
        one.requires_grad_(False)


def _listed(values: Tensor) -> tuple[float, ...]:
    return tuple(round(value, _DIGITS) for value in values.flatten().tolist())


def main() -> None:
    """Fit the prior to a folder of photographs and write it."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("photographs", type=Path, help="a folder with .jpg and .png files")
    parser.add_argument("--output", type=Path, default=prior.shipped(), help="the file to write")
    arguments = parser.parse_args()
    with torch.no_grad():
        fitted = fit(networks.read(folder.find()), photographs(arguments.photographs))
    fitted.write(arguments.output)


if __name__ == "__main__":
    main()
