"""Universal perturbations: equal on all pictures, harmful outside the training set."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import torch
from PIL import Image as Pillow

from attacks.gradient.universal import Universal
from attacks.noise import SignNoise
from attacks.objectives.basic import Distortion, Rate
from backends.toy import Toy
from bench.budget import Linf, Mse, Region
from bench.crafting.craft import quantise_and_check
from bench.crafting.ensemble import Ensemble
from bench.crafting.oracle import Oracle
from bench.crafting.search import run_attack
from bench.crafting.target import ZERO_GRADIENT, CodecTarget
from bench.errors import ConfigError, Unsupported
from bench.registry.component_spec import ComponentSpec
from bench.registry.registry import instantiate, resolve
from bench.tensors import to_image, to_tensor

TRAINED = "bmshj2018-hyperprior-small-q4"
FEW = {"crops": 4, "side": 32, "steps": 24}


@pytest.fixture
def folder(photograph, tmp_path):
    """Two training pictures."""
    there = tmp_path / "learnt on"
    there.mkdir()
    for name in ("astronaut", "chelsea"):
        Pillow.fromarray(photograph(name, 64, 80)).save(there / f"{name}.png")
    return there


@pytest.fixture
def attack(folder):
    return Universal(pictures=str(folder), **FEW)


def _found(attack, codec, objective, source, budget, seed=3):
    target = CodecTarget(codec, objective, source)
    return run_attack(attack, target, source, budget, seed), target


def test_every_picture_gets_the_same_change_side_by_side(attack, small_codec, rng):
    codec, changes = small_codec("bmshj2018-hyperprior"), []
    for seed, size in enumerate([(40, 70), (64, 32)]):
        source = to_tensor(rng.integers(60, 190, (*size, 3), dtype=np.uint8))
        found, _ = _found(attack, codec, Rate(), source, Linf(16), seed)
        changes.append(found.images - source)
    first, second = changes
    assert float(first.abs().max()) > 15 / 255
    assert torch.allclose(first[..., :40, :32], second[..., :40, :], atol=1e-6)
    assert torch.allclose(first[..., :32, :32], first[..., :32, 32:64], atol=1e-6)
    assert torch.allclose(first[..., :8, :32], first[..., 32:, :32], atol=1e-6)


@pytest.mark.parametrize("budget", [Linf(8), Mse(4e-4)], ids=str)
@pytest.mark.parametrize("objective", [Rate(), Distortion("clean")], ids=["rate", "distortion"])
def test_it_does_more_than_noise_to_a_picture_it_never_saw(objective, budget, attack, photograph):
    source = to_tensor(photograph("coffee", 64, 96))
    codec = instantiate("codec", ComponentSpec("bmshj2018-hyperprior", (("checkpoint", TRAINED),)))
    worth = [CodecTarget(codec, objective, source).query(to_image(source)[None])[0]]
    for one in (SignNoise(), attack):
        found, target = _found(one, codec, objective, source, budget)
        worth.append(target.query(quantise_and_check(found, source, budget)[None])[0])
    clean, noise, universal = worth
    assert universal - clean > 1.5 * (noise - clean) > 0


def test_a_picture_on_which_it_helps_is_left_alone(attack, photograph):
    """Trained to increase the rate, and then evaluated on a target with the opposite objective."""

    class Fickle(CodecTarget):
        def value(self, images):
            return -(images - source).abs().flatten(1).sum(1)

    source = to_tensor(photograph("coffee", 32, 32))
    found = run_attack(attack, Fickle(Toy(0.5), Rate(), source), source, Linf(8), 0)
    assert torch.equal(found.images, source)


def test_what_is_asked_around_other_pictures_is_counted(attack, photograph):
    source = to_tensor(photograph("coffee", 32, 48))
    found, target = _found(attack, Toy(0.5), Distortion(), source, Linf(8))
    assert target.gradients == FEW["steps"]
    assert target.flags() == ()
    assert len(found.trace) == 2


def test_a_codec_without_slope_is_told(attack, photograph):
    source = to_tensor(photograph("coffee", 32, 48))
    _, target = _found(attack, Toy(0.0), Distortion("clean"), source, Linf(8))
    assert target.flags() == (ZERO_GRADIENT,)


def test_an_ensemble_is_learnt_on_too(attack, photograph):
    source = to_tensor(photograph("coffee", 32, 48))
    members = [CodecTarget(Toy(gain), Distortion(), source) for gain in (0.5, 0.9)]
    run_attack(attack, Ensemble(members), source, Linf(8), 0)
    assert [member.gradients for member in members] == [FEW["steps"]] * 2


def test_a_region_holds_what_it_may_change(attack, photograph):
    source, budget = to_tensor(photograph("coffee", 40, 48)), Linf(8, region=Region(4, 6, 20, 30))
    found, _ = _found(attack, Toy(0.5), Distortion(), source, budget)
    change = to_image(found.images).astype(int) - to_image(source)
    assert np.abs(change[4:24, 6:36]).max() == 8
    change[4:24, 6:36] = 0
    assert not change.any()


def test_who_has_queries_alone_is_told(attack, photograph):
    source = to_tensor(photograph("coffee", 32, 48))
    oracle = Oracle(CodecTarget(Toy(0.5), Distortion(), source), source, Linf(8), 10)
    with pytest.raises(Unsupported, match="needs queries"):
        oracle.around(source)


def test_a_job_is_known_by_the_content_of_the_pictures(folder, tmp_path):
    def identity(place):
        return resolve("attack", ComponentSpec("universal", (("pictures", str(place)),))).signature

    known = identity(folder)
    moved = shutil.copytree(folder, tmp_path / "elsewhere")
    assert identity(moved) == known
    (moved / "chelsea.png").unlink()
    assert identity(moved) != known


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"pictures": "nowhere"}, "no 'nowhere'"),
        ({"side": 301}, "'chelsea' of 300x451"),
        ({"steps": 0}, "greater than or equal to 1"),
    ],
)
def test_what_cannot_be_learnt_on_is_refused_before_the_run(params, words):
    with pytest.raises(ConfigError, match=words):
        instantiate("attack", resolve("attack", ComponentSpec("universal", tuple(params.items()))))
