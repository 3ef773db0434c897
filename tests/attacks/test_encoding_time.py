"""Encoding time as an objective: the fastest of three encodings, one by one, in queries."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch

from attacks.objectives.encoding_time import EncodingTime
from backends.toy import Toy
from bench.codec import Concurrent
from bench.crafting.target import CodecTarget
from bench.errors import CodecError, Unsupported


class _Scripted(Concurrent):
    """Takes given times to encode, one after the other."""

    def __init__(self, *seconds):
        self.seconds, self.inside, self.most = list(seconds), 0, 0

    def encode(self, image):
        self.inside += 1
        self.most = max(self.most, self.inside)
        time.sleep(self.seconds.pop(0))
        self.inside -= 1
        return b"1"

    def decode(self, bitstream):
        raise AssertionError("it decodes")

    def fingerprint(self):
        return "scripted"


def _target(codec, count=1):
    return CodecTarget(codec, EncodingTime(), torch.zeros(count, 3, 4, 4))


def _pictures(count=1):
    return np.zeros((count, 4, 4, 3), np.uint8)


def test_the_fastest_of_three_encodings_counts_and_none_is_decoded():
    codec = _Scripted(0.3, 0.02, 0.2)
    (value,) = _target(codec).query(_pictures())
    assert 0.02 <= value < 0.2
    assert not codec.seconds


def test_no_two_pictures_are_encoded_at_once(monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    codec = _Scripted(*[0.01] * 9)
    _target(codec, 3).query(_pictures(3))
    assert codec.most == 1


def test_a_failure_takes_no_time_and_an_unsupported_picture_has_no_value():
    class Failing(_Scripted):
        def encode(self, image):
            raise self.seconds[0]

    assert _target(Failing(CodecError("no"))).query(_pictures()).tolist() == [0]
    assert _target(Failing(Unsupported("no"))).query(_pictures()).tolist() == [-np.inf]


def test_there_is_no_gradient():
    with pytest.raises(Unsupported, match="no gradient; use an attack by queries"):
        _target(Toy()).value_and_grad(torch.zeros(1, 3, 4, 4))
