"""Conformance tests of metrics.

::

    from bench.testing import MetricContract
    from my_package import MyMetric

    class TestMyMetric(MetricContract):
        def metric(self):
            return MyMetric()
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import numpy as np

from bench.codec import Image
from bench.errors import Unsupported
from bench.metric import Metric, is_metric
from bench.testing.base import BrokenPromise, frozen, require
from bench.testing.pictures import PICTURES, SIZES, noise, waves

_STRENGTHS = (1, 8, 64)
"""Standard deviations of the noise on damaged pictures, in 8-bit levels."""


class MetricContract(ABC):
    """The checks of a metric. Derive a test class and define `metric`.

    Pictures for which the metric is not defined (`Unsupported`) are skipped, but pictures of the
    size `largest` must have a value.

    Attributes:
        largest: height and width of pictures that every metric must compare.
    """

    largest: tuple[int, int] = (64, 80)

    @abstractmethod
    def metric(self) -> Metric:
        """Return a new object of the metric under test; the same one at every call."""

    def test_it_declares_itself(self) -> None:
        metric = self.metric()
        values = {name: getattr(metric, name, None) for name in ("unit", "better", "version")}
        require(is_metric(metric), f"it does not implement bench.metric.Metric: {values}")

    def test_every_size_and_kind_has_a_value_or_a_reason(self) -> None:
        for size in (*SIZES, self.largest):
            for picture in PICTURES.values():
                for strength in (0, *_STRENGTHS):
                    self._value(picture(*size), _damaged(picture(*size), strength))

    def test_no_picture_has_a_better_value_than_the_reference(self) -> None:
        for size in ((33, 17), self.largest):
            for kind, picture in PICTURES.items():
                image = picture(*size)
                best = self._value(image, image)
                for strength in _STRENGTHS:
                    value = self._value(image, _damaged(image, strength))
                    message = f"{kind} of {size} with noise has {value}, without noise {best}"
                    require(self._is_no_better(value, best), message)

    def test_noise_changes_the_value(self) -> None:
        image = waves(*self.largest)
        best, value = (self._value(image, _damaged(image, strength)) for strength in (0, 64))
        require(best is not None, f"a picture of {self.largest} is unsupported")
        require(best != value, f"pictures with and without strong noise both have {best}")

    def test_the_same_pictures_have_the_same_value(self) -> None:
        metric, image = self.metric(), waves(*self.largest)
        other = _damaged(image, 8)
        first = self._value(image, other, metric)
        self._value(noise(*self.largest), image, metric)
        again = self._value(image, other, metric)
        require(again == first, f"the second call returned {again}, the first {first}")
        new = self._value(image, other)
        require(new == first, f"another object returned {new} instead of {first}")

    def test_the_pictures_are_not_modified(self) -> None:
        image, other = waves(*self.largest), noise(*self.largest)
        self.metric()(image, other)
        same = np.array_equal(image, waves(*self.largest))
        require(same and np.array_equal(other, noise(*self.largest)), "it modified a picture")

    def test_pictures_of_two_sizes_are_refused(self) -> None:
        height, width = self.largest
        for size in ((height, width - 1), (height - 1, width), (1, 1)):
            large, small = waves(height, width), waves(*size)
            self._check_refused(large, small)
            self._check_refused(small, large)

    def _value(
        self, reference: Image, picture: Image, metric: Metric | None = None
    ) -> float | None:
        """Return the value, or None if the metric raises `Unsupported` with a reason."""
        try:
            value = (metric or self.metric())(frozen(reference), frozen(picture))
        except Unsupported as error:
            small = reference.shape[:2] != self.largest
            require(small, f"a picture of {self.largest} is unsupported: {error}")
            require(len(str(error)) > 0, "it raised Unsupported without a reason")
            return None
        require(isinstance(value, float), f"it returned {value!r}, which is not a float")
        require(not math.isnan(value), f"it returned NaN for pictures of {reference.shape[:2]}")
        return value

    def _is_no_better(self, value: float | None, best: float | None) -> bool:
        if value is None or best is None:
            return value is best
        return value <= best if self.metric().better == "higher" else value >= best

    def _check_refused(self, reference: Image, picture: Image) -> None:
        try:
            value = self.metric()(reference, picture)
        except (ValueError, Unsupported):
            return
        sizes = f"{reference.shape[:2]} and {picture.shape[:2]}"
        raise BrokenPromise(f"pictures of {sizes} were compared and gave {value}; raise ValueError")


def _damaged(image: Image, strength: int) -> Image:
    """Return a picture with added noise."""
    grain = np.random.default_rng(3).normal(0, 1, image.shape) * strength
    levels: Image = (image + grain).clip(0, 255).astype(np.uint8)
    return levels
