"""Challenges on a codec that was published with other versions of torch and CompressAI."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from bench.cli.main import main
from bench.images.image_set import load
from bench.images.png import encode_png
from bench.suite.suite import Suite
from bench.utils.yaml_config import parse
from bench.verify.same_codec import is_same_codec
from leaderboard.audit.audit import audit_board, audit_challenge
from leaderboard.publish.best_known import known
from leaderboard.publish.challenge import read_challenge
from leaderboard.publish.entry import read_entry
from leaderboard.publish.published_board import challenges, entries, runs
from leaderboard.ranking.board import build_board
from tampering import alter, entry_of, lines_of, named, put

TRACK = """\
name: tiny-v1
images: {set: sample, names: [coffee], crop: {height: 64, width: 64}}
codecs:
  - name: bmshj2018-factorized
    checkpoint: [bmshj2018-factorized-small-q1]
    label: net
attacks: [fgsm]
objectives: [distortion]
budgets: [{linf: 4}]
compute: {threads: 1}
"""
OTHER = "(compressai 1.2.6, torch 2.4.0+cu118, cuda)"


@pytest.fixture(scope="module")
def published(publish_tracks):
    return publish_tracks(TRACK, by="tester")[1]


@pytest.fixture
def elsewhere(published, tmp_path):
    """The board as if its entry came from another build of torch, CompressAI and Pillow."""
    board = shutil.copytree(published, tmp_path / "board")
    _change_fingerprints(board, _other_versions)
    return board


def _other_versions(fingerprint):
    """Return a fingerprint from elsewhere: there torch rounds the tables differently."""
    own, bracket, _ = fingerprint.partition(" (compressai")
    if not bracket:
        return fingerprint.replace("pillow ", "pillow 1.")
    name, _, weights = own.partition(", weights ")
    return f"{name[:-4]}0000, weights {weights} {OTHER}"


def _change_fingerprints(board, change):
    folder = entry_of(board, "net")
    lines = lines_of(folder)
    for line in lines:
        if "fingerprint" in line:
            line["fingerprint"] = change(line["fingerprint"])
    put(folder, lines)

    def of_entry(entry):
        entry["codecs"] = {label: change(one) for label, one in entry["codecs"].items()}
        entry["versions"] = entry["versions"] | {"torch": "2.4.0+cu118"}

    alter(folder, of_entry)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with a picture of noise inside the budget."""
    (source,) = load(parse(TRACK, "t", Suite).images, Path())
    signs = np.random.default_rng(0).choice([-4, 4], size=source.pixels.shape)
    folder = tmp_path_factory.mktemp("made")
    image = (source.pixels.astype(int) + signs).clip(0, 255).astype(np.uint8)
    (folder / "coffee.png").write_bytes(encode_png(image))
    return folder


def _hand_in(pictures, board):
    command = ["publish", "--challenge", str(pictures), "--track", "tiny-v1", "--codec", "net"]
    return main([*command, "--to", str(board), "--by", "me"])


def test_equal_weights_are_scored_and_the_versions_of_both_are_recorded(elsewhere, made, published):
    assert _hand_in(made, elsewhere) == 0
    folder = elsewhere / "challenges/tiny-v1/net/me"
    challenge, entry = read_challenge(folder), read_entry(entry_of(elsewhere, "net"))
    assert entry.codecs["net"].endswith(OTHER)
    assert challenge.codecs == read_entry(entry_of(published, "net")).codecs
    assert challenge.codecs["net"] != entry.codecs["net"]
    assert challenge.versions["torch"] != entry.versions["torch"] == "2.4.0+cu118"
    assert named(audit_challenge(folder, Path())) == []
    assert main(["verify", str(folder)]) == 0
    assert named(audit_board(elsewhere)) == []


def test_they_count_for_the_best_known_attack(elsewhere, made):
    assert _hand_in(made, elsewhere) == 0
    board = build_board(runs(entries(elsewhere)))
    ((_, lines),) = known(board, entries(elsewhere), challenges(elsewhere))
    (line,) = (line for line in lines if line.codec == "net")
    assert "pictures of me" in line.rate.finder
    assert line.rate.value > line.rate.own


def test_an_older_entry_without_the_hash_of_its_weights_is_scored(elsewhere, made, published):
    def older(fingerprint):
        return fingerprint.partition(", weights ")[0] + f" {OTHER}"

    net = read_entry(entry_of(published, "net")).codecs["net"]
    _change_fingerprints(elsewhere, lambda one: older(net) if OTHER in one else one)
    assert _hand_in(made, elsewhere) == 0


def test_other_weights_are_refused(elsewhere, made, capsys):
    _change_fingerprints(elsewhere, lambda one: one.replace(", weights ", ", weights 0"))
    assert _hand_in(made, elsewhere) == 2
    text = capsys.readouterr().err
    assert "pictures are only scored on the published codec, of which only the versions" in text
    assert not (elsewhere / "challenges").exists()


@pytest.mark.parametrize(("factor", "status"), [(1.004, 0), (1.01, 2)])
def test_scores_beyond_the_tolerances_are_refused(elsewhere, made, factor, status, capsys):
    folder = entry_of(elsewhere, "net")
    lines = lines_of(folder)
    for line in lines:
        if line.get("victim") == "net" and line["threat"] == "clean":
            for name in ("bpp", "bpp_clean"):
                line["scores"][name] *= factor
    put(folder, lines)
    assert _hand_in(made, elsewhere) == status
    text = capsys.readouterr().err
    assert ("net on coffee is not as published: bpp" in text) == (status == 2)
    assert ("torch 2.4.0+cu118" in text) == (status == 2)


BUILD, OTHER_BUILD = (
    "(compressai 1.2.8, torch 2.14.1+cu130, cpu)",
    "(compressai 1.2, torch 3, cuda)",
)


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        (f"net 1, weights 2 {BUILD}", f"net 1, weights 2 {OTHER_BUILD}", True),
        (f"net 1, weights 2 {BUILD}", f"net 3, weights 2 {OTHER_BUILD}", True),
        (f"net 1, weights 2 {BUILD}", f"net 3, weights 4 {BUILD}", False),
        (f"net 1 {OTHER_BUILD}", f"net 1, weights 2 {BUILD}", True),
        (f"net 2 {OTHER_BUILD}", f"net 1, weights 2 {BUILD}", False),
        (f"net 1, weights 2 {BUILD}", f"nut 1, weights 2 {BUILD}", False),
        (f"flip > net 1, weights 2 {BUILD}", f"flip > net 3, weights 2 {OTHER_BUILD}", True),
        (f"flip > net 1, weights 2 {BUILD}", f"roll > net 1, weights 2 {BUILD}", False),
        ("mine (quality 3)", "mine (quality 4)", False),
        ("mine (compressai 1.2.8, quality 3)", "mine (compressai 1.2.9, quality 3)", False),
        ("JPEG pillow 13.0.0 quality=15", "JPEG pillow 12.0.0 quality=15", False),
    ],
)
def test_only_versions_and_tables_of_learned_codecs_may_differ(first, second, same):
    assert is_same_codec(first, second) == same
    assert is_same_codec(second, first) == same
