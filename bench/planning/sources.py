"""The sources of searches: which codecs an attack can use, and the sources that a suite names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from bench.errors import ConfigError
from bench.planning.baselines import IDENTITY
from bench.planning.operating_point import OperatingPoint, PlannedAttack, joint_label
from bench.suite.suite import Suite


def sources_of(
    suite: Suite, attack: PlannedAttack, points: Sequence[OperatingPoint]
) -> list[tuple[OperatingPoint, ...]]:
    """Return the sources that the attack or the suite names, or else every operating point."""
    single = [(point.label,) for point in points]
    return _source_points(points, attack.choice.sources or suite.source_groups or single)


def _source_points(
    points: Sequence[OperatingPoint], groups: Sequence[Sequence[str]]
) -> list[tuple[OperatingPoint, ...]]:
    """Return the operating points of each group of labels."""
    places = {point.label: place for place, point in enumerate(points)}
    found = (sorted(places[label] for label in labels if label in places) for labels in groups)
    return [tuple(points[place] for place in group) for group in found]


def usable_sources(
    suite: Suite, attack: PlannedAttack, points: Sequence[OperatingPoint]
) -> Iterator[tuple[OperatingPoint, ...]]:
    """Yield the sources of an attack on which it can search."""
    yield from filter(partial(can_search, attack), sources_of(suite, attack, points))


def can_search(attack: PlannedAttack, sources: Sequence[OperatingPoint]) -> bool:
    """Return whether an attack gets what it needs: gradients of all sources, or queries of one."""
    if attack.need == "queries":
        return len(sources) == 1 and sources[0].choice.name != IDENTITY
    return all(point.differentiable for point in sources)


def check_sources(
    suite: Suite, points: Sequence[OperatingPoint], attacks: Sequence[PlannedAttack]
) -> None:
    """Check that attacks can use their own sources, and some attack each source of the suite.

    Raises:
        ConfigError: no attack can search on one of the sources.
    """
    for attack in attacks:
        for sources in _source_points(points, attack.choice.sources):
            _check_usable(sources, [attack], f"the attack '{attack.choice}' cannot")
    others = [attack for attack in attacks if attack.uses_target and not attack.choice.sources]
    for sources in _source_points(points, suite.source_groups):
        _check_usable(sources, others, "no attack of the suite can")


def _check_usable(
    sources: tuple[OperatingPoint, ...], attacks: Sequence[PlannedAttack], subject: str
) -> None:
    if not any(attack.uses_target and can_search(attack, sources) for attack in attacks):
        raise ConfigError(
            f"{subject} search on the source {joint_label(sources)} (gradient attacks need codecs"
            " with gradients, query attacks need one codec that is not lossless); remove the source"
            " or add an attack"
        )
