"""Estimates against scipy's bootstrap and pandas."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import bootstrap, gmean

from leaderboard.aggregate.bootstrap import (
    RESAMPLES,
    SEED,
    geometric_mean,
    mean,
    resampled_means,
    sample,
)


def scipys(statistic, *samples, **options):
    """scipy's percentile interval of 95 % on the same draws."""
    found = bootstrap(
        samples,
        statistic,
        n_resamples=RESAMPLES,
        method="percentile",
        rng=np.random.default_rng(SEED),
        **options,
    )
    return found.confidence_interval


@pytest.mark.parametrize("count", [2, 3, 24, 100])
def test_mean_and_interval_are_pandas_and_scipys(rng, count):
    values = rng.lognormal(size=count)
    found, series = mean(values), pd.Series(values)
    assert (found.mean, found.median) == pytest.approx((series.mean(), series.median()))
    assert (found.least, found.most, found.count) == (series.min(), series.max(), count)
    assert (found.low, found.high) == pytest.approx(scipys(np.mean, values))


def test_geometric_mean_and_interval_are_scipys(rng):
    values = rng.lognormal(size=24)
    found = geometric_mean(values)
    assert found.mean == pytest.approx(gmean(values))
    assert (found.low, found.high) == pytest.approx(scipys(gmean, values))
    assert found.median == pytest.approx(np.median(values))


def test_the_interval_covers_as_often_as_it_says(rng):
    hits = 0
    for _ in range(300):
        found = mean(rng.normal(size=30))
        hits += found.low <= 0 <= found.high
    assert 0.89 <= hits / 300 <= 0.98


def test_what_is_missing_is_left_out_and_one_value_has_no_interval():
    found = mean([None, 2.0, math.nan])
    assert (found.mean, found.low, found.high, found.count) == (2.0, None, None, 1)
    assert mean([None]) is None
    assert geometric_mean([]) is None


def test_infinite_values():
    same, mixed = mean([math.inf] * 3), mean([math.inf, 30.0])
    assert (same.mean, same.low, same.high, same.median) == (math.inf,) * 4
    assert (mixed.mean, mixed.low, mixed.median) == (math.inf, None, math.inf)


def test_very_many_pictures_are_drawn_in_batches(rng):
    values = rng.normal(size=5000)
    means = resampled_means(sample(values))
    assert means.shape == (RESAMPLES,)
    assert means.std() == pytest.approx(values.std() / math.sqrt(5000), rel=0.1)
