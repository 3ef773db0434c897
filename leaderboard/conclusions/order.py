"""Operating points in the order of one value, with what is significant of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from leaderboard.aggregate.bootstrap import Value, sample
from leaderboard.conclusions.points import Point
from leaderboard.ranking.significance import significantly_better


@dataclass(frozen=True)
class Order:
    """Some operating points and the mean of one value, of which less is better.

    Attributes:
        points: at least two.
        means: the mean of each over the pictures that all of them have.
        below: whether point i has a significantly lower mean than point j, (i, j).
    """

    points: tuple[Point, ...]
    means: tuple[float, ...]
    below: npt.NDArray[np.bool_]

    @property
    def low(self) -> Point:
        """The point with the lowest mean."""
        return self.points[self._low]

    @property
    def high(self) -> Point:
        """The point with the highest mean."""
        return self.points[self._high]

    @property
    def gap(self) -> float:
        """The highest mean minus the lowest one."""
        return self.means[self._high] - self.means[self._low]

    @property
    def ends_differ(self) -> bool:
        """Whether the lowest mean is significantly lower than the highest one."""
        return bool(self.below[self._low, self._high])

    @property
    def any_differ(self) -> bool:
        """Whether any mean is significantly lower than another one."""
        return bool(self.below.any())

    @property
    def has_lowest(self) -> bool:
        """Whether the lowest mean is significantly lower than every other one."""
        return int(self.below[self._low].sum()) == len(self.points) - 1

    def excess(self, one: Point, other: Point) -> float | None:
        """Return by what share the mean of one exceeds that of another; None if not certain."""
        i, j = self.points.index(one), self.points.index(other)
        return self.means[i] / self.means[j] - 1 if self.below[j, i] else None

    @property
    def _low(self) -> int:
        return self.means.index(min(self.means))

    @property
    def _high(self) -> int:
        return self.means.index(max(self.means))


def order(
    points: Sequence[Point], values: Sequence[Mapping[str, Value]], *, by_ratio: bool
) -> Order:
    """Return operating points in the order of a value.

    Args:
        points: at least two.
        values: the value of each by picture, over which all have at least one picture in common.
        by_ratio: whether the values of two points on a picture are compared by their ratio, not by
            their difference; for positive values.
    """
    names = sorted(set.intersection(*(set(one) for one in values)))
    samples = [sample(one[name] for name in names) for one in values]
    means = tuple(float(one.values.mean()) for one in samples)
    return Order(tuple(points), means, significantly_better(samples, by_ratio=by_ratio))
