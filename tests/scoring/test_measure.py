"""Evaluations: pixels that were changed in memory are never scored."""

from pathlib import Path

import pytest

from backends.toy import Toy
from bench.engine.runner import prepare
from bench.errors import BenchError
from bench.isolation.coder import LocalCoder
from bench.scoring.measure import measure
from bench.scoring.roundtrip import encode_decode
from bench.suite.suite import Suite
from bench.utils.yaml_config import parse
from small_run import SUITE


class Writing(Toy):
    """A codec that has kept somebody else's array and writes into it."""

    def __init__(self, array) -> None:
        super().__init__()
        self._array = array

    def encode(self, image):
        stream = super().encode(image)
        self._array += 1
        return stream


@pytest.fixture
def prepared():
    return prepare(parse(SUITE, "small.yaml", Suite), Path())


@pytest.mark.parametrize("what", ["source", "adversarial"])
def test_pixels_that_were_changed_in_memory_are_not_scored(prepared, what):
    cell = next(
        cell
        for cell in prepared.plan.cells
        if cell.victim.label == "toy" and cell.threat == "white-box"
    )
    source = cell.picture.pixels
    adversarial = source.copy()
    clean = encode_decode(LocalCoder(Toy()), source)
    array = {"source": source, "adversarial": adversarial}[what]
    array.setflags(write=True)
    coder = LocalCoder(Writing(array))
    with pytest.raises(BenchError, match=r"the pixels of 'chelsea' were changed in memory"):
        measure(cell, coder, clean, adversarial, prepared.terms)
