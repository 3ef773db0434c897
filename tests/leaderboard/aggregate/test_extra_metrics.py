"""What the board makes of the metrics that suites name."""

from __future__ import annotations

import math

import pytest

from bench.store.records import Extra
from leaderboard.ranking.board import build_board
from leaderboard.render.export import records
from leaderboard.render.page import markdown


def _extra(better, source, clean, grey=None, unit="", reason=""):
    return Extra(unit=unit, better=better, source=source, clean=clean, grey=grey, reason=reason)


def _said(lab, **found):
    return lab.scores().model_copy(update={"extra": found})


def _made(lab, tmp_path):
    made = build_board([lab.write(tmp_path)])
    return made, records(made)[0]


def _searched(lab, picture, attack, **found):
    craft = lab.craft(picture, attack, "distortion", ("own",))
    lab.attacked("own", craft, _said(lab, **found))


@pytest.mark.parametrize(("better", "worst"), [("higher", (0.4 + 0.8) / 2), ("lower", 0.8)])
def test_the_worst_case_of_each_picture_is_taken_then_the_mean(better, worst, lab, tmp_path):
    lab = lab()
    for picture, values in (("one", (0.4, 0.8)), ("two", (0.8, None))):
        lab.clean("own", picture)
        for attack, value in zip(("fgsm", "PGD-7"), values, strict=True):
            _searched(lab, picture, attack, near=_extra(better, value, 0.9))
    _, line = _made(lab, tmp_path)
    assert line["near_worst"] == pytest.approx(worst)


@pytest.mark.parametrize(
    ("better", "clean", "grey", "worst"),
    [
        ("higher", 0.9, 0.2, 0.2),
        ("higher", 0.1, 0.2, 0.1),
        ("lower", 3.0, 20.0, 20.0),
        ("lower", 30.0, 20.0, 30.0),
        ("higher", 0.9, None, -math.inf),
        ("lower", 3.0, None, math.inf),
        ("higher", None, 0.2, None),
    ],
)
def test_a_failure_ranks_as_mid_grey_or_as_the_clean_picture(
    better, clean, grey, worst, lab, tmp_path
):
    lab = lab()
    lab.clean("own", "one")
    extra = _extra(better, clean, clean, grey)
    scores = lab.records[-1].scores.model_copy(update={"extra": {"near": extra}})
    lab.records[-1] = lab.records[-1].model_copy(update={"scores": scores})
    craft = lab.craft("one", "fgsm", "distortion", ("own",))
    lab.attacked("own", craft, None, status="failed", reason="lost")
    _, line = _made(lab, tmp_path)
    assert (line["near_clean"], line["near_worst"]) == (clean, worst)


def test_metrics_of_one_label_that_are_no_twins_have_columns_of_their_own(lab, tmp_path):
    lab = lab()
    for picture, unit, better in (("one", "dB", "higher"), ("two", "levels", "lower")):
        lab.clean("own", picture)
        _searched(lab, picture, "fgsm", near=_extra(better, 2.0, 1.0, unit=unit))
        _searched(lab, picture, "PGD-7", near=_extra(better, 3.0, 1.0, unit=unit))
    _, line = _made(lab, tmp_path)
    assert (line["near_worst_db"], line["near_worst_levels"]) == (2.0, 3.0)


def test_why_a_metric_says_nothing_is_listed_with_its_count(lab, tmp_path):
    lab = lab()
    lab.clean("own", "one")
    for attack in ("fgsm", "PGD-7"):
        _searched(lab, "one", attack, near=_extra("lower", None, 1.0, reason="lost | count"))
    made, line = _made(lab, tmp_path)
    assert line["near_worst"] is None
    reason = r"own, budget linf 8: the metric near gave no value: lost \| count (2)"
    assert reason in markdown(made)


def test_labels_are_shown_as_they_are(lab, tmp_path):
    lab = lab()
    lab.clean("own", "one")
    _searched(lab, "one", "fgsm", **{"<b>|*near*": _extra("lower", 2.0, 1.0)})
    made, _ = _made(lab, tmp_path)
    assert r"| &lt;b&gt;\|\*near\* worst ↓ |" in markdown(made)
