"""Ranks against pandas, and every way in which a codec must not get one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import bootstrap

from cost_field import CODECS, PICTURES, Field, standings
from leaderboard.aggregate.bootstrap import RESAMPLES, SEED
from leaderboard.ranking.board import build_board
from leaderboard.ranking.ranking import ALL, WITH, WITHOUT
from leaderboard.ranking.rd_costs import LAMBDAS, ratio
from leaderboard.render.page import markdown
from leaderboard.render.summary import verdicts

THREE = [*CODECS[1:3], {"name": "toy", "gain": 2.0, "label": "T"}]
"""JPEG, VVC and one more codec that is not attacked through its own gradients."""


@pytest.fixture
def filled_field(lab, rng):
    field = Field(lab)
    spread = rng.uniform(0.9, 1.1, len(PICTURES))
    field.add("own", (0.5 * spread, 1e-3), (0.6 * spread, 4e-3))
    field.add("JPEG q 10", (0.4 * spread, 2e-3), (0.5 * spread, 3e-3))
    field.add("JPEG q 90", (4 * spread, 1e-4), (5 * spread, 4e-4))
    field.add("VVC qp 22", (2 * spread, 1e-4), (2.2 * spread, 3e-4))
    field.add("VVC qp 42", (0.2 * spread, 1.5e-3), (0.25 * spread, 2e-3))
    return field


def test_the_interval_of_a_ratio_is_scipys_on_the_same_draws(rng):
    names = [f"picture-{index:02d}" for index in range(24)]
    ours, theirs = rng.lognormal(size=24), rng.lognormal(size=24)
    found = ratio(dict(zip(names, ours, strict=True)), dict(zip(names, theirs, strict=True)))
    expected = bootstrap(
        (ours, theirs),
        lambda a, b, axis=-1: a.mean(axis) / b.mean(axis),
        paired=True,
        n_resamples=RESAMPLES,
        method="percentile",
        rng=np.random.default_rng(SEED),
    )
    assert found.value == pytest.approx(ours.mean() / theirs.mean())
    assert found.interval == pytest.approx(tuple(expected.confidence_interval))


@pytest.mark.parametrize("lmbda", LAMBDAS)
def test_costs_and_order_are_those_of_pandas(filled_field, tmp_path, lmbda):
    table = pd.DataFrame(filled_field.table, columns=["codec", "picture", "r", "d", "ra", "da"])
    table["clean"] = table.r + lmbda * 255**2 * table.d
    table["attacked"] = table.ra + lmbda * 255**2 * table.da
    table["family"] = table.codec.str.replace(r" (q|qp) \d+$", "", regex=True)
    means = table.groupby(["family", "codec"])[["clean", "attacked"]].mean().reset_index()
    best = means.loc[means.groupby("family").clean.idxmin()].set_index("family")
    found = standings(filled_field.board(tmp_path), WITHOUT, lmbda)
    assert list(found) == list(best.attacked.drop("own").sort_values().index)
    for family, line in found.items():
        mine, vvc = best.loc[family], best.loc["VVC"]
        assert line.codec == mine.codec
        assert line.robustness.value == pytest.approx(mine.attacked / vvc.clean)
        assert line.growth.value == pytest.approx(mine.attacked / mine.clean)
        assert line.efficiency.value == pytest.approx(mine.clean / vvc.clean)


def test_a_codec_that_breaks_down_on_one_picture_is_worse_than_one_that_costs_half(lab, tmp_path):
    field = Field(lab)
    costs = np.linspace(1.0, 2.0, len(PICTURES))
    field.add("VVC qp 22", (costs, 1e-6), (costs, 1e-6))
    broken = np.where(np.arange(len(PICTURES)) == 3, 500.0, 2 * costs)
    field.add("JPEG q 10", (costs, 1e-6), (broken, 1e-6))
    found = standings(field.board(tmp_path), WITHOUT)
    assert {name: (line.rank, line.by_cost.ties) for name, line in found.items()} == {
        "VVC": (1, ()),
        "JPEG": (2, ()),
    }


def test_codecs_with_and_without_gradients_stand_in_separate_lists(filled_field, tmp_path):
    made = filled_field.board(tmp_path)
    assert set(standings(made, WITH)) == {"own"}
    assert set(standings(made, WITHOUT)) == {"JPEG", "VVC"}
    assert {ranking.scope for ranking in made.comparisons[0].rankings} == {WITH, WITHOUT}


def test_the_list_of_all_uses_no_gradients_of_the_codec(filled_field, tmp_path):
    lab, mild = filled_field.lab, 1.001
    for picture, (_, _, bpp, mse, *_) in zip(PICTURES, filled_field.table, strict=False):
        craft = lab.craft(picture, "fgsm", "distortion", ("another",))
        lab.attacked("own", craft, lab.scores(bpp, mse, mild * bpp, mild * mse))
    made = filled_field.board(tmp_path)
    found = standings(made, ALL)
    assert [(name, line.rank) for name, line in found.items()] == [
        ("own", 1),
        ("VVC", 2),
        ("JPEG", 3),
    ]
    assert found["own"].growth.value == pytest.approx(mild, rel=1e-6)
    assert standings(made, WITH)["own"].growth.value > 1.5


def test_the_list_of_all_counts_what_codecs_with_and_without_gradients_were_given(lab, tmp_path):
    field, clean, mild = Field(lab), (0.5, 1e-3), 1.01
    for codec in ("own", "VVC qp 22"):
        field.add(codec, clean, (1.0, 3e-3))
        for picture in PICTURES:
            craft = field.lab.craft(picture, "square", "distortion", (codec,))
            scores = field.lab.scores(*clean, clean[0] * mild, clean[1] * mild)
            field.lab.attacked(codec, craft, scores, threat="black-box")
    made = field.board(tmp_path)
    (kinds,) = {one.kinds for one in made.comparisons[0].rankings if one.scope is ALL}
    assert kinds == ("black-box",)
    for line in standings(made, ALL).values():
        assert line.growth.value == pytest.approx(mild)
    assert standings(made, WITHOUT)["VVC"].growth.value > 1.5
    assert "Attacks that count: black-box, which were scored on codecs of both kinds." in markdown(
        made
    )


def test_a_codec_without_such_an_attack_has_no_rank_in_the_list_of_all(lab, tmp_path):
    field = Field(lab, codecs=[*CODECS[:3], {"name": "toy", "gain": 3.0, "label": "given"}])
    for codec in ("own", "given"):
        field.add(codec, (0.5, 1e-3), (1.0, 3e-3))
    for picture in PICTURES:
        craft = field.lab.craft(picture, "fgsm", "distortion", ("given",))
        field.lab.attacked("given", craft, field.lab.scores(0.5, 1e-3, 1.0, 3e-3))
    found = standings(field.board(tmp_path), ALL)
    assert found["own"].exclusions == ("no such attack",)
    assert found["own"].robustness is None


def test_a_codec_that_is_bad_to_begin_with_cannot_win_by_losing_little(lab, tmp_path):
    field = Field(lab)
    field.add("JPEG q 10", (8.0, 0.05), (8.0, 0.05))
    field.add("VVC qp 42", (0.2, 1e-3), (0.3, 3e-3))
    found = standings(field.board(tmp_path), WITHOUT)
    assert found["JPEG"].growth.value < found["VVC"].growth.value
    assert (found["VVC"].rank, found["JPEG"].rank) == (1, 2)


def test_what_the_pictures_cannot_tell_apart_ties(lab, tmp_path, rng):
    field, noise = Field(lab), rng.normal(0, 0.05, len(PICTURES))
    field.add("JPEG q 10", (0.5, 1e-3), (1.0 + noise, 1e-3))
    field.add("VVC qp 42", (0.5, 1e-3), (1.0 - noise, 1e-3))
    made = field.board(tmp_path)
    found = standings(made, WITHOUT)
    assert {name: (line.rank, line.by_cost.ties) for name, line in found.items()} == {
        "VVC": (1, ("JPEG",)),
        "JPEG": (1, ("VVC",)),
    }
    assert "| 1–2 | VVC" in markdown(made)


def test_the_rank_after_a_tie_counts_those_before_it(lab, tmp_path, rng):
    noise = rng.normal(0, 0.05, len(PICTURES))
    field = Field(lab, THREE)
    field.add("JPEG q 10", (0.5, 1e-3), (1.0 + noise, 1e-3))
    field.add("VVC qp 42", (0.5, 1e-3), (1.0 - noise, 1e-3))
    field.add("T", (0.5, 1e-3), (9.0, 1e-3))
    found = standings(field.board(tmp_path), WITHOUT)
    assert sorted(line.rank for line in found.values()) == [1, 1, 3]
    assert found["T"].rank == 3


def test_a_small_but_constant_difference_is_no_tie(lab, tmp_path, rng):
    field, pictures = Field(lab), rng.uniform(0.2, 3, len(PICTURES))
    field.add("JPEG q 10", (pictures, 1e-3), (pictures + 0.11, 1e-3))
    field.add("VVC qp 42", (pictures, 1e-3), (pictures + 0.1, 1e-3))
    found = standings(field.board(tmp_path), WITHOUT)
    assert (found["VVC"].rank, found["JPEG"].rank) == (1, 2)


def test_a_missing_picture_costs_the_rank(lab, tmp_path):
    field = Field(lab, THREE)
    field.add("JPEG q 10", (0.1, 1e-4), (0.1, 1e-4), PICTURES[1:])
    field.add("VVC qp 42", (0.5, 1e-3), (1.0, 3e-3))
    field.add("T", (0.5, 1e-3), (9.0, 1e-3))
    found = standings(field.board(tmp_path), WITHOUT)
    assert list(found) == ["VVC", "T", "JPEG"]
    assert (found["VVC"].rank, found["JPEG"].rank) == (1, None)
    assert found["JPEG"].exclusions == ("11 of 12 pictures",)


def test_a_refused_attacked_picture_costs_the_rank(lab, tmp_path):
    field = Field(lab, THREE)
    field.add("JPEG q 10", (0.1, 1e-4), (0.1, 1e-4))
    field.add("VVC qp 42", (0.5, 1e-3), (1.0, 3e-3))
    harder = field.lab.craft(PICTURES[0], "pgd", "distortion", ("own",))
    field.lab.attacked("JPEG q 10", harder, None, status="unsupported", reason="no room")
    field.add("T", (0.5, 1e-3), (9.0, 1e-3))
    found = standings(field.board(tmp_path), WITHOUT)
    assert (found["VVC"].rank, found["JPEG"].rank) == (1, None)
    assert found["JPEG"].exclusions == ("1 unsupported",)


def test_a_failure_costs_the_rank(lab, tmp_path):
    field = Field(lab)
    field.add("JPEG q 10", (0.1, 1e-4), (0.1, 1e-4))
    field.lab.attacked(
        "JPEG q 10", field.attacks[PICTURES[0]], None, status="failed", reason="lost"
    )
    field.add("VVC qp 42", (0.5, 1e-3), (1.0, 3e-3))
    found = standings(field.board(tmp_path), WITHOUT)
    assert (found["JPEG"].rank, found["JPEG"].exclusions) == (None, ("1 failed",))


def test_an_unfinished_run_has_no_ranks(filled_field, tmp_path):
    made = filled_field.board(tmp_path, cells=9999)
    lines = standings(made, WITHOUT).values()
    assert {line.rank for line in lines} == {None}
    assert all(line.exclusions[0].name == "unfinished" for line in lines)


def test_without_vvc_costs_are_in_bits_per_pixel(lab, tmp_path):
    field = Field(lab)
    field.add("JPEG q 10", (0.5, 0.0), (1.25, 0.0))
    made = field.board(tmp_path)
    assert standings(made, WITHOUT)["JPEG"].robustness.value == pytest.approx(1.25)
    assert "×1.00 is one bit per pixel, as there is no VVC." in markdown(made)


def test_codecs_that_halve_colour_are_marked(filled_field, tmp_path):
    made = filled_field.board(tmp_path)
    assert {name: line.family.subsampled for name, line in standings(made, WITHOUT).items()} == {
        "VVC": True,
        "JPEG": False,
    }
    assert "| VVC (4:2:0) |" in markdown(made)


def test_a_codec_with_a_parameter_that_halves_colour_is_marked(lab, tmp_path):
    codec = {"name": "vtm", "qp": 22, "colour": "yuv420", "label": "T"}
    field = Field(lab, [*CODECS[:2], codec])
    field.add("T", (0.5, 1e-3), (0.5, 3e-3))
    assert standings(field.board(tmp_path), WITHOUT)["T"].family.subsampled


def test_a_codec_that_loses_by_its_colour_alone_is_ahead_by_luma(lab, tmp_path):
    field = Field(lab)
    field.add("JPEG q 10", (0.5, 1e-3), (0.5, 3e-3), luma=3e-3)
    field.add("VVC qp 42", (0.5, 1e-3), (0.5, 4e-3), luma=2e-3)
    found = standings(field.board(tmp_path), WITHOUT)
    assert {name: (line.rank, line.luma_rank) for name, line in found.items()} == {
        "JPEG": (1, 2),
        "VVC": (2, 1),
    }


def test_the_page_says_at_once_who_costs_least(filled_field, tmp_path):
    page = markdown(filled_field.board(tmp_path))
    summary = page.partition("## What was attacked")[0]
    wanted = "of the ranked codecs, budget linf 8, attacked without gradients: VVC."
    together = "efficiency and robustness together"
    assert f"**Lowest R-D cost under attack** ({together}) {wanted}" in summary
    assert "**Lowest excess R-D cost** (robustness alone)" in summary


def test_one_codec_alone_has_no_rank_and_does_not_win(lab, tmp_path):
    field = Field(lab)
    field.add("JPEG q 10", (0.1, 1e-4), (0.1, 1e-4), PICTURES[1:])
    field.add("VVC qp 42", (0.5, 1e-3), (1.0, 3e-3))
    made = field.board(tmp_path)
    found = standings(made, WITHOUT)
    assert {name: (line.rank, line.by_excess.rank) for name, line in found.items()} == {
        "VVC": (None, None),
        "JPEG": (None, None),
    }
    assert found["VVC"].exclusions == ("no other codec to compare with",)
    assert {line.first for line in verdicts(made)} == {"fewer than two codecs are ranked"}
    assert "**Lowest" not in markdown(made)


def test_the_rule_stands_on_the_page(filled_field, tmp_path):
    page = markdown(filled_field.board(tmp_path))
    assert "### The rule" in page
    assert "so that no codec can win by being inefficient to begin with" in page


def test_runs_of_one_suite_are_ranked_together_and_others_are_not(lab, tmp_path):
    parts = []
    for index, (codec, settings) in enumerate(
        (("JPEG q 10", {}), ("VVC qp 42", {}), ("VVC qp 42", {"seed": 7}))
    ):
        field = Field(lab, **settings)
        field.add(codec, (0.5, 1e-3), (1.0 + index, 3e-3))
        parts.append(field.lab.write(tmp_path / str(index)))
    made = build_board(parts)
    assert [comparison.runs for comparison in made.comparisons] == [
        ("synthetic", "synthetic (2)"),
        ("synthetic (3)",),
    ]
    found = [r for r in made.comparisons[0].rankings if r.scope is WITHOUT]
    assert [line.family.name for line in found[0].standings] == [
        "JPEG (synthetic)",
        "VVC (synthetic (2))",
    ]
