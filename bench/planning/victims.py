"""The victims of every search: which operating points are scored on its picture, and how often."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from bench.planning.operating_point import OperatingPoint, PlannedAttack
from bench.suite.suite import Suite


class Victims:
    """The operating points of a suite, indexed, because a suite can have many thousands of them.

    The victims of noise are all points. Those of another search are at least its sources and their
    defended versions, and more as the attack's or the suite's `transfer` says.

    Args:
        suite: the suite.
        points: its operating points, including the baselines; their labels are distinct.

    Attributes:
        all_evaluations: number of evaluations of one picture on all points.
    """

    def __init__(self, suite: Suite, points: Sequence[OperatingPoint]) -> None:
        self._transfer = suite.transfer
        self._points = points
        self._places = {point.label: place for place, point in enumerate(points)}
        self._evaluations = [suite.draws if point.random else 1 for point in points]
        self._without_gradients = {
            place for place, point in enumerate(points) if not point.differentiable
        }
        self._defended: dict[str, list[int]] = defaultdict(list)
        for place, point in enumerate(points):
            if point.choice.defence:
                self._defended[point.choice.bare_identity].append(place)
        self.all_evaluations = sum(self._evaluations)
        self._all_without_gradients = self._sum(self._without_gradients)

    def of(
        self, attack: PlannedAttack, sources: Sequence[OperatingPoint]
    ) -> Sequence[OperatingPoint]:
        """Return the victims of a search, in the order of the suite."""
        transfer = attack.choice.transfer or self._transfer
        if not sources or transfer == "all":
            return self._points
        places = self._nearest(sources)
        if transfer == "gradient-free":
            places |= self._without_gradients
        return [self._points[place] for place in sorted(places)]

    def evaluations(self, attack: PlannedAttack, sources: Sequence[OperatingPoint]) -> int:
        """Return the number of evaluations of a search, without listing its victims."""
        transfer = attack.choice.transfer or self._transfer
        if not sources or transfer == "all":
            return self.all_evaluations
        places = self._nearest(sources)
        if transfer == "gradient-free":
            return self._all_without_gradients + self._sum(places - self._without_gradients)
        return self._sum(places)

    def _nearest(self, sources: Iterable[OperatingPoint]) -> set[int]:
        """Return the places of sources, and of the defended versions of those without defences."""
        places = {self._places[source.label] for source in sources}
        for source in sources:
            if not source.choice.defence:
                places.update(self._defended.get(source.choice.bare_identity, ()))
        return places

    def _sum(self, places: Iterable[int]) -> int:
        return sum(self._evaluations[place] for place in places)
