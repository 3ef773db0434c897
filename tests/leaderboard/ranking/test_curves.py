"""Curves and Bjøntegaard figures against integrals done here, and reasons where there are none."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.interpolate import Akima1DInterpolator

from leaderboard.ranking.board import build_board
from leaderboard.ranking.rd_curves import Point, bd_psnr, bd_rate

RATES = (0.2, 0.4, 0.8, 1.6)


def curve(bpp, psnr):
    return tuple(Point("x", *pair) for pair in zip(bpp, psnr, strict=True))


def straight(bpp, offset=0.0):
    """10 dB a decade."""
    return curve(bpp, 30 + 10 * np.log10(bpp) + offset)


def test_twice_the_bits_for_the_same_picture_is_100_per_cent():
    doubled = tuple(Point("x", 2 * point.bpp, point.psnr) for point in straight(np.array(RATES)))
    assert bd_rate(straight(np.array(RATES)), doubled).value == pytest.approx(100)


def test_two_db_below_is_minus_two_db():
    below = straight(np.array(RATES), -2)
    assert bd_psnr(straight(np.array(RATES)), below).value == pytest.approx(-2)


def test_figures_are_those_of_an_independent_integral(rng):
    first = 0.2 * 2.0 ** np.arange(5), 25 + 3.0 * np.arange(5) + rng.uniform(0, 1, 5)
    second = first[0] * rng.uniform(1.1, 1.3, 5), first[1] - rng.uniform(0.2, 0.8, 5)
    curves = curve(*first), curve(*second)
    low, high = max(first[1][0], second[1][0]), min(first[1][-1], second[1][-1])
    rates = [Akima1DInterpolator(psnr, np.log10(bpp)) for bpp, psnr in (first, second)]
    area = [quad(rate, low, high, limit=200)[0] for rate in rates]
    wanted = 100 * (10 ** ((area[1] - area[0]) / (high - low)) - 1)
    assert bd_rate(*curves).value == pytest.approx(wanted, rel=1e-4)
    low, high = (np.log10(end) for end in (second[0][0], first[0][-1]))
    heights = [Akima1DInterpolator(np.log10(bpp), psnr) for bpp, psnr in (first, second)]
    area = [quad(height, low, high, limit=200)[0] for height in heights]
    assert bd_psnr(*curves).value == pytest.approx((area[1] - area[0]) / (high - low), rel=1e-4)


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (straight(np.array(RATES[:3])), "3 points, 4 needed"),
        ((), "0 points, 4 needed"),
        (curve(RATES, (30, 29, 31, 32)), "PSNR does not rise with the rate"),
        (curve(RATES, (30, 30, 31, 32)), "PSNR does not rise with the rate"),
        (curve(RATES, (30, 31, 32, np.inf)), "PSNR does not rise with the rate"),
        (straight(np.array(RATES), -40), "0 % overlap, 50 % needed"),
        (straight(np.array(RATES), -4), "38.6 % overlap, 50 % needed"),
    ],
)
def test_what_cannot_be_compared_says_why(other, reason):
    found = bd_rate(straight(np.array(RATES)), other)
    assert (found.value, found.reason) == (None, reason)


JPEGS = {"name": "jpeg", "quality": [5, 15, 35, 70], "label": "JPEG q {quality}"}
VVCS = {"name": "vvc", "qp": [42, 37, 32, 27], "label": "VVC qp {qp}"}


@pytest.fixture
def measured(lab):
    """Two families on three pictures; a distortion attack and a rate attack from another codec."""
    lab = lab(codecs=[JPEGS, VVCS, {"name": "toy", "label": "own"}], attacks=["fgsm"])
    for family, offset in (("JPEG q", 0.0), ("VVC qp", -0.1)):
        labels = [label for label in lab.codecs if label.startswith(family)]
        for index, label in enumerate(labels):
            for number, picture in enumerate(("one", "two", "three")):
                bpp, mse = 0.2 * 2**index + 0.01 * number, 10 ** (-2.5 - 0.3 * index + offset)
                lab.clean(label, picture, bpp, mse)
    for picture in ("one", "two", "three"):
        for objective, growth, error in (
            ("distortion", 1.1, 2.0),
            ("distortion", 1.3, 1.5),
            ("rate", 2.0, 1.2),
            ("rate", 1.8, 1.4),
        ):
            craft = lab.craft(picture, "fgsm", objective, ("own",))
            for label in lab.codecs[:8]:
                before = next(
                    r.scores
                    for r in lab.records
                    if r.kind == "measure"
                    and r.victim == label
                    and r.picture == picture
                    and r.threat == "clean"
                )
                hurt = lab.scores(
                    before.bpp, before.mse_source, before.bpp * growth, before.mse_source * error
                )
                lab.attacked(label, craft, hurt)
    return lab


@pytest.fixture
def two_families(measured, tmp_path):
    return build_board([measured.write(tmp_path)])


def test_vvc_is_compared_on_the_pictures_that_both_have(measured, tmp_path):
    def against(one):
        (found,) = one.comparisons
        return {c.objective: c.to_baseline.value for c in found.curves if c.family == "JPEG"}

    def on(pictures):
        return lambda record: not record.victim.startswith("VVC") or record.picture in pictures

    whole = list(measured.records)
    two = [one for one in whole if one.picture != "one"]
    lacking = [one for one in whole if one.kind == "craft" or on(("two", "three"))(one)]
    boards = []
    for name, records in (("two", two), ("lacking", lacking)):
        measured.records = records
        boards.append(against(build_board([measured.write(tmp_path / name)])))
    assert boards[0] == boards[1]


def test_a_family_is_a_codec_with_all_its_qualities(two_families):
    (found,) = two_families.comparisons
    assert [family.name for family in found.families] == ["JPEG", "VVC", "own"]
    assert [len(family.members) for family in found.families] == [4, 4, 1]
    assert found.baseline is found.families[1]


def test_there_is_one_curve_for_each_objective_and_both_coordinates_are_of_one_picture(
    two_families,
):
    (found,) = two_families.comparisons
    jpeg = {one.objective: one for one in found.curves if one.family == "JPEG"}
    assert set(jpeg) == {"distortion", "rate"}
    for objective, growth, error in (("distortion", 1.1, 2.0), ("rate", 2.0, 1.2)):
        for before, after in zip(jpeg[objective].clean, jpeg[objective].attacked, strict=True):
            assert after.bpp == pytest.approx(before.bpp * growth)
            assert after.psnr == pytest.approx(before.psnr - 10 * np.log10(error))


def test_figures_of_a_family(two_families):
    (found,) = two_families.comparisons
    jpeg, vvc = (
        next(one for one in found.curves if (one.family, one.objective) == (name, "rate"))
        for name in ("JPEG", "VVC")
    )
    assert jpeg.rate == bd_rate(jpeg.clean, jpeg.attacked)
    assert jpeg.psnr == bd_psnr(jpeg.clean, jpeg.attacked)
    assert jpeg.to_baseline == bd_rate(vvc.attacked, jpeg.attacked)
    assert jpeg.to_baseline.value > 0
    assert jpeg.to_baseline_alike == jpeg.to_baseline
    assert vvc.to_baseline.reason == "it is VVC"
