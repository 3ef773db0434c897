"""Several codecs searched on at once."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from attacks.gradient.pgd import FGSM
from attacks.objectives.basic import Distortion, Rate
from backends.toy import Toy
from bench.budget import Linf
from bench.crafting.craft import make_target_view
from bench.crafting.search import run_attack
from bench.crafting.target import NAN_GRADIENT, ZERO_GRADIENT, CodecTarget
from bench.errors import Unsupported
from bench.tensors import to_tensor
from bench.testing import Linear


class Half(Toy):
    """Carries a picture, and lets the gradient of its left or right half alone through."""

    def __init__(self, gain, part):
        super().__init__(gain)
        self._part = part

    def reconstruct(self, images):
        kept = torch.zeros_like(images)
        kept[..., self._part] = images[..., self._part]
        return super().reconstruct(kept)


class Broken(Toy):
    def reconstruct(self, images):
        return super().reconstruct(images) * float("nan")


class Flat(Toy):
    def reconstruct(self, images):
        return super().reconstruct(images).detach()


LEFT, RIGHT = slice(None, 4), slice(4, None)


@pytest.fixture
def source(rng):
    return to_tensor(rng.integers(50, 60, (5, 8, 3), dtype=np.uint8))


def _aimed(codecs, objective, source):
    targets = [CodecTarget(codec, objective, source) for codec in codecs]
    return make_target_view(FGSM(), targets, source, Linf(8))


@pytest.mark.parametrize("objective", [Distortion(), Rate()])
def test_values_and_gradients_are_the_means_of_the_members(objective, source):
    codecs = [Toy(0.5), Toy(2), Toy(3)]
    images = source + 0.05
    results = [CodecTarget(codec, objective, source).value_and_grad(images) for codec in codecs]
    together = _aimed(codecs, objective, source)
    values, gradients = together.value_and_grad(images)
    assert torch.allclose(values, sum(value for value, _ in results) / 3)
    assert torch.allclose(gradients, sum(gradient for _, gradient in results) / 3)
    assert torch.equal(together.value(images), values)
    assert (together.gradients, together.queries) == (3, 0)


def test_a_search_on_several_codecs_goes_up_on_all_of_them(source, rng):
    weights = torch.from_numpy(rng.normal(size=source.shape[1:]))
    codecs = [Half(2, LEFT), Half(1, RIGHT)]
    found = run_attack(FGSM(), _aimed(codecs, Linear(weights), source), source, Linf(8), 1).images
    for codec, gain, part in zip(codecs, (2, 1), (LEFT, RIGHT), strict=True):
        target = CodecTarget(codec, Linear(weights), source)
        growth = float(target.value(found) - target.value(source))
        optimum = gain * 8 / 255 * float(weights[..., part].abs().sum())
        assert growth == pytest.approx(optimum, rel=1e-3)


def test_what_one_member_notices_is_reported_once(source):
    together = _aimed([Toy(2), Flat(2), Flat(3), Broken(2)], Distortion(), source)
    together.value_and_grad(source)
    assert together.flags() == (ZERO_GRADIENT, NAN_GRADIENT)


def test_several_codecs_at_once_are_not_queried(source):
    with pytest.raises(Unsupported, match="by gradients, not by queries"):
        _aimed([Toy(2), Toy(3)], Distortion(), source).query(np.zeros((1, 5, 8, 3), np.uint8))
