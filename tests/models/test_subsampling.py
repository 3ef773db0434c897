"""Convolutions that skip pixels compute the same, and their gradients stay inside their memory."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from backends.defences.adaptation import OnlineUpdate
from bench.models.subsampling import subsampling_first

LAYERS = {
    "plain": {"stride": 2},
    "uneven": {"stride": (1, 3)},
    "padded": {"stride": 2, "padding": 1},
    "padded as its input": {"padding": "same"},
    "in groups": {"stride": 2, "groups": 2},
}


@pytest.mark.parametrize("name", LAYERS)
def test_the_result_is_the_same(name):
    torch.manual_seed(0)
    layer = nn.Conv2d(4, 6, 1, **LAYERS[name])
    changed = subsampling_first(nn.Sequential(copy.deepcopy(layer)))
    pictures = torch.rand(2, 4, 9, 12)
    assert torch.allclose(changed(pictures), layer(pictures), atol=1e-6)


def test_an_encoder_with_such_layers_can_be_updated(apart, small_codec, photograph):
    """Its gradients wrote outside their memory, which ended the process."""
    codec = OnlineUpdate(steps=3)(small_codec("cheng2020-anchor-checkerboard"))
    assert apart(lambda: codec.encode(photograph("astronaut", 64, 72))) == "done"
