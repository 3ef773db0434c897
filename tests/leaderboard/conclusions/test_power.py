"""The number of pictures that would tell two codecs apart, against its definition by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest

from leaderboard.aggregate.bootstrap import Sampled, sample
from leaderboard.conclusions.power import closest_pair
from leaderboard.ranking.significance import p_value


def _costs(**values):
    return {name: sample(one) for name, one in values.items()}


@pytest.mark.parametrize("difference", [0.4, 1.0, 2.0])
def test_that_many_pictures_find_the_difference_in_four_of_five_cases(difference):
    rng = np.random.default_rng(0)
    base, noise = rng.lognormal(1, 0.3, 4000), rng.normal(0, 1, 4000)
    noise -= noise.mean()
    second = base * np.exp(difference + noise / noise.std(ddof=1))
    count = int(closest_pair(_costs(A=base, B=second)).pictures)
    draws = rng.normal(difference, 1, (1000, count))
    found = [p_value(sample(draw), sample([0.0] * count)) < 0.05 for draw in draws]
    assert np.mean(found) == pytest.approx(0.8, abs=0.07)


def test_the_chance_of_the_starts_counts():
    def codec(worst, spread):
        return sample([Sampled(worst, ((worst - spread, 1 / 4), (worst, 1.0)))] * 4)

    sure, chance = (
        closest_pair({"A": codec(1.0, spread), "B": codec(1.1, spread)}) for spread in (0.0, 0.9)
    )
    assert sure.pictures < 4 < chance.pictures


def test_the_least_certain_neighbours_are_named_the_better_one_first():
    found = closest_pair(_costs(A=[1, 2, 3], B=[5, 6.1, 7], C=[1.1, 2.3, 3]))
    assert found.names == ("A", "C")
    assert found.difference == pytest.approx((1.1 * 2.3 * 3 / (1 * 2 * 3)) ** (1 / 3) - 1)


def test_equal_codecs_need_infinitely_many():
    assert closest_pair(_costs(A=[1, 2], B=[2, 1])).pictures == math.inf


@pytest.mark.parametrize("values", [{"A": [1, 2]}, {"A": [1], "B": [2]}])
def test_nothing_is_said_without_two_codecs_and_two_pictures(values):
    assert closest_pair(_costs(**values)) is None
