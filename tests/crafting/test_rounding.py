"""The surrogate of rounding that a search chooses: straight-through, or none."""

import math
import zlib

import numpy as np
import pytest
import torch

from attacks.gradient.apgd import APGD
from attacks.objectives.basic import Distortion
from backends import CODECS
from backends.defences.filters import Gaussian
from backends.toy import Toy
from bench.budget import Linf
from bench.codec import Codec, Quantising
from bench.crafting.composed_target import compose_target
from bench.crafting.craft import quantise_and_check
from bench.crafting.search import run_attack
from bench.errors import ConfigError
from bench.suite.suite import Suite
from bench.tensors import to_image, to_tensor
from bench.utils.yaml_config import parse
from small_run import records_of, run_suite

ARCHITECTURES = [
    name for name, entry in CODECS.items() if "compressai" in entry.target and entry.preset
]
STEP = 16 / 255


class Stepped(Codec):
    """Levels are divided by 16 and rounded; the decoder maps them through a curve.

    Args:
        curve: from latents, any float tensor, to latents.
        rounds: whether the surrogate rounds, straight-through.
    """

    def __init__(self, curve, rounds=True):
        self._curve, self._rounds = curve, rounds

    def encode(self, image):
        latents = np.rint(image / (255 * STEP)).astype(np.uint8)
        return bytes(image.shape[:2]) + zlib.compress(latents.tobytes())

    def decode(self, bitstream):
        levels = np.frombuffer(zlib.decompress(bitstream[2:]), np.uint8).reshape(*bitstream[:2], 3)
        latents = torch.from_numpy(levels.astype(np.float32)).permute(2, 0, 1)[None]
        return to_image(self._curve(latents) * STEP)

    def fingerprint(self):
        return "stepped"

    def reconstruct(self, images):
        latents = images / STEP
        rounded = latents + (latents.round() - latents).detach()
        return self._curve(rounded if self._rounds else latents) * STEP

    def rate(self, images):
        return {"y": images}

    def relaxed(self, images):
        raise NotImplementedError

    def unrounded(self):
        return Stepped(self._curve, rounds=False)


def flat_at_integers(latents):
    """A slope of up to 2 between integers, 0 at integers: rounding hides the gradient."""
    return latents - torch.sin(2 * math.pi * latents) / (2 * math.pi) + 0.5


def flat_between_integers(latents):
    """A slope of 10 at integers, 0 from .05 away: only rounding shows the gradient."""
    nearest = latents.detach().round()
    return nearest + 10 * (latents - nearest).clamp(-0.05, 0.05) + 0.5


def _decoded_error(codec, rounding, level):
    source = torch.full((1, 3, 16, 16), level / 255)
    rng = np.random.default_rng(0)
    target = compose_target(codec, Distortion(), source, 1, rng, rounding)
    found = run_attack(APGD(steps=20), target, source.clone(), Linf(4), 0)
    image = quantise_and_check(found, source, Linf(4))
    decoded = codec.decode(codec.encode(image)).astype(float)
    return float(np.mean((decoded - level) ** 2))


@pytest.mark.parametrize(
    ("curve", "finds", "fails"),
    [
        (flat_at_integers, "none", "straight-through"),
        (flat_between_integers, "straight-through", "none"),
    ],
)
def test_each_choice_breaks_a_codec_that_the_other_does_not(curve, finds, fails):
    """A level of 103 is the latent 6.44, decoded as 104; from 104 on, it is decoded as 120."""
    codec = Stepped(curve)
    assert _decoded_error(codec, finds, 103) == pytest.approx((120 - 103) ** 2)
    assert _decoded_error(codec, fails, 103) < 200


@pytest.mark.parametrize("architecture", [*ARCHITECTURES, "elic2022-official"])
def test_without_rounding_the_decoder_gets_the_encoders_latents(
    architecture, small_codec, photograph
):
    codec = small_codec(architecture)
    image = photograph("chelsea", 64, 128)
    images = to_tensor(image)
    expected = codec._net.g_s(codec._net.g_a(images))
    unrounded = codec.unrounded()
    assert torch.allclose(unrounded.reconstruct(images), expected, atol=1e-5)
    both = unrounded.relaxed(images)
    assert torch.allclose(both.reconstruction, expected, atol=1e-5)
    rounded = codec.relaxed(images)
    assert not torch.allclose(both.reconstruction, rounded.reconstruction, atol=1e-3)
    assert both.bits.keys() == rounded.bits.keys()
    for stream, bits in rounded.bits.items():
        assert torch.equal(both.bits[stream], bits)
    assert unrounded.encode(image) == codec.encode(image)


def test_a_defence_passes_the_choice_on(small_codec, photograph):
    codec = small_codec("bmshj2018-hyperprior")
    images = to_tensor(photograph("chelsea", 64, 64))
    blur = Gaussian()
    defended = blur(codec).unrounded()
    before = defended._layer.relaxed_before(images)
    assert torch.allclose(
        defended.reconstruct(images), codec.unrounded().reconstruct(before), atol=1e-6
    )
    assert not isinstance(blur(Toy()), Quantising)


SUITE = """\
name: small
images: {set: sample, names: [chelsea], crop: {height: 32, width: 32}}
codecs:
  - toy
  - {name: bmshj2018-factorized, checkpoint: bmshj2018-factorized-small-q1, label: learned}
attacks: [{name: apgd, steps: 4}, {name: apgd, steps: 4, rounding: none}]
objectives: [distortion]
budgets: [{linf: 8}]
compute: {threads: 1}
"""


def test_a_search_without_rounding_is_another_search_from_the_same_start(tmp_path):
    run_suite(SUITE, tmp_path)
    crafts = [record for record in records_of(tmp_path) if record["kind"] == "craft"]
    found = {
        (record["attack"], *record["sources"]): record for record in crafts if record["sources"]
    }
    rounded, unrounded = "apgd steps=4", "apgd steps=4 rounding=none"
    assert len(found) == 4
    assert found[rounded, "toy"]["sha256"] == found[unrounded, "toy"]["sha256"]
    pair = [found[attack, "learned"] for attack in (rounded, unrounded)]
    assert pair[0]["seed"] == pair[1]["seed"]
    assert pair[0]["key"] != pair[1]["key"]
    assert pair[0]["values"] != pair[1]["values"]


def test_an_unknown_choice_is_refused():
    with pytest.raises(ConfigError, match="'rounding' of an attack is one of straight-through, no"):
        parse(SUITE.replace("rounding: none", "rounding: noise"), "small.yaml", Suite)
