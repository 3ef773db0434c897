"""The optimality of attacks, against areas worked out by hand."""

from __future__ import annotations

import math

import pytest

from bench.cli.main import main
from leaderboard.study.attacks.optimality import optimalities

PICTURES = ("one", "two")
LINF = ({"linf": 4}, {"linf": 8})
GAINS = {  # by attack and budget, the added bits per pixel of each picture
    ("A", "linf 4"): (0.1, 0.3),
    ("A", "linf 8"): (0.4, 0.4),
    ("B", "linf 4"): (0.2, 0.1),
    ("B", "linf 8"): (0.6, 0.2),
}
"""Means of A: .2, .4; of B: .15, .4; of the envelope: .25, .5. Areas from radius 0 to 8: 1.6, 1.4
and 2."""


@pytest.fixture
def made(lab, tmp_path):
    """Return a function: gains by attack and budget, searches by attack -> a run."""

    def run(gains, gradients=None, budgets=LINF, objective="rate"):
        folder = lab(budgets=list(budgets))
        for picture in PICTURES:
            folder.clean("own", picture)
        for (attack, budget), found in gains.items():
            folder.budget = budget
            for picture, gain in zip(PICTURES, found, strict=True):
                craft = folder.craft(picture, attack, objective, ("own",))
                if gradients:
                    folder.records[-1] = craft.model_copy(update={"gradients": gradients[attack]})
                if gain is None:
                    lost = {"status": "failed", "reason": "lost", "stage": "craft"}
                    folder.attacked("own", craft, None, **lost)
                elif objective == "rate":
                    folder.attacked("own", craft, folder.scores(bpp=1 + gain))
                else:
                    folder.attacked("own", craft, folder.scores(mse=1e-3 * 10 ** (gain / 10)))
        return folder.write(tmp_path / "run")

    return run


def _by_attack(run):
    return {found.attack: found for found in optimalities([run])}


def test_the_area_of_an_attack_is_compared_with_that_of_the_envelope(made):
    found = _by_attack(made(GAINS))
    assert found["A"].overall == pytest.approx(1.6 / 2)
    assert found["B"].overall == pytest.approx(1.4 / 2)
    assert (found["A"].model, found["A"].budgets, found["A"].objective) == ("own", "linf", "rate")


def test_members_of_an_ensemble_are_one_attack_that_reaches_the_envelope(made):
    ensemble = {(f"both: {attack}", budget): gain for (attack, budget), gain in GAINS.items()}
    found = _by_attack(made(ensemble | GAINS))
    assert found["both"].overall == pytest.approx(1)
    assert found["both"].effort.gradients == 2 * found["A"].effort.gradients
    assert found["A"].overall == pytest.approx(1.6 / 2)


def test_an_attack_is_compared_with_those_that_are_not_dearer(made):
    cheap = {(f"{attack} again", budget): gain for (attack, budget), gain in GAINS.items()}
    cheap |= {("C", "linf 4"): (0.0, 0.0), ("C", "linf 8"): (0.2, 0.0)}  # mean 0, .1: area .2
    gradients = {"A": 100, "B": 125, "A again": 126, "B again": 126, "C": 10}
    found = _by_attack(made(GAINS | cheap, gradients))
    assert found["A"].equal == pytest.approx(1.6 / 2)
    assert found["C"].equal is None
    assert found["C"].overall == pytest.approx(0.2 / 2)


def test_queries_count_only_where_no_gradients_do(lab, tmp_path):
    run = lab(budgets=[{"linf": 8}])
    run.clean("own", "one")
    for attack, spent, gain in (
        ("few", {"gradients": 0, "queries": 10}, 0.1),
        ("many", {"gradients": 0, "queries": 100}, 0.2),
        ("steps", {"gradients": 10, "queries": 0}, 0.4),
        ("mixed", {"gradients": 10, "queries": 100}, 0.5),
    ):
        craft = run.craft("one", attack, "rate", ("own",))
        run.records[-1] = craft.model_copy(update=spent)
        run.attacked("own", craft, run.scores(bpp=1 + gain))
    found = _by_attack(run.write(tmp_path / "queries"))
    assert found["few"].equal is None
    assert found["many"].equal == pytest.approx(1)
    assert found["steps"].equal == pytest.approx(0.8)
    assert found["few"].overall == pytest.approx(0.2)


def test_a_search_without_a_picture_gains_nothing(made):
    lost = GAINS | {("B", "linf 8"): (0.6, None)}  # mean of B at 8: .3, envelope the same as before
    found = _by_attack(made(lost))
    assert found["B"].overall == pytest.approx((0.3 + 4 * (0.15 + 0.3) / 2) / 2)


def test_distortion_gains_decibels_and_mse_budgets_have_the_length_of_their_root(made):
    budgets = ({"mse": 1e-4}, {"mse": 4e-4})
    gains = {
        ("A", "mse 0.0001"): (1.0, 1.0),
        ("A", "mse 0.0004"): (3.0, 1.0),
        ("B", "mse 0.0001"): (2.0, 1.0),
        ("B", "mse 0.0004"): (3.0, 3.0),
    }
    found = _by_attack(made(gains, budgets=budgets, objective="distortion"))
    mine = 0.01 * 1 / 2 + 0.01 * (1 + 2) / 2
    best = 0.01 * 1.5 / 2 + 0.01 * (1.5 + 3) / 2
    assert found["A"].overall == pytest.approx(mine / best)
    assert found["B"].overall == pytest.approx(1)


def test_nobody_is_optimal_where_nobody_gains(made):
    found = _by_attack(made({("A", "linf 4"): (0.0, -0.1), ("B", "linf 4"): (0.0, 0.0)}))
    assert {one.overall for one in found.values()} == {None}


def test_the_report_has_it_for_the_attack_of_a_plugin(run_suite, tmp_path):
    (tmp_path / "my_attack.py").write_text(PLUGIN)
    run = run_suite(SUITE, tmp_path)
    assert main(["report", str(run), "-o", str(tmp_path / "page.md")]) == 0
    section = (tmp_path / "page.md").read_text().split("## Optimality of attacks\n")[1]
    rows = [line.strip("| ").split(" | ") for line in section.split("\n## ")[0].splitlines()]
    cells = {row[0]: row[1:] for row in rows if len(row) > 1}
    assert cells["attack"] == ["gradients", "queries", "distortion", "distortion, overall"]
    assert cells["mine"][:2] == ["1", "0"]
    assert math.isclose(float(cells["fgsm"][3]), 100, abs_tol=0.05)
    assert 0 < float(cells["mine"][3]) < 100


PLUGIN = """\
from dataclasses import dataclass
from typing import ClassVar
from bench.attack import AttackResult
from bench.entry import Entry

@dataclass(frozen=True)
class Half:
    needs: ClassVar[str] = "gradient"
    budgets: ClassVar[tuple[str, ...]] = ("linf",)
    version: ClassVar[int] = 1
    evaluations: ClassVar[int] = 1

    def __call__(self, target, images, budget, rngs):
        values, gradient = target.value_and_grad(images)
        step = 0.5 * budget.steepest(gradient)
        return AttackResult(budget.project(images + step, images), values[None])

ATTACKS = {"mine": Entry(Half, "half of FGSM")}
"""
SUITE = """\
name: mine
plugins: [my_attack.py]
images: {set: sample, names: [coffee], crop: {height: 24, width: 32}}
codecs: [{name: toy, gain: 0.5, label: toy}]
attacks: [fgsm, mine]
objectives: [distortion]
budgets: [{linf: 4}, {linf: 8}]
compute: {threads: 1}
"""
