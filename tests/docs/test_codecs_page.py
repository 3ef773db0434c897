"""The page on codecs: its figures and the order of the codecs."""

from __future__ import annotations

import sys

import bjontegaard
import pytest

from bench.cli.main import main
from bench.store.run_folder import read_run
from bench.suite.suite import load_suite
from leaderboard.ranking.clean_rd import families, is_of_rates
from leaderboard.render.run_page.clean_rd_page import rate_table
from paths import ROOT


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return the folder of a run of three codecs; the last one has too few points."""
    folder = tmp_path_factory.mktemp("codecs")
    (folder / "few.yaml").write_text("""\
name: few
images: {set: sample, names: [coffee, chelsea], crop: {height: 48, width: 64}}
codecs:
  - {name: jpeg, quality: [10, 30, 50, 70], label: "JPEG quality {quality}"}
  - {name: vvc, qp: [27, 32, 37, 42], label: "VVC qp {qp}"}
  - {name: jpeg2000, ratio: [10, 20], label: "JPEG 2000 ratio {ratio}"}
attacks: [sign-noise]
budgets: [linf: 4]
compute: {threads: 1}
""")
    assert main(["run", str(folder / "few.yaml"), "-o", str(folder / "out")]) == 0
    return folder / "out"


def test_rates_qualities_and_bd_rates_are_those_of_the_source_pictures(folder):
    run = read_run(folder)
    pictures, codecs = families(run)
    assert pictures == ["chelsea", "coffee"]
    rows = [line.strip("| ").split(" | ") for line in rate_table(codecs).splitlines()][2:]
    assert [row[0] for row in rows] == ["VVC"] * 4 + ["JPEG"] * 4 + ["JPEG 2000"] * 2
    curves = {
        name: [_mean(run, f"{name} {row[1]}") for row in rows if row[0] == name]
        for name in ("VVC", "JPEG")
    }
    for name, curve in curves.items():
        shown = [tuple(row[2:4]) for row in rows if row[0] == name]
        assert shown == [(f"{bpp:.3f}", f"{psnr:.2f}") for bpp, psnr in curve]
    (rates, psnrs), (other_rates, other_psnrs) = (
        zip(*curve, strict=True) for curve in curves.values()
    )
    expected = bjontegaard.bd_rate(
        *(rates, psnrs, other_rates, other_psnrs), "pchip", require_matching_points=False
    )
    assert rows[0][6] == "+0.0 %"
    assert rows[4][6] == f"{expected:+.1f} %"
    assert rows[8][6] == "n/a: 2 points, 4 needed"
    assert all(
        row[6:10] == [""] * 4 for row in rows if row[1] not in {"qp 42", "quality 10", "ratio 20"}
    )


def test_a_picture_that_one_point_lacks_counts_for_none(folder):
    run = read_run(folder)
    run.measures[:] = [
        record
        for record in run.measures
        if (record.victim, record.picture) != ("JPEG quality 10", "coffee")
    ]
    pictures, codecs = families(run)
    assert pictures == ["chelsea"]
    assert {len(family.points) for family in codecs} == {2, 4}


def test_the_run_writes_the_page_and_its_plot(folder):
    text, plot = ((folder / f"codecs.{ending}").read_text() for ending in ("md", "svg"))
    assert "![curves](codecs.svg)" in text
    assert "means over 2 of 2 pictures, 48x64 (top centre, left centre) of each:\nchelsea" in text
    assert "| VVC | qp 42 |" in text
    assert "JPEG 2000" in plot


def test_the_page_of_the_documentation_is_the_same_with_remarks(
    folder, docs_script, tmp_path, monkeypatch
):
    script = docs_script("codecs")
    page = tmp_path / "page.md"
    monkeypatch.setattr(sys, "argv", ["codecs.py", str(folder), "-o", str(page)])
    script.main()
    assert page.with_suffix(".svg").read_bytes() == (folder / "codecs.svg").read_bytes()
    expected = (folder / "codecs.md").read_text().replace("codecs.svg", "page.svg")
    assert page.read_text().replace(f"\n\n{script.REMARKS}", "") == expected


def test_the_page_of_newer_encoders_has_remarks_of_its_own(
    folder, docs_script, tmp_path, monkeypatch
):
    script = docs_script("codecs")
    assert load_suite(ROOT / f"suites/{script.NEWER}.yaml").name == script.NEWER
    monkeypatch.setattr(script, "NEWER", read_run(folder).manifest.suite["name"])
    monkeypatch.setattr(script, "DOCS", tmp_path)
    monkeypatch.setattr(sys, "argv", ["codecs.py", str(folder)])
    script.main()
    text = (tmp_path / "codecs_newer.md").read_text()
    assert text.endswith(f"\n\n{script.REMARKS_NEWER}\n")
    assert script.REMARKS not in text


def test_an_attacked_suite_has_no_such_page(tmp_path):
    suite = tmp_path / "attacked.yaml"
    suite.write_text("""\
name: attacked
images: {set: sample, names: [coffee], crop: {height: 32, width: 32}}
codecs: [toy, {name: vvc, qp: 42}]
attacks: [fgsm]
budgets: [linf: 4]
transfer: none
compute: {threads: 1}
""")
    assert main(["run", str(suite), "-o", str(tmp_path / "out")]) == 0
    assert not (tmp_path / "out/codecs.md").exists()


def test_both_suites_have_the_same_codecs():
    sample, kodak = (
        load_suite(ROOT / f"suites/{name}.yaml") for name in ("codecs", "codecs-kodak")
    )
    apart = {"name", "description", "images"}
    assert sample.model_dump(exclude=apart) == kodak.model_dump(exclude=apart)


def _mean(run, label):
    clean = [one.scores for one in run.measures if one.victim == label and one.threat == "clean"]
    assert len(clean) == len(run.manifest.pictures)
    return tuple(sum(getattr(s, f) for s in clean) / len(clean) for f in ("bpp", "psnr_source"))


def test_presets_without_labels_are_families_of_their_own_and_lossless_points_do_no_harm(tmp_path):
    (tmp_path / "presets.yaml").write_text("""\
name: presets
images: {set: sample, names: [coffee], crop: {height: 48, width: 64}}
codecs:
  - {name: vvc, qp: [27, 32, 37, 42]}
  - {name: vvc, qp: [27, 32, 37, 42], preset: faster}
  - {name: jpegxl, distance: [0.0, 1.0], label: "a|b {distance}"}
attacks: [sign-noise]
budgets: [linf: 4]
compute: {threads: 1}
""")
    assert main(["run", str(tmp_path / "presets.yaml"), "-o", str(tmp_path / "out")]) == 0
    _, codecs = families(read_run(tmp_path / "out"))
    assert [codec.name for codec in codecs] == ["vvc", "vvc preset=faster", "a|b"]
    rows = [line.strip("| ").split(" | ") for line in rate_table(codecs).splitlines()][2:]
    bd_rates = {row[0]: row[6] for row in rows if row[6]}
    assert bd_rates["vvc"] == "+0.0 %"
    assert bd_rates["vvc preset=faster"] != "+0.0 %"
    assert {len(row) for row in rows} == {14}


PLUGIN = """\
import numpy as np

from backends.toy import Toy
from bench.entry import Entry


class Picky(Toy):
    '''Refuses the flat picture, or every picture.'''

    def __init__(self, refuses_all: bool = False):
        super().__init__(gain=0.5)
        self._refuses_all = refuses_all

    def encode(self, image):
        if self._refuses_all or np.ptp(image) == 0:
            raise ValueError("refused")
        return super().encode(image)


CODECS = {"picky": Entry(Picky, "refuses pictures")}
"""


def test_codecs_that_fail_and_have_odd_labels_do_not_break_the_page(tmp_path):
    (tmp_path / "picky.py").write_text(PLUGIN)
    (tmp_path / "odd.yaml").write_text("""\
name: odd
plugins: [picky.py]
images: {set: sample, names: [coffee], crop: {height: 48, width: 64}}
codecs:
  - {name: vvc, qp: [27, 32, 37, 42]}
  - {name: picky, label: "_x $\\\\foo$"}
  - {name: picky, refuses_all: true, label: none}
attacks: [sign-noise]
budgets: [linf: 4]
compute: {threads: 1}
""")
    out = tmp_path / "out"
    assert main(["run", str(tmp_path / "odd.yaml"), "-o", str(out)]) == 0
    text, plot = ((out / f"codecs.{ending}").read_text() for ending in ("md", "svg"))
    assert "Left out, because no picture has scores: none." in text
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("|")]
    (odd,) = (row for row in rows if "foo" in row[0])
    assert odd[9] == "–"
    (vvc,) = (row for row in rows if row[:2] == ["vvc", "qp=42"])
    assert vvc[6:9] == ["+0.0 %", "+0.0 %", "n/a: not measured"]
    assert "x $\\foo$" in plot


def test_a_run_in_which_vvc_has_no_scores_has_no_such_page(folder, tmp_path):
    run = read_run(folder)
    assert is_of_rates(run)
    run.measures[:] = [one for one in run.measures if not one.victim.startswith("VVC")]
    assert not is_of_rates(run)
