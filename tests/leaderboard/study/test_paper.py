"""The report on the study of Sun et al., against figures worked out by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from bench.cli.main import main
from bench.errors import BenchError
from leaderboard.study.adversarial_training import hardened_pairs
from leaderboard.study.effects import budget_labels, collect_effects, models, run_effects
from leaderboard.study.report import report as paper
from leaderboard.study.report.report import write_report
from leaderboard.study.report.trends import method_trends

DAMAGE = {"fgsm": 2.0, "PGD-7": 4.0}
"""How many times the MSE grows."""

WORST = "Largest damage and the paper's figures"

NETS = {"net q2": 0.5, "net q4": 1.0, "net q4 hardened": 1.1}
FRAGILE = {"net q2": 1, "net q4": 3, "net q4 hardened": 0.5}


@pytest.fixture(scope="module")
def run(tmp_path_factory, lab):
    """Return a run: a net at two rates, a hardened twin, VVC under transfer; two pictures."""
    made = lab(
        codecs=[
            {"name": "jpeg", "quality": 20, "label": "net q2"},
            {"name": "jpeg", "quality": 60, "label": "net q4"},
            {"name": "jpeg", "quality": 61, "label": "net q4 hardened"},
            {"name": "vvc", "qp": 32, "label": "VVC"},
        ],
    )
    for picture, scale in (("one", 1.0), ("two", 2.0)):
        for codec, bpp in (
            ("net q2", 0.5),
            ("net q4", 1.0),
            ("net q4 hardened", 1.1),
            ("VVC", 0.7),
        ):
            made.clean(codec, picture, bpp, 1e-3)
        for attack, damage in DAMAGE.items():
            for codec, bpp in NETS.items():
                worse = damage * scale * FRAGILE[codec]
                craft = made.craft(picture, attack, "distortion", (codec,))
                made.attacked(codec, craft, made.scores(bpp, 1e-3, bpp, worse * 1e-3, change=1e-3))
                if codec == "net q4":
                    hurt = made.scores(0.7, 1e-3, 0.7, 2e-3, change=1e-3)
                    made.attacked("VVC", craft, hurt)
                craft = made.craft(picture, attack, "rate", (codec,))
                longer = made.scores(bpp, 1e-3, bpp * damage * scale, 1e-3, change=1e-3)
                made.attacked(codec, craft, longer)
    return made.write(tmp_path_factory.mktemp("study") / "run")


@pytest.fixture(scope="module")
def page(run):
    """Return the text of its report, which lies beside it."""
    return _page(run, run.folder.parent)


def _page(run, folder):
    write_report([run], folder / "study.md")
    return (folder / "study.md").read_text()


def _cells(page, section, first):
    """Return the cells of the rows of a section that begin so."""
    part = page.split(f"## {section}\n")[1].split("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in part.splitlines() if line.startswith("|")]
    return [row[1:] for row in rows if row[0] == first]


def test_the_models_of_a_run(run):
    found = {model.label: model for model in models(run)}
    assert [found[label].quality_index for label in ("net q2", "net q4")] == [0, 1]
    assert len({found[label].family for label in ("net q2", "net q4", "net q4 hardened")}) == 1
    assert found["net q4 hardened"].hardened
    assert not found["VVC"].learned
    assert len(run_effects(run)) == 2 * 2 * (3 * 2 + 1)


def test_a_search_that_two_runs_made_counts_once(run):
    assert collect_effects([run, run]) == collect_effects([run]) == run_effects(run)


def test_methods_are_averaged_over_models_and_pictures(page):
    clean = 30.0
    lost = [
        100 * 10 * math.log10(4.0 * scale * worse) / clean for scale in (1, 2) for worse in (1, 3)
    ]
    distortion, rate = _cells(page, "Attack method", "PGD-7")
    assert distortion == [f"{sum(lost) / 4:.1f}"]
    assert rate == [f"×{4 * math.sqrt(2):.2f}"]


def test_qualities_take_the_worst_attack_of_each_picture(page):
    lost = [100 * 10 * math.log10(4.0 * scale) / 30.0 for scale in (1, 2)]
    distortion, _ = _cells(page, "Quality", "net q2")
    assert distortion == [f"{sum(lost) / 2:.1f}"]
    assert _cells(page, "Quality", "net q4 hardened") == []


def test_the_worst_found_is_named(page):
    (first,) = _cells(page, WORST, "PSNR drop, %")
    lost = 10 * math.log10(4.0 * 2 * 3)
    where = ["net q4", "PGD-7", "linf 8", "two", "30.00", f"30.00 → {30 - lost:.2f}"]
    assert first == [f"{100 * lost / 30:.1f}", "61.55 %", *where, "1.000 → 1.000"]
    (second,) = _cells(page, WORST, "rate increase (ratio)")
    assert (second[0], second[-1]) == ("×8.00", "0.500 → 4.000")


def test_trends_name_their_exceptions(page):
    claim = "the higher of two neighbouring quality settings is damaged more"
    assert f"distortion: {claim} in 1 of 1 comparisons, without exception." in page
    assert "distortion: VVC is damaged less than plain learned codecs in 2 of 2 comparisons" in page
    assert "distortion: VVC is damaged less than hardened codecs in 1 of 1 comparisons" in page


def test_codecs_without_gradients_stand_beside_learned_ones(page):
    lost = [
        100 * 10 * math.log10(4.0 * scale * worse) / 30.0 for scale in (1, 2) for worse in (1, 3)
    ]
    section = "H.266 and other codecs without gradients"
    distortion, rate, _ = _cells(page, section, "net")
    assert distortion == ["white-box", f"{sum(lost) / 4:.1f}"]
    assert rate == ["white-box", f"×{4 * math.sqrt(2):.2f}"]
    delivered, distortion, *_ = _cells(page, section, "VVC")
    assert delivered == ["0.700", "30.00", f"{30 - 10 * math.log10(2):.2f}"]
    assert distortion == ["transfer", f"{100 * 10 * math.log10(2) / 30.0:.1f}"]
    assert "the other codecs by transfer from net q4. The second kind" in " ".join(page.split())
    claim = "PSNR under attack: VVC keeps a higher PSNR than plain learned codecs"
    assert f"{claim} in 2 of 2 comparisons" in page


def test_more_steps_are_compared_with_one(run):
    (claim,) = method_trends(run_effects(run), {"fgsm": 1, "PGD-7": 7, "colour-shift": 0})
    assert claim == "PGD-7 is stronger than fgsm in 4 of 4 comparisons, without exception."
    (claim,) = method_trends(run_effects(run), {"fgsm": 7, "PGD-7": 1})
    assert claim.startswith(
        "fgsm is stronger than PGD-7 in 0 of 4 comparisons; exceptions: distortion"
    )


def test_hardening_and_its_ceiling(page):
    cells, distortion, rate, _ = _cells(page, "Adversarial training", "net q4")
    dearer, where, plain, hardened, fall, ceiling, faithful, against_input, paper = cells
    lmbda = 0.02

    def cost(bpp, mse):
        return bpp + lmbda * 255**2 * mse

    clean, twin = cost(1.0, 1e-3), cost(1.1, 1e-3)
    before = (cost(1.0, 12e-3) + cost(1.0, 24e-3)) / 2
    after = (cost(1.1, 2e-3) + cost(1.1, 4e-3)) / 2
    assert dearer == f"{100 * (twin / clean - 1):.1f}"
    assert where == "linf 8, distortion"
    assert (plain, hardened) == (f"{before:.3f}", f"{after:.3f}")
    assert (fall, ceiling) == (
        f"{100 - 100 * after / before:.1f}",
        f"{100 - 100 * clean / before:.1f}",
    )
    adds_up = clean + lmbda * 255**2 * 1e-3
    assert faithful == f"{100 - 100 * adds_up / before:.1f}"
    assert against_input == fall  # the records have the same error against both pictures
    assert paper == "95.5"
    largest = (
        f"The largest reduction is {fall} % (net q4, linf 8, distortion; ceiling {ceiling} %)."
    )
    assert f"95.52 % is not reached. {largest}" in page
    assert f"is not reached: the largest reduction is {fall} % (net q4, linf 8, dist" in page
    assert "above the paper's figure in 0 of 2 cases" in page
    assert (distortion, rate[0]) == (["distortion", fall], "rate")
    assert "In 1 of these 2 cases the R-D cost under attack of the hardened model is above" in page
    assert "has no hardened version" not in page


def test_where_the_papers_figures_are_not_reached(page):
    most = 100 * 10 * math.log10(4.0 * 2 * 3) / 30.0
    least = 100 * 10 * math.log10(4.0) / 30.0
    lowest = f"from {least:.1f} (one, net q2, 0.500 bpp clean)"
    assert f"{lowest} to {most:.1f} (two, net q4, 1.000 bpp clean)." in page
    claim = "rate increase (ratio): the paper's ×19.15 is not reached."
    assert f"{claim} The largest value at linf 8 is ×8.00" in page


def test_from_which_budget_on_the_papers_figures_are_reached(tmp_path, lab):
    made = lab(
        codecs=[{"name": "jpeg", "quality": 20, "label": "net"}],
        budgets=[{"linf": 8}, {"linf": 16}, {"linf": 32}],
    )
    made.clean("net", "one", 1.0, 1e-4)
    for budget, worse in (("linf 8", 10), ("linf 16", 1e3), ("linf 32", 2e3)):
        made.budget = budget
        craft = made.craft("one", "PGD-7", "distortion", ("net",))
        scores = made.scores(1.0, 1e-4, 1.0 + worse, worse * 1e-4, change=1e-3)
        made.attacked("net", craft, scores)
    page = _page(made.write(tmp_path / "reached"), tmp_path)
    reached = "61.55 % is reached from linf 16 on. The largest value at linf 16 is 75.0"
    where = "(PGD-7, one, net; the adversarial picture has 30.00 dB)."
    assert f"{reached} {where} The largest value at linf 8 is 25.0" in page
    rate = "the paper's ×19.15 is reached from linf 16 on. The largest value at linf 16 is ×1001.00"
    assert rate in page


def test_damage_is_set_against_the_clean_rate_of_each_model(tmp_path, lab):
    pictures = ["one", "two", "three", "four"]
    made = lab(
        codecs=[{"name": "jpeg", "quality": q, "label": f"net {q}"} for q in (10, 20)],
        images={"files": [f"{name}.png" for name in pictures]},
    )
    for label, factors in (("net 10", (5.0, 4.0, 2.0, 3.0)), ("net 20", (8.0, 7.0, 6.0, 5.0))):
        for bpp, (picture, factor) in enumerate(zip(pictures, factors, strict=True), start=1):
            made.clean(label, picture, bpp, 1e-3)
            craft = made.craft(picture, "PGD-7", "rate", (label,))
            hurt = made.scores(bpp, 1e-3, bpp * factor, 1e-3, change=1e-3)
            made.attacked(label, craft, hurt)
    page = _page(made.write(tmp_path / "rates"), tmp_path)
    claim = "Within a model, its rank correlation with the clean rate is -0.90"
    assert f"{claim} (Spearman, median of 2 models; range -1.00 to -0.80)" in page


def test_what_attacks_do_beyond_the_change_stands_beside_them(tmp_path, lab):
    made = lab(codecs=[{"name": "jpeg", "quality": 20, "label": "net"}])
    made.clean("net", "one", 1.0, 1e-3)
    craft = made.craft("one", "PGD-7", "distortion", ("net",), flags=("still-rising",))
    made.attacked("net", craft, made.scores(1.0, 1e-3, 1.0, 4e-3, change=1e-3))
    made.attacked("net", made.craft("one", "sign-noise"), made.scores(1.0, 1e-3, 1.0, 8e-3))
    page = _page(made.write(tmp_path / "beyond"), tmp_path)
    section = "Excess over the perturbation and over noise"
    (kept,) = _cells(page, section, "PSNR drop, %: a codec that only keeps the perturbation")
    assert kept == [f"{1000 * math.log10(2) / 30:.1f}"]
    (noise,) = _cells(page, section, "PSNR drop, %: noise")
    assert noise == [f"{1000 * math.log10(8) / 30:.1f}"]
    (input_db,) = _cells(page, section, "PSNR of the adversarial pictures, dB")
    assert input_db == ["30.00"]
    flagged = "still-rising: 1 of 1 white-box searches, most often at linf 8"
    assert f"{flagged} with objective distortion (1 of 1)." in page
    weaker = "at linf 8, noise damages net more than its attacks do (30.1 and 20.1)."
    assert f"PSNR drop, %: {weaker}" in page


def test_other_pictures_count_for_the_largest_damage_only(run, tmp_path, lab, page):
    made = lab(
        codecs=[{"name": "jpeg", "quality": 20, "label": "net q2"}],
        images={"files": ["smooth.png"]},
        budgets=[{"linf": 48}],
        description="A smooth picture.",
    )
    made.budget = "linf 48"
    made.clean("net q2", "smooth", 0.1, 1e-3)
    craft = made.craft("smooth", "PGD-7", "rate", ("net q2",))
    made.attacked("net q2", craft, made.scores(0.1, 1e-3, 4.0, 1e-3, change=1e-3))
    smooth = made.write(tmp_path / "smooth")
    (digest, *_) = smooth.manifest.pictures.values()
    manifest = smooth.manifest.model_copy(update={"pictures": {"smooth": digest}})
    write_report([run, replace(smooth, manifest=manifest)], tmp_path / "both.md")
    both = (tmp_path / "both.md").read_text()
    assert "the paper's ×19.15 is reached from linf 48 on. The largest value at linf 48 is" in both
    assert "Only the figures above count the run smooth (picture smooth): A smooth" in both
    method = "## Attack method"
    assert both[both.index(method) : both.index("## H.266")] == (
        page[page.index(method) : page.index("## H.266")].replace("study-", "both-")
    )


def test_ensembles_have_a_section_of_their_own(run, tmp_path, lab, page):
    made = lab(
        codecs=[
            {"name": "jpeg", "quality": 60, "label": "net q4"},
            {"name": "jpeg", "quality": 61, "label": "net q4 hardened"},
        ],
        budgets=[{"linf": 8}],
    )
    for codec, damage in (("net q4", 500.0), ("net q4 hardened", 50.0)):
        made.clean(codec, "one", NETS[codec], 1e-3)
        for member, share in (("APGD", 1.0), ("Square", 0.1)):
            craft = made.craft("one", f"standard-2 cheap: {member}", "distortion", (codec,))
            worse = made.scores(NETS[codec], 1e-3, NETS[codec], share * damage * 1e-3, change=1e-3)
            made.attacked(codec, craft, worse)
    standard = made.write(tmp_path / "standard")
    write_report([run, standard], tmp_path / "both.md")
    both = (tmp_path / "both.md").read_text()

    assert _cells(both, "Ensembles of attacks", "net q4")[0] == ["36.0", "90.0"]
    assert _cells(both, "Ensembles of attacks", "net q4 hardened")[0] == ["10.0", "56.6"]
    assert _cells(both, WORST, "PSNR drop, %")[0][2:4] == ["net q4", "standard-2 cheap: APGD"]
    worst_case, *reductions = _cells(both, "Adversarial training", "net q4, standard-2 cheap")
    assert worst_case[1] == "linf 8, distortion"
    assert [row[0] for row in reductions] == ["distortion", "rate", "rd"]
    assert "## Ensembles" not in page
    for title in ("Attack method", "Model", "Quality", "Objective", "Trends"):
        ours, theirs = (text.split(f"## {title}")[1].split("## ")[0] for text in (both, page))
        assert ours == theirs.replace("study-", "both-")


def test_a_report_of_ensembles_alone_treats_them_as_attacks(tmp_path, lab):
    made = lab(codecs=[{"name": "jpeg", "quality": 20, "label": "net"}])
    made.clean("net", "one")
    craft = made.craft("one", "standard-2 cheap: APGD", "distortion", ("net",))
    made.attacked("net", craft, made.scores(1.0, 1e-3, 1.0, 2e-3, change=1e-3))
    alone = _page(made.write(tmp_path / "alone"), tmp_path)
    assert "## Ensembles" not in alone
    assert _cells(alone, "Quality", "net")[0] == ["10.0"]


def test_an_unfinished_run_is_named(tmp_path, lab, page):
    made = lab(codecs=[{"name": "jpeg", "quality": 20, "label": "net"}])
    made.clean("net", "one")
    craft = made.craft("one", "PGD-7", "distortion", ("net",))
    made.attacked("net", craft, made.scores(1.0, 1e-3, 1.0, 2e-3, change=1e-3))
    half = _page(made.write(tmp_path / "half", cells=9), tmp_path)
    assert "; unfinished: 2 of 9 evaluations" in half
    assert "; unfinished" not in page


def test_the_same_records_give_the_same_files(run, tmp_path):
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        assert main(["report", str(run.folder), "-o", str(tmp_path / name / "study.md")]) == 0
    first, second = (sorted((tmp_path / name).iterdir()) for name in ("first", "second"))
    assert len(first) == 5
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_figures_have_numbers_at_their_axes(run, page):
    drawn = (run.folder.parent / "study-attack.svg").read_text()
    assert "mathdefault" not in drawn
    assert ">5</text>" in drawn


def test_what_cannot_be_reported(tmp_path, lab, run):
    with pytest.raises(BenchError, match="does not end in"):
        write_report([run], tmp_path / "study.txt")
    alone = lab()
    alone.clean("own", "one")
    with pytest.raises(BenchError, match="no white-box attack"):
        write_report([alone.write(tmp_path / "alone")], tmp_path / "study.md")


def test_a_hardened_model_without_its_twin_is_no_pair(run):
    codecs = {label: spec for label, spec in run.manifest.codecs.items() if label != "net q4"}
    alone = replace(run, manifest=run.manifest.model_copy(update={"codecs": codecs}))
    assert [pair.name for pair in hardened_pairs(run)] == ["net q4"]
    assert list(hardened_pairs(alone)) == []


def test_without_pairs_there_is_no_section_on_them(run, page, tmp_path, monkeypatch):
    assert "## Adversarial training" in page
    monkeypatch.setattr(paper, "hardened_pairs", lambda run: iter(()))
    assert "## Adversarial training" not in _page(run, tmp_path)


def test_budgets_stand_in_the_order_of_their_size(run):
    suite = run.manifest.suite | {"budgets": [{"linf": 32}, {"linf": 8}, {"linf": 16}]}
    other = replace(run, manifest=run.manifest.model_copy(update={"suite": suite}))
    assert budget_labels([other]) == ["linf 8", "linf 16", "linf 32"]


def test_the_manifest_says_who_offers_gradients(run):
    unsearched = replace(run, measures=[one for one in run.measures if one.threat == "clean"])
    assert [one.label for one in models(unsearched) if not one.learned] == ["VVC"]
