"""Curves and Bjøntegaard figures against integrals done here, and reasons where there are none."""

from functools import partial

import numpy as np
import pytest
from scipy.integrate import quad

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


def slopes(x, y):
    """Return the slopes of PCHIP at rising points, by the formulas of Fritsch and Butland."""
    h, delta = np.diff(x), np.diff(y) / np.diff(x)
    inner = [
        (3 * h[i] + 3 * h[i - 1])
        / ((2 * h[i] + h[i - 1]) / delta[i - 1] + (h[i] + 2 * h[i - 1]) / delta[i])
        for i in range(1, len(h))
    ]
    ends = [(h, delta), (h[::-1], delta[::-1])]
    first, last = (((2 * h[0] + h[1]) * d[0] - h[0] * d[1]) / (h[0] + h[1]) for h, d in ends)
    limited = [min(max(end, 0), 3 * d[0]) for end, (_, d) in zip((first, last), ends, strict=True)]
    return np.array([limited[0], *inner, limited[1]])


def area(x, y, low, high):
    """Return the integral of the interpolation of rising points, piece by piece."""
    slope, total = slopes(x, y), 0.0
    for i in range(len(x) - 1):
        piece = partial(_cubic, x[i : i + 2], y[i : i + 2], slope[i : i + 2])
        start, end = max(low, x[i]), min(high, x[i + 1])
        total += quad(piece, start, end)[0] if start < end else 0.0
    return total


def _cubic(x, y, slope, at):
    h = x[1] - x[0]
    t = (at - x[0]) / h
    return (
        y[0] * (1 + 2 * t) * (1 - t) ** 2
        + y[1] * t**2 * (3 - 2 * t)
        + h * t * (1 - t) * (slope[0] * (1 - t) - slope[1] * t)
    )


def test_figures_are_those_of_an_independent_integral(rng):
    first = 0.2 * 2.0 ** np.arange(5), 25 + 3.0 * np.arange(5) + rng.uniform(0, 1, 5)
    second = first[0] * rng.uniform(1.1, 1.3, 5), first[1] - rng.uniform(0.2, 0.8, 5)
    curves = curve(*first), curve(*second)
    low, high = max(first[1][0], second[1][0]), min(first[1][-1], second[1][-1])
    rates = [area(psnr, np.log10(bpp), low, high) for bpp, psnr in (first, second)]
    wanted = 100 * (10 ** ((rates[1] - rates[0]) / (high - low)) - 1)
    assert bd_rate(*curves).value == pytest.approx(wanted, rel=1e-6)
    low, high = (np.log10(end) for end in (second[0][0], first[0][-1]))
    heights = [area(np.log10(bpp), psnr, low, high) for bpp, psnr in (first, second)]
    wanted = (heights[1] - heights[0]) / (high - low)
    assert bd_psnr(*curves).value == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize(
    ("psnrs", "expected"),
    [
        ((27, 27.1, 27.2, 32), 88.9),
        ((26, 30, 30.1, 30.2), -38.5),
        ((26, 26.0001, 26.0002, 32), 137.8),
        ((26, 31.9998, 31.9999, 32), -58.0),
    ],
)
def test_curves_that_saturate_give_no_more_than_their_rates_allow(psnrs, expected):
    """Splines that overshoot gave up to infinity; the rates alone allow -87.5 % to +700 %."""
    rates = (0.1, 0.2, 0.4, 0.8)
    found = bd_rate(curve(rates, (26, 28, 30, 32)), curve(rates, psnrs))
    assert found.value == pytest.approx(expected, abs=0.1)


def test_random_rising_curves_give_no_more_than_their_rates_allow(rng):
    for _ in range(50):
        bpps = 0.1 * np.cumprod(1 + rng.exponential(1, (2, 4)), axis=1)
        psnrs = 25 + np.cumsum(10 ** rng.uniform(-6, 1, (2, 4)), axis=1)
        psnrs[1] += psnrs[0, 0] - psnrs[1, 0]
        psnrs[1, -1] = max(psnrs[0, -1], psnrs[1, -2] + 0.1)
        anchor, other = (curve(*pair) for pair in zip(bpps, psnrs, strict=True))
        found = bd_rate(anchor, other)
        if found.value is not None:
            least, most = bpps[1, 0] / bpps[0, -1], bpps[1, -1] / bpps[0, 0]
            assert 100 * (least - 1) <= found.value <= 100 * (most - 1)
        height = bd_psnr(anchor, other)
        if height.value is not None:
            assert psnrs[1, 0] - psnrs[0, -1] <= height.value <= psnrs[1, -1] - psnrs[0, 0]


def test_a_figure_that_is_not_finite_has_a_reason_instead():
    psnrs = (26, 28, 30, 32)
    anchor = curve((1e-12, 1e-11, 1e-10, 1e-9), psnrs)
    found = bd_rate(anchor, curve((1e300, 1e301, 1e302, 1e303), psnrs))
    assert (found.value, found.reason) == (None, "not finite, or beyond what the curves allow")


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
