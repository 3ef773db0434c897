"""docs/paper.md is exactly what the records beside it give."""

from __future__ import annotations

from pathlib import Path

from bench.store.run_folder import read_run
from leaderboard.study.report.report import write_report
from paths import ROOT

RUNS = ("sun2024-bundled", "sun2024-checkpoint", "sun2024-h266", "sun2024-h266-queries")


def test_the_page_of_the_documentation_is_what_its_records_give(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    runs = [read_run(Path("docs/records") / name) for name in RUNS]
    written = write_report(runs, tmp_path / "paper.md")
    assert (tmp_path / "paper.md").read_text() == (ROOT / "docs/paper.md").read_text()
    assert {path.name for path in written} == {path.name for path in ROOT.glob("docs/paper*.*")}
