"""Searches by queries: what is asked and counted, what a failing codec is worth, what they find."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch

from attacks import ATTACKS
from attacks.noise import SignNoise
from attacks.objectives.basic import Distortion, Rate
from attacks.query.square import Square
from backends.external.availability import vvc_availability
from backends.external.ffmpeg.codecs import Vvc
from backends.pillow import Jpeg
from backends.toy import Toy
from bench.budget import L2, Linf, Mse, Region
from bench.codec import Concurrent
from bench.crafting.craft import make_target_view, quantise_and_check
from bench.crafting.oracle import Oracle, QueryBudgetExhaustedError
from bench.crafting.search import run_attack
from bench.crafting.target import CodecTarget
from bench.errors import CodecError, MachineError, Unsupported
from bench.metrics.scores import psnr
from bench.registry.component_spec import ComponentSpec
from bench.registry.registry import instantiate, parameters
from bench.tensors import to_tensor

FIELDS = {name: parameters("attack", name).model_fields.keys() for name in ATTACKS}
BLACK_BOX = [name for name, own in FIELDS.items() if "queries" in own and "goal" not in own]


class Fragile(Toy):
    """Does not code pictures that are bright on the whole; carries the others as they are."""

    def __init__(self, limit, error):
        super().__init__(1)
        self.limit, self.error = limit, error
        self.failures = 0

    def encode(self, image):
        if image.mean() > self.limit:
            self.failures += 1
            raise self.error
        return super().encode(image)


class Waiting(Toy, Concurrent):
    """Codes only once two pictures wait to be coded."""

    def __init__(self):
        super().__init__(0.5)
        self.barrier = threading.Barrier(2)

    def encode(self, image):
        self.barrier.wait(timeout=600)
        return super().encode(image)


def _made(name, **given):
    return instantiate("attack", ComponentSpec(name, tuple(given.items())))


def _grey(level, size=(6, 7)):
    return np.full((*size, 3), level, np.uint8)


def _square(ball, source, queries, codec=None, seed=0):
    attack = Square(queries=queries)
    target = make_target_view(
        attack, [CodecTarget(codec or Toy(2), Distortion(), source)], source, ball
    )
    return run_attack(attack, target, source, ball, seed)


@pytest.fixture
def two():
    """Two source pictures of different brightness."""
    return torch.cat([to_tensor(_grey(level)) for level in (40, 90)])


def test_several_candidates_of_one_picture_belong_to_their_picture(two):
    target = CodecTarget(Toy(1), Distortion(), two)
    asked = np.stack([_grey(level) for level in (41, 92, 43)])
    found = target.query(asked, [0, 1, 0])
    assert found * 255**2 == pytest.approx([1, 4, 9], rel=1e-4)
    assert target.queries == 3


def test_pictures_are_coded_at_once_where_a_codec_can_do_that(two):
    torch.set_num_threads(2)
    asked = np.stack([_grey(level) for level in (41, 92, 43, 44)])
    owners = [0, 1, 0, 0]
    found = CodecTarget(Waiting(), Distortion(), two).query(asked, owners)
    assert np.array_equal(found, CodecTarget(Toy(0.5), Distortion(), two).query(asked, owners))


@pytest.mark.skipif(vvc_availability() is not None, reason="this ffmpeg has no libvvenc")
def test_vvc_is_worth_the_same_from_several_threads(photograph):
    image = photograph("chelsea", 32, 32)
    asked = np.stack([image, image // 2, 255 - image])
    target = CodecTarget(Vvc(qp=37, preset="faster"), Distortion(), to_tensor(image))
    found = []
    for threads in (1, 3):
        torch.set_num_threads(threads)
        found.append(target.query(asked, [0, 0, 0]))
    assert np.array_equal(*found)


def test_a_failure_is_worth_mid_grey_at_24_bits(two):
    codec = Fragile(0, CodecError("it broke"))
    asked = np.stack([_grey(level) for level in (40, 90)])
    found = CodecTarget(codec, Distortion(), two).query(asked)
    assert found * 255**2 == pytest.approx([(128 - 40) ** 2, (128 - 90) ** 2], rel=1e-4)
    assert CodecTarget(codec, Rate(), two).query(asked) == pytest.approx([24, 24])


def test_what_a_codec_does_not_offer_has_no_value_and_is_a_query(two):
    target = CodecTarget(Fragile(50, Unsupported("too bright")), Distortion(), two)
    found = target.query(np.stack([_grey(41), _grey(91)]))
    assert np.isfinite(found[0])
    assert found[1] == -np.inf
    assert target.queries == 2


def test_a_machine_that_lacks_something_is_no_find(two):
    target = CodecTarget(Fragile(0, MemoryError()), Distortion(), two)
    with pytest.raises(MachineError):
        target.query(np.stack([_grey(41), _grey(91)]))


def test_an_oracle_refuses_before_it_codes_and_keeps_the_best(two):
    target = CodecTarget(Toy(1), Distortion(), two)
    oracle = Oracle(target, two, Linf(4), allowed=3)
    oracle.query(np.stack([_grey(level) for level in (42, 43, 60, 91)]), [0, 0, 0, 1])
    with pytest.raises(QueryBudgetExhaustedError, match="exhausted: 3 per picture") as refused:
        oracle.query(np.stack([_grey(41), _grey(93)]))
    assert (target.queries, oracle.queries) == (4, 4)
    found = (refused.value.result.images * 255).round()
    assert found[:, 0, 0, 0].tolist() == [43, 91], "level 60 is outside the budget"


def test_an_oracle_offers_no_gradients(two):
    oracle = Oracle(CodecTarget(Toy(1), Distortion(), two), two, Linf(4), allowed=3)
    for ask in (oracle.value, oracle.value_and_grad):
        with pytest.raises(Unsupported, match="said that it needs queries"):
            ask(two)


@pytest.mark.parametrize("name", BLACK_BOX)
@pytest.mark.parametrize("error", [CodecError("it broke"), Unsupported("too bright")], ids=repr)
def test_failures_on_the_way_do_not_lose_the_search(name, error, rng):
    source = to_tensor(rng.integers(90, 110, (6, 7, 3), dtype=np.uint8))
    codec, ball, wanted = Fragile(float(source.mean()) * 255 + 0.05, error), Linf(8), Distortion()
    attack = _made(name, queries=60)
    target = make_target_view(attack, [CodecTarget(codec, wanted, source)], source, ball)
    found = quantise_and_check(run_attack(attack, target, source, ball, 1), source, ball)
    assert codec.failures > 0
    assert target.queries <= 60
    failures = codec.failures
    reached = CodecTarget(codec, wanted, source).query(found[None])[0] * 255**2
    is_find = isinstance(error, CodecError) and not isinstance(error, Unsupported)
    assert codec.failures - failures == is_find
    assert reached > 400 if is_find else 0 < reached <= 64.01


@pytest.mark.parametrize("queries", [1, 2, 3, 4, 17, 60])
@pytest.mark.parametrize("name", BLACK_BOX)
def test_no_query_is_asked_beyond_the_declared_ones(name, queries, two):
    attack = _made(name, queries=queries)
    target = make_target_view(attack, [CodecTarget(Toy(0.5), Distortion(), two)], two, Linf(8))
    found = run_attack(attack, target, two, Linf(8), 1)
    assert not any(found.flags)
    assert 2 * (queries - 2) <= target.queries <= 2 * queries


@pytest.mark.parametrize("size", [(3, 40), (40, 3)], ids=str)
@pytest.mark.parametrize("ball", [Linf(8), L2(90), Mse(1e-3)], ids=str)
def test_squares_reach_every_part_of_a_long_picture(size, ball, rng):
    source = to_tensor(rng.integers(50, 60, (*size, 3), dtype=np.uint8))
    change = (_square(ball, source, 60).images - source).abs().sum(1)[0]
    quarters = change.reshape(-1, 3).flatten() if size[1] == 3 else change.T.flatten()
    assert all(bool(part.any()) for part in quarters.chunk(4))


def test_squares_stay_in_the_region_and_use_it(rng):
    source = to_tensor(rng.integers(50, 60, (12, 14, 3), dtype=np.uint8))
    ball = Linf(8, region=Region(2, 3, 5, 6))
    changed = (_square(ball, source, 20).images != source).any(1)[0]
    inside = torch.zeros_like(changed)
    inside[2:7, 3:9] = True
    assert bool(changed[2:7, 3:9].all())
    assert not bool(changed[~inside].any())


def test_jpeg_loses_more_to_squares_than_to_noise(photograph):
    image, ball, codec = photograph("chelsea", 32, 32), Linf(8), Jpeg(quality=50)
    source = to_tensor(image)

    def left(attack):
        target = make_target_view(attack, [CodecTarget(codec, Distortion(), source)], source, ball)
        found = quantise_and_check(run_attack(attack, target, source, ball, 3), source, ball)
        return psnr(image, codec.decode(codec.encode(found)))

    assert left(Square(queries=300)) < left(SignNoise()) - 1
