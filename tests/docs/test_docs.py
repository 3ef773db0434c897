"""The scripts that write pages of figures."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import pytest

from bench.cli.main import main
from bench.models import zoo
from bench.models.card import RateDistortion
from bench.store.run_folder import read_run
from leaderboard.aggregate.flags import Flag
from leaderboard.ranking.board import build_board
from leaderboard.study.adversarial_training import hardened_pairs

PLAIN, OTHER = list(zoo.cards())[:2]
ARCHITECTURE = zoo.cards()[PLAIN].architecture


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Return a run of two models, as if one were the hardened version of the other."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "twins.yaml").write_text(f"""\
name: twins
images: {{set: sample, limit: 2, crop: {{height: 32, width: 32}}}}
codecs:
  - {{name: {ARCHITECTURE}, checkpoint: {PLAIN}, label: small}}
  - {{name: {ARCHITECTURE}, checkpoint: {OTHER}, label: small hardened}}
attacks: [fgsm, colour-shift]
objectives: [distortion, rate, rd]
budgets: [linf: 8]
metrics: [generations]
compute: {{threads: 1}}
""")
    assert main(["run", str(folder / "twins.yaml"), "-o", str(folder / "out")]) == 0
    return read_run(folder / "out")


def test_the_page_on_hardening_compares_the_worst_pictures(run, docs_script):
    (pair,) = hardened_pairs(run)
    lines = "\n\n".join(docs_script("hardening").section(pair)).splitlines()
    assert lines[0] == "## small, lambda 0.013"
    costs, targets = (
        line.strip("| ").split(" | ") for line in lines if line.startswith("| linf 8")
    )
    plain, hardened = (
        _mean_of_worst(run, label, lambda scores: scores.rd_cost)
        for label in ("small", "small hardened")
    )
    assert [costs[1], costs[4]] == [f"{plain:.3f}", f"{hardened:.3f}"]
    recovered = 100 * (plain - hardened) / (plain - float(costs[2]))
    assert float(costs[5].strip("%")) == pytest.approx(recovered, rel=0.02)
    rates = [
        _mean_of_worst(run, label, lambda scores: scores.bpp, "rate")
        for label in ("small", "small hardened")
    ]
    assert targets[3:5] == [f"{rate:.3f}" for rate in rates]


def _mean_of_worst(run, label, measure, objective=""):
    worst = [
        max(
            measure(record.scores)
            for record in run.measures
            if (record.victim, record.picture) == (label, picture)
            and record.threat not in {"clean", "noise"}
            and run.crafts[record.craft].objective.startswith(objective)
        )
        for picture in run.manifest.pictures
    ]
    return sum(worst) / len(worst)


def test_the_page_on_hardening_splits_the_excess(run, docs_script, monkeypatch):
    script = docs_script("hardening")
    monkeypatch.setattr(script, "SUMMARY_BUDGETS", ("linf 8",))
    (pair,) = hardened_pairs(run)
    (line,) = script.remaining_lines(pair)
    costs = next(one for one in "\n".join(script.section(pair)).splitlines() if "linf 8" in one)
    assert [line[2], line[6]] == [costs.strip("| ").split(" | ")[column] for column in (6, 7)]
    for excess, *parts in (line[2:6], line[6:10]):
        assert sum(map(float, parts)) == pytest.approx(float(excess), abs=2e-3)


def test_the_loss_in_generations_is_that_of_the_clean_pictures(run, docs_script):
    (pair,) = hardened_pairs(run)
    losses = [
        record.scores.extra["generations"].source
        for record in run.measures
        if (record.victim, record.threat) == ("small hardened", "clean")
    ]
    assert docs_script("hardening").lost_in_generations(pair.hardened) == sum(losses) / 2


def test_attacks_that_beat_those_through_the_gradients_are_named(run, docs_script, monkeypatch):
    script = docs_script("hardening")
    assert dict(script.masking_lines(run)) == {"small": "nowhere", "small hardened": "nowhere"}
    flags = (Flag("weaker-than-transfer", 1, 4, "rate"), Flag("still-rising", 1, 4))
    rows = [
        dataclasses.replace(row, flags=flags) if row.place.codec == "small hardened" else row
        for row in build_board([run]).rows
    ]
    monkeypatch.setattr(script, "build_board", lambda runs: SimpleNamespace(rows=rows))
    lines = dict(script.masking_lines(run))
    assert lines["small hardened"] == "transfer at linf 8 (rate, 1 of 4)"


def test_the_bd_rate_of_a_codec_with_half_the_bits_is_minus_a_half(docs_script):
    script = docs_script("zoo")
    anchor = [script.AnchorPoint(str(psnr), 0.1 * 1.2**psnr, psnr) for psnr in (28, 30, 32, 34, 36)]
    test = [
        RateDistortion(bpp=point.bpp / 2, psnr=point.psnr, estimated_bpp=1, pictures=1)
        for point in anchor
    ]
    assert script._bd_rate(anchor, test) == "-50.0 %"
