"""The excess R-D cost: what attacks cause beyond the cost of a faithful codec."""

from __future__ import annotations

import numpy as np
import pytest

from cost_field import PICTURES, Field, standings
from leaderboard.ranking.ranking import WITHOUT
from leaderboard.ranking.rd_costs import LAMBDAS

CODECS = [
    {"name": "toy", "label": "own"},
    {"name": "toy", "gain": 2.0, "label": "P"},
    {"name": "toy", "gain": 3.0, "label": "H"},
]
WEIGHT = LAMBDAS[1] * 255**2
CHANGE = 1e-3
"""Mean squared error of every perturbation."""


class Perturbed(Field):
    """Codecs on adversarial pictures whose perturbation is known."""

    def __init__(self, lab):
        super().__init__(lab, CODECS)

    def reached(self, codec, clean, attacked, search=("fgsm", "distortion"), change=CHANGE):
        for picture in PICTURES:
            craft = self.lab.craft(picture, *search, ("own",))
            scores = self.lab.scores(*clean, *attacked, change=change)
            self.lab.attacked(codec, craft, scores)

    def clean(self, codec, clean):
        for picture in PICTURES:
            self.lab.clean(codec, picture, *clean)


def test_the_excess_is_the_cost_beyond_that_of_a_faithful_codec(lab, tmp_path):
    field = Perturbed(lab)
    field.clean("P", (0.5, 2e-3))
    field.reached("P", (0.5, 2e-3), (0.6, 5e-3))
    found = standings(field.board(tmp_path), WITHOUT)["P"].excess
    assert found.value == pytest.approx(0.1 + WEIGHT * (5e-3 - 2e-3 - CHANGE))
    assert found.interval == pytest.approx((found.value, found.value))


def test_a_faithful_codec_has_no_excess_and_one_that_removes_the_perturbation_has_less(
    lab, tmp_path
):
    field = Perturbed(lab)
    for codec, mse in (("P", 2e-3 + CHANGE), ("H", 2e-3)):
        field.clean(codec, (0.5, 2e-3))
        field.reached(codec, (0.5, 2e-3), (0.5, mse))
    found = standings(field.board(tmp_path), WITHOUT)
    assert found["P"].excess.value == pytest.approx(0, abs=1e-9)
    assert found["H"].excess.value == pytest.approx(-WEIGHT * CHANGE)


def test_the_attack_with_the_highest_excess_counts_for_each_picture(lab, tmp_path):
    """The error of the first attack is its perturbation; only the second one harms the codec."""
    field = Perturbed(lab)
    field.clean("P", (0.5, 2e-3))
    field.reached("P", (0.5, 2e-3), (0.5, 7e-3), change=5e-3)
    field.reached("P", (0.5, 2e-3), (0.9, 3e-3), ("fgsm", "rate"))
    found = standings(field.board(tmp_path), WITHOUT)["P"]
    assert found.robustness.value == pytest.approx(0.5 + WEIGHT * 7e-3)
    assert found.excess.value == pytest.approx(0.4)


def test_an_efficient_codec_and_a_robust_one_lead_one_order_each(lab, tmp_path, rng):
    """Both grow by the same factor, so their order by cost is that of their efficiency."""
    field, spread = Perturbed(lab), rng.uniform(0.99, 1.01)
    for codec, clean, attacked in (
        ("P", (0.5, 1e-3), (0.8, 3e-3)),
        ("H", (1.2, 2e-3), (1.4, 3e-3)),
    ):
        field.clean(codec, clean)
        field.reached(codec, clean, tuple(np.multiply(attacked, spread)))
    found = standings(field.board(tmp_path), WITHOUT)
    assert {name: (line.rank, line.by_excess.rank) for name, line in found.items()} == {
        "P": (1, 2),
        "H": (2, 1),
    }
