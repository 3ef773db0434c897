"""The smallest budgets that reach a goal: when one counts, the median, and where it shows."""

from __future__ import annotations

import csv
import io
import math

import pytest

from board_rows import flags_of, row_of
from leaderboard.columns.columns import columns
from leaderboard.formatting import escaped
from leaderboard.ranking.board import build_board
from leaderboard.render.export import as_csv, rows
from leaderboard.render.page import markdown
from leaderboard.render.plots import plots

LOSS, RATE = "loss 3 dB", "rate ×1.5"
SEARCHES = [
    {
        "name": "minimum-apgd",
        "label": label,
        "goal": goal,
        "relative": True,
        "objectives": objective,
    }
    for label, goal, objective in ((LOSS, 10**0.3, "distortion"), (RATE, 1.5, "rate"))
]
CLEAN = 1e-3


@pytest.fixture
def made(lab, tmp_path):
    """Return a function: sizes and errors of pictures -> the board of their searches."""

    def board(*found, ball=None, attacks=SEARCHES, noise=None):
        made = lab(attacks=attacks, **({} if ball is None else {"budgets": [ball]}))
        made.budget = str(made.suite.budgets[0].budget())
        for picture, scored in zip(("one", "two", "three"), found, strict=False):
            made.clean("own", picture, mse=CLEAN)
            for label, objective, values in scored:
                craft = made.craft(picture, label, objective, ("own",))
                made.attacked("own", craft, _scores(made, **values))
            if noise is not None:
                made.attacked("own", made.craft(picture, "sign-noise"), made.scores(mse=noise))
        return build_board([made.write(tmp_path)])

    return board


def _scores(lab, size=8.0, mse=CLEAN, bpp=1.0, change=0.0):
    return lab.scores(mse=mse, bpp=bpp, change=change).model_copy(update={"linf": size})


def _loss(size, drop=3.0, label=LOSS, **others):
    return label, "distortion", {"size": size, "mse": CLEAN * 10 ** (drop / 10), **others}


def _text(board, header="smallest budget, 3 dB loss", ball="linf 8"):
    (column,) = [one for one in columns(board.rows) if one.header == header]
    return column.text(row_of(board, ball=ball))


@pytest.mark.parametrize(
    ("pictures", "median", "reached"),
    [
        ([[_loss(3.0)], [_loss(5.0)], [_loss(2.0)]], "3", "3/3"),
        ([[_loss(3.0)], [_loss(5.0)]], "3", "2/2"),
        ([[_loss(3.0)], [_loss(8.0, drop=2.9)], [_loss(7.0)]], "7", "2/3"),
        ([[_loss(3.0)], [_loss(8.0, drop=2.9)], [_loss(8.0, drop=1.0)]], "> 8", "1/3"),
        ([[_loss(3.0)], [_loss(8.0, drop=2.9)]], "3", "1/2"),
    ],
)
def test_the_median_is_the_budget_at_which_half_of_the_pictures_reach_it(
    made, pictures, median, reached
):
    board = made(*pictures)
    assert _text(board) == median
    assert _text(board, "reached, 3 dB loss") == reached


def test_the_label_of_an_objective_cannot_write_markdown(made):
    evil = "my | <b>rate</b>"
    search = {**SEARCHES[1], "objectives": {"name": "rate", "label": evil}}
    board = made([(RATE, evil, {"size": 6.0, "bpp": 1.5})], attacks=[search])
    assert f"own, budget linf 8, {escaped(evil)} ×1.5: " in (page := markdown(board))
    assert "<b>rate" not in page


def test_each_goal_has_its_own_column(made):
    rate = (RATE, "rate", {"size": 6.0, "bpp": 1.5})
    board = made([_loss(3.0), rate])
    assert (_text(board), _text(board, "smallest budget, rate ×1.5")) == ("3", "6")


def test_the_smallest_of_several_searches_counts(made):
    queried = {**SEARCHES[0], "name": "minimum-square", "label": "by queries"}
    found = [_loss(5.0), _loss(3.0, label="by queries"), _loss(2.0, drop=2.0, label=LOSS)]
    assert _text(made(found, attacks=[*SEARCHES, queried])) == "3"


@pytest.mark.parametrize(
    ("ball", "change", "size"),
    [({"mse": 0.01}, 2e-3, "0.002"), ({"l2": 900.0}, 2e-3, "")],
)
def test_sizes_are_in_the_unit_of_the_budget(made, ball, change, size):
    board = made([_loss(8.0, change=change)], ball=ball)
    label = str(board.budgets[0])
    norm = 255 * math.sqrt(change * 3 * 8 * 100)
    assert _text(board, ball=label) == (size or f"{norm:.4g}")


def test_a_codec_that_breaks_reaches_a_goal_at_no_more_than_the_budget(lab, tmp_path):
    lab = lab(attacks=SEARCHES)
    lab.clean("own", "one")
    craft = lab.craft("one", LOSS, "distortion", ("own",))
    lab.attacked("own", craft, None, status="failed", reason="it broke")
    assert _text(build_board([lab.write(tmp_path)])) == "8"


def test_smallest_perturbations_are_no_weak_attacks_and_no_worst_cases(made):
    """Noise of the whole budget does more than the smallest perturbation that loses 3 dB."""
    alone = row_of(made([_loss(3.0)], noise=CLEAN * 10))
    assert (alone.attack, flags_of(alone)) == (None, [])


def test_other_attacks_keep_their_worst_case(made):
    pgd = {"name": "pgd", "steps": 7, "label": "PGD-7"}
    strong = ("PGD-7", "distortion", {"mse": CLEAN * 8})
    row = row_of(made([strong, _loss(3.0, drop=20.0)], attacks=[pgd, *SEARCHES]))
    assert row.attack.psnr.mean == pytest.approx(-10 * math.log10(CLEAN * 8))


def test_the_page_says_it_in_words_and_draws_it(made):
    board = made([_loss(3.0)], [_loss(8.0, drop=1.0)])
    drawn = plots(board, "plots")
    page = markdown(board, drawn)
    assert "own, budget linf 8, 3 dB loss: half of the pictures reach it at linf 3, 1 of 2" in page
    assert "](plots/smallest-1.svg)" in page
    (plot,) = [plot for plot in drawn if plot.about == "smallest"]
    assert b"3 dB loss" in plot.svg


def test_a_suite_without_such_searches_has_no_such_column(one_picture, tmp_path):
    board = build_board([one_picture().write(tmp_path)])
    assert not any("smallest" in column.key for column in columns(board.rows))
    assert "Smallest budgets" not in markdown(board, plots(board, "plots"))


def test_exports_have_numbers_or_nothing(made):
    lines = list(csv.DictReader(io.StringIO(as_csv(rows(made([_loss(8.0, drop=1.0)]))).decode())))
    (line,) = [line for line in lines if line["codec"] == "own"]
    assert line["smallest_budget_3_db_loss"] == ""
    assert line["smallest_budget_3_db_loss_reached"] == "0"
    assert line["smallest_budget_3_db_loss_reached_of"] == "1"
