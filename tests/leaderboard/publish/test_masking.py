"""Codecs that hide their gradients, and whether a published board finds them out."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bench.cli.main import main
from bench.store.run_folder import read_run
from bench.suite.suite import Suite
from bench.utils.yaml_config import parse
from leaderboard.audit.audit import audit_board, audit_entry
from leaderboard.publish import tracks
from leaderboard.publish.published_board import entries, runs
from leaderboard.ranking.board import build_board
from tampering import alter, lines_of, named, put

TRACK = """\
name: masks-v1
images: {set: sample, names: [chelsea, coffee], crop: {height: 64, width: 64}}
codecs:
  - {name: bmshj2018-factorized, checkpoint: bmshj2018-factorized-small-q5, label: plain}
attacks: [{name: apgd, steps: 10}]
objectives: [distortion]
budgets: [{linf: 8}]
transfer: gradient-free
compute: {threads: 1}
"""
OWN = "name: bmshj2018-factorized, checkpoint: bmshj2018-factorized-small-q2"
PLUGIN = """\
from dataclasses import dataclass
from typing import ClassVar

from bench.entry import Entry
from rolled_gradient import with_rolled_gradient


@dataclass(frozen=True)
class Masked:
    gradient: ClassVar[str] = "exact"

    def __call__(self, codec):
        return with_rolled_gradient(codec)


DEFENCES = {"masked": Entry(f"{__name__}:Masked", "a defence that does nothing")}
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory, run_suite):
    """Return the run and the board of a masked and of a blurring codec on a small track."""
    track = parse(TRACK, "track", Suite)
    folder, to = tmp_path_factory.mktemp("masked"), tmp_path_factory.mktemp("board") / "board"
    (folder / "masks.py").write_text(PLUGIN)
    codecs = "".join(
        f"  - {{{OWN}, defence: {defence}, label: {label}}}\n"
        for label, defence in (("masked", "masked"), ("blurred", "gaussian"))
    )
    text = TRACK.replace("attacks:", f"{codecs}attacks:")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tracks, "tracks", lambda: {track.name: track})
        run = run_suite(f"plugins: [{folder / 'masks.py'}]\n{text}", folder)
        words = ["publish", str(run), "--to", str(to), "--by", "me", "--plugins"]
        assert main([*words, "--codec", "masked", "--codec", "blurred"]) == 0
        yield run, to


@pytest.fixture
def copy(made, tmp_path):
    return shutil.copytree(made[1], tmp_path / "board") / "entries/masks-v1/masked"


def row_of(run, label):
    return next(row for row in build_board([run]).rows if row.place.codec == label)


@pytest.mark.parametrize("label", ["masked", "blurred"])
def test_the_board_counts_the_attacks_on_the_bare_codec(made, label):
    run, to = made
    (merged,) = runs(entries(to))
    ours, theirs = row_of(merged, label), row_of(read_run(run), label)
    assert (ours.flags, ours.attack) == (theirs.flags, theirs.attack)
    assert "unaware" in ours.place.kinds


def test_the_cost_of_a_defence_that_only_moves_its_gradient_is_marked_as_a_lower_bound(made):
    (merged,) = runs(entries(made[1]))
    flags = {flag.name for flag in row_of(merged, "masked").flags}
    assert "weaker-than-unaware" in flags
    rankings = [ranking for one in build_board([merged]).comparisons for ranking in one.rankings]
    lines = [line for ranking in rankings for line in ranking.standings]
    marks = [line.by_cost.doubts for line in lines if line.codec == "masked" and line.robustness]
    assert marks
    assert all("weaker-than-unaware" in {flag.name for flag in doubts} for doubts in marks)


def test_an_entry_without_the_attacks_on_its_bare_codec_is_not_approved(copy):
    """Whoever removes them, and mends all hashes and figures, is found out."""
    assert named(audit_entry(copy, Path(), plugins=True)) == []
    lines = lines_of(copy)
    bare = {one["craft"] for one in lines if one.get("threat") == "unaware"}
    assert bare
    put(copy, [one for one in lines if not {one["key"], one.get("craft")} & bare])
    found = named(audit_entry(copy, Path(), plugins=True))
    assert any("searches of the suite have no record" in one for one in found)
    assert any("cells of the suite have no record" in one for one in found)
    sentence = "masked was not scored on the pictures that 2 of 2 searches found on its bare codec"
    on_the_board = named(audit_board(copy.parents[2]))
    assert all(any(sentence in one for one in events) for events in (found, on_the_board))


def test_an_entry_that_declares_its_bare_codec_without_gradients_is_not_approved(copy):
    """Its plan would have no attacks on the bare codec."""
    bare = "bmshj2018-factorized checkpoint=bmshj2018-factorized-small-q2"
    alter(copy, lambda entry: entry["gradients"].remove(bare))
    found = named(audit_entry(copy, Path(), plugins=True))
    assert any(f"'masked' offers gradients, but '{bare}' offers none" in one for one in found)
    assert any(f"{bare} offers gradients but is not listed" in one for one in found)
