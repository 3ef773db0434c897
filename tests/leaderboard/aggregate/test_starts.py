"""Starts of searches: which one decides, and what their chance does to an interval."""

from __future__ import annotations

import numpy as np
import pytest

from leaderboard.aggregate.bootstrap import (
    RESAMPLES,
    Sampled,
    interval_of_mean,
    mean,
    resampled_means,
    sample,
)
from leaderboard.aggregate.cases import ScoredAttack
from leaderboard.aggregate.starts import worst
from leaderboard.ranking.board import build_board

LARGEST_OF_FIVE = 1.16296
"""Expectation of the largest of five standard normal values."""


@pytest.fixture
def scored(lab):
    """Return a function: search, start and error -> a scored adversarial picture."""
    made = lab()

    def attack(name, start, mse, threat="white-box"):
        craft = made.craft("one", name, "distortion", ("own",), start=start)
        return ScoredAttack("key", threat, "one", craft, made.scores(mse=mse), (0.0, 0.0))

    return attack


def harm(attack):
    return attack.scores.mse_source


def chances(group):
    return {harm(attack): chance for attack, chance in worst(group, harm).resampled}


def starts_of(values):
    """Return a picture with one search, whose starts reached some values."""
    count = len(values)
    below = [((index / count) ** count) for index in range(1, count + 1)]
    return Sampled(max(values), tuple(zip(sorted(values), below, strict=True)))


def width(interval):
    return interval[1] - interval[0]


def test_the_worst_of_all_starts_is_the_worst_case(scored):
    group = [scored("pgd", 0, 0.2), scored("pgd", 1, 0.4), scored("fgsm", 0, 0.3)]
    assert worst(group, harm).attack is group[1]


def test_one_search_is_the_largest_of_its_resampled_starts(scored):
    group = [scored("pgd", start, mse) for start, mse in enumerate((0.3, 0.1, 0.2))]
    assert chances(group) == pytest.approx({0.1: 1 / 27, 0.2: 8 / 27, 0.3: 1})


def test_every_search_is_resampled_by_itself(scored):
    group = [scored("pgd", 0, 0.3), scored("pgd", 1, 0.1), scored("fgsm", 0, 0.2)]
    assert chances(group) == pytest.approx({0.2: 1 / 4, 0.3: 1})


def test_a_search_with_one_start_leaves_nothing_to_resample(scored):
    group = [scored("pgd", 0, 0.3), scored("fgsm", 0, 0.2), scored("pgd", 0, 0.1, "transfer")]
    assert chances(group) == {0.3: 1}


def test_the_draws_of_a_randomised_codec_are_no_starts(scored):
    group = [scored("pgd", 0, 0.3), scored("pgd", 0, 0.1), scored("pgd", 1, 0.2)]
    assert chances(group) == pytest.approx({0.2: 1 / 4, 0.3: 1})


def test_resampled_starts_are_spread_as_those_that_numpy_draws(rng):
    values = rng.normal(size=(6, 4))
    drawn = np.stack([row[rng.integers(0, 4, (20_000, 4))].max(1) for row in values])
    both = resampled_means(sample(map(starts_of, values)), 20_000)
    pictures = resampled_means(sample(values.max(1)), 20_000)
    found = np.sqrt(both.var() - pictures.var())
    assert found == pytest.approx(drawn.mean(0).std(), rel=0.05)


def test_equal_starts_change_nothing(rng):
    values = rng.normal(size=8)
    several = mean(starts_of([value] * 3) for value in values)
    assert several == mean(values)


def test_starts_that_differ_widen_the_interval_around_its_estimate(rng):
    values = rng.normal(size=8)
    alone = mean(values)
    found = mean(starts_of([value, value - 1, value - 3]) for value in values)
    assert found.mean == alone.mean
    assert found.low < alone.low < found.mean < alone.high < found.high


def test_the_interval_of_pictures_that_are_equal_is_that_of_the_starts():
    known = sample([starts_of([0.0, 1.0])] * 16)
    means = resampled_means(known)
    assert means.shape == (RESAMPLES,)
    assert means.mean() == pytest.approx(1, abs=0.01)
    assert means.std() == pytest.approx(np.sqrt(1 / 4 * 3 / 4 / 16), rel=0.05)
    assert interval_of_mean(sample([1.0] * 16)) == (1.0, 1.0)


def test_the_resamples_are_reproducible():
    known = sample([starts_of([0.0, 1.0])] * 16)
    assert (resampled_means(known) == resampled_means(known)).all()


def test_the_interval_covers_other_pictures_and_other_searches(rng):
    hits = {1: 0, 5: 0}
    for _ in range(200):
        pictures = rng.normal(0, 0.5, 30)
        found = pictures[:, None] + rng.normal(size=(30, 5))
        for count, expected in ((1, 0.0), (5, LARGEST_OF_FIVE)):
            estimate = mean(starts_of(row[:count]) for row in found)
            hits[count] += estimate.low <= expected <= estimate.high
    assert all(0.88 <= count / 200 <= 0.99 for count in hits.values())


def test_the_row_of_a_codec_counts_all_starts(lab, tmp_path):
    one, several = (_board(lab, tmp_path / str(count), count) for count in (1, 3))
    assert several.attack.psnr.mean < one.attack.psnr.mean
    assert several.attack.rd_factor.mean > one.attack.rd_factor.mean
    ends = [(row.attack.psnr.low, row.attack.psnr.high) for row in (one, several)]
    assert width(ends[0]) == 0 < width(ends[1])
    assert ends[1][0] < several.attack.psnr.mean < ends[1][1]


def _board(lab, folder, starts):
    """Return the row of a codec on three equal pictures, whose later starts reach more."""
    lab = lab()
    for picture in ("one", "two", "three"):
        lab.clean("own", picture)
        for start in range(starts):
            craft = lab.craft(picture, "fgsm", "distortion", ("own",), start=start)
            lab.attacked("own", craft, lab.scores(mse=0.01 * (1 + start)))
    (found,) = [row for row in build_board([lab.write(folder)]).rows if row.place.codec == "own"]
    return found
