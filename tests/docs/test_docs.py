"""The scripts that write pages of figures."""

from __future__ import annotations

import pytest

from bench.cli.main import main
from bench.models import zoo
from bench.models.card import RateDistortion
from bench.store.run_folder import read_run
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
compute: {{threads: 1}}
""")
    assert main(["run", str(folder / "twins.yaml"), "-o", str(folder / "out")]) == 0
    return read_run(folder / "out")


def test_the_page_on_hardening_compares_the_worst_pictures(run, docs_script):
    (pair,) = hardened_pairs(run)
    lines = "\n\n".join(docs_script("hardening").section(pair)).splitlines()
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


def test_the_bd_rate_of_a_codec_with_half_the_bits_is_minus_a_half(docs_script):
    script = docs_script("zoo")
    anchor = [script.AnchorPoint(str(psnr), 0.1 * 1.2**psnr, psnr) for psnr in (28, 30, 32, 34, 36)]
    test = [
        RateDistortion(bpp=point.bpp / 2, psnr=point.psnr, estimated_bpp=1, pictures=1)
        for point in anchor
    ]
    assert script._bd_rate(anchor, test) == "-50.0 %"
