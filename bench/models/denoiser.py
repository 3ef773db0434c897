"""A small denoising net. It is trained like the codecs, as a codec that costs no bits.

    (B, 3, H, W) --2x2 pixels to channels--> 3x3 convolutions --back to pixels--> correction

It predicts the correction that is added to a picture, at half the size of the picture.

    Zhang et al., DnCNN, https://arxiv.org/abs/1608.03981
    Zhang et al., FFDNet, https://arxiv.org/abs/1710.04026
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

_LAYERS = 4
"""Number of convolutions between the first and the last one."""


class Denoiser(nn.Module):
    """A net that removes noise from pictures; with initial weights it returns them unchanged.

    Args:
        N: number of channels.
    """

    def __init__(self, N: int) -> None:  # noqa: N803 - as CompressAI calls it
        super().__init__()
        inner = [layer for _ in range(_LAYERS) for layer in (_convolution(N, N), nn.ReLU())]
        last = _convolution(N, 12)
        nn.init.zeros_(last.weight)
        self.correction = nn.Sequential(
            nn.PixelUnshuffle(2), _convolution(12, N), nn.ReLU(), *inner, last
        )

    def forward(self, images: Tensor) -> dict[str, Tensor | dict[str, Tensor]]:
        """Return denoised pictures as `x_hat`, and empty `likelihoods`.

        Args:
            images: float (B, 3, H, W) in [0, 1], any H and W.
        """
        height, width = images.shape[-2:]
        even = functional.pad(images, (0, width % 2, 0, height % 2), mode="replicate")
        correction = functional.pixel_shuffle(self.correction(even), 2)
        return {"x_hat": images + correction[..., :height, :width], "likelihoods": {}}


def _convolution(inputs: int, outputs: int) -> nn.Conv2d:
    layer = nn.Conv2d(inputs, outputs, 3, padding=1, padding_mode="replicate")
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    nn.init.zeros_(torch.as_tensor(layer.bias))
    return layer
