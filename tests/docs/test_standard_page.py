"""The page about `standard`: its figures worked out again from the records."""

from __future__ import annotations

import sys
from statistics import fmean

import pytest

from bench.cli.main import main
from bench.metrics.scores import psnr_of
from bench.store.run_folder import read_run

SUITE = """\
name: small
images: {set: sample, limit: 1, crop: {height: 24, width: 32}}
codecs:
  - {name: bmshj2018-factorized, checkpoint: bmshj2018-factorized-small-q1, label: learned}
attacks: [ATTACKS]
objectives: [distortion, rate, rd]
budgets: [linf: 8]
transfer: none
compute: {threads: 1}
"""
RUNS = {
    "first": "standard-1",
    "second": "standard",
    "variants": "{name: apgd, steps: 4, starts: 2, label: APGD}, {name: fgsm, starts: 2}",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory, docs_script):
    """Return a folder with three runs and the page; the second run is its full mode, too."""
    folder = tmp_path_factory.mktemp("standard")
    for name, attacks in RUNS.items():
        (folder / f"{name}.yaml").write_text(SUITE.replace("ATTACKS", attacks))
        assert main(["run", str(folder / f"{name}.yaml"), "-o", str(folder / name)]) == 0
    module = docs_script("standard")
    given = [str(folder / name) for name in ("first", "second", "second", "variants")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "PAGE", folder / "standard.md")
        patch.setattr(sys, "argv", ["standard.py", *given])
        module.main()
    return folder


def _tables(folder, title):
    """Return the tables of a section, each as lists of cells without the line of dashes."""
    text = (folder / "standard.md").read_text().split(f"## {title}\n")[1].split("\n## ")[0]
    blocks = [block for block in text.split("\n\n") if block.startswith("|")]
    tables = [[row.strip("| ").split(" | ") for row in block.splitlines()] for block in blocks]
    return [[rows[0], *rows[2:]] for rows in tables]


def _attacked(folder, name):
    """Return the scores of the attacked pictures by source picture, with their searches."""
    run, found = read_run(folder / name), {}
    for record in run.measures:
        craft = run.crafts.get(record.craft)
        if record.victim == "learned" and craft and craft.sources:
            found.setdefault(record.picture, []).append((record.scores, craft))
    return list(found.values())


def test_the_strength_of_both_versions(folder):
    ((headers, row),) = _tables(folder, "Strength")
    cells = dict(zip(headers, row, strict=True))
    for version, name in (("1", "first"), ("2", "second")):
        pictures = _attacked(folder, name)
        errors = [max(scores.mse_source for scores, _ in one) for one in pictures]
        rates = [max(scores.bpp for scores, _ in one) for one in pictures]
        spent = [sum(craft.gradients for _, craft in one) for one in pictures]
        assert cells[f"PSNR {version}"] == f"{fmean(map(psnr_of, errors)):.2f} dB"
        assert cells[f"rate {version}"] == f"{fmean(rates):.3f}"
        assert cells[f"gradients {version}"] == f"{fmean(spent):.0f}"
    costs = [
        fmean(max(scores.rd_cost for scores, _ in one) for one in _attacked(folder, name))
        for name in ("first", "second")
    ]
    assert cells["J 0.013"] == f"{100 * (costs[1] / costs[0] - 1):+.1f} %"
    assert cells["at least as strong"].endswith("/5")


def test_an_ensemble_is_as_strong_as_itself(folder):
    ((headers, row),) = _tables(folder, "The full mode")
    cells = dict(zip(headers, row, strict=True))
    assert cells["J 0.013"] == "+0.0 %"
    assert cells["at least as strong"] == "5/5"


def test_the_members_that_found_the_worst_case(folder):
    second, _ = _tables(folder, "Members")
    rates = {row[0]: int(row[2]) for row in second[1:]}
    expected = dict.fromkeys(rates, 0)
    for picture in _attacked(folder, "second"):
        worst = max(scores.bpp for scores, _ in picture)
        for attack in {craft.attack for scores, craft in picture if scores.bpp == worst}:
            expected[attack] += 1
    assert rates == expected
    assert sum(rates.values()) >= 1


def test_variants_are_compared_with_apgd(folder):
    ((headers, *rows),) = _tables(folder, "What else was tried")
    assert headers == ["search", "linf 8, mean", "linf 8, best"]
    assert rows[0] == ["APGD", "1.000", "1.000"]
    shares = []
    for picture in _attacked(folder, "variants"):
        errors = {}
        for scores, craft in picture:
            errors.setdefault(craft.attack, []).append(scores.mse_source)
        shares.append(max(errors["fgsm"]) / max(errors["APGD"]))
    assert rows[1][2] == f"{fmean(shares):.3f}"
