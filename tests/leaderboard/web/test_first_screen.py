"""The lists of the first screen: their ranks are those of the figures that they show."""

from __future__ import annotations

import re

import pytest

from leaderboard.ranking.board import build_board
from leaderboard.web.first_screen import as_json, ranked_lists

CODECS = [{"name": "toy", "gain": gain, "label": label} for gain, label in ((2.0, "A"), (3.0, "B"))]
PICTURES = ("one", "two", "three")


@pytest.fixture
def listed(lab, tmp_path):
    """Return a function: rate increase of each picture by codec, starts by attack -> the list."""

    def of(grown, starts):
        made = lab(codecs=CODECS)
        for codec, factors in grown.items():
            for picture, factor in zip(PICTURES, factors, strict=True):
                made.clean(codec, picture)
                for attack, count in starts.items():
                    for start in range(count):
                        craft = made.craft(picture, attack, "rate", (codec,), start=start)
                        made.attacked(codec, craft, made.scores(1.0, 1e-3, factor, 2e-3, 1e-4))
        (one,) = ranked_lists(build_board([made.write(tmp_path)]), {})
        return as_json(one)

    return of


def test_rate_increases_and_costs_are_compared_by_their_ratios(listed):
    """A is 25 % worse on every picture: as differences, the largest picture would hide it."""
    shown = listed({"A": (2.5, 10.0, 40.0), "B": (2.0, 8.0, 32.0)}, {"fgsm": 1})
    ranks = {line["codec"]: line["ranks"] for line in shown["lines"]}
    assert [ranks[codec]["growth"] for codec in ("A", "B")] == ["2", "1"]
    assert [ranks[codec]["cost"] for codec in ("A", "B")] == ["2", "1"]
    assert [ranks[codec]["drop"] for codec in ("A", "B")] == ["1–2", "1–2"]


@pytest.mark.parametrize(
    ("starts", "text"),
    [
        ({"fgsm": 1}, "1 random start of each search"),
        ({"fgsm": 3, "PGD-7": 3}, "3 random starts of each search"),
        ({"fgsm": 1, "PGD-7": 3}, "up to 3 random starts of each search"),
    ],
)
def test_the_number_of_starts_is_the_largest_one_where_attacks_differ(listed, starts, text):
    trust = listed({"A": (2.0, 3.0, 4.0), "B": (2.0, 8.0, 32.0)}, starts)["trust"]
    assert f"3 pictures, {text}. Every loss" in trust


def test_nothing_would_tell_equal_codecs_apart(listed):
    shown = listed({"A": (2.0, 3.0, 4.0), "B": (2.0, 3.0, 4.0)}, {"fgsm": 1})
    assert shown["trust"].endswith("A rank such as 3–5 is a tie: costs vary by picture.")
    assert shown["closest"] == ""


def test_it_says_how_many_pictures_would_tell_the_closest_pair_apart(listed):
    shown = listed({"A": (2.0, 3.0, 4.0), "B": (2.1, 2.8, 4.3)}, {"fgsm": 1})
    assert re.fullmatch(
        r"Closest: A and B. Their R-D costs differ by [\d.]+ % \(geometric mean\);"
        r" about \d+ pictures would tell them apart\.",
        shown["closest"],
    )
