"""Whatever state of the process a codec changes, its neighbours give the same bytes."""

import numpy as np
import pytest
import torch

from backends.pillow import Jpeg
from backends.toy import Toy
from bench.crafting.target import CodecTarget
from bench.isolation.coder import LocalCoder
from bench.registry.component_spec import ComponentSpec
from bench.registry.registry import instantiate
from bench.tensors import to_tensor
from bench.utils.process_state import process_state_kept
from spoilers import SPOILERS


class Spoiling(Toy):
    """A codec that changes one state of the process in every call."""

    def __init__(self, spoil) -> None:
        super().__init__()
        self._spoil = spoil

    def encode(self, image):
        self._spoil()
        return super().encode(image)

    def decode(self, bitstream):
        self._spoil()
        return super().decode(bitstream)

    def header_bytes(self, bitstream):
        self._spoil()
        return 0

    def reconstruct(self, images):
        self._spoil()
        return super().reconstruct(images)


def _results(codecs, picture, objective):
    """Return what codecs make of a picture: bytes, pixels and, if they have any, gradients."""
    found = []
    for codec in codecs:
        coder = LocalCoder(codec)
        stream = coder.encode(picture).value
        found += [stream, coder.decode(stream, picture.shape[:2]).value.tobytes()]
    target = CodecTarget(codecs[0], objective, to_tensor(picture))
    found += [one.numpy().tobytes() for one in target.value_and_grad(to_tensor(picture))]
    return found


@pytest.fixture(scope="module")
def neighbours(small_codec):
    return [small_codec("bmshj2018-factorized"), Jpeg(quality=50)]


@pytest.mark.filterwarnings("ignore:Anomaly Detection")
@pytest.mark.parametrize("name", SPOILERS)
def test_neighbours_give_the_same_bytes(name, neighbours, photograph):
    picture, objective = photograph("chelsea", 64, 64), _distortion()
    with process_state_kept():  # so that a failure does not spoil other tests
        torch.set_flush_denormal(False)
        before = _results(neighbours, picture, objective)
        spoiling = LocalCoder(Spoiling(SPOILERS[name]))
        stream = spoiling.encode(picture).value
        spoiling.decode(stream, picture.shape[:2])
        spoiling.header_bytes(stream)
        CodecTarget(Spoiling(SPOILERS[name]), objective, to_tensor(picture)).value(
            to_tensor(np.flipud(picture).copy())
        )
        assert _results(neighbours, picture, objective) == before


def _distortion():
    return instantiate("objective", ComponentSpec("distortion"))
