"""Estimates of time: what they include, and what `bench plan` says that they leave out."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.cli.main import main
from bench.engine.runner import prepare
from bench.planning.estimate import estimated_seconds
from bench.suite.suite import Suite
from bench.utils.yaml_config import parse

SUITE = """\
name: estimated
images: {set: sample, names: [coffee], crop: {height: 64, width: 64}}
codecs: [{name: jpeg, quality: 50}]
attacks: [{name: square, queries: 1000}]
objectives: [OBJECTIVE]
budgets: [{linf: 8}]
"""


def _search(objective):
    prepared = prepare(parse(SUITE.replace("OBJECTIVE", objective), "small.yaml", Suite), Path())
    return max(map(estimated_seconds, prepared.plan.crafts))


@pytest.mark.parametrize(("objective", "codings"), [("rate", 1), ("regenerated", 2), ("time", 3)])
def test_objectives_that_code_a_picture_several_times_take_as_long(objective, codings):
    assert _search(objective) == pytest.approx(codings * _search("distortion"), rel=0.05)


def test_the_plan_names_what_it_leaves_out(tmp_path, capsys):
    path = tmp_path / "small.yaml"
    path.write_text(SUITE.replace("OBJECTIVE", "rate"))
    assert main(["plan", str(path)]) == 0
    assert "without the time of" not in capsys.readouterr().out
    path.write_text(f"{SUITE.replace('OBJECTIVE', 'rate')}vmaf: true\n")
    assert main(["plan", str(path)]) == 0
    assert "without the time of VMAF\n" in capsys.readouterr().out
