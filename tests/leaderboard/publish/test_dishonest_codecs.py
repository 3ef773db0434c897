"""Codecs that mislead attacks without a defence: what a board says of them."""

from __future__ import annotations

import pytest

from bench.cli.main import main
from bench.store.run_folder import read_run
from bench.suite.suite import Suite
from bench.utils.yaml_config import parse
from leaderboard.publish import tracks
from leaderboard.ranking.board import build_board
from leaderboard.ranking.ranking import WITH
from leaderboard.web.html_page import PageContent

TRACK = """\
name: cheats-v1
images: {set: sample, names: [chelsea], crop: {height: 48, width: 48}}
codecs:
  - {name: bmshj2018-factorized, checkpoint: bmshj2018-factorized-small-q2, label: plain}
attacks: [{name: apgd, steps: 10}]
objectives: [distortion]
budgets: [{linf: 8}]
transfer: all
compute: {threads: 1}
"""
OWN = "".join(
    f"  - {{name: {name}, label: {name}{gain}}}\n"
    for name, gain in {
        "masked": "",
        "refusing": ", gain: 2",
        "failing": ", gain: 2",
        "switching": ", gain: 2",
    }.items()
)
HIDING = "  - {name: toy, gain: 2, defence: hiding, label: hiding}\n"
PLUGIN = '''\
from dataclasses import dataclass
from typing import ClassVar

from backends.toy import Toy
from bench.codec import Codec
from bench.entry import Entry
from bench.errors import Unsupported
from bench.registry.component_spec import ComponentSpec
from bench.registry.registry import instantiate
from rolled_gradient import with_rolled_gradient


LIMIT = 103.5


def masked():
    """Return a learned codec whose gradient belongs to other pixels."""
    name = "bmshj2018-factorized"
    plain = instantiate("codec", ComponentSpec(name, (("checkpoint", f"{name}-small-q2"),)))
    return with_rolled_gradient(plain)


def is_bright(image):
    """Return whether a picture is brighter than the source picture."""
    return image.mean() > LIMIT


class Refusing(Toy):
    def encode(self, image):
        if is_bright(image):
            raise Unsupported("not this picture")
        return super().encode(image)


class Failing(Toy):
    def encode(self, image):
        if is_bright(image):
            raise ValueError("not this picture")
        return super().encode(image)


class Switching(Toy):
    def encode(self, image):
        return super().encode(image // 4 if is_bright(image) else image)


class _Bare(Codec):
    def __init__(self, codec):
        self._codec = codec

    def encode(self, image):
        return self._codec.encode(image)

    def decode(self, bitstream):
        return self._codec.decode(bitstream)

    def fingerprint(self):
        return self._codec.fingerprint()


@dataclass(frozen=True)
class Hiding:
    gradient: ClassVar[str] = "exact"

    def __call__(self, codec):
        return _Bare(codec)


CODECS = {
    name: Entry(f"{__name__}:{target}", name)
    for name, target in {
        "masked": "masked",
        "refusing": "Refusing",
        "failing": "Failing",
        "switching": "Switching",
    }.items()
}
DEFENCES = {"hiding": Entry(f"{__name__}:Hiding", "no gradients")}
'''


@pytest.fixture(scope="module")
def plugin(tmp_path_factory):
    path = tmp_path_factory.mktemp("plugins") / "cheats.py"
    path.write_text(PLUGIN)
    return path


@pytest.fixture(scope="module")
def tracks_of():
    """Let a suite be the only track."""
    track = parse(TRACK, "track", Suite)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tracks, "tracks", lambda: {track.name: track})
        yield


@pytest.fixture(scope="module")
def board(tmp_path_factory, run_suite, plugin):
    text = TRACK.replace("attacks:", f"{OWN}attacks:")
    run = run_suite(f"plugins: [{plugin}]\n{text}", tmp_path_factory.mktemp("run"))
    return build_board([read_run(run)])


def rows(board):
    return {row.place.codec: row for row in board.rows}


def lines_of(board, codec):
    """Return the lines of a codec among those attacked through their own gradients."""
    (one,) = board.comparisons
    return [
        line
        for ranking in one.rankings
        for line in ranking.standings
        if ranking.scope is WITH and line.codec == codec
    ]


def excluded(board, codec):
    """Return why a codec has no rank."""
    own = lines_of(board, codec)
    assert {line.rank for line in own} == {None}
    return {str(reason) for line in own for reason in line.exclusions}


def marked(board, codec):
    """Return why the cost of a codec is marked as a lower bound in every list."""
    own = lines_of(board, codec)
    assert all(line.by_cost.doubts for line in own)
    return {flag.name for line in own for flag in line.by_cost.doubts}


def test_a_codec_that_moves_its_own_gradient_is_caught_by_transfer(board):
    assert "weaker-than-transfer" in marked(board, "masked")
    row = rows(board)["masked"]
    assert row.attack.psnr.mean == row.by_threat["transfer"].psnr.mean


def test_the_page_marks_codecs_whose_code_is_no_part_of_the_package(board):
    names = PageContent(board, [], [], []).marked_names
    assert (names["plain"], names["masked"]) == ("plain", "masked (external)")


def test_a_codec_that_refuses_or_fails_on_attacked_pictures_has_no_rank(board):
    assert any("unsupported" in one for one in excluded(board, "refusing"))
    assert any("failed" in one for one in excluded(board, "failing"))


def test_a_codec_that_detects_attacked_pictures_unknown_to_its_surrogate_is_marked(board):
    assert marked(board, "switching")
    assert "surrogate-off" in {flag.name for flag in rows(board)["switching"].flags}


def test_a_defence_that_hides_the_gradients_of_its_codec_is_not_published(
    tmp_path, run_suite, plugin, tracks_of, capsys
):
    text = TRACK.replace("attacks:", f"{HIDING}attacks:")
    run = run_suite(f"plugins: [{plugin}]\n{text}", tmp_path)
    words = ["publish", str(run), "--to", str(tmp_path / "board"), "--by", "me", "--plugins"]
    assert main([*words, "--codec", "hiding"]) == 2
    printed = " ".join(capsys.readouterr().err.split())
    assert "'toy gain=2.0' offers gradients, but 'hiding' offers none" in printed
