"""What attacks see of codecs that draw, and of codecs that keep the cheapest of several ways."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from attacks.gradient.pgd import PGD
from attacks.objectives.basic import Distortion
from backends.toy import Toy
from bench.budget import Linf
from bench.codec import Relaxed
from bench.crafting.composed_target import BranchingTarget, ExpectedTarget, compose_target
from bench.crafting.oracle import Oracle, QueryBudgetExhaustedError
from bench.crafting.search import run_attack
from bench.crafting.target import NAN_GRADIENT, ZERO_GRADIENT, CodecTarget
from bench.errors import CodecError
from bench.registry.component_spec import ComponentSpec
from bench.registry.registry import instantiate
from bench.tensors import to_image, to_tensor
from bench.testing.attack import Linear

GREY = torch.full((2, 3, 6, 8), 0.5)
ALL = Linear(torch.ones(3, 6, 8))


class Tilted(Toy):
    """The toy codec whose left half gets twice the contrast: flips do not leave it as it is."""

    def reconstruct(self, images):
        return images * self._tilt(images)

    def relaxed(self, images):
        return Relaxed(self.reconstruct(images), self.rate(images))

    def decode(self, bitstream):
        return to_image(self.reconstruct(to_tensor(super().decode(bitstream))))

    def _tilt(self, images):
        tilt = torch.ones(images.shape[-1])
        tilt[: images.shape[-1] // 2] = 2
        return tilt


def _behind(codec, name, **params):
    return instantiate("defence", ComponentSpec(name, tuple(params.items())))(codec)


def _aimed(codec, objective=ALL, source=GREY, draws=4, seed=0):
    return compose_target(codec, objective, source, draws, np.random.default_rng(seed))


def test_one_codec_is_seen_as_it_is():
    assert type(_aimed(Toy())) is CodecTarget
    assert type(_aimed(_behind(Toy(), "median"))) is CodecTarget


def test_gradients_of_draws_are_averaged():
    target = _aimed(_behind(Tilted(), "flip", way="random"), draws=40)
    values, gradient = target.value_and_grad(GREY)
    assert torch.allclose(gradient + gradient.flip(-1), torch.tensor(3.0))
    assert 1.2 < float(gradient.min()) <= float(gradient.max()) < 1.8
    assert torch.allclose(values, (gradient * GREY).flatten(1).sum(1))
    assert target.gradients == 40


def test_every_look_is_at_new_draws():
    target = _aimed(_behind(Tilted(), "flip", way="random"), draws=1)
    assert len({float(target.value_and_grad(GREY)[1][0, 0, 0, 0]) for _ in range(12)}) == 2


def test_a_search_in_expectation_follows_its_seed_alone():
    codec = _behind(Tilted(), "roll", way="random")
    found = [
        run_attack(PGD(steps=3), _aimed(codec, Distortion(), seed=seed), GREY, Linf(8), 1).images
        for seed in (0, 0, 1)
    ]
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


def test_a_query_is_of_one_draw_that_the_seed_chooses():
    grey = np.full((1, 6, 8, 3), 128, np.uint8)
    weights = torch.arange(8.0).expand(3, 6, 8)
    answers = {}
    for way in ("horizontal", "vertical", "random"):
        codec = _behind(Tilted(), "flip", way=way)
        targets = [_aimed(codec, Linear(weights), seed=3) for _ in range(2)]
        first, again = ([float(t.query(grey)[0]) for _ in range(10)] for t in targets)
        assert first == again
        answers[way] = set(first)
    assert answers["random"] == answers["horizontal"] | answers["vertical"]


def test_every_query_of_a_black_box_attack_is_of_a_fresh_draw():
    grey = np.full((1, 6, 8, 3), 128, np.uint8)
    weights = Linear(torch.arange(8.0).expand(3, 6, 8))
    source = GREY[:1]
    target = _aimed(_behind(Tilted(), "flip", way="random"), weights, source)
    oracle = Oracle(target, source, Linf(8), 20)
    answers = [float(oracle.query(grey)[0]) for _ in range(20)]
    kept = {
        float(_aimed(_behind(Tilted(), "flip", way=way), weights, source).query(grey)[0])
        for way in ("horizontal", "vertical")
    }
    assert set(answers) == kept
    assert oracle.queries == 20
    with pytest.raises(QueryBudgetExhaustedError):
        oracle.query(grey)


def test_a_query_of_a_codec_with_ways_is_of_the_one_it_keeps():
    """Dark on the left, a picture keeps less when it is mirrored: the encoder does not."""
    dark = np.full((1, 6, 8, 3), 100, np.uint8)
    dark[:, :, :4] = 5
    codec = _behind(Tilted(), "self-ensemble")
    errors = [
        float(np.mean((way.decode(way.encode(dark[0])).astype(float) - dark[0]) ** 2))
        for way in codec.paths()
    ]
    source = torch.from_numpy(dark).permute(0, 3, 1, 2) / 255
    oracle = Oracle(_aimed(codec, Distortion(), source), source, Linf(8), 1)
    assert max(errors) > min(errors)
    assert float(oracle.query(dark)[0]) * 255**2 == pytest.approx(min(errors), rel=1e-4)


def test_ways_that_cost_the_same_count_the_same():
    target = _aimed(_behind(Tilted(), "flip", way="cost"))
    assert isinstance(target, BranchingTarget)
    _, gradient = target.value_and_grad(GREY)
    assert torch.allclose(gradient, torch.tensor(1.5))
    assert target.gradients == 4


def test_of_ways_that_cost_differently_the_one_that_is_kept_counts():
    """A picture that is dark on the left loses little on the left; mirrored, it loses much."""
    source = GREY.clone()
    source[..., :4] = 0.05
    codec = _behind(Tilted(), "self-ensemble")
    target = _aimed(codec, source=source)
    values, gradient = target.value_and_grad(source)
    kept = _aimed(codec.paths()[int(codec.costs(source)[:, 0].argmin())], source=source)
    assert torch.allclose(values, kept.value(source), rtol=0.01)
    assert torch.allclose(gradient, kept.value_and_grad(source)[1], atol=0.01)
    assert torch.allclose(values, target.value(source))


def test_draws_of_codecs_with_ways_are_aimed_at_through_both():
    target = _aimed(_behind(Tilted(), "two-way"), draws=3)
    assert isinstance(target, ExpectedTarget)
    _, gradient = target.value_and_grad(GREY)
    assert target.gradients == 6
    assert 1 < float(gradient.mean()) < 2


class Dead(Toy):
    def reconstruct(self, images):
        return images.detach()


class Nan(Toy):
    def reconstruct(self, images):
        return images + torch.where(images > 0.4, (images - images).sqrt(), 0)


@pytest.mark.parametrize(("inside", "flag"), [(Dead, ZERO_GRADIENT), (Nan, NAN_GRADIENT)])
@pytest.mark.parametrize("defence", ["random-ensemble", "self-ensemble"])
def test_what_is_wrong_with_a_gradient_is_still_noticed(inside, flag, defence):
    target = _aimed(_behind(inside(), defence), draws=2)
    _, gradient = target.value_and_grad(GREY)
    assert flag in target.flags()
    assert bool(gradient.isfinite().all())


@pytest.mark.parametrize(
    "codec", [_behind(Tilted(), "flip", way="random"), _behind(Tilted(), "self-ensemble")]
)
def test_other_source_pictures_are_aimed_at_in_the_same_way(codec):
    other = 0.3 + 0.4 * torch.rand(1, 3, 5, 9, generator=torch.Generator().manual_seed(1))
    target, fresh = _aimed(codec, Distortion()), _aimed(codec, Distortion(), source=other)
    around = target.around(other)
    assert type(around) is type(fresh)
    assert torch.equal(around.value_and_grad(other + 0.1)[0], fresh.value_and_grad(other + 0.1)[0])
    assert target.gradients == fresh.gradients > 0


class Keyed(Toy):
    """Decodes with the very key it encoded with, and with no other."""

    def __init__(self, key=None):
        super().__init__()
        self._key = key

    def draw(self, rng):
        return _Drawn(int(rng.integers(2**31)))


class _Drawn(Toy):
    def __init__(self, key):
        super().__init__()
        self._key = key.to_bytes(4, "big")

    def encode(self, image):
        return self._key + super().encode(image)

    def decode(self, bitstream):
        if bitstream[:4] != self._key:
            raise CodecError("another key")
        return super().decode(bitstream[4:])


def test_one_query_is_encoded_and_decoded_with_one_draw():
    target = _aimed(Keyed(), Distortion())
    same, other = np.full((2, *to_image(GREY).shape), 128, np.uint8)
    other += 3
    values = target.query(np.stack((same, other)), owners=[0, 0])
    assert values[1] > values[0]
    assert values[1] < 0.01
