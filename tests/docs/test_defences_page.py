"""The page on defences: both attacks, the worst draw, and the verdicts."""

from __future__ import annotations

import pytest

from bench.cli.main import main
from bench.store.run_folder import read_run


@pytest.fixture(scope="module")
def script(docs_script):
    return docs_script("defences")


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


def test_both_attacks_and_the_worst_draw_are_shown(defended, script):
    lines = _lines(script, defended)
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


def test_a_row_counts_where_the_defence_unaware_attack_is_stronger(defended, script):
    lines = _lines(script, defended)
    rows = _cells(lines, "| flipped | linf")
    stronger = 0
    for picture in defended.manifest.pictures:
        unaware, adaptive = (
            _of_draws(defended, threat, picture)[0] for threat in ("unaware", "white-box")
        )
        stronger += unaware > adaptive
    assert rows[2][10:] == ([f"{stronger}/2"] if stronger else [])


def test_a_codec_with_other_weights_is_compared_with_the_bare_codec(defended, script):
    blocks = list(script.section(script.defence_comparisons(defended), defended, []))
    assert "2 pictures of 32x32 (set sample); fgsm, pgd steps=2; 3 draws of every" in blocks[1]
    rows = _cells(_lines(script, defended), "| trained |")
    assert [row[2] for row in rows] == ["distortion", "rate", "rd"]
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


def _lines(script, run):
    return "\n".join(script.section(script.defence_comparisons(run), run, [])).splitlines()


def _cells(lines, start):
    return [line.strip("| ").split(" | ") for line in lines if line.startswith(start)]


def test_what_is_left_is_of_the_stronger_attacker_and_the_codecs_own_clean_state(defended, script):
    smoothed = script.defence_comparisons(defended)[0]
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
    assert smoothed.remaining("linf 8", "rd") == pytest.approx(grown / damage)


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


def test_the_verdicts_are_sentences(defended, script):
    compared = script.defence_comparisons(defended)
    assert [one.name for one in compared] == ["smoothed", "flipped"]
    lines = list(script.verdicts(compared))
    assert [line.split(": ")[0] for line in lines] == [
        f"- {objective}, linf 8" for objective in ("distortion", "rate", "rd")
    ]
    for one in compared:
        for objective, line in zip(("distortion", "rate", "rd"), lines, strict=True):
            unaware, adaptive = one.removed("linf 8", objective)
            least = min(unaware, adaptive)
            weak = "defence-unaware only" if unaware >= 0.5 else "ineffective"
            verdict = "effective" if least >= 0.5 else weak
            (part,) = (part for part in line.split("; ") if one.name in part)
            assert part.startswith(f"{verdict}: ") or f": {verdict}: " in part
            assert f"{one.name} ({least:.0%})" in part
