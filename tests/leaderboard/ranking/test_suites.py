"""Boards of several suites: what is of one stands apart from what is of another."""

from __future__ import annotations

import json
import re

import pytest

from leaderboard.ranking.board import build_board
from leaderboard.ranking.comparison import sweeps
from leaderboard.render.export import as_compressai
from leaderboard.render.page import markdown
from leaderboard.render.terminal import tables

CHANGES = {
    "name": {"name": "other-v1"},
    "seed": {"seed": 7},
    "cost": {"rd_lambda": 0.5},
}


def attacked(lab, radius=8, **changes):
    """Return a lab of one codec on one picture under one attack, which costs it more and more."""
    made = lab(budgets=[{"linf": radius}], **changes)
    made.budget = f"linf {radius}"
    made.clean("own", "one")
    craft = made.craft("one", "fgsm", "distortion", ("own",))
    made.attacked("own", craft, made.scores(bpp=1 + radius / 10, mse=radius / 1000))
    return made


@pytest.fixture(params=CHANGES.values(), ids=CHANGES.keys())
def two_suites(request, lab, tmp_path):
    """Runs of two suites on the same pictures at the same budget."""
    runs = {"a": {}, "b": request.param}
    return build_board(
        [attacked(lab, **changes).write(tmp_path / name) for name, changes in runs.items()]
    )


def test_no_table_list_or_curve_is_of_two_suites(two_suites):
    names = {part.name for part in two_suites.parts}
    assert len(names) == 2
    for found in (two_suites.tables, two_suites.comparisons):
        assert {one.runs for one in found} == {(name,) for name in names}
    for table in two_suites.tables:
        assert {row.place.run for row in table.rows} == set(table.runs)
    for one in two_suites.comparisons:
        members = (member for family in one.families for member in family.members)
        assert {member.row.place.run for member in members} == set(one.runs)


def test_every_heading_says_of_which_suite_it_is(two_suites):
    page, shown = markdown(two_suites), [str(table.title) for table in tables(two_suites)]
    for part in two_suites.parts:
        where = f"{part.name}, budget linf 8"
        assert f"## At {where}: attacked through their own gradients" in page
        assert f"### At {where}: attacked through their own gradients" in page
        assert (
            f"**Largest effects**, {where}, attacked through their own gradients: PSNR drop" in page
        )
        assert sum(title.startswith(f"{part.name}, linf 8: attacked") for title in shown) == 1
        assert any(title.startswith(f"Ranking at {part.name}, linf 8") for title in shown)
    assert "| run |" not in page


def test_curves_say_of_which_suite_they_are(two_suites):
    names = {json.loads(content)["name"] for content in as_compressai(two_suites).values()}
    titles = ("unattacked", "linf 8 distortion")
    assert names == {f"{part.name} own {text}" for part in two_suites.parts for text in titles}


def test_runs_of_one_suite_stand_in_one_table_and_say_which_they_are(lab, tmp_path):
    made = build_board([attacked(lab).write(tmp_path / name) for name in "ab"])
    (table, others) = made.tables
    assert table.runs == others.runs == ("synthetic", "synthetic (2)")
    assert [row.place.run for row in table.rows if not row.reference] == list(table.runs)
    assert re.search(r"\| run \| codec \|.*\n.*\n\| synthetic \| own \|", markdown(made))


def test_damage_over_the_budget_is_drawn_across_suites_that_differ_in_it_alone(lab, tmp_path):
    runs = {radius: attacked(lab, radius, name=f"linf{radius}-v1") for radius in (8, 4)}
    made = build_board([one.write(tmp_path / str(radius)) for radius, one in runs.items()])
    (sweep,) = sweeps(made.comparisons)
    assert sweep.runs == ("linf4-v1", "linf8-v1")
    (line,) = sweep.lines
    assert line.codec == "own"
    assert [(step.radius, step.bpp_factor.mean) for step in line.steps] == [
        (4, pytest.approx(1.4)),
        (8, pytest.approx(1.8)),
    ]


def test_another_codec_under_the_same_label_is_another_line(lab, tmp_path):
    codecs = [{"name": "toy", "gain": 3.0, "label": "own"}]
    suites = [(4, {}), (8, {"codecs": codecs})]
    runs = [attacked(lab, radius, name=f"linf{radius}-v1", **changes) for radius, changes in suites]
    made = build_board([one.write(tmp_path / str(index)) for index, one in enumerate(runs)])
    ((line,),) = (sweep.lines for sweep in sweeps(made.comparisons))
    assert [step.radius for step in line.steps] == [4]
