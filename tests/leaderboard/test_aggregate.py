from __future__ import annotations

import math
import re
from typing import get_args

import numpy as np
import pytest

from bench.errors import StoreError
from bench.record import Threat
from bench.target import NAN_GRADIENT, ZERO_GRADIENT
from leaderboard import COLUMNS, board
from leaderboard.flags import ADVICE


def _row(made, codec="own", ball="linf 8"):
    (found,) = [r for r in made.rows if (r.place.codec, r.place.budget) == (codec, ball)]
    return found


def _flags(row):
    return [str(flag) for flag in row.flags]


def _geometric(values):
    return np.exp(np.mean(np.log(values)))


def _decibel(mse):
    return -10 * np.log10(mse)


@pytest.mark.parametrize("codec", ["own", "other", "identity"])
@pytest.mark.parametrize(("kind", "columns"), [("attack", slice(4)), ("noise", slice(4, 6))])
def test_every_aggregate_is_that_of_plain_arrays(filled, lab, codec, kind, columns):
    run, truth = filled[0], filled[1][codec]
    row = _row(board([run]), codec)
    found = getattr(row, kind)
    mse, bpp = truth["mse"][:, columns], truth["bpp"][:, columns]
    worst = np.arange(3), mse.argmax(1)
    change, shift = (truth[name][:, columns][worst] for name in ("change", "shift"))
    rd = lab.cost(bpp, mse).max(1) / lab.cost(truth["clean_bpp"], truth["clean_mse"])
    assert found.psnr.mean == pytest.approx(_decibel(mse.max(1)).mean())
    assert found.bpp_factor.mean == pytest.approx(_geometric(bpp.max(1) / truth["clean_bpp"]))
    assert found.rd_factor.mean == pytest.approx(_geometric(rd))
    assert found.psnr_perturbation.mean == pytest.approx(_decibel(change).mean())
    assert found.vi.mean == pytest.approx(np.mean(10 * np.log10(shift / change)))
    assert found.unexplained == np.mean(mse.max(1) > truth["clean_mse"] + change)
    assert row.clean.bpp.mean == pytest.approx(truth["clean_bpp"].mean())
    assert (row.pictures, row.place.asked) == (3, 3)


@pytest.mark.parametrize("codec", ["own", "other"])
def test_drop_is_from_the_clean_psnr_of_each_picture(filled, codec):
    run, truth = filled[0], filled[1][codec]
    row = _row(board([run]), codec)
    clean, worst = _decibel(truth["clean_mse"]), _decibel(truth["mse"][:, :4].max(1))
    assert row.clean.psnr.mean == pytest.approx(clean.mean())
    assert row.attack.drop_db.mean == pytest.approx((clean - worst).mean())
    assert row.attack.drop_percent.mean == pytest.approx(np.mean(100 * (clean - worst) / clean))


def test_a_lossless_codec_has_no_drop(filled):
    row = _row(board([filled[0]]), "identity")
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
    made = board([lab.write(tmp_path)])
    assert [_row(made, codec).reference for codec in lab.codecs] == [False, False, True]


def test_the_reference_is_told_by_its_name_not_its_label(tmp_path, lab):
    jpeg = {"name": "jpeg", "quality": 5, "label": "identity"}
    lab = lab(codecs=[{"name": "identity", "label": "PNG"}, jpeg])
    lab.codecs = ["PNG", "identity"]
    assert [row.reference for row in board([lab.write(tmp_path)]).rows] == [True, False]


def test_gain_is_attack_beside_noise(filled):
    run, truth = filled[0], filled[1]["own"]
    gain = _row(board([run])).gain
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
    found = _row(board([lab.write(tmp_path)])).attack
    assert found.psnr.mean == pytest.approx(10.0)  # the mean of either attack alone is 15 dB
    assert found.psnr_by == "PGD-7, distortion (1/2)"


def test_who_found_the_worst_case(filled):
    made = board([filled[0]])
    names = r"(fgsm|PGD-7), (distortion|rate)"
    assert re.fullmatch(rf"{names}( \([12]/3\))?", _row(made).attack.psnr_by)
    assert re.fullmatch(rf"{names}, on own( \([12]/3\))?", _row(made, "other").attack.rate_by)
    assert _row(made).noise.psnr_by.split()[0] in {"sign-noise", "uniform-noise"}


def test_codecs_with_and_without_gradients_are_never_in_one_table(filled):
    made = board([filled[0]])
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
    row = _row(board([_outdone_by_transfer(lab).write(tmp_path)]))
    assert (row.place.threat, row.pictures) == ("white-box", 1)
    assert (row.attack.psnr.mean, row.attack.bpp_factor.mean) == pytest.approx((10.0, 2.0))
    assert row.attack.psnr_by == "fgsm, distortion, on other"
    assert row.attack.rate_by == "fgsm, distortion"
    assert _flags(row) == ["weaker-than-transfer (distortion 1/1)"]


def test_transfer_alone_never_makes_a_picture_of_a_white_box_row_count(tmp_path, lab):
    lab = _outdone_by_transfer(lab)
    lab.clean("own", "two")
    craft = lab.craft("two", "fgsm", "distortion", ("other",))
    lab.attacked("own", craft, lab.scores(mse=1e-3))
    lab.attacked("own", lab.craft("two", "sign-noise"), lab.scores(mse=1e-3))
    row = _row(board([lab.write(tmp_path)]))
    assert (row.pictures, row.attack.psnr.mean) == pytest.approx((1, 10.0))


def test_where_no_search_of_its_own_gave_a_picture_transfer_still_counts(tmp_path, lab):
    row = _row(board([_outdone_by_transfer(lab, searched=False).write(tmp_path)]))
    assert (row.place.threat, row.attack.psnr.mean) == ("white-box", pytest.approx(10.0))


@pytest.mark.parametrize(
    ("objective", "attack", "noise", "flagged"),
    [
        ("distortion", (1.0, 0.02, 0.01), (2.0, 0.01, 0.02), False),
        ("distortion", (2.0, 0.01, 0.02), (1.0, 0.02, 0.01), True),
        ("rate", (2.0, 0.01, 0.01), (1.0, 0.02, 0.02), False),
        ("rate", (1.0, 0.02, 0.02), (2.0, 0.01, 0.01), True),
        ("rd", (1.0, 0.02, 0.01), (1.1, 0.01, 0.01), False),
        ("rd", (1.1, 0.01, 0.01), (1.0, 0.02, 0.01), True),
        ("distortion reference=clean", (1.0, 0.01, 0.02), (1.0, 0.02, 0.01), False),
        ("distortion reference=clean", (1.0, 0.02, 0.01), (1.0, 0.01, 0.02), True),
    ],
)
def test_an_attack_weaker_than_noise_for_what_it_wanted(
    tmp_path, one_picture, objective, attack, noise, flagged
):
    name, _, reference = objective.partition(" reference=")
    wanted = {"name": name, "reference": reference} if reference else name
    lab = one_picture(attack, noise, objective, objectives=[wanted])
    expected = [f"weaker-than-noise ({objective} 1/1)"] if flagged else []
    assert _flags(_row(board([lab.write(tmp_path)]))) == expected


def test_a_larger_budget_that_did_less_is_flagged(tmp_path, lab):
    lab = lab(budgets=[{"linf": 8}, {"linf": 4}, {"mse": 1e-5}])
    lab.clean("own", "one")
    for lab.budget, error in (("linf 8", 0.01), ("linf 4", 0.02), ("mse 1e-05", 0.03)):
        craft = lab.craft("one", "fgsm", "distortion", ("own",))
        lab.attacked("own", craft, lab.scores(mse=error))
    made = board([lab.write(tmp_path)])
    assert _flags(_row(made)) == ["weaker-than-smaller-budget (distortion 1/1)"]
    assert _flags(_row(made, ball="linf 4")) == _flags(_row(made, ball="mse 1e-05")) == []


def test_flags_of_searches_are_counted(tmp_path, one_picture):
    lab = one_picture()
    craft = lab.craft("one", "PGD-7", "rate", ("own",), flags=(ZERO_GRADIENT, "odd"))
    lab.attacked("own", craft, lab.scores(bpp=1.5))
    flags = _flags(_row(board([lab.write(tmp_path)])))
    assert flags == ["zero-gradient (1/2)", "odd (1/2)"]


def test_every_flag_of_the_harness_is_explained():
    assert {ZERO_GRADIENT, NAN_GRADIENT, "unchanged"} <= ADVICE.keys()


def test_a_failure_ranks_as_mid_grey_at_24_bpp_and_is_counted(tmp_path, one_picture):
    lab = one_picture()
    craft = lab.craft("one", "PGD-7", "rate", ("own",))
    lab.attacked("own", craft, None, status="failed", reason="lost count")
    row = _row(board([lab.write(tmp_path)]))
    grey = (128 / 255) ** 2
    assert (row.losses.failed, row.losses.cells, row.pictures) == (1, 3, 1)
    assert row.losses.reasons == ("the attacked picture failed: lost count (1)",)
    assert row.attack.psnr.mean == pytest.approx(_decibel(grey)) == pytest.approx(5.99, abs=0.005)
    assert row.attack.drop_db.mean == pytest.approx(30 - _decibel(grey))
    assert row.attack.drop_percent.mean == pytest.approx(100 * (30 - _decibel(grey)) / 30)
    assert row.attack.bpp_factor.mean == pytest.approx(24)
    assert row.attack.rd_factor.mean == pytest.approx(lab.cost(24, grey) / lab.cost(1, 1e-3))
    assert (row.attack.unexplained, row.attack.psnr_by) == (1.0, "PGD-7, rate")
    assert (row.attack.vi, row.attack.psnr_perturbation) == (None, None)


def test_a_failure_is_never_better_than_the_clean_picture(tmp_path, lab):
    lab = lab()
    lab.clean("own", "one", 30.0, 0.3)
    craft = lab.craft("one", "fgsm", "rate", ("own",))
    lab.attacked("own", craft, None, status="failed", reason="lost count")
    attack = _row(board([lab.write(tmp_path)])).attack
    assert (attack.bpp_factor.mean, attack.rd_factor.mean, attack.drop_db.mean) == pytest.approx(
        (1.0, 1.0, 0.0)
    )
    assert attack.psnr.mean == pytest.approx(_decibel(0.3))


def test_a_failure_of_a_lossless_codec_has_no_drop(tmp_path, lab):
    lab = lab()
    lab.clean("identity", "one", 10.0, 0.0)
    craft = lab.craft("one", "fgsm", "rate", ("own",))
    lab.attacked("identity", craft, None, status="failed", reason="lost count")
    attack = _row(board([lab.write(tmp_path)]), "identity").attack
    assert (attack.drop_db, attack.drop_percent) == (None, None)
    assert attack.bpp_factor.mean == pytest.approx(2.4)


def test_a_failure_on_the_clean_picture_is_no_success(tmp_path, one_picture):
    lab = one_picture()
    lost = {"status": "failed", "reason": "texture"}
    lab.clean("own", "two", **lost)
    craft = lab.craft("two", "fgsm", "distortion", ("own",))
    lab.attacked("own", craft, None, "clean", **lost)
    row = _row(board([lab.write(tmp_path)]))
    assert (row.losses.clean, row.losses.failed, row.losses.cells, row.pictures) == (1, 0, 2, 1)
    assert row.attack.psnr.mean == pytest.approx(_decibel(0.02))
    assert row.losses.reasons == ("the source picture failed: texture (1)",)


def test_what_is_unsupported_or_was_not_found_is_counted(tmp_path, one_picture):
    lab = one_picture()
    craft = lab.craft("one", "PGD-7", "rate", ("own",))
    lab.attacked("own", craft, None, status="unsupported", reason="too large")
    rejected = lab.craft("one", "PGD-7", "rate", ("own",), status="failed")
    lab.attacked("own", rejected, None, "craft", status="failed", reason="outside")
    row = _row(board([lab.write(tmp_path)]))
    assert (row.losses.unsupported, row.losses.failed, row.losses.cells) == (1, 0, 4)
    assert row.attack.psnr.mean == pytest.approx(_decibel(0.02))
    assert _flags(row) == ["search-failed (1/3)"]
    assert row.losses.reasons == (
        "the attacked picture is unsupported: too large (1)",
        "the search failed: outside (1)",
    )


def test_an_unfinished_run_pairs_only_what_it_has(tmp_path, one_picture):
    lab = one_picture()
    lab.clean("own", "two", 1.0, 0.5)
    lab.attacked("own", lab.craft("two", "sign-noise"), lab.scores(1.0, 0.5, mse=0.6))
    made = board([lab.write(tmp_path, cells=40)])
    row = _row(made)
    assert (row.pictures, row.place.asked) == (1, 3)
    assert (row.clean.psnr.mean, row.noise.psnr.mean) == pytest.approx((30.0, 20.0))
    assert _flags(row) == ["unfinished (5/40)"]
    assert not made.parts[0].complete
    assert _row(made, "other").place.threat == "not yet"


def test_a_codec_with_gradients_stays_apart_where_it_is_not_yet_attacked(tmp_path, one_picture):
    lab = one_picture(budgets=[{"linf": 8}, {"linf": 16}])
    row = _row(board([lab.write(tmp_path, cells=40)]), ball="linf 16")
    assert (row.place.threat, row.attack, row.clean.bpp.mean) == ("white-box", None, 1.0)


def test_a_run_without_records_has_rows_without_figures(tmp_path, lab):
    made = board([lab().write(tmp_path, cells=40)])
    assert [row.place.threat for row in made.rows] == ["not yet"] * 3
    assert all((r.clean, r.attack, r.noise, r.pictures) == (None, None, None, 0) for r in made.rows)


def test_a_codec_given_neither_has_noise_only(tmp_path, lab):
    lab = lab(transfer="none")
    lab.clean("other", "one")
    lab.attacked("other", lab.craft("one", "sign-noise"), lab.scores(mse=0.01))
    row = _row(board([lab.write(tmp_path)]), "other")
    assert (row.place.threat, row.attack, row.gain) == ("noise only", None, None)
    assert row.noise.psnr.mean == pytest.approx(20.0)


def test_pictures_that_came_back_unchanged_have_no_gain_in_db(tmp_path, lab):
    lab = lab()
    lab.clean("identity", "one", 10.0, 0.0)
    for search in (("fgsm", "rate", ("own",)), ("sign-noise",)):
        lab.attacked("identity", lab.craft("one", *search), lab.scores(10.0, 0.0, 11.0, 0.0))
    row = _row(board([lab.write(tmp_path)]), "identity")
    assert (row.attack.psnr.mean, row.gain.drop_db) == (math.inf, None)
    assert row.gain.bpp_factor.mean == pytest.approx(1.0)
    assert row.attack.vi is None


def test_only_the_last_record_of_a_cell_counts(tmp_path, one_picture):
    lab = one_picture()
    run = lab.write(tmp_path)
    again = run.measures[1].model_copy(update={"scores": lab.scores(mse=0.1)})
    run.measures.append(again)
    made = board([run])
    assert _row(made).attack.psnr.mean == pytest.approx(10.0)
    assert made.parts[0].done == 3


def test_scores_without_their_search_are_refused(tmp_path, one_picture):
    run = one_picture().write(tmp_path)
    run.crafts.clear()
    with pytest.raises(StoreError, match="no record of it"):
        board([run])


def test_a_manifest_of_another_version_is_refused(tmp_path, lab):
    run = lab().write(tmp_path)
    run.manifest.suite.pop("budgets")
    with pytest.raises(StoreError, match="at 'budgets'"):
        board([run])


def test_intervals_medians_and_extremes_are_over_the_worst_case_of_each_picture(filled):
    run, truth = filled[0], filled[1]["own"]
    drop = _row(board([run])).attack.drop_db
    worst = _decibel(truth["clean_mse"]) - _decibel(truth["mse"][:, :4].max(1))
    assert (drop.median, drop.most) == pytest.approx((np.median(worst), worst.max()))
    draws = np.random.default_rng(0).integers(0, 3, (2000, 3))
    assert (drop.low, drop.high) == pytest.approx(
        tuple(np.percentile(worst[draws].mean(1), (2.5, 97.5)))
    )


def test_luma_has_a_worst_case_of_its_own(filled):
    run, truth = filled[0], filled[1]["own"]
    row = _row(board([run]))
    assert row.clean.luma_psnr.mean == pytest.approx(_decibel(truth["clean_mse"] / 2).mean())
    worst = _decibel(truth["mse"][:, :4].max(1) / 2)
    assert row.attack.luma_psnr.mean == pytest.approx(worst.mean())


def test_a_codec_that_keeps_the_change_is_at_zero_beyond_it(filled):
    run, truth = filled[0], filled[1]["own"]
    made = board([run])
    mse = truth["mse"][:, :4]
    worst = np.arange(3), mse.argmax(1)
    kept = truth["clean_mse"] + truth["change"][:, :4][worst]
    found = _row(made).attack.beyond_change
    assert found.mean == pytest.approx(np.mean(10 * np.log10(mse[worst] / kept)))


def test_gain_over_the_lossless_codec_is_on_the_same_attacked_pictures(filled):
    run, truth = filled
    factors = {
        codec: truth[codec]["bpp"][:, :4].max(1) / truth[codec]["clean_bpp"]
        for codec in ("own", "identity")
    }
    made = board([run])
    found = _row(made).over_lossless
    assert found.bpp_factor.mean == pytest.approx(_geometric(factors["own"] / factors["identity"]))
    assert _row(made, "identity").over_lossless.bpp_factor.mean == pytest.approx(1)


def test_what_transfer_does_alone_stands_apart(tmp_path, lab):
    row = _row(board([_outdone_by_transfer(lab).write(tmp_path)]))
    assert set(row.apart) == {"transfer"}
    assert row.apart["transfer"].psnr.mean == pytest.approx(10.0)
    assert row.apart["transfer"].bpp_factor.mean == pytest.approx(1.5)


def test_every_kind_of_attack_without_gradients_has_columns():
    kinds = set(get_args(Threat)) - {"clean", "noise", "white-box", "unaware", "external"}
    headers = {column.header for column in COLUMNS}
    assert {f"{kind} {what}" for kind in kinds for what in ("drop dB", "rate")} <= headers


def test_similarities_have_a_worst_case_and_a_failure_has_none_left(tmp_path, lab):
    lab = lab()
    lab.clean("own", "one")
    found = [("fgsm", 0.9, 60.0), ("PGD-7", 0.8, 70.0)]
    for attack, similar, vmaf in found:
        craft = lab.craft("one", attack, "distortion", ("own",))
        seen = {"ms_ssim_source": similar, "vmaf_source": vmaf}
        scores = lab.scores(mse=0.01).model_copy(update=seen)
        lab.attacked("own", craft, scores)
    attack = _row(board([lab.write(tmp_path)])).attack
    assert (attack.ms_ssim.mean, attack.vmaf.mean) == (0.8, 60.0)


def test_coding_times_are_a_megapixel(tmp_path, one_picture):
    lab = one_picture()
    lab.records[0] = lab.records[0].model_copy(
        update={"encode_seconds": 0.5, "decode_seconds": 0.25}
    )
    clean = _row(board([lab.write(tmp_path)])).clean
    assert clean.encoding.mean == pytest.approx(0.5 / (100 * 8 / 1e6))
    assert clean.decoding.mean == pytest.approx(0.25 / (100 * 8 / 1e6))


def test_more_steps_that_did_less_are_flagged(tmp_path, lab):
    lab = lab(attacks=[{"name": "pgd", "steps": steps} for steps in (20, 5)])
    lab.clean("own", "one")
    for steps, error in ((5, 0.02), (20, 0.01)):
        craft = lab.craft("one", f"pgd steps={steps}", "distortion", ("own",))
        lab.attacked("own", craft, lab.scores(mse=error))
    flags = _flags(_row(board([lab.write(tmp_path)])))
    assert flags == ["weaker-than-fewer-steps (distortion 1/1)"]


def test_a_lost_picture_is_counted_once_whatever_the_draws(tmp_path, lab):
    made = lab()
    made.clean("own", "one")
    for _ in range(4):
        made.clean("own", "two", status="failed", reason="it broke")
    craft = made.craft("one", "fgsm", "distortion", ("own",))
    made.attacked("own", craft, made.scores())
    (row,) = [r for r in board([made.write(tmp_path)]).rows if r.place.codec == "own"]
    assert row.losses.clean == 1
