"""The page that compares `standard` with attacks of others: tables worked out again by hand."""

from __future__ import annotations

import sys
from statistics import fmean

import pytest

from bench.cli.main import main
from bench.store.run_folder import read_run

SUITE = """\
name: peers
images: {set: sample, limit: 2, crop: {height: 24, width: 32}}
codecs: [{name: toy, gain: 0.5, label: toy}]
attacks:
  - standard
  - {name: fgsm, label: "FGSM, 100"}
  - {name: apgd, steps: 2, label: "APGD, 100"}
  - {name: apgd, steps: 80, restarts: 2, label: "APGD, 400"}
objectives: [distortion, rate]
budgets: [linf: 8, mse: 3.0e-4]
transfer: none
compute: {threads: 1}
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory, docs_script):
    folder = tmp_path_factory.mktemp("comparison")
    (folder / "peers.yaml").write_text(SUITE)
    assert main(["run", str(folder / "peers.yaml"), "-o", str(folder / "run")]) == 0
    module = docs_script("comparison")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "PAGE", folder / "comparison.md")
        patch.setattr(sys, "argv", ["comparison.py", str(folder / "run")])
        module.main()
    return folder


def _rows(page, title):
    text = (page / "comparison.md").read_text().split(f"{title}\n")[1].split("\n#")[0]
    lines = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("|")]
    return {line[0]: line[1:] for line in lines}


def _values(page):
    """Return the largest maximised value of every case, by attack."""
    run, found = read_run(page / "run"), {}
    for record in run.measures:
        craft = run.crafts.get(record.craft)
        if craft and craft.objective and record.scores and record.victim == "toy":
            attack = craft.attack.partition("-")[0] if ": " in craft.attack else craft.attack
            objective = craft.objective.partition(" ")[0]
            value = record.scores.bpp if objective == "rate" else record.scores.mse_source
            case = craft.budget, objective, craft.picture
            cases = found.setdefault(attack, {})
            cases[case] = max(value, cases.get(case, value))
    return found


def test_cases_in_which_the_ensemble_is_at_least_as_strong(page):
    values, rows = _values(page), _rows(page, "## Each attack")
    ours = values.pop("standard")
    for attack, theirs in values.items():
        wins = [ours[case] >= value for case, value in theirs.items()]
        assert rows[attack][:2] == [str(len(wins)), f"{100 * fmean(wins):.1f} %"]
    assert {"FGSM, 100", "APGD, 100", "APGD, 400"} == values.keys()


def test_the_summary_takes_all_attacks_of_a_level_together(page):
    values, rows = _values(page), _rows(page, "## Summary")
    ours, fgsm, apgd = (values[name] for name in ("standard", "FGSM, 100", "APGD, 100"))
    both = [value >= max(fgsm[case], apgd[case]) for case, value in ours.items()]
    assert rows["100"][2] == f"{100 * fmean(both):.1f} %"
    assert rows["100"][3].endswith("/8")
    assert rows["400"][1].endswith("(APGD, 400)")


def test_strength_is_the_mean_over_cases(page):
    values, rows = _values(page), _rows(page, "### linf 8")
    bpp = [
        v
        for (ball, objective, _), v in values["APGD, 400"].items()
        if objective == "rate" and ball == "linf 8"
    ]
    assert rows["APGD, 400"][1] == f"{fmean(bpp):.3f}"


def test_means_below_are_listed(page):
    below = sum(
        int(cells[2].partition("/")[0])
        for cells in list(_rows(page, "## Each attack").values())[2:]
    )
    text = (page / "comparison.md").read_text().split("## Means below\n")[1].split("\n## ")[0]
    assert sum(line.startswith(("| FGSM", "| APGD")) for line in text.splitlines()) == below


def test_a_run_without_others_is_refused(page, docs_script, monkeypatch, tmp_path):
    text = "\n".join(line for line in SUITE.splitlines() if 'label: "' not in line)
    (tmp_path / "alone.yaml").write_text(text)
    assert main(["run", str(tmp_path / "alone.yaml"), "-o", str(tmp_path / "run")]) == 0
    monkeypatch.setattr(sys, "argv", ["comparison.py", str(tmp_path / "run")])
    with pytest.raises(SystemExit, match="both `standard` and attacks of others"):
        docs_script("comparison").main()
