"""Latents that CompressAI's coder would never be done with; each in a child, with a limit."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from compressai import ans
from torch import nn

from bench.models.entropy_coder import LARGEST, compressed

REFUSED = "the model's latents are not finite or too large: its entropy coder takes symbols up to"
TABLE = [[0, 30000, 65535, 65536]], [4], [-1]
FIXED = [
    "bmshj2018-factorized",
    "bmshj2018-hyperprior",
    "mbt2018-mean",
    "mbt2018",
    "cheng2020-anchor-checkerboard",
    "elic2022-official",
]
VARIABLE = [
    ("bmshj2018-hyperprior-vbr", False),
    ("mbt2018-mean-vbr", True),
    ("mbt2018-vbr", False),
]
PICTURE = np.full((64, 64, 3), 99, np.uint8)

beyond = pytest.mark.parametrize("value", [1e9, -1e9, float("nan"), float("inf")])


class _Constant(nn.Module):
    def __init__(self, like, value):
        super().__init__()
        self.latents = torch.full_like(like, value)

    def forward(self, _):
        return self.latents


def _exploding(net, value):
    """The net with a hyper latent that is sound: only what is coded of y is beyond the coder."""
    net = copy.deepcopy(net)
    hyper = net.latent_codec.hyper if hasattr(net, "latent_codec") else net
    for weight in hyper.h_a.parameters():
        weight.zero_()
    net.g_a = _Constant(net.g_a(torch.zeros(1, 3, 64, 64)), value)
    return net


@beyond
@pytest.mark.parametrize("architecture", FIXED)
def test_latents_beyond_the_coder_are_refused(apart, architecture, value, small_codec):
    codec = small_codec(architecture)
    latents = torch.full_like(codec.latents(torch.zeros(1, 3, 64, 64)), value)
    assert apart(lambda: codec.with_latents(latents).encode(PICTURE)).startswith(REFUSED)


@beyond
@pytest.mark.parametrize(("architecture", "is_stepped"), VARIABLE)
def test_those_of_variable_rate_models_are_refused(
    apart, architecture, is_stepped, value, variable_codec
):
    codec = variable_codec(architecture, 3, is_stepped)
    latents = torch.full_like(codec.latents(torch.zeros(1, 3, 64, 64)), value)
    assert apart(lambda: codec.with_latents(latents).encode(PICTURE)).startswith(REFUSED)


@beyond
@pytest.mark.parametrize("architecture", FIXED[1:])
def test_those_behind_a_sound_hyper_latent_are_refused(apart, architecture, value, small_net):
    net = _exploding(small_net(architecture), value)
    assert apart(lambda: compressed(net, torch.zeros(1, 3, 64, 64))).startswith(REFUSED)


@beyond
@pytest.mark.parametrize(("architecture", "is_stepped"), VARIABLE)
def test_so_are_those_of_variable_rate_models(
    apart, architecture, is_stepped, value, variable_codec
):
    net = _exploding(variable_codec(architecture, 3, is_stepped)._net, value)
    assert apart(lambda: compressed(net, torch.zeros(1, 3, 64, 64), s=3)).startswith(REFUSED)


@pytest.mark.parametrize("symbol", [LARGEST, -LARGEST])
def test_the_largest_symbols_come_back(symbol):
    string = ans.RansEncoder().encode_with_indexes([symbol], [0], *TABLE)
    assert ans.RansDecoder().decode_with_indexes(string, [0], *TABLE) == [symbol]
    buffered = ans.BufferedRansEncoder()
    buffered.encode_with_indexes([symbol], [0], *TABLE)
    assert buffered.flush() == string


@pytest.mark.parametrize("coder", [ans.RansEncoder, ans.BufferedRansEncoder])
@pytest.mark.parametrize("symbol", [LARGEST + 1, -LARGEST - 1, 2**30, -(2**31)])
def test_larger_ones_are_refused_by_both_coders(apart, coder, symbol):
    assert apart(lambda: coder().encode_with_indexes([0, symbol], [0, 0], *TABLE)).startswith(
        REFUSED
    )
