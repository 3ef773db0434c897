"""The time to damage: its damage is that of the harness."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
import speed

from bench.engine.runner import prepare
from bench.store.run_folder import read_run
from bench.suite.suite import Suite
from bench.utils.yaml_config import parse
from leaderboard.aggregate.suite_info import ensemble_of
from leaderboard.study.attacks.gains import GAINS
from small_run import run_suite

SUITE = """\
name: speed
images: {set: sample, limit: 1, crop: {height: 24, width: 32}}
codecs: [{name: toy, gain: 0.5, label: toy}]
attacks:
  - standard
  - {name: apgd, steps: 6, label: "APGD, 100", starts: 2, extensions: 1}
  - name: apgd
    steps: 6
    label: "from APGD, 100"
    objectives: rate
    start_from: {attack: "APGD, 100", objective: rd}
  - {name: ifgsm, steps: 30, label: "I-FGSM, 100"}
objectives: [distortion, rate, rd]
budgets: [linf: 8, mse: 3.0e-4]
transfer: none
compute: {threads: 1}
"""


@pytest.fixture(scope="module")
def found():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(speed, "LIBRARIES", ())
        return speed.curves(prepare(parse(SUITE, "speed.yaml", Suite), Path()))


def test_the_final_damage_is_what_a_run_measures(found, tmp_path):
    run_suite(SUITE, tmp_path / "run")
    run, damage = read_run(tmp_path / "run"), {}
    for record in run.measures:
        craft = run.crafts.get(record.craft)
        if craft and craft.objective and record.scores and record.victim == "toy":
            objective = craft.objective.partition(" ")[0]
            key = ensemble_of(craft.attack), craft.budget, objective
            damage[key] = max(GAINS[objective](record.scores), damage.get(key, 0.0))
    for (_, _, budget, objective), attacks in found.items():
        for attack, curve in attacks.items():
            assert curve[-1][1] == pytest.approx(damage[attack, budget, objective])
    assert len(found) == 2 * 3


def test_curves_begin_with_no_damage_and_have_rising_times(found):
    for attacks in found.values():
        for curve in attacks.values():
            for before, after in pairwise(curve):
                assert before[0] <= after[0]
            assert curve[0] == (0.0, 0.0)
            assert len(curve) > 2


def test_the_time_is_that_of_the_first_picture_with_the_damage():
    curve = [(0.0, 0.0), (1.0, 2.0), (3.0, 2.0), (4.0, 5.0)]
    assert speed.time_to(curve, 2.0) == 1.0
    assert speed.time_to(curve, 4.5) == 4.0
    assert speed.time_to(curve, 6.0) is None


def test_pages_compare_with_ours():
    case = ("toy", "one", "linf 8", "rate")
    ours, theirs = [(0.0, 0.0), (1.0, 9.0), (2.0, 10.0)], [(0.0, 0.0), (4.0, 9.5)]
    weak = [(0.0, 0.0), (1.0, 1.0)]
    curves = {"standard-1 cheap": ours, "APGD, 100": theirs, "weak, 100": weak}
    text = "\n".join(speed.page({case: curves}))
    assert "| standard-1 cheap | 1 | 2.00 | 1.00 | 1/1 | 1.00 | 1.00 |" in text
    assert "| APGD, 100 | 1 | 4.00 | 4.00 | 1/1 | 4.00 | 4.00 |" in text
    assert "| weak, 100 | 1 | 1.00 | 1.00 | 0/1 | – | – |" in text


def test_pictures_are_thinned_to_a_few_with_the_first_and_the_last():
    found = [speed.Found(float(i), None) for i in range(200)]
    kept = speed.thinned(found)
    assert len(kept) <= speed.MOST_CODED
    assert (kept[0], kept[-1]) == (found[0], found[-1])
    assert speed.thinned(found[:3]) == found[:3]
