"""The table of attacks and codecs against closed forms."""

from __future__ import annotations

import pytest

from cost_field import CODECS, PICTURES, Field
from leaderboard.ranking.attack_table import ALL_ATTACKS
from leaderboard.ranking.ranking import WITH, WITHOUT
from leaderboard.ranking.rd_costs import LAMBDAS
from leaderboard.render.page import markdown

CLEAN = (0.5, 1e-3)
WEIGHT = LAMBDAS[1] * 255**2


def growth(*reached):
    """Return the highest cost of some (bpp, mse), as a multiple of the clean cost."""
    return max(bpp + WEIGHT * mse for bpp, mse in reached) / (CLEAN[0] + WEIGHT * CLEAN[1])


@pytest.fixture
def attacked(lab):
    """Three attacks on "own" and their transfer to JPEG, two of them members of `standard`."""
    field = Field(lab, CODECS[:2])
    field.add("own", CLEAN, (0.6, 2e-3))
    field.add("JPEG q 10", CLEAN, (0.5, 2e-3))
    for index, picture in enumerate(PICTURES):
        for name, objective, reached, start in (
            ("standard-1 cheap: APGD", "rate", (0.9, 1e-3), 0),
            ("standard-1 cheap: APGD", "rate", (0.7, 1e-3), 1),
            ("standard-1 cheap: APGD", "rd", (0.7, 2e-3 + 1e-3 * (index < 9)), 0),
            ("standard-1 cheap: shift", "rd", (0.5, 1e-3), 0),
        ):
            craft = field.lab.craft(picture, name, objective, ("own",), start=start)
            field.lab.attacked("own", craft, field.lab.scores(*CLEAN, *reached))
    return field


def test_every_attack_has_its_mean_effect_on_every_codec(attacked, tmp_path):
    with_gradients, without = attacked.board(tmp_path).comparisons[0].attacks
    (own,), (jpeg,) = with_gradients.lines, without.lines
    expected = (9 * growth((0.7, 3e-3)) + 3 * growth((0.7, 2e-3))) / 12
    assert {title: found.value for title, found in own.effects.items()} == pytest.approx(
        {
            ALL_ATTACKS: expected,
            "standard-1 cheap": expected,
            "fgsm": growth((0.6, 2e-3)),
            "standard-1 cheap: APGD": expected,
            "standard-1 cheap: shift": 1.0,
            "sign-noise": 1.0,
        }
    )
    assert own.strongest == "standard-1 cheap: APGD"
    assert with_gradients.titles[-1] == "sign-noise"
    assert (with_gradients.scope, without.scope) == (WITH, WITHOUT)
    assert jpeg.effects["fgsm (transfer)"].value == pytest.approx(growth((0.5, 2e-3)))
    assert "standard-1 cheap" not in jpeg.effects


def test_two_versions_of_the_ensemble_are_compared_as_wholes(lab, tmp_path):
    field = Field(lab, CODECS[:2])
    for picture in PICTURES:
        field.lab.clean("own", picture, *CLEAN)
        for name, bpp in (
            ("standard-1 cheap: APGD", 0.6),
            ("standard-1 cheap: Square", 0.7),
            ("standard-2 cheap: APGD", 0.9),
        ):
            craft = field.lab.craft(picture, name, "rate", ("own",))
            field.lab.attacked("own", craft, field.lab.scores(*CLEAN, bpp, 1e-3))
    (table,) = field.board(tmp_path).comparisons[0].attacks
    (own,) = table.lines
    assert own.effects["standard-1 cheap"].value == pytest.approx(growth((0.7, 1e-3)))
    assert own.effects["standard-2 cheap"].value == pytest.approx(growth((0.9, 1e-3)))
    assert own.strongest == "standard-2 cheap: APGD"


def test_all_attacks_are_the_increase_of_the_ranking(attacked, tmp_path):
    (one,) = attacked.board(tmp_path).comparisons
    increases = {
        line.family.name: line.growth.value
        for ranking in one.rankings
        for line in ranking.standings
        if ranking.lmbda == LAMBDAS[1]
    }
    for table in one.attacks:
        for line in table.lines:
            assert line.effects[ALL_ATTACKS].value == increases[line.family]


def test_the_page_has_the_table(attacked, tmp_path):
    page = markdown(attacked.board(tmp_path))
    assert "## Attacks and codecs" in page
    assert (
        "| codec | all attacks ↓ | standard-1 cheap ↓ | fgsm ↓ | standard-1 cheap: APGD ↓" in page
    )
