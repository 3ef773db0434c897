"""The study of Sun et al., run and reported as a user would; as it ships where marked slow."""

from __future__ import annotations

import pytest

from bench.cli.main import main
from bench.store.run_folder import read_run
from bench.suite.suite import Suite
from bench.utils.yaml_config import parse
from paths import ROOT

PLAIN, TARGETS = 4, 3
"""Models and targets of suites/sun2024-small.yaml."""

LESS = (
    ("{height: 128, width: 128}", "{height: 32, width: 48}"),
    (
        '{name: vvc, qp: [32, 37], preset: faster, label: "VVC faster 4:2:0 qp {qp}"}',
        "{name: jpeg, quality: 30, label: JPEG}",
    ),
    ("  - linf: 4\n", ""),
)
"""What is replaced in that suite by default: a smaller picture, JPEG for VVC, one budget."""

RUN = ("run", "--executor", "serial")


@pytest.fixture(scope="module", params=[LESS, pytest.param((), marks=pytest.mark.slow)], ids=len)
def study(request, tmp_path_factory):
    """The records of the run, and the page made of them."""
    folder = tmp_path_factory.mktemp("study")
    text = (ROOT / "suites/sun2024-small.yaml").read_text()
    for whole, less in request.param:
        assert whole in text
        text = text.replace(whole, less)
    (folder / "suite.yaml").write_text(text)
    assert main([*RUN, str(folder / "suite.yaml"), "-o", str(folder / "run")]) == 0
    assert main(["report", str(folder / "run"), "-o", str(folder / "page.md")]) == 0
    return read_run(folder / "run"), (folder / "page.md").read_text()


def test_every_cell_has_scores(study):
    run, _ = study
    assert len(run.measures) == run.manifest.cells
    assert {record.status for record in run.measures} == {"ok"}


def test_every_axis_has_a_table_and_a_figure(study):
    run, page = study
    for name in ("attack", "model", "operating-point", "objective"):
        assert f"(page-{name}.svg)" in page
        assert (run.folder.parent / f"page-{name}.svg").is_file()
    compared = f"of {PLAIN * TARGETS * len(run.manifest.suite['budgets'])} comparisons"
    for attack in ("I-FGSM-10", "PGD-10"):
        assert any(
            f"{attack} is stronger than FGSM" in line and compared in line for line in lines(page)
        )


def test_the_worst_figures_are_those_of_the_records(study):
    run, page = study
    own = [
        record.scores
        for record in run.measures
        if record.threat == "white-box" and "hardened" not in record.victim
    ]
    table = page.partition("## Largest damage and the paper's figures")[2].partition("\n- ")[0]
    for figure in (
        f"| PSNR drop, % | {max(scores.drop_percent for scores in own):.1f} |",
        f"| rate increase (ratio) | ×{max(scores.bpp_factor for scores in own):.2f} |",
        f"| R-D cost increase (ratio) | ×{max(scores.rd_factor for scores in own):.2f} |",
    ):
        assert figure in table


def test_h266_stands_beside_the_models_and_hardened_beside_plain(study):
    run, page = study
    (other,) = run.manifest.codecs.keys() & {"JPEG", "VVC faster 4:2:0 qp 37"}
    assert any(line.startswith(f"| {other} | transfer |") for line in lines(page))
    hardening = page.partition("## Adversarial training")[2]
    assert "| bmshj2018-hyperprior-small-q4 |" in hardening


def test_the_full_form_has_the_whole_grid():
    suite = parse((ROOT / "suites/sun2024.yaml").read_text(), "sun2024.yaml", Suite)
    published = {c.name for c in suite.operating_points if "quality" in dict(c.params)}
    assert published == {
        *("bmshj2018-factorized", "bmshj2018-hyperprior", "mbt2018-mean", "mbt2018"),
        *("cheng2020-anchor", "cheng2020-attn"),
    }
    labels = {str(choice) for choice in suite.operating_points}
    hardened = {label.removesuffix(" hardened") for label in labels if label.endswith(" hardened")}
    assert len(hardened) == 9
    assert hardened <= labels
    assert "H.266 4:2:0 qp 22" in labels
    assert {"fgsm", "ifgsm", "pgd", "square"} == {choice.name for choice in suite.all_attacks}
    assert {str(choice) for choice in suite.default_objectives} == {"distortion", "rate", "rd"}
    assert suite.transfer == "gradient-free"


def lines(page):
    return page.splitlines()
