"""Which flags mark a figure as a lower bound, and that none of them takes a rank."""

from __future__ import annotations

import pytest

from cost_field import CODECS, PICTURES, Field, standings
from leaderboard.ranking.ranking import WITH, WITHOUT
from leaderboard.ranking.rd_costs import LAMBDAS
from leaderboard.render.export import records
from leaderboard.render.page import markdown

TWO = [*CODECS[:3], {"name": "toy", "gain": 2.0, "label": "two"}]
CLEAN, ATTACKED, MORE = (0.5, 1e-3), (0.6, 4e-3), (0.7, 5e-3)


class Searched(Field):
    """Two codecs that were attacked through their own gradients; both are ranked."""

    def __init__(self, lab, flags=()):
        super().__init__(lab, TWO, flags)
        self.add("own", CLEAN, ATTACKED)
        self.add("two", CLEAN, (9.0, 5e-3))
        self.search("two", (9.0, 5e-3), ("fgsm", "distortion"))

    def search(self, codec, reached, search, flags=(), pictures=PICTURES, **more):
        """Add a search on some pictures, with its (bpp, mse)."""
        for picture in pictures:
            craft = self.lab.craft(picture, *search, (codec,), flags, **more)
            self.lab.attacked(codec, craft, self.lab.scores(*CLEAN, *reached))

    def line(self, folder, scope=WITH, codec="own"):
        return standings(self.board(folder), scope)[codec]


def reasons(line):
    return [str(one) for one in line.by_cost.doubts]


@pytest.mark.parametrize("flag", ["still-rising", "zero-gradient", "of-a-plugin"])
def test_a_flagged_search_that_decides_marks_the_figure_and_takes_no_rank(lab, tmp_path, flag):
    line = Searched(lab, (flag,)).line(tmp_path)
    assert (line.rank, line.exclusions) == (1, ())
    assert reasons(line) == [f"{flag} (distortion 12/12)"]


def test_a_flagged_search_that_decides_nothing_marks_nothing(lab, tmp_path):
    field = Searched(lab, ("still-rising",))
    field.search("own", MORE, ("PGD-7", "rd"))
    made = field.board(tmp_path)
    line = standings(made, WITH)["own"]
    assert (line.rank, line.by_cost.doubts, line.by_excess.doubts) == (1, (), ())
    (row,) = [row for row in made.rows if row.place.codec == "own"]
    assert "still-rising" in {flag.name for flag in row.flags}


def test_one_picture_is_enough_and_the_pictures_are_counted(lab, tmp_path):
    field = Searched(lab, ("still-rising",))
    field.search("own", MORE, ("PGD-7", "rd"), pictures=PICTURES[1:])
    assert reasons(field.line(tmp_path)) == ["still-rising (distortion 1/12)"]


def test_a_flagged_start_marks_nothing_where_another_start_found_more(lab, tmp_path):
    field = Searched(lab)
    search = ("PGD-7", "rd")
    field.search("own", (0.65, 5e-3), search, ("still-rising",), start=0)
    field.search("own", MORE, search, start=1)
    assert reasons(field.line(tmp_path / "weaker")) == []
    field.search("own", (0.8, 5e-3), search, ("still-rising",), PICTURES[:3], start=2)
    assert reasons(field.line(tmp_path / "stronger")) == ["still-rising (rd 3/12)"]


def test_a_remark_on_how_a_search_began_marks_nothing(lab, tmp_path):
    assert reasons(Searched(lab, ("random-start",)).line(tmp_path)) == []


def test_a_search_that_failed_is_missing_and_takes_the_rank(lab, tmp_path):
    field = Searched(lab)
    craft = field.lab.craft(PICTURES[0], "PGD-7", "rd", ("own",), status="failed")
    field.lab.attacked("own", craft, None, status="failed", reason="no picture", stage="craft")
    line = field.line(tmp_path)
    assert line.rank is None
    assert [str(one) for one in line.exclusions] == ["search-failed (1/13)"]


def test_flags_of_searches_on_other_codecs_mark_nothing(lab, tmp_path):
    field = Searched(lab, ("still-rising",))
    field.add("JPEG q 10", CLEAN, ATTACKED)
    field.add("VVC qp 22", CLEAN, MORE)
    line = field.line(tmp_path, WITHOUT, "JPEG")
    assert (line.rank, reasons(line)) == (1, [])


def test_a_comparison_marks_where_its_objective_decides(lab, tmp_path):
    field = Searched(lab)
    for codec, reached in (("JPEG q 10", (0.5, 2e-3)), ("VVC qp 22", (9.0, 5e-3))):
        field.add(codec, CLEAN, reached)
    _noise(field, "JPEG q 10", (0.45, 2.1e-3), PICTURES[:2])
    marked = field.line(tmp_path / "decides", WITHOUT, "JPEG")
    assert (marked.rank, reasons(marked)[0]) == (1, "weaker-than-noise (distortion 2/12)")
    for picture in PICTURES:
        craft = field.lab.craft(picture, "fgsm", "rate", ("own",))
        field.lab.attacked("JPEG q 10", craft, field.lab.scores(*CLEAN, 4.0, 1.5e-3))
    line = field.line(tmp_path / "does not", WITHOUT, "JPEG")
    assert (line.rank, reasons(line)) == (1, [])


def test_noise_that_costs_more_marks_whatever_the_objectives_say(lab, tmp_path):
    field = Searched(lab)
    field.search("own", (1.2, 1e-3), ("fgsm", "rate"))
    lmbda = LAMBDAS[1] * 255**2
    assert 1.1 + lmbda * 3.9e-3 > max(0.6 + lmbda * 4e-3, 1.2 + lmbda * 1e-3)
    _noise(field, "own", (1.1, 3.9e-3), PICTURES[:5])
    assert reasons(field.line(tmp_path)) == ["weaker-than-noise (R-D cost 5/12)"]


def test_a_smaller_budget_that_costs_more_marks_the_larger_one(lab, tmp_path):
    field = Searched(lambda **changes: lab(**changes, budgets=[{"linf": 8}, {"linf": 4}]))
    field.lab.budget = "linf 4"
    field.search("own", (0.55, 4.2e-3), ("fgsm", "distortion"), pictures=PICTURES[:4])
    one = next(one for one in field.board(tmp_path).comparisons if str(one.budget) == "linf 8")
    lines = [line for ranking in one.rankings for line in ranking.standings]
    found = [line for line in lines if line.codec == "own" and line.robustness]
    assert "weaker-than-smaller-budget (R-D cost 4/12)" in reasons(found[1])


def test_a_codec_that_draws_where_nothing_tells_how_is_marked_everywhere(lab, tmp_path):
    field = Searched(lab)
    field.lab.records = [
        one.model_copy(update={"flags": ("randomised",)})
        if getattr(one, "victim", "") == "own" and one.threat == "clean"
        else one
        for one in field.lab.records
    ]
    line = field.line(tmp_path)
    assert (line.rank, reasons(line)) == (1, ["randomised (12/12)"])


def test_the_mark_stands_at_the_figures_it_concerns(lab, tmp_path):
    field = Searched(lab, ("still-rising",))
    page = markdown(made := field.board(tmp_path))
    (line,) = [one for one in page.splitlines() if one.startswith("| 1 | own |")][:1]
    cells = [cell.strip() for cell in line.split("|")]
    assert [cell.startswith("≥ ") for cell in cells] == [
        *(False, False, False, True, False, True, True),
        *[False] * (len(cells) - 7),
    ]
    assert "not-converged (distortion 12/12)" in line
    assert "**Lowest R-D cost under attack** (efficiency and robustness together)" in page
    assert "own (≥)" in page.partition("## What was attacked")[0]
    assert all("≥" not in str(cell) for record in records(made) for cell in record.values())


def _noise(field, codec, reached, pictures):
    for picture in pictures:
        craft = field.lab.craft(picture, "uniform-noise")
        field.lab.attacked(codec, craft, field.lab.scores(*CLEAN, *reached))
