"""The page on attacks: tables of real runs, worked out again by hand."""

from __future__ import annotations

import shutil
import sys
from statistics import fmean

import pytest

from bench.cli.main import main
from bench.store.run_folder import read_run

HEAD = """\
images: {set: sample, limit: 2, crop: {height: 24, width: 32}}
objectives: [distortion, rate]
budgets: [linf: 8]
compute: {threads: 1}
"""
STRENGTH = """\
name: strength
description: Strength
codecs: [{name: toy, gain: 0.5, label: toy}]
attacks: [fgsm, {name: ifgsm, steps: 4}, {name: pgd, steps: 4}, {name: apgd, steps: 4}, standard]
"""
STEPS = """\
name: steps
description: Steps
codecs: [{name: toy, gain: 0.5, label: toy}]
attacks: [{name: apgd, steps: [2, 8], restarts: 1}]
"""
AGAIN = STEPS.replace("steps\n", "again\n", 1) + "seed: 1\n"
QUERIES = """\
name: queries
description: Queries
codecs: [{name: jpeg, quality: 30, label: JPEG}, {name: toy, gain: 0.5, label: toy}]
attacks: [fgsm, {name: square, queries: 30}]
sources: [JPEG, toy]
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory, docs_script):
    folder = tmp_path_factory.mktemp("attacks")
    for text in (STRENGTH, STEPS, AGAIN, QUERIES):
        name = text.splitlines()[0].split()[1]
        (folder / f"{name}.yaml").write_text(text + HEAD)
        assert main(["run", str(folder / f"{name}.yaml"), "-o", str(folder / name)]) == 0
    module = docs_script("attack_strength")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "PAGE", folder / "attacks.md")
        runs = [str(folder / name) for name in ("strength", "steps", "again", "queries")]
        patch.setattr(sys, "argv", ["attack_strength.py", *runs])
        module.main()
    return folder


def _rows(page, title):
    """Return the cells of the table under a heading, by its first cell."""
    part = (page / "attacks.md").read_text().split(f"{title}\n")[1].split("\n#")[0]
    rows = [line.strip("| ").split(" | ") for line in part.splitlines() if line.startswith("|")]
    return {row[0]: row[1:] for row in rows}


def _worst(page, name, attack, objective, value):
    run = read_run(page / name)
    values = {}
    for record in run.measures:
        craft = run.crafts.get(record.craft)
        if record.victim != "toy" or craft is None or not craft.attack.startswith(attack):
            continue
        if craft.objective and craft.objective.split()[0] == objective:
            values.setdefault(craft.picture, []).append(value(record.scores))
    return fmean(max(group) for group in values.values())


@pytest.mark.parametrize("attack", ["fgsm", "apgd", "standard"])
def test_strength_is_the_mean_of_the_worst_of_each_picture(page, attack):
    rows = _rows(page, "### linf 8")
    (cells,) = (row for name, row in rows.items() if name.split()[0] == attack and len(row) == 6)
    psnr = -_worst(page, "strength", attack, "distortion", lambda scores: -scores.psnr_source)
    bpp = _worst(page, "strength", attack, "rate", lambda scores: scores.bpp)
    assert cells[:2] == [f"{psnr:.2f} dB", f"{bpp:.3f}"]


def test_attacks_are_compared_in_pairs_picture_by_picture(page):
    text = (page / "attacks.md").read_text()
    assert "| apgd over pgd, distortion | " in text
    counts = [line for line in text.splitlines() if line.startswith("| fgsm over sign-noise")]
    assert all("| 2/2, +" in line for line in counts)
    assert len(counts) == 2


def test_optimality_is_one_for_the_best_of_all_on_every_picture(page):
    text = (page / "attacks.md").read_text()
    strength, queries = text.split("### Optimality (suite ")[1:]
    rows = {row[0]: row[1:] for row in _table(strength)}
    assert rows["attack"] == [
        *("gradients", "queries", "distortion", "distortion, overall", "rate", "rate, overall")
    ]
    best = {name for name, cells in rows.items() if cells[3] == cells[5] == "100.0"}
    assert best & {"apgd steps=4", "standard-2 cheap"}
    assert float(rows["sign-noise"][3]) < float(rows["fgsm"][3])
    square = {row[0]: row[1:] for row in _table(queries)}["square queries=30"]
    assert square[:2] == ["0", "30"]


def _table(text):
    lines = text.split("\n#")[0].splitlines()
    return [line.strip("| ").split(" | ") for line in lines if line.startswith("|")]


def test_strength_by_steps(page):
    rows = (page / "attacks.md").read_text().split("(suite steps)")[1].splitlines()
    (header,) = [line for line in rows if line.startswith("| model")]
    assert header.endswith("| objective | 2 | 8 |")
    (line,) = [line for line in rows if line.startswith("| toy | apgd, restarts 1 | rate")]
    few, many = map(float, line.strip("| ").split(" | ")[-2:])
    assert few <= many


def test_queries_are_shown_next_to_noise_and_transfer(page):
    text = (page / "attacks.md").read_text().split("### JPEG")[1].split("###")[0]
    lines = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    rows = {(line[0], line[1]): line[2:] for line in lines[1:]}
    assert rows["square queries=30", "JPEG"][-1] == "30"
    assert ("fgsm", "toy") in rows
    assert ("sign-noise", "none") in rows
    records = [record for record in read_run(page / "queries").measures if record.victim == "JPEG"]
    clean = {record.picture: record.scores.bpp_clean for record in records}
    assert rows["no attack", "–"][2] == f"{fmean(clean.values()):.3f}"


def test_seeds_are_compared_search_by_search(page):
    apart = {"distortion": [], "rate": []}
    first, second = (_searched(page, name) for name in ("steps", "again"))
    for (attack, objective, picture), value in first.items():
        if attack == "apgd steps=8 restarts=1":
            apart[objective].append(abs(value - second[attack, objective, picture]))
    text = (page / "attacks.md").read_text().split("## Difference between seeds")[1]
    line = f"| apgd steps=8 restarts=1 | rate | 2 | {fmean(apart['rate']):.3f} "
    assert line + f"| {max(apart['rate']):.3f} |" in text
    assert f"| distortion | 2 | {fmean(apart['distortion']):.2f} dB |" in text


def _searched(page, name):
    run, values = read_run(page / name), {}
    for record in run.measures:
        craft, scores = run.crafts.get(record.craft), record.scores
        if record.victim == "toy" and craft and craft.objective:
            value = scores.bpp if craft.objective == "rate" else scores.psnr_source
            values[craft.attack, craft.objective, craft.picture] = value
    return values


def test_a_run_that_is_not_finished_is_refused(page, docs_script, monkeypatch, tmp_path):
    half = shutil.copytree(page / "steps", tmp_path / "half")
    lines = (half / "records.jsonl").read_text().splitlines(keepends=True)
    (half / "records.jsonl").write_text("".join(lines[:-1]))
    monkeypatch.setattr(sys, "argv", ["attack_strength.py", str(half)])
    with pytest.raises(SystemExit, match="continue it with 'bench run' first"):
        docs_script("attack_strength").main()
