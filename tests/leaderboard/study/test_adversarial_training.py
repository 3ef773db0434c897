"""What hardening recovers, against figures worked out by hand."""

from __future__ import annotations

import pytest

from leaderboard.study.adversarial_training import hardened_pairs

LAMBDA = 0.02
UNIT = LAMBDA * 255**2
"""The R-D cost of an MSE of 1."""

PERTURBATION = 2e-3


@pytest.fixture(scope="module")
def pair(tmp_path_factory, lab):
    """Return a net and its hardened twin on one picture; clean J is 1 + UNIT * 1e-3 for both.

    The rate search finds a higher J on the hardened net than the search for the distortion.
    """
    made = lab(
        codecs=[
            {"name": "jpeg", "quality": 60, "label": "net"},
            {"name": "jpeg", "quality": 61, "label": "net hardened"},
        ],
        images={"files": ["one.png"]},
    )
    for label, bpp, mse, bpp_of_rate in (("net", 1.2, 9e-3, 1.4), ("net hardened", 1.1, 4e-3, 5.0)):
        made.clean(label, "one", 1.0, 1e-3)
        for objective, scores in (
            ("distortion", made.scores(1.0, 1e-3, bpp, mse, change=PERTURBATION)),
            ("rate", made.scores(1.0, 1e-3, bpp_of_rate, 3e-3, change=PERTURBATION)),
        ):
            craft = made.craft("one", "fgsm", objective, (label,))
            seen = scores.model_copy(update={"mse_input": scores.mse_source / 2})
            made.attacked(label, craft, seen)
    (one,) = hardened_pairs(made.write(tmp_path_factory.mktemp("pair") / "run"))
    return one


def test_costs_are_the_worst_of_all_attacks(pair):
    plain, hardened = pair.costs("linf 8")
    assert plain == pytest.approx(1.2 + UNIT * 9e-3)
    assert hardened == pytest.approx(5.0 + UNIT * 3e-3)


def test_a_faithful_codec_adds_the_perturbation_to_its_clean_error(pair):
    assert pair.faithful_cost("linf 8") == pytest.approx(1 + UNIT * (1e-3 + PERTURBATION))


def test_recovered_is_a_share_of_what_a_faithful_codec_would_recover(pair):
    plain, hardened = 1.2 + UNIT * 9e-3, 5.0 + UNIT * 3e-3
    gap = plain - (1 + UNIT * (1e-3 + PERTURBATION))
    assert pair.recovered("linf 8") == pytest.approx((plain - hardened) / gap)


def test_an_aligned_codec_adds_the_errors_rather_than_their_squares(pair):
    error = (1e-3**0.5 + PERTURBATION**0.5) ** 2
    assert pair.aligned_cost("linf 8") == pytest.approx(1 + UNIT * error)
    plain, hardened = pair.costs("linf 8")
    gap = plain - (1 + UNIT * error)
    assert pair.recovered_aligned("linf 8") == pytest.approx((plain - hardened) / gap)


def test_the_excess_is_what_the_codec_adds_to_the_perturbation(pair):
    plain, hardened = pair.excess_costs("linf 8")
    assert plain == pytest.approx(0.2 + UNIT * (9e-3 - 1e-3 - PERTURBATION))
    assert hardened == pytest.approx(4.0 + UNIT * (3e-3 - 1e-3 - PERTURBATION))


def test_the_cost_against_the_input_has_its_own_error(pair):
    plain, hardened = pair.input_costs("linf 8")
    assert plain == pytest.approx(1.2 + UNIT * 4.5e-3)
    assert hardened == pytest.approx(5.0 + UNIT * 1.5e-3)
    reduction = 1 - (1.1 + UNIT * 2e-3) / (1.2 + UNIT * 4.5e-3)
    assert pair.input_reduction("linf 8", "distortion") == pytest.approx(reduction)


def test_the_parts_of_the_excess_add_up_to_it(pair):
    plain, hardened = pair.excess_parts("linf 8")
    assert plain.rate == pytest.approx(0.2)
    assert plain.coding == pytest.approx(UNIT * (4.5e-3 - 1e-3))
    assert plain.alignment == pytest.approx(UNIT * (9e-3 - 4.5e-3 - PERTURBATION))
    sums = [part.rate + part.coding + part.alignment for part in (plain, hardened)]
    assert sums == pytest.approx(pair.excess_costs("linf 8"))
