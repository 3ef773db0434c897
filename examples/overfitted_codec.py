"""A toy codec that fits a network to every picture, as Cool-chic and C3 do. It is neither of them.

    four grids of integers --bilinear--> (4, H, W) --1x1, ReLU, 1x1--> picture

The encoder fits grids and weights to one picture by Adam; the bitstream holds both, as integers
compressed with zlib. The decoder is a forward pass. There is no network from pictures to bytes, so
the codec has no gradients. Cool-chic (arXiv 2212.05458) and C3 (arXiv 2312.02753) have learned
entropy models and thousands of steps; the toy has neither, and its rates say nothing about theirs.
"""

import zlib
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from bench.codec import Codec, Image
from bench.container import overhead, pack, unpack
from bench.entry import Cost, Entry
from bench.errors import CodecError
from bench.tensors import to_image, to_tensor

_ID = b"ofit"
_SCALES = (1, 2, 4, 8)
_WEIGHTS = ((8, len(_SCALES), 1, 1), (8,), (3, 8, 1, 1), (3,))
_WEIGHT_STEP = 1 / 32


class Overfitted(Codec):
    """A network fitted to each picture.

    Args:
        rate_weight: bits per pixel count this much against the mean squared error; larger values
            make smaller bitstreams.
        steps: the steps of Adam for each picture; the time to encode is proportional to them.
        seed: of the first weights. The same picture must give the same bytes, so it is fixed.
    """

    def __init__(self, rate_weight: float = 0.001, steps: int = 150, seed: int = 0) -> None:
        self._rate_weight, self._steps, self._seed = rate_weight, steps, seed

    def encode(self, image: Image) -> bytes:
        height, width = image.shape[:2]
        with torch.inference_mode(mode=False), torch.enable_grad():
            grids, weights = self._fit(to_tensor(image))
        symbols = [*map(_rounded, grids), *(_rounded(one / _WEIGHT_STEP) for one in weights)]
        raw = b"".join(one.clamp(-128, 127).to(torch.int8).numpy().tobytes() for one in symbols)
        return pack(_ID, height, width, [zlib.compress(raw, 9)])

    def decode(self, bitstream: bytes) -> Image:
        box = unpack(_ID, bitstream)
        try:
            raw = np.frombuffer(zlib.decompress(b"".join(box.sections)), np.int8)
            values = torch.from_numpy(raw.astype(np.float32))
            sizes = [int(np.prod(shape)) for shape in _shapes(box.height, box.width)]
            parts = values.split(sizes)
        except (RuntimeError, ValueError, zlib.error) as error:
            raise CodecError(f"the bitstream holds no grids: {error}") from error
        shaped = [p.view(s) for p, s in zip(parts, _shapes(box.height, box.width), strict=True)]
        grids, weights = shaped[: len(_SCALES)], shaped[len(_SCALES) :]
        with torch.inference_mode():
            picture = _synthesis(grids, [one * _WEIGHT_STEP for one in weights])
            return to_image(picture[..., : box.height, : box.width])

    def fingerprint(self) -> str:
        settings = f"rate_weight={self._rate_weight} steps={self._steps} seed={self._seed}"
        return f"overfitted toy 1 {settings} torch {torch.__version__}"

    def header_bytes(self, bitstream: bytes) -> int:
        return overhead(len(unpack(_ID, bitstream).sections))

    def _fit(self, target: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Return the grids and weights for one picture, float (1, 3, H, W) in [0, 1]."""
        height, width = target.shape[-2:]
        generator = torch.Generator().manual_seed(self._seed)
        shapes = list(_shapes(height, width))
        grids = [torch.zeros(shape, requires_grad=True) for shape in shapes[: len(_SCALES)]]
        weights = [
            (torch.randn(shape, generator=generator) / shape[0] ** 0.5).requires_grad_()
            for shape in shapes[len(_SCALES) :]
        ]
        optimiser = torch.optim.Adam(
            [{"params": grids, "lr": 0.2}, {"params": weights, "lr": 0.03}]
        )
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, self._steps)
        for _ in range(self._steps):
            coded = [_straight(one, 1) for one in grids]
            used = [_straight(one, _WEIGHT_STEP) for one in weights]
            picture = _synthesis(coded, used)[..., :height, :width]
            bits = torch.stack([_bits(one) for one in coded]).sum() / (height * width)
            loss = functional.mse_loss(picture, target) + self._rate_weight * bits
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
        return grids, weights


def _shapes(height: int, width: int) -> Iterator[tuple[int, ...]]:
    """Yield the shapes of what a bitstream holds: the grids, then the weights."""
    yield from ((1, 1, -(-height // scale), -(-width // scale)) for scale in _SCALES)
    yield from _WEIGHTS


def _synthesis(grids: Sequence[Tensor], weights: Sequence[Tensor]) -> Tensor:
    """Return the picture, (1, 3, H, W) around [0, 1]; the first grid has its size."""
    size = grids[0].shape[-2:]
    full = [functional.interpolate(g, size, mode="bilinear", align_corners=False) for g in grids]
    hidden = functional.relu(functional.conv2d(torch.cat(full, 1) / 8, weights[0], weights[1]))
    return functional.conv2d(hidden, weights[2], weights[3]) + 0.5


def _bits(grid: Tensor) -> Tensor:
    """Return the bits of a grid, as of a Laplace distribution with its mean magnitude."""
    return grid.numel() * torch.log2(1 + 2 * np.e * grid.abs().mean())


def _straight(values: Tensor, step: float) -> Tensor:
    """Round to multiples of the step; the gradient is that of no rounding."""
    return values + ((values / step).round() * step - values).detach()


def _rounded(values: Tensor) -> Tensor:
    return values.detach().round()


CODECS = {
    "overfitted": Entry(
        Overfitted, "toy that fits a network to every picture, for an example", cost=Cost(300)
    )
}
