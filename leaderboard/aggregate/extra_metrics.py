"""What a board knows of the metrics that suites name: records tell what they are. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from bench.metric import Better
from bench.store.records import Extra, Scores


@dataclass(frozen=True)
class MetricColumn:
    """A metric as its records have it; two that differ in anything stand in columns of their own.

    Attributes:
        label: what the suite calls it.
        unit: of its values; empty if they have none.
        better: which of them speak for the codec.
    """

    label: str
    unit: str
    better: Better

    def clean(self, scores: Scores) -> float | None:
        """Return what it said of the decoded source picture, if it did."""
        found = self._of(scores)
        return None if found is None else found.clean

    def attacked(self, scores: Scores) -> float | None:
        """Return what it said of the decoded attacked picture, if it did."""
        found = self._of(scores)
        return None if found is None else found.source

    def worst(self, values: Iterable[float]) -> float | None:
        """Return the value that speaks most against the codec; None of none."""
        return _worst(self.better, values)

    def _of(self, scores: Scores) -> Extra | None:
        found = scores.extra.get(self.label)
        return found if found is not None and gauge(self.label, found) == self else None


def gauge(label: str, found: Extra) -> MetricColumn:
    """Return the metric that something was said by."""
    return MetricColumn(label, found.unit, found.better)


def gauges(scores: Iterable[Scores]) -> tuple[MetricColumn, ...]:
    """Return the metrics of some scores, each once."""
    return tuple(
        dict.fromkeys(gauge(label, found) for one in scores for label, found in one.extra.items())
    )


def failed(clean: Extra) -> Extra:
    """Return what a failure ranks as: mid-grey, or the clean picture where that is worse.

    Args:
        clean: of the cell of the source picture.
    """
    bottom = -math.inf if clean.better == "higher" else math.inf
    grey = bottom if clean.grey is None else clean.grey
    both = () if clean.clean is None else (clean.clean, grey)
    return clean.model_copy(update={"source": _worst(clean.better, both)})


def _worst(better: Better, values: Iterable[float]) -> float | None:
    return (min if better == "higher" else max)(values, default=None)
