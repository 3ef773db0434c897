"""The metrics that a suite names in addition to the built-in ones, as its records describe them.

Pure functions.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from bench.metric import Better
from bench.store.records import Extra, Scores


@dataclass(frozen=True)
class MetricColumn:
    """A metric as its records describe it. Metrics that differ in any field get separate columns.

    Attributes:
        label: label in the suite.
        unit: unit of the values; empty if there is none.
        better: whether higher or lower values are better for the codec.
    """

    label: str
    unit: str
    better: Better

    def clean(self, scores: Scores) -> float | None:
        """Return the value of the clean reconstruction, if there is one."""
        score = self._of(scores)
        return None if score is None else score.clean

    def attacked(self, scores: Scores) -> float | None:
        """Return the value of the reconstruction under attack, if there is one."""
        score = self._of(scores)
        return None if score is None else score.source

    def _of(self, scores: Scores) -> Extra | None:
        score = scores.extra.get(self.label)
        return score if score is not None and metric_column(self.label, score) == self else None


def metric_column(label: str, score: Extra) -> MetricColumn:
    """Return the metric that a score belongs to."""
    return MetricColumn(label, score.unit, score.better)


def metric_columns(scores: Iterable[Scores]) -> tuple[MetricColumn, ...]:
    """Return the metrics of some scores, each once."""
    return tuple(
        dict.fromkeys(
            metric_column(label, extra) for score in scores for label, extra in score.extra.items()
        )
    )


def failed(clean: Extra) -> Extra:
    """Return the score of a failure: that of mid-grey, or the clean one where it is worse.

    Args:
        clean: score in the record of the source picture.
    """
    bottom = -math.inf if clean.better == "higher" else math.inf
    grey = bottom if clean.grey is None else clean.grey
    both = () if clean.clean is None else (clean.clean, grey)
    return clean.model_copy(update={"source": _worst(clean.better, both)})


def _worst(better: Better, values: Iterable[float]) -> float | None:
    return (min if better == "higher" else max)(values, default=None)
