"""Distance of deep features (packages of the extra `perceptual`)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

import torch

from bench.codec import Image
from bench.metric import Better, check_pair, check_side
from bench.tensors import to_tensor


@dataclass(frozen=True)
class StLpips:
    """ST-LPIPS, the distance of the features of a trained AlexNet; 0 for identity.

    Ghildyal & Liu 2022, https://arxiv.org/abs/2207.13686: LPIPS (https://arxiv.org/abs/1801.03924)
    with filters that tolerate shifts. Its figures are not those of LPIPS. The package
    stlpips-pytorch carries the weights ("alex", "shift_tolerant"); nothing is downloaded. It
    computes in float32 with the threads of the suite, on the CPU; the same pictures have the same
    value on the same machine.
    """

    unit: ClassVar[str] = ""
    better: ClassVar[Better] = "lower"
    version: ClassVar[int] = 1

    def __call__(self, reference: Image, picture: Image) -> float:
        """Return the distance, at least 0.

        Raises:
            Unsupported: the short side is below 32 pixels.
            ValueError: the pictures differ in shape, or one is not uint8.
        """
        check_pair(reference, picture)
        check_side("ST-LPIPS", 32, reference.shape[:2])
        with torch.inference_mode():
            return float(_net()(to_tensor(picture), to_tensor(reference), normalize=True))


@cache
def _net() -> Any:  # noqa: ANN401 - the package has no types
    from stlpips_pytorch import stlpips  # noqa: PLC0415 - an extra

    return stlpips.LPIPS(net="alex", variant="shift_tolerant", verbose=False)
