"""A layer that does nothing but move the gradient by five pixels; plugins of tests import it."""

import torch

from bench.codec import Codec
from bench.defence import Family, Layer
from bench.wrapping import layered


class _Rolled(torch.autograd.Function):
    """The pictures as they are; their gradient belongs to other pixels."""

    @staticmethod
    def forward(ctx, images):
        return images.clone()

    @staticmethod
    def backward(ctx, gradient):
        return torch.roll(gradient, (5, 5), (-2, -1))


class _Nothing(Layer):
    identity = "nothing"

    def before(self, image):
        return image

    def relaxed_before(self, images):
        return _Rolled.apply(images)


def with_rolled_gradient(codec: Codec) -> Codec:
    """Return a codec that codes as before and whose gradient misleads attacks."""
    return layered(Family("masked", 1, lambda _: _Nothing()), 0, codec)
