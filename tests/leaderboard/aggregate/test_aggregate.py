from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

from bench.store.records import Threat
from bench.store.timings import Timing
from board_rows import decibel, flags_of, row_of
from leaderboard.columns.columns import COLUMNS
from leaderboard.ranking.board import build_board


def _geometric(values):
    return np.exp(np.mean(np.log(values)))


@pytest.mark.parametrize("codec", ["own", "other", "identity"])
@pytest.mark.parametrize(("kind", "columns"), [("attack", slice(4)), ("noise", slice(4, 6))])
def test_every_aggregate_is_that_of_plain_arrays(filled, lab, codec, kind, columns):
    run, truth = filled[0], filled[1][codec]
    row = row_of(build_board([run]), codec)
    found = getattr(row, kind)
    mse, bpp = truth["mse"][:, columns], truth["bpp"][:, columns]
    worst = np.arange(3), mse.argmax(1)
    change, shift = (truth[name][:, columns][worst] for name in ("change", "shift"))
    rd = lab.cost(bpp, mse).max(1) / lab.cost(truth["clean_bpp"], truth["clean_mse"])
    assert found.psnr.mean == pytest.approx(decibel(mse.max(1)).mean())
    assert found.bpp_factor.mean == pytest.approx(_geometric(bpp.max(1) / truth["clean_bpp"]))
    assert found.rd_factor.mean == pytest.approx(_geometric(rd))
    assert found.psnr_perturbation.mean == pytest.approx(decibel(change).mean())
    assert found.vi.mean == pytest.approx(np.mean(10 * np.log10(shift / change)))
    assert found.unexplained == np.mean(mse.max(1) > truth["clean_mse"] + change)
    assert row.clean.bpp.mean == pytest.approx(truth["clean_bpp"].mean())
    assert (row.pictures, row.place.n_pictures) == (3, 3)


@pytest.mark.parametrize("codec", ["own", "other"])
def test_drop_is_from_the_clean_psnr_of_each_picture(filled, codec):
    run, truth = filled[0], filled[1][codec]
    row = row_of(build_board([run]), codec)
    clean, worst = decibel(truth["clean_mse"]), decibel(truth["mse"][:, :4].max(1))
    assert row.clean.psnr.mean == pytest.approx(clean.mean())
    assert row.attack.drop_db.mean == pytest.approx((clean - worst).mean())
    assert row.attack.drop_percent.mean == pytest.approx(np.mean(100 * (clean - worst) / clean))


def test_a_lossless_codec_has_no_drop(filled):
    row = row_of(build_board([filled[0]]), "identity")
    assert row.reference
    assert (row.clean.psnr.mean, row.attack.drop_db, row.attack.drop_percent) == (
        math.inf,
        None,
        None,
    )


def test_a_codec_that_flat_pictures_cannot_harm_is_no_reference(tmp_path, lab):
    lab = lab()
    for codec in ("other", "identity"):
        lab.clean(codec, "one", 1.0, 0.0)
    made = build_board([lab.write(tmp_path)])
    assert [row_of(made, codec).reference for codec in lab.codecs] == [False, False, True]


def test_the_reference_is_known_by_its_name_not_its_label(tmp_path, lab):
    jpeg = {"name": "jpeg", "quality": 5, "label": "identity"}
    lab = lab(codecs=[{"name": "identity", "label": "PNG"}, jpeg])
    lab.codecs = ["PNG", "identity"]
    assert [row.reference for row in build_board([lab.write(tmp_path)]).rows] == [True, False]


def test_gain_is_attack_beside_noise(filled):
    run, truth = filled[0], filled[1]["own"]
    gain = row_of(build_board([run])).gain
    attack, noise = (truth["mse"][:, part].max(1) for part in (slice(4), slice(4, 6)))
    longest = [truth["bpp"][:, part].max(1) for part in (slice(4), slice(4, 6))]
    assert gain.drop_db.mean == pytest.approx(np.mean(10 * np.log10(attack / noise)))
    assert gain.bpp_factor.mean == pytest.approx(_geometric(longest[0] / longest[1]))


def test_worst_case_of_each_picture_comes_before_the_mean(tmp_path, lab):
    lab = lab()
    for picture, errors in (("one", (0.01, 0.1)), ("two", (0.1, 0.01))):
        lab.clean("own", picture)
        for attack, error in zip(("fgsm", "PGD-7"), errors, strict=True):
            craft = lab.craft(picture, attack, "distortion", ("own",))
            lab.attacked("own", craft, lab.scores(mse=error))
    found = row_of(build_board([lab.write(tmp_path)])).attack
    assert found.psnr.mean == pytest.approx(10.0)  # the mean of either attack alone is 15 dB
    assert found.psnr_by == "PGD-7, distortion (1/2)"


def test_who_found_the_worst_case(filled):
    made = build_board([filled[0]])
    names = r"(fgsm|PGD-7), (distortion|rate)"
    assert re.fullmatch(rf"{names}( \([12]/3\))?", row_of(made).attack.psnr_by)
    assert re.fullmatch(rf"{names}, on own( \([12]/3\))?", row_of(made, "other").attack.rate_by)
    assert row_of(made).noise.psnr_by.split()[0] in {"sign-noise", "uniform-noise"}


def test_codecs_with_and_without_gradients_are_never_in_one_table(filled):
    made = build_board([filled[0]])
    assert [row.place.threat for row in made.rows] == ["white-box", "transfer", "transfer"]
    own, others = ([row.place.codec for row in table.rows] for table in made.tables)
    assert own == ["own", "identity"]
    assert others == ["other", "identity"]


def _outdone_by_transfer(lab, *, searched=True):
    """Return a lab where pictures made against "other" hurt "own" more than its own do."""
    lab = lab(transfer="all")
    lab.clean("own", "one")
    for source, bpp, error in (("own", 2.0, 0.01), ("other", 1.5, 0.1)):
        craft = lab.craft("one", "fgsm", "distortion", (source,))
        lost = {} if searched or source == "other" else {"status": "failed", "reason": "outside"}
        scores = None if lost else lab.scores(bpp=bpp, mse=error)
        lab.attacked("own", craft, scores, **({"stage": "craft"} if lost else {}), **lost)
    lab.attacked("own", lab.craft("one", "sign-noise"), lab.scores(bpp=3.0, mse=0.005))
    return lab


def test_the_worst_case_of_a_white_box_row_is_that_of_transfer_too(tmp_path, lab):
    row = row_of(build_board([_outdone_by_transfer(lab).write(tmp_path)]))
    assert (row.place.threat, row.pictures) == ("white-box", 1)
    assert (row.attack.psnr.mean, row.attack.bpp_factor.mean) == pytest.approx((10.0, 2.0))
    assert row.attack.psnr_by == "fgsm, distortion, on other"
    assert row.attack.rate_by == "fgsm, distortion"
    assert flags_of(row) == ["weaker-than-transfer (distortion 1/1)"]


def test_transfer_alone_never_makes_a_picture_of_a_white_box_row_count(tmp_path, lab):
    lab = _outdone_by_transfer(lab)
    lab.clean("own", "two")
    craft = lab.craft("two", "fgsm", "distortion", ("other",))
    lab.attacked("own", craft, lab.scores(mse=1e-3))
    lab.attacked("own", lab.craft("two", "sign-noise"), lab.scores(mse=1e-3))
    row = row_of(build_board([lab.write(tmp_path)]))
    assert (row.pictures, row.attack.psnr.mean) == pytest.approx((1, 10.0))


def test_where_no_search_of_its_own_gave_a_picture_transfer_still_counts(tmp_path, lab):
    row = row_of(build_board([_outdone_by_transfer(lab, searched=False).write(tmp_path)]))
    assert (row.place.threat, row.attack.psnr.mean) == ("white-box", pytest.approx(10.0))


def test_pictures_that_came_back_unchanged_have_no_gain_in_db(tmp_path, lab):
    lab = lab()
    lab.clean("identity", "one", 10.0, 0.0)
    for search in (("fgsm", "rate", ("own",)), ("sign-noise",)):
        lab.attacked("identity", lab.craft("one", *search), lab.scores(10.0, 0.0, 11.0, 0.0))
    row = row_of(build_board([lab.write(tmp_path)]), "identity")
    assert (row.attack.psnr.mean, row.gain.drop_db) == (math.inf, None)
    assert row.gain.bpp_factor.mean == pytest.approx(1.0)
    assert row.attack.vi is None


def test_intervals_medians_and_extremes_are_over_the_worst_case_of_each_picture(filled):
    run, truth = filled[0], filled[1]["own"]
    drop = row_of(build_board([run])).attack.drop_db
    worst = decibel(truth["clean_mse"]) - decibel(truth["mse"][:, :4].max(1))
    assert (drop.median, drop.most) == pytest.approx((np.median(worst), worst.max()))
    draws = np.random.default_rng(0).integers(0, 3, (2000, 3))
    assert (drop.low, drop.high) == pytest.approx(
        tuple(np.percentile(worst[draws].mean(1), (2.5, 97.5)))
    )


def test_luma_has_a_worst_case_of_its_own(filled):
    run, truth = filled[0], filled[1]["own"]
    row = row_of(build_board([run]))
    assert row.clean.luma_psnr.mean == pytest.approx(decibel(truth["clean_mse"] / 2).mean())
    worst = decibel(truth["mse"][:, :4].max(1) / 2)
    assert row.attack.luma_psnr.mean == pytest.approx(worst.mean())


def test_a_codec_that_keeps_the_change_is_at_zero_beyond_it(filled):
    run, truth = filled[0], filled[1]["own"]
    made = build_board([run])
    mse = truth["mse"][:, :4]
    worst = np.arange(3), mse.argmax(1)
    kept = truth["clean_mse"] + truth["change"][:, :4][worst]
    found = row_of(made).attack.beyond_change
    assert found.mean == pytest.approx(np.mean(10 * np.log10(mse[worst] / kept)))


def test_gain_over_the_lossless_codec_is_on_the_same_attacked_pictures(filled):
    run, truth = filled
    factors = {
        codec: truth[codec]["bpp"][:, :4].max(1) / truth[codec]["clean_bpp"]
        for codec in ("own", "identity")
    }
    made = build_board([run])
    found = row_of(made).over_lossless
    assert found.bpp_factor.mean == pytest.approx(_geometric(factors["own"] / factors["identity"]))
    assert row_of(made, "identity").over_lossless.bpp_factor.mean == pytest.approx(1)


def test_what_transfer_does_alone_stands_apart(tmp_path, lab):
    row = row_of(build_board([_outdone_by_transfer(lab).write(tmp_path)]))
    assert set(row.by_threat) == {"transfer"}
    assert row.by_threat["transfer"].psnr.mean == pytest.approx(10.0)
    assert row.by_threat["transfer"].bpp_factor.mean == pytest.approx(1.5)


def test_every_kind_of_attack_without_gradients_has_columns():
    others = {"clean", "noise", "corruption", "white-box", "unaware", "external"}
    kinds = set(get_args(Threat)) - others
    headers = {column.header for column in COLUMNS}
    assert {
        f"{kind} {what}" for kind in kinds for what in ("PSNR drop dB", "rate increase")
    } <= headers


def test_similarities_have_a_worst_case_and_a_failure_has_none_left(tmp_path, lab):
    lab = lab()
    lab.clean("own", "one")
    found = [("fgsm", 0.9, 60.0), ("PGD-7", 0.8, 70.0)]
    for attack, similar, vmaf in found:
        craft = lab.craft("one", attack, "distortion", ("own",))
        seen = {"ms_ssim_source": similar, "vmaf_source": vmaf}
        scores = lab.scores(mse=0.01).model_copy(update=seen)
        lab.attacked("own", craft, scores)
    attack = row_of(build_board([lab.write(tmp_path)])).attack
    assert (attack.ms_ssim.mean, attack.vmaf.mean) == (0.8, 60.0)


@pytest.fixture
def timed(tmp_path, one_picture):
    """Return a run whose evaluation of the source picture took 0.5 and 0.25 seconds."""
    lab = one_picture()
    lab.records[0] = lab.records[0].model_copy(
        update={"encode_seconds": 0.5, "decode_seconds": 0.25}
    )
    return lab.write(tmp_path)


def test_the_times_of_evaluations_are_no_coding_times(timed):
    clean = row_of(build_board([timed])).clean
    assert clean.encoding is clean.decoding is None


def test_coding_times_are_those_of_the_fastest_repetition(timed):
    timing = Timing(pixels=2_000_000, encoding=(4.0, 3.0, 5.0), decoding=(1.0, 2.0), load=None)
    clean = row_of(build_board([replace(timed, timings={"own": timing})])).clean
    assert (clean.encoding.mean, clean.decoding.mean) == (1.5, 0.5)
    assert clean.encoding.low is None


def test_published_entries_without_timings_show_the_times_of_evaluations(timed):
    clean = row_of(build_board([replace(timed, timings=None)])).clean
    assert clean.encoding.mean == pytest.approx(0.5 / (100 * 8 / 1e6))
    assert clean.decoding.mean == pytest.approx(0.25 / (100 * 8 / 1e6))
