"""Pictures that failed, are missing or were refused: what they cost, and how they are counted."""

from __future__ import annotations

import pytest

from bench.errors import StoreError
from board_rows import decibel, flags_of, row_of
from leaderboard.ranking.board import build_board


def test_a_failure_ranks_as_mid_grey_at_24_bpp_and_is_counted(tmp_path, one_picture):
    lab = one_picture()
    craft = lab.craft("one", "PGD-7", "rate", ("own",))
    lab.attacked("own", craft, None, status="failed", reason="lost count")
    row = row_of(build_board([lab.write(tmp_path)]))
    grey = (128 / 255) ** 2
    assert (row.losses.failed, row.losses.cells, row.pictures) == (1, 3, 1)
    assert row.losses.reasons == ("the adversarial picture failed: lost count (1)",)
    assert row.attack.psnr.mean == pytest.approx(decibel(grey)) == pytest.approx(5.99, abs=0.005)
    assert row.attack.drop_db.mean == pytest.approx(30 - decibel(grey))
    assert row.attack.drop_percent.mean == pytest.approx(100 * (30 - decibel(grey)) / 30)
    assert row.attack.bpp_factor.mean == pytest.approx(24)
    assert row.attack.rd_factor.mean == pytest.approx(lab.cost(24, grey) / lab.cost(1, 1e-3))
    assert (row.attack.unexplained, row.attack.psnr_by) == (1.0, "PGD-7, rate")
    assert (row.attack.vi, row.attack.psnr_perturbation) == (None, None)


def test_a_failure_is_never_better_than_the_clean_picture(tmp_path, lab):
    lab = lab()
    lab.clean("own", "one", 30.0, 0.3)
    craft = lab.craft("one", "fgsm", "rate", ("own",))
    lab.attacked("own", craft, None, status="failed", reason="lost count")
    attack = row_of(build_board([lab.write(tmp_path)])).attack
    assert (attack.bpp_factor.mean, attack.rd_factor.mean, attack.drop_db.mean) == pytest.approx(
        (1.0, 1.0, 0.0)
    )
    assert attack.psnr.mean == pytest.approx(decibel(0.3))


def test_a_failure_of_a_lossless_codec_has_no_drop(tmp_path, lab):
    lab = lab()
    lab.clean("identity", "one", 10.0, 0.0)
    craft = lab.craft("one", "fgsm", "rate", ("own",))
    lab.attacked("identity", craft, None, status="failed", reason="lost count")
    attack = row_of(build_board([lab.write(tmp_path)]), "identity").attack
    assert (attack.drop_db, attack.drop_percent) == (None, None)
    assert attack.bpp_factor.mean == pytest.approx(2.4)


def test_a_failure_on_the_clean_picture_is_no_success(tmp_path, one_picture):
    lab = one_picture()
    lost = {"status": "failed", "reason": "texture"}
    lab.clean("own", "two", **lost)
    craft = lab.craft("two", "fgsm", "distortion", ("own",))
    lab.attacked("own", craft, None, "clean", **lost)
    row = row_of(build_board([lab.write(tmp_path)]))
    assert (row.losses.clean, row.losses.failed, row.losses.cells, row.pictures) == (1, 0, 2, 1)
    assert row.attack.psnr.mean == pytest.approx(decibel(0.02))
    assert row.losses.reasons == ("the source picture failed: texture (1)",)


def test_what_is_unsupported_or_was_not_found_is_counted(tmp_path, one_picture):
    lab = one_picture()
    craft = lab.craft("one", "PGD-7", "rate", ("own",))
    lab.attacked("own", craft, None, status="unsupported", reason="too large")
    rejected = lab.craft("one", "PGD-7", "rate", ("own",), status="failed")
    lab.attacked("own", rejected, None, "craft", status="failed", reason="outside")
    row = row_of(build_board([lab.write(tmp_path)]))
    assert (row.losses.unsupported, row.losses.failed, row.losses.cells) == (1, 0, 4)
    assert row.attack.psnr.mean == pytest.approx(decibel(0.02))
    assert flags_of(row) == ["search-failed (1/3)"]
    assert row.losses.reasons == (
        "the adversarial picture is unsupported: too large (1)",
        "the search failed: outside (1)",
    )


def test_an_unfinished_run_pairs_only_what_it_has(tmp_path, one_picture):
    lab = one_picture()
    lab.clean("own", "two", 1.0, 0.5)
    lab.attacked("own", lab.craft("two", "sign-noise"), lab.scores(1.0, 0.5, mse=0.6))
    made = build_board([lab.write(tmp_path, cells=40)])
    row = row_of(made)
    assert (row.pictures, row.place.n_pictures) == (1, 3)
    assert (row.clean.psnr.mean, row.noise.psnr.mean) == pytest.approx((30.0, 20.0))
    assert flags_of(row) == ["unfinished (5/40)"]
    assert not made.parts[0].complete
    assert row_of(made, "other").place.threat == "not yet"


def test_a_codec_with_gradients_stays_apart_where_it_is_not_yet_attacked(tmp_path, one_picture):
    lab = one_picture(budgets=[{"linf": 8}, {"linf": 16}])
    row = row_of(build_board([lab.write(tmp_path, cells=40)]), ball="linf 16")
    assert (row.place.threat, row.attack, row.clean.bpp.mean) == ("white-box", None, 1.0)


def test_a_run_without_records_has_rows_without_figures(tmp_path, lab):
    made = build_board([lab().write(tmp_path, cells=40)])
    assert [row.place.threat for row in made.rows] == ["not yet"] * 3
    assert all((r.clean, r.attack, r.noise, r.pictures) == (None, None, None, 0) for r in made.rows)


def test_a_codec_given_neither_has_noise_only(tmp_path, lab):
    lab = lab(transfer="none")
    lab.clean("other", "one")
    lab.attacked("other", lab.craft("one", "sign-noise"), lab.scores(mse=0.01))
    row = row_of(build_board([lab.write(tmp_path)]), "other")
    assert (row.place.threat, row.attack, row.gain) == ("noise only", None, None)
    assert row.noise.psnr.mean == pytest.approx(20.0)


def test_only_the_last_record_of_a_cell_counts(tmp_path, one_picture):
    lab = one_picture()
    run = lab.write(tmp_path)
    again = run.measures[1].model_copy(update={"scores": lab.scores(mse=0.1)})
    run.measures.append(again)
    made = build_board([run])
    assert row_of(made).attack.psnr.mean == pytest.approx(10.0)
    assert made.parts[0].done == 3


def test_scores_without_their_search_are_refused(tmp_path, one_picture):
    run = one_picture().write(tmp_path)
    run.crafts.clear()
    with pytest.raises(StoreError, match="no record of that search"):
        build_board([run])


def test_a_manifest_of_another_version_is_refused(tmp_path, lab):
    run = lab().write(tmp_path)
    run.manifest.suite.pop("budgets")
    with pytest.raises(StoreError, match="cannot read 'budgets'"):
        build_board([run])


def test_a_lost_picture_is_counted_once_whatever_the_draws(tmp_path, lab):
    made = lab()
    made.clean("own", "one")
    for _ in range(4):
        made.clean("own", "two", status="failed", reason="it broke")
    craft = made.craft("one", "fgsm", "distortion", ("own",))
    made.attacked("own", craft, made.scores())
    (row,) = [r for r in build_board([made.write(tmp_path)]).rows if r.place.codec == "own"]
    assert row.losses.clean == 1
