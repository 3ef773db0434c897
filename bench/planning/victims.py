"""The victims of every search: which operating points are scored on its picture, and how often."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from bench.planning.baselines import IDENTITY
from bench.planning.jobs import Plan
from bench.planning.operating_point import OperatingPoint, PlannedAttack
from bench.registry.component_spec import Transfer
from bench.suite.suite import Suite


class Victims:
    """The operating points of a suite, indexed, because a suite can have many thousands of them.

    The victims of noise are all points. Those of another search are at least its sources and their
    defended versions, and more as the attack's or the suite's `transfer` says.

    Args:
        suite: the suite.
        points: its operating points, including the baselines; their labels are distinct.

    Attributes:
        all_evaluations: number of evaluations of one picture on all points that are scored.
    """

    def __init__(self, suite: Suite, points: Sequence[OperatingPoint]) -> None:
        self._transfer = suite.transfer
        self._from = set(suite.transfer_from) or {point.label for point in points}
        self._points = points
        self._places = {point.label: place for place, point in enumerate(points)}
        self._own = _own(suite, points)
        self._evaluations = [
            (suite.draws if point.random else 1) if self._is_scored(point) else 0
            for point in points
        ]
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
        transfer = self._transfer_of(attack, sources)
        if not sources or transfer == "all":
            return self._points
        places = self._nearest(sources)
        if transfer == "gradient-free":
            places |= self._without_gradients
        return [self._points[place] for place in sorted(places)]

    def scored(self, victims: Sequence[OperatingPoint]) -> Sequence[OperatingPoint]:
        """Return the victims that the suite scores, with the lossless reference.

        There are none if the reference is the only one.
        """
        if self._own is None:
            return victims
        if not any(point.label in self._own for point in victims):
            return ()
        return list(filter(self._is_scored, victims))

    def _is_scored(self, point: OperatingPoint) -> bool:
        return self._own is None or point.label in self._own or point.choice.name == IDENTITY

    def evaluations(self, attack: PlannedAttack, sources: Sequence[OperatingPoint]) -> int:
        """Return the number of evaluations of a search, at most, without listing its victims."""
        transfer = self._transfer_of(attack, sources)
        if not sources or transfer == "all":
            return self.all_evaluations
        places = self._nearest(sources)
        if transfer == "gradient-free":
            return self._all_without_gradients + self._sum(places - self._without_gradients)
        return self._sum(places)

    def _transfer_of(self, attack: PlannedAttack, sources: Iterable[OperatingPoint]) -> Transfer:
        """Return which other codecs are scored on the pictures of a search."""
        if all(source.label in self._from for source in sources):
            return attack.choice.transfer or self._transfer
        return "none"

    def _nearest(self, sources: Iterable[OperatingPoint]) -> set[int]:
        """Return the places of sources, and of the defended versions of those without defences."""
        places = {self._places[source.label] for source in sources}
        for source in sources:
            if not source.choice.defence:
                places.update(self._defended.get(source.choice.bare_identity, ()))
        return places

    def _sum(self, places: Iterable[int]) -> int:
        return sum(self._evaluations[place] for place in places)


def _own(suite: Suite, points: Sequence[OperatingPoint]) -> set[str] | None:
    """Return the labels of the points to score, and of their bare codecs; None to score all."""
    if not suite.score:
        return None
    own = [point for point in points if point.label in suite.score]
    bare = (point for point in points if any(one.is_defended_version_of(point) for one in own))
    return {point.label for point in (*own, *bare)}


def left_to_others(suite: Suite, plan: Plan) -> str | None:
    """Return a sentence on what is scored and what is left to others; None if all is scored."""
    if not suite.score:
        return None
    searches = [job for job in plan.crafts if job.sources]
    own = sum(any(point.label in suite.score for point in job.sources) for job in searches)
    return (
        f"only {', '.join(suite.score)} and the baselines are scored, on {own} searches against"
        f" them and {len(searches) - own} against codecs of the suite; the scores of the suite's"
        " other codecs are left to others"
    )
