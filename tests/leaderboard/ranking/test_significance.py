"""Pairs of codecs, Holm's correction, and ranks of verdicts that are not transitive."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ttest_rel

from leaderboard.aggregate.bootstrap import Sampled, resampled_means, sample
from leaderboard.ranking.significance import holm, p_value, places, significantly_better


def is_separated(first, second):
    better = significantly_better([sample(first), sample(second)], by_ratio=False)
    return bool(better.any())


def test_holm_goes_through_the_p_values_from_the_smallest_on():
    assert holm([0.01, 0.04, 0.03, 0.005]) == [True, False, False, True]
    assert holm([0.04, 0.03]) == [False, False]
    assert holm([0.05]) == [True]
    assert holm([]) == []


def test_with_one_start_it_is_the_paired_t_test(rng):
    for count in (2, 4, 24):
        first = rng.normal(size=count)
        second = first + rng.normal(0.5, 1, count)
        expected = ttest_rel(first, second).pvalue
        assert p_value(sample(first), sample(second)) == pytest.approx(expected)


def test_the_variance_is_that_of_resampled_pictures_and_starts(rng):
    count = 16
    wild = sample(
        Sampled(worst, ((worst - 2.0, 0.3), (worst, 1.0))) for worst in rng.normal(size=count)
    )
    resampled = resampled_means(wild, 40_000).var() * count
    expected = wild.values.var() + wild.variance_of_starts
    assert expected == pytest.approx(resampled, rel=0.05)


@pytest.mark.parametrize("codecs", [2, 8])
@pytest.mark.parametrize("pictures", [2, 4, 8])
def test_equal_codecs_are_separated_in_about_one_list_of_twenty(codecs, pictures, rng):
    wrong = sum(
        significantly_better(
            [sample(rng.normal(size=pictures)) for _ in range(codecs)], by_ratio=False
        ).any()
        for _ in range(400)
    )
    assert wrong / 400 < 0.08


def test_values_that_are_not_finite_separate_nothing():
    assert not is_separated([1.0, 2.0, 3.0], [np.inf, np.inf, np.inf])
    assert not is_separated([np.inf, np.inf, np.inf], [np.inf, np.inf, np.inf])


def test_pairing_separates_what_two_intervals_cannot(rng):
    pictures = rng.normal(30, 10, 24)
    better = pictures - rng.uniform(0.1, 0.3, 24)
    found = significantly_better([sample(pictures), sample(better)], by_ratio=False)
    assert found.tolist() == [[False, False], [True, False]]


def test_ratios_separate_what_differences_cannot(rng):
    costs = rng.lognormal(0, 0.3, 16)
    dearer = 1.5 * costs * rng.lognormal(0, 0.05, 16)
    dearer[3] = 20.0
    pair = [sample(costs), sample(dearer)]
    assert not significantly_better(pair, by_ratio=False).any()
    assert significantly_better(pair, by_ratio=True).tolist() == [[False, True], [False, False]]


def test_equal_codecs_and_a_single_picture_are_never_separated(rng):
    values = rng.normal(size=24)
    assert not is_separated(values, values.copy())
    assert not is_separated([1.0], [100.0])


def test_verdicts_that_are_not_transitive_give_ranks_without_a_chain(rng):
    steady, wild = rng.normal(0, 0.01, 24), rng.normal(0, 5, 24)
    wild += 0.05 - wild.mean()
    first, between, last = sample(steady), sample(wild), sample(steady + 0.1)
    found = places([last, between, first], by_ratio=False)
    assert [place.rank for place in found] == [2, 1, 1]
    assert [place.ties for place in found] == [(1,), (0, 2), (1,)]


def test_a_codec_with_a_lower_mean_can_have_the_higher_rank(rng):
    steady, wild = rng.normal(0, 0.01, 24), rng.normal(0, 5, 24)
    wild += 0.2 - wild.mean()
    found = places([sample(steady), sample(steady + 0.1), sample(wild)], by_ratio=False)
    assert [place.rank for place in found] == [1, 2, 1]


def test_a_list_is_stricter_than_a_pair(rng):
    values = [sample(rng.normal(size=24)) for _ in range(12)]
    first, second = rng.normal(size=24), rng.normal(0.62, 1, 24)
    pair = [sample(first), sample(first + second - second.mean() + 0.55)]
    assert significantly_better(pair, by_ratio=False)[0, 1]
    assert not significantly_better([*pair, *values], by_ratio=False)[0, 1]


def test_starts_that_differ_more_than_two_codecs_tie_them():
    def codec(worst, spread):
        return sample([Sampled(worst, ((worst - spread, 1 / 4), (worst, 1.0)))] * 24)

    for spread, expected in ((0.0, True), (0.001, True), (1.0, False)):
        assert (
            significantly_better([codec(1.0, spread), codec(1.05, spread)], by_ratio=False)[0, 1]
            == expected
        )


@pytest.mark.parametrize("count", [0, 1])
def test_a_list_without_pairs(count, rng):
    found = places([sample(rng.normal(size=8))] * count, by_ratio=False)
    assert [(place.rank, place.ties) for place in found] == [(1, ())] * count
