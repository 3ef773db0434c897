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
from bench.testing.base import frozen, require
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
        told = {name: getattr(metric, name, None) for name in ("unit", "better", "version")}
        require(is_metric(metric), f"it lacks what bench.metric.Metric asks for: {told}")

    def test_every_size_and_kind_has_a_value_or_a_reason(self) -> None:
        for size in (*SIZES, self.largest):
            for picture in PICTURES.values():
                for strength in (0, *_STRENGTHS):
                    self._value(picture(*size), _damaged(picture(*size), strength))

    def test_no_picture_is_nearer_than_the_reference_itself(self) -> None:
        for size in ((33, 17), self.largest):
            for kind, picture in PICTURES.items():
                image = picture(*size)
                best = self._value(image, image)
                for strength in _STRENGTHS:
                    found = self._value(image, _damaged(image, strength))
                    wrong = f"{kind} of {size} with noise has {found}, without it {best}"
                    require(self._is_no_better(found, best), wrong)

    def test_noise_is_told_from_none(self) -> None:
        image = waves(*self.largest)
        best, found = (self._value(image, _damaged(image, strength)) for strength in (0, 64))
        require(best is not None, f"a picture of {self.largest} is unsupported")
        require(best != found, f"pictures with and without strong noise both have {best}")

    def test_the_same_pictures_have_the_same_value(self) -> None:
        metric, image = self.metric(), waves(*self.largest)
        other = _damaged(image, 8)
        first = self._value(image, other, metric)
        self._value(noise(*self.largest), image, metric)
        again = self._value(image, other, metric)
        require(again == first, f"asked again, it says {again} and not {first}")
        new = self._value(image, other)
        require(new == first, f"another object says {new} and not {first}")

    def test_the_pictures_are_left_alone(self) -> None:
        image, other = waves(*self.largest), noise(*self.largest)
        self.metric()(image, other)
        same = np.array_equal(image, waves(*self.largest))
        require(same and np.array_equal(other, noise(*self.largest)), "it changed a picture")

    def test_pictures_of_two_sizes_are_refused(self) -> None:
        height, width = self.largest
        for size in ((height, width - 1), (height - 1, width), (1, 1)):
            one, other = waves(height, width), waves(*size)
            self._refused(one, other)
            self._refused(other, one)

    def _value(
        self, reference: Image, picture: Image, metric: Metric | None = None
    ) -> float | None:
        """Return the value, or None if the metric raises `Unsupported` with a reason."""
        try:
            value = (metric or self.metric())(frozen(reference), frozen(picture))
        except Unsupported as error:
            small = reference.shape[:2] != self.largest
            require(small, f"a picture of {self.largest} is unsupported: {error}")
            require(len(str(error)) > 0, "it calls pictures unsupported and does not say why")
            return None
        require(isinstance(value, float), f"it returned {value!r}, no float")
        require(not math.isnan(value), f"it returned NaN for pictures of {reference.shape[:2]}")
        return value

    def _is_no_better(self, found: float | None, best: float | None) -> bool:
        if found is None or best is None:
            return found is best
        return found <= best if self.metric().better == "higher" else found >= best

    def _refused(self, reference: Image, picture: Image) -> None:
        try:
            value = self.metric()(reference, picture)
        except (ValueError, Unsupported):
            return
        sizes = f"{reference.shape[:2]} and {picture.shape[:2]}"
        raise AssertionError(f"pictures of {sizes} were compared and have {value}")


def _damaged(image: Image, strength: int) -> Image:
    """Return a picture with added noise."""
    grain = np.random.default_rng(3).normal(0, 1, image.shape) * strength
    levels: Image = (image + grain).clip(0, 255).astype(np.uint8)
    return levels
