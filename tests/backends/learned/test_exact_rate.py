"""The rate that searches believe is that of the bitstream, on clean and on attacked pictures."""

import pytest

from attacks.gradient.pgd import IFGSM
from attacks.objectives.basic import Rate
from backends.learned.compressai import bundled
from bench.budget import Linf
from bench.crafting.craft import quantise_and_check
from bench.crafting.search import run_attack
from bench.crafting.target import CodecTarget
from bench.registry.component_spec import ComponentSpec
from bench.registry.registry import instantiate
from bench.tensors import to_tensor

CODER_STATE = 4
"""The coder ends each bitstream with 4 to 8 bytes of its state."""

FAMILIES = {
    "bmshj2018-factorized": 1,
    "bmshj2018-hyperprior": 2,
    "mbt2018-mean": 2,
}
"""The architectures of the bundled models, and the number of their bitstreams."""


@pytest.mark.parametrize(("architecture", "streams"), FAMILIES.items())
@pytest.mark.parametrize("radius", [0, 8, 48])
def test_the_believed_rate_is_within_one_per_cent_of_the_bytes(
    architecture, streams, radius, photograph
):
    source = to_tensor(photograph("astronaut", 128, 128))
    for checkpoint in bundled(architecture)[::2]:
        spec = ComponentSpec(architecture, (("checkpoint", checkpoint),))
        codec = instantiate("codec", spec)
        budget = Linf(radius or 1)
        target = CodecTarget(codec, Rate(), source)
        found = run_attack(IFGSM(steps=1 if not radius else 6), target, source, budget, 0)
        image = quantise_and_check(found, source, budget)
        believed = sum(float(bits.sum()) for bits in codec.rate(to_tensor(image)).values()) / 8
        bitstream = codec.encode(image)
        real = len(bitstream) - codec.header_bytes(bitstream) - streams * CODER_STATE
        tolerance = 0.01 * real + streams * CODER_STATE
        assert -tolerance < real - believed < tolerance, checkpoint
