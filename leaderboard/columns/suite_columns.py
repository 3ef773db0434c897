"""The columns of the metrics that suites name in addition to the built-in ones."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from leaderboard.aggregate.extra_metrics import MetricColumn
from leaderboard.aggregate.rows import Row
from leaderboard.columns.column import Column, of_attack, of_clean
from leaderboard.formatting import column_key, figure


def suite_columns(rows: Sequence[Row]) -> tuple[Column[Row], ...]:
    """Return the columns of the metrics that the suites of some rows name."""
    parts = (part for row in rows for part in (row.clean, row.attack) if part is not None)
    metrics = dict.fromkeys(metric for part in parts for metric in part.extra)
    return tuple(chain.from_iterable(map(_of_metric, metrics)))


def _of_metric(metric: MetricColumn) -> tuple[Column[Row], ...]:
    """Return the columns of a metric that a suite names."""
    unit = f" {metric.unit}" if metric.unit else ""
    extreme = "lowest" if metric.better == "higher" else "highest"
    clean, worst = (f"{metric.label} {which}{unit}" for which in ("clean", "worst"))
    return (
        Column(
            column_key(clean),
            clean,
            of_clean(lambda scores: scores.extra.get(metric)),
            figure,
            "a metric that the suite names: clean reconstructions, mean",
            metric.better,
        ),
        Column(
            column_key(worst),
            worst,
            of_attack(lambda scores: scores.extra.get(metric)),
            figure,
            "a metric that the suite names: reconstructions under attack;"
            f" the {extreme} over all attacks for each picture, then the mean",
            metric.better,
        ),
    )
