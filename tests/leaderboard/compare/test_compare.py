"""`bench compare`: rates are matched in real bytes, and the page says what the runs hold."""

from __future__ import annotations

import math
from functools import lru_cache, partial
from pathlib import Path

import pytest

from bench.cli.main import main
from bench.images.image_set import ImageSpec, load
from bench.store.run_folder import read_run
from bench.suite.fields import BudgetSpec
from leaderboard.commands.boards import read_board
from leaderboard.compare.matched_rates import RateRange, match, one_codec, rate_range, rated
from leaderboard.compare.request import Request, matched
from leaderboard.formatting import code

SMALL = ("--limit", "2", "--crop", "48x48")


@pytest.fixture(scope="module")
def rate():
    """Return a function: an operating point -> its rate on two small pictures."""
    crop = {"height": 64, "width": 64}
    spec = ImageSpec.model_validate({"set": "sample", "limit": 2, "crop": crop})
    return lru_cache(maxsize=None)(partial(rated, pictures=load(spec, Path())))


def test_the_range_of_a_rate_parameter_is_read_from_its_declaration():
    assert rate_range("jpeg") == RateRange("quality", 1, 100, is_whole=True)
    assert rate_range("vvc") == RateRange("qp", 0, 63, is_whole=True)
    assert rate_range("jpeg2000") == RateRange("ratio", 1, 10000, is_whole=False)
    assert rate_range("toy") is None


@pytest.mark.parametrize("target", [0.8, 2.0, 5.0])
def test_no_other_quality_is_nearer_to_the_target(rate, target):
    found = match({"name": "jpeg"}, rate_range("jpeg"), target, rate)
    all_points = [rate(one_codec({"name": "jpeg", "quality": q})) for q in range(1, 101)]
    best = min(abs(math.log(point.rate / target)) for point in all_points)
    assert abs(math.log(found.rate / target)) == best


def test_a_parameter_that_lowers_the_rate_is_matched_too(rate):
    found = match({"name": "jpeg2000"}, rate_range("jpeg2000"), 3.0, rate)
    assert found.rate == pytest.approx(3.0, rel=0.05)


def test_a_rate_out_of_reach_gives_the_nearest_end(rate):
    found = match({"name": "jpeg"}, rate_range("jpeg"), 1e-3, rate)
    assert str(found.codec) == "jpeg quality=1"


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """The folder of a comparison of a codec with gradients and one without, and its words."""
    out = tmp_path_factory.mktemp("compared") / "new" / "folder"
    words = ["compare", "--codec", "toy", "--codec", "jpeg", "--rate", "2", *SMALL, "-o", str(out)]
    assert main(words) == 0
    return out, words


def test_the_page_begins_with_conclusions_and_has_the_figures_of_the_run(compared):
    out, _ = compared
    text = (out / "comparison.md").read_text()
    first = text.split("\n\n")[1]
    assert first.startswith(("At equal rates", "The clean rates differ"))
    rows = {row.place.codec: row for row in read_board([out / "attacks"]).rows}
    drop = rows["jpeg quality=28"].attack.drop_db.mean
    assert f"Attacked without gradients at linf 4, jpeg quality=28 loses {drop:.2f} dB" in first
    assert "toy loses" not in first  # it is lossless: no finite loss of PSNR
    for row in (rows["jpeg quality=28"], rows["toy"]):
        assert f"| ×{row.attack.bpp_factor.mean:.2f} (" in text
    assert (out / "comparison" / "comparison-1.svg").read_text().startswith("<?xml")
    assert "](comparison/comparison-1.svg)" in text


@pytest.mark.parametrize(
    ("text", "shown"),
    [("bench run", "`bench run`"), ("a`b", "`` a`b ``"), ("a``b\n`", "``` a``b ` ```")],
)
def test_backticks_cannot_end_a_code_span(text, shown):
    assert code(text) == shown


def test_a_codec_without_its_quality_is_matched_to_the_rate(compared):
    rows = read_board([compared[0] / "attacks"]).rows
    (jpeg,) = (row for row in rows if row.place.codec.startswith("jpeg quality="))
    assert jpeg.clean.bpp.mean == pytest.approx(2, rel=0.05)


def test_the_suites_beside_the_runs_run_again_without_new_evaluations(compared, capsys):
    out, words = compared
    for name in ("attacks", "generations"):
        assert main(["run", str(out / f"{name}.yaml"), "-o", str(out / name)]) == 0
        assert "0 evaluations scored now" in capsys.readouterr().out
    assert main(words) == 0
    assert capsys.readouterr().out.count("0 evaluations scored now") == 2


def test_every_run_can_be_summarised_in_the_same_way(compared, capsys):
    out, _ = compared
    assert main(["show", "--summary", str(out / "attacks")]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    page = (out / "comparison.md").read_text().split("\n\n")[1]
    assert shown.count("Attacked without gradients at linf 4") == 1
    assert page.split(" Coded again and again")[0].replace("\\", "") in shown


def test_the_first_codec_with_a_quality_sets_the_rate(rate):
    crop = {"height": 64, "width": 64}
    images = ImageSpec.model_validate({"set": "sample", "limit": 2, "crop": crop})
    codecs = {"name": "webp"}, {"name": "jpeg", "quality": 40}, {"name": "avif", "quality": [1, 50]}
    found = matched(Request(codecs, images, BudgetSpec(linf=4)), tell=lambda _: None)
    webp, jpeg, avif = found
    assert jpeg == rate(one_codec({"name": "jpeg", "quality": 40}))
    assert webp.rate == pytest.approx(jpeg.rate, rel=0.05)
    assert str(avif.codec) == "avif quality=50"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--codec", "jpeg", "quality=5"], "a comparison needs two codecs at least"),
        (["--codec", "jpeg", "--codec", "webp"], "no codec has a rate"),
        (["--codec", "jpeg", "--codec", "jpeg", "--rate", "1"], "is compared with itself"),
        (["--codec", "jpek", "--codec", "webp", "--rate", "1"], "jpeg"),
        (["--codec", "jpeg", "--codec", "webp", "--rate", "-1"], "above 0"),
        (["--codec", "jpeg", "--codec", "webp", "--rate", "1", "--crop", "9"], "HEIGHTxWIDTH"),
        (["--codec", "jpeg", "--codec", "webp", "quality=[]"], "empty list"),
        (["--codec", "jpeg", "--codec", "webp", "--rate", "1", "--limit", "0"], "limit"),
        (["--codec", "jpeg", "--codec", "webp", "--rate", "1", "--budget", "linf=x"], "linf"),
        (["--codec", "jpeg", "--codec", "webp", "--rate", "1", "--pictures", "no-such"], "no-such"),
    ],
)
def test_bad_input_gets_a_sentence(tmp_path, capsys, words, sentence):
    assert main(["compare", *words, "-o", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert said.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_records_are_real(compared):
    run = read_run(compared[0] / "attacks")
    assert {craft.attack.partition(":")[0] for craft in run.crafts.values()} == {
        "sign-noise",
        "standard-2 cheap",
    }
