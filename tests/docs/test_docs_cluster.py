"""The script that estimates the time of a suite on different numbers of cores."""

from __future__ import annotations

import sys

import pytest

SUITE = """\
name: tiny
images: {set: sample, names: [coffee], crop: {height: 16, width: 24}}
codecs: [toy, {name: jpeg, quality: 50}]
attacks: [{name: pgd, steps: 9}, {name: square, queries: 100}]
objectives: [rate]
budgets: [{linf: 8}]
compute: {threads: 1}
"""


@pytest.fixture
def script(docs_script):
    return docs_script("cluster")


@pytest.fixture
def prepared(script, tmp_path):
    (tmp_path / "tiny.yaml").write_text(SUITE)
    return script.prepare(*script.named_suite(str(tmp_path / "tiny.yaml")))


def test_hours_follow_from_steps_and_plan(script, prepared):
    megapixel = 1e6 / (16 * 24)  # what a second for this picture is for a megapixel
    steps = {
        "toy": script.Steps({"rate": 36 * megapixel}, 0.0, 0.0),
        "jpeg quality=50": script.Steps({}, 9 * megapixel, 0.0),
        "identity": script.Steps({}, 0.0, 0.0),
    }
    table = script._sizing_table(prepared, steps)
    jpegs = [cell for cell in prepared.plan.cells if cell.victim.label == "jpeg quality=50"]
    gradients = sum(
        job.search.evaluations for job in prepared.plan.crafts if job.search.need == "gradient"
    )
    queries = sum(
        job.search.evaluations
        for job in prepared.plan.crafts
        if job.search.need == "queries" and job.sources[0].label == "jpeg quality=50"
    )
    assert gradients >= 9
    assert queries == 100
    hours = (36 * gradients + 9 * queries + 9 * len(jpegs)) / 3600
    assert f"{len(prepared.plan.cells)} evaluations" in table[0]
    assert f"{hours:.1f} core-hours" in table[0]
    rows = {int(line.split(" | ")[0][2:]): line for line in table[4:]}
    assert rows[1].split(" | ")[1] == f"{hours:.2f}"
    longest = float(table[0].split(" takes ")[1].split()[0]) / 60
    assert float(rows[64].split(" | ")[1]) == pytest.approx(longest, abs=0.01)


def test_steps_are_timed_and_printed(script, prepared, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(sys, "argv", ["cluster.py", str(tmp_path / "tiny.yaml")])
    script.main()
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "| core-seconds a megapixel | gradient, rate | encode, decode | metrics |"
    assert [line.split(" | ")[0] for line in printed[2:5]] == [
        "| toy",
        "| jpeg quality=50",
        "| identity",
    ]
    took = [figure.strip(" |") for line in printed[2:5] for figure in line.split(" | ")[1:]]
    assert took.count("") == 2  # the gradients of jpeg and identity
    assert all(float(figure) > 0 for figure in took if figure)
    assert len([line for line in printed if line.count("|") == 4]) >= len(script.WORKERS)
