"""The scripts that write pages of figures."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from bench import zoo
from bench.card import RateDistortion
from bench.cli import main
from bench.store import read_run

DOCS = Path(__file__).parents[1] / "docs"
PLAIN, OTHER = list(zoo.cards())[:2]
ARCHITECTURE = zoo.cards()[PLAIN].architecture


def _script(name):
    spec = importlib.util.spec_from_file_location(f"docs_{name}", DOCS / f"{name}.py")
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Return a run of two models, as if one were the hardened twin of the other."""
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
compute: {{threads: 1}}
""")
    assert main(["run", str(folder / "twins.yaml"), "-o", str(folder / "out")]) == 0
    return read_run(folder / "out")


def test_the_page_on_hardening_compares_the_worst_pictures(run):
    lines = list(_script("hardening")._section(run))
    assert lines[0] == "## small, lambda 0.013"
    rows = {line.split(" | ")[1]: line.strip("| ").split(" | ") for line in lines[6:9]}
    assert set(rows) == {"distortion", "rate", "rd"}
    by_victim = {
        label: [
            _worst(run, label, picture, lambda scores: scores.rd_cost)
            for picture in run.manifest.pictures
        ]
        for label in ("small", "small hardened")
    }
    plain, hardened = (sum(costs) / len(costs) for costs in by_victim.values())
    assert rows["rd"][2:4] == [f"{plain:.3f}", f"{hardened:.3f}"]
    assert rows["rd"][4] == f"{(plain - hardened) / plain:.1%}"


def _worst(run, label, picture, measure):
    return max(
        measure(record.scores)
        for record in run.measures
        if (record.victim, record.picture, record.threat) == (label, picture, "white-box")
        and run.crafts[record.craft].objective.startswith("rd")
    )


def test_the_bd_rate_of_a_codec_with_half_the_bits_is_minus_a_half():
    page = _script("zoo")
    anchor = [page.Point(str(psnr), 0.1 * 1.2**psnr, psnr) for psnr in (28, 30, 32, 34, 36)]
    test = [
        RateDistortion(bpp=point.bpp / 2, psnr=point.psnr, estimated_bpp=1, pictures=1)
        for point in anchor
    ]
    assert page._bd_rate(anchor, test) == "-50.0 %"


@pytest.fixture(scope="module")
def defended(tmp_path_factory):
    """Return a run of a codec without a defence, behind one, and behind one that draws."""
    folder = tmp_path_factory.mktemp("defended")
    (folder / "guards.yaml").write_text(f"""\
name: guards
images: {{set: sample, limit: 2, crop: {{height: 32, width: 32}}}}
codecs:
  - &bare {{name: {ARCHITECTURE}, checkpoint: {PLAIN}, label: bare}}
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


def test_the_page_on_defences_has_both_attackers_and_the_worst_draw(defended):
    lines = list(_script("defences").section(defended))
    rows = [line.strip("| ").split(" | ") for line in lines if line.startswith("| flipped | linf")]
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


def test_the_page_on_defences_tells_what_holds_in_words(defended):
    script = _script("defences")
    found = script.guarded(defended)
    assert [one.name for one in found] == ["smoothed", "flipped"]
    told = list(script.verdicts(found))
    assert len(told) == 9
    for one in found:
        for objective in ("distortion", "rate", "rd"):
            said = [
                line for line in told if line.startswith(f"- {objective}: ") and one.name in line
            ]
            unaware, adaptive = one.undone("linf 8", objective)
            word = (
                "hold"
                if min(unaware, adaptive) >= 0.5
                else "hide"
                if unaware >= 0.5
                else "not even"
            )
            assert len(said) == 1
            assert word in said[0]
