"""A learned codec that decodes in another memory layout: the same symbols, nearly the same picture.

On another device the same code runs; there the numbers differ more.
"""

import numpy as np
import pytest
import torch

from backends.learned.compressai import CompressAI
from bench.codec import Movable


@pytest.fixture
def fixed():
    return CompressAI("mbt2018-mean", checkpoint="mbt2018-mean-small-q4")


def layouts(codec):
    """Return whether the weights of all convolutions are in the layout of channels last."""
    weights = [weight for weight in codec._net.g_s.parameters() if weight.dim() == 4]
    return {
        weight.is_contiguous(memory_format=torch.channels_last)
        for weight in weights
        if 1 not in weight.shape[-2:]
    }


def test_networks_decode_in_the_layout_that_is_asked_for(fixed, photograph):
    image = photograph("chelsea", 50, 70)
    bitstream = fixed.encode(image)
    decoded = fixed.decode(bitstream)
    assert isinstance(fixed, Movable)
    moved = fixed.moved("contiguous", "cpu")
    assert layouts(moved) == {False}
    assert moved.fingerprint() == fixed.fingerprint()
    assert np.abs(moved.decode(bitstream).astype(int) - decoded).max() <= 1
    assert layouts(moved.moved("channels_last", "cpu")) == layouts(fixed) == {True}
    assert np.array_equal(fixed.decode(bitstream), decoded)


def test_the_gain_of_a_variable_rate_model_moves_along(variable_codec, photograph):
    codec = variable_codec("mbt2018-mean-vbr", 3, is_stepped=False)
    bitstream = codec.encode(photograph("chelsea", 50, 70))
    moved = codec.moved("contiguous", "cpu").decode(bitstream)
    assert np.abs(moved.astype(int) - codec.decode(bitstream)).max() <= 1


@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no GPU")
def test_networks_decode_on_a_gpu(fixed, photograph):
    bitstream = fixed.encode(photograph("chelsea", 50, 70))
    moved = fixed.moved("channels_last", "cuda")
    assert next(moved._net.parameters()).is_cuda
    assert moved.decode(bitstream).shape == (50, 70, 3)
