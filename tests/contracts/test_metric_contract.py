"""Conformance tests of metrics: all built-in metrics pass; metrics with a fault fail."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bench.errors import Unsupported
from bench.metric import check_pair
from bench.metrics import scores as metrics
from bench.metrics.scores import SCORES
from bench.registry.component_spec import ComponentSpec
from bench.registry.registry import entries, instantiate, resolve
from bench.testing import MetricContract


class TestCiede2000(MetricContract):
    def metric(self):
        return instantiate("metric", resolve("metric", ComponentSpec("ciede2000")))


def test_every_metric_is_tested_and_none_has_the_name_of_a_score():
    recoding = {"generations", "generation-rate"}  # tests/metrics/test_generations.py
    of_input = {"error-bands"}  # tests/metrics/test_error_bands.py
    of_stream = {"bit-errors", "bit-error-psnr"}  # tests/metrics/test_bit_errors.py
    reading = {"codes-read", "words-read"}  # tests/metrics/test_reading.py
    # of_the_eye: tests/metrics/test_eye.py
    of_the_eye = {"cvvdp", "flip", "gmsd", "haarpsi", "ssimulacra2", "st-lpips", "vif", "xpsnr"}
    special = recoding | of_input | of_stream | of_the_eye | reading
    assert set(entries("metric")) == {"ciede2000"} | special
    assert not set(entries("metric")) & set(SCORES)


@pytest.mark.parametrize("levels", [(0, 255), (100, 101), (40, 60), (255, 120)])
def test_the_difference_of_greys_is_that_of_their_lightness(levels):
    """For greys, CIEDE2000 is the difference of L* divided by the weight S_L."""
    metric = instantiate("metric", ComponentSpec("ciede2000"))
    first, second = map(_lightness, levels)
    square = ((first + second) / 2 - 50) ** 2
    expected = abs(first - second) / (1 + 0.015 * square / math.sqrt(20 + square))
    assert metric(*(_flat(*3 * (level,)) for level in levels)) == pytest.approx(expected, rel=1e-3)


def _lightness(level):
    """Return L* of an sRGB grey."""
    value = level / 255
    linear = value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
    return 116 * linear ** (1 / 3) - 16 if linear > (6 / 29) ** 3 else linear * (29 / 3) ** 3


def test_a_shift_of_colour_has_a_larger_value_than_one_of_lightness():
    """Both shifts have the same PSNR."""
    metric, grey = instantiate("metric", ComponentSpec("ciede2000")), _flat(128, 128, 128)
    light, colour = _flat(138, 138, 138), _flat(138, 118, 138)
    assert metrics.psnr(grey, light) == metrics.psnr(grey, colour)
    assert metric(grey, colour) > 2 * metric(grey, light)


def _flat(*levels):
    return np.full((5, 7, 3), levels, np.uint8)


class _Broken:
    """The mean absolute error, with one fault."""

    unit, better, version = "levels", "lower", 1

    def __init__(self, fault):
        self.fault, self.calls = fault, 0
        if fault == "better is worse":
            self.better = "higher"
        if fault == "says nothing":
            self.better = "larger"

    def __call__(self, reference, picture):
        self.calls += 1
        if self.fault != "takes all sizes":
            check_pair(reference, picture)
        if self.fault == "writes":
            picture[:] = 0
        if self.fault == "small ones only" and reference.size > 3 * 33 * 17:
            raise Unsupported("too large")
        if self.fault == "gives no reason" and reference.size == 3:
            raise Unsupported
        if self.fault == "blind":
            return 0.0
        if self.fault == "NaN where flat" and reference.std() == 0:
            return float("nan")
        error = np.abs(reference.astype(float) - picture).mean()
        if self.fault == "counts":
            error += self.calls
        return int(error) if self.fault == "whole numbers" else float(error)


@pytest.mark.parametrize(
    ("fault", "test"),
    [
        ("says nothing", "test_it_declares_itself"),
        ("NaN where flat", "test_every_size_and_kind_has_a_value_or_a_reason"),
        ("gives no reason", "test_every_size_and_kind_has_a_value_or_a_reason"),
        ("whole numbers", "test_every_size_and_kind_has_a_value_or_a_reason"),
        ("better is worse", "test_no_picture_has_a_better_value_than_the_reference"),
        ("blind", "test_noise_changes_the_value"),
        ("small ones only", "test_noise_changes_the_value"),
        ("counts", "test_the_same_pictures_have_the_same_value"),
        ("writes", "test_the_pictures_are_not_modified"),
        ("takes all sizes", "test_pictures_of_two_sizes_are_refused"),
    ],
)
def test_a_metric_with_a_fault_fails_the_matching_test(fault, test):
    def contract(kind):
        class Contract(MetricContract):
            def metric(self):
                return _Broken(kind)

        return Contract()

    getattr(contract("none"), test)()
    with pytest.raises(AssertionError):
        getattr(contract(fault), test)()
