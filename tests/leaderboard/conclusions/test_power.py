"""The number of pictures that would tell two codecs apart, against its definition by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest

from leaderboard.aggregate.bootstrap import sample
from leaderboard.conclusions.power import closest_pair


def _costs(**values):
    return {name: sample(one) for name, one in values.items()}


def test_that_many_pictures_find_the_difference_in_four_of_five_cases():
    rng = np.random.default_rng(0)
    base, noise = rng.normal(10, 3, 4000), rng.normal(0, 1, 4000)
    noise -= noise.mean()
    second = base + 0.4 + noise / noise.std(ddof=1)
    pair = closest_pair(_costs(A=base, B=second))
    count = int(pair.pictures)
    assert count == math.ceil((2.8 / 0.4) ** 2)
    draws = rng.normal(0.4, 1, (4000, count))
    scores = draws.mean(1) / (draws.std(1, ddof=1) / math.sqrt(count))
    assert (scores > 1.96).mean() == pytest.approx(0.8, abs=0.03)


def test_the_least_certain_neighbours_are_named_the_better_one_first():
    found = closest_pair(_costs(A=[1, 2, 3], B=[5, 6.1, 7], C=[1.1, 2.3, 3]))
    assert found.names == ("A", "C")
    assert found.difference == pytest.approx((2.1333 - 2) / 2, abs=1e-4)


def test_equal_codecs_need_infinitely_many():
    assert closest_pair(_costs(A=[1, 2], B=[2, 1])).pictures == math.inf


@pytest.mark.parametrize("values", [{"A": [1, 2]}, {"A": [1], "B": [2]}])
def test_nothing_is_said_without_two_codecs_and_two_pictures(values):
    assert closest_pair(_costs(**values)) is None
