"""The page on defences: both attackers, the worst draw, and what holds."""

from __future__ import annotations

import importlib.util
import sys

import pytest

from bench.cli.main import main
from bench.store.run_folder import read_run
from paths import ROOT

SCRIPT = ROOT / "docs/scripts/defences.py"


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("docs_defences", SCRIPT)
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def defended(tmp_path_factory, small_checkpoint):
    """Return a run of a codec without a defence, other weights, and two defences, one draws."""
    folder = tmp_path_factory.mktemp("defended")
    weights, others = (small_checkpoint("bmshj2018-factorized", seed) for seed in (0, 1))
    (folder / "guards.yaml").write_text(f"""\
name: guards
images: {{set: sample, limit: 2, crop: {{height: 32, width: 32}}}}
codecs:
  - &bare {{name: bmshj2018-factorized, checkpoint: {weights}, label: bare}}
  - {{<<: *bare, label: trained, checkpoint: {others}}}
  - {{<<: *bare, label: smoothed, defence: gaussian}}
  - {{<<: *bare, label: flipped, defence: {{name: flip, way: random}}}}
attacks: [fgsm, {{name: pgd, steps: 2}}]
objectives: [distortion, rate, rd]
budgets: [linf: 8]
draws: 3
compute: {{threads: 1}}
""")
    assert main(["run", str(folder / "guards.yaml"), "-o", str(folder / "out")]) == 0
    return read_run(folder / "out")


def test_both_attackers_and_the_worst_draw_are_told(defended, script):
    lines = list(script.section(script.guarded(defended), defended, []))
    rows = _cells(lines, "| flipped | linf")
    assert [row[2] for row in rows] == ["distortion", "rate", "rd"]
    costs = {
        threat: [_of_draws(defended, threat, picture) for picture in defended.manifest.pictures]
        for threat in ("unaware", "white-box")
    }
    for column, threat in ((4, "unaware"), (5, "white-box")):
        mean = sum(mean for mean, _ in costs[threat]) / len(costs[threat])
        assert rows[2][column] == f"J {mean:.3f}"
    worst = sum(worst for _, worst in costs["white-box"]) / len(costs["white-box"])
    assert rows[2][6] == f"J {worst:.3f}"


def test_a_row_is_flagged_where_the_unaware_attacker_did_more(defended, script):
    lines = list(script.section(script.guarded(defended), defended, []))
    rows = _cells(lines, "| flipped | linf")
    stronger = 0
    for picture in defended.manifest.pictures:
        unaware, adaptive = (
            _of_draws(defended, threat, picture)[0] for threat in ("unaware", "white-box")
        )
        stronger += unaware > adaptive
    assert rows[2][10:] == ([f"! {stronger}/2"] if stronger else [])


def test_a_checkpoint_trained_otherwise_stands_beside_the_bare_codec(defended, script):
    lines = list(script.section(script.guarded(defended), defended, []))
    assert "2 pictures of 32x32 (set sample); fgsm, pgd steps=2; 3 draws of every" in lines[2]
    rows = _cells(lines, "| trained |")
    assert [row[3] for row in rows] == ["distortion", "rate", "rd"]
    costs = {}
    for victim in ("bare", "trained"):
        made = {
            picture: [
                one.scores.rd_cost
                for one in defended.measures
                if (one.victim, one.threat, one.picture) == (victim, "white-box", picture)
                and defended.crafts[one.craft].objective == "rd"
            ]
            for picture in defended.manifest.pictures
        }
        costs[victim] = sum(map(max, made.values())) / len(made)
    assert rows[2][4:6] == [f"J {costs['bare']:.3f}", f"J {costs['trained']:.3f}"]


def _cells(lines, start):
    return [line.strip("| ").split(" | ") for line in lines if line.startswith(start)]


def test_what_is_left_is_of_the_stronger_attacker_and_the_codecs_own_clean_state(defended, script):
    smoothed = script.guarded(defended)[0]
    pictures = defended.manifest.pictures

    def measured(victim, threat, picture):
        return max(
            one.scores.rd_cost
            for one in defended.measures
            if (one.victim, one.threat, one.picture) == (victim, threat, picture)
            and (one.craft is None or defended.crafts[one.craft].objective == "rd")
        )

    def mean(victim, *threats):
        return sum(max(measured(victim, t, p) for t in threats) for p in pictures) / len(pictures)

    grown = mean("smoothed", "unaware", "white-box") - mean("smoothed", "clean")
    damage = mean("bare", "white-box") - mean("bare", "clean")
    assert smoothed.left("linf 8", "rd") == pytest.approx(grown / damage)


def _of_draws(run, threat, picture):
    """Return J of the worst search for J, mean over its draws, and of the worst draw of all."""
    made = {}
    for one in run.measures:
        found = (one.victim, one.threat, one.picture) == ("flipped", threat, picture)
        if found and run.crafts[one.craft].objective == "rd":
            made.setdefault(one.craft, []).append(one.scores.rd_cost)
    assert {len(draws) for draws in made.values()} == {3}
    return max(sum(draws) / 3 for draws in made.values()), max(
        max(draws) for draws in made.values()
    )


def test_what_holds_is_told_in_words(defended, script):
    found = script.guarded(defended)
    assert [one.name for one in found] == ["smoothed", "flipped"]
    told = list(script.verdicts(found))
    assert [line.split(": ")[0] for line in told] == [
        f"- {objective}, linf 8" for objective in ("distortion", "rate", "rd")
    ]
    for one in found:
        for objective, line in zip(("distortion", "rate", "rd"), told, strict=True):
            unaware, adaptive = one.undone("linf 8", objective)
            least = min(unaware, adaptive)
            word = "holds" if least >= 0.5 else "hides" if unaware >= 0.5 else "fails"
            (said,) = (part for part in line.split("; ") if one.name in part)
            assert f"{word}: " in said
            assert f"{one.name} ({least:.0%})" in said
