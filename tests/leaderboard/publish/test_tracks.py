"""What is fixed in the tracks that ship: results of today must be comparable with those to come."""

from __future__ import annotations

import pytest

from backends.learned.compressai import bundled
from leaderboard.audit.audit import audit_board
from leaderboard.publish.tracks import pin, tracks
from paths import ROOT

PINS = {
    "blackbox-v1": "fd378b24c3e5ab0b8f256065f8f1c9b46728587e4c732c4bd4c4f0a80effd37e",
    "kodak-v1": "208c4d2b49f659353b85005b8edda653cf2de2b6c187850530d594d1d1e74320",
    "linf4-v1": "cfef3503570323f23955a0411281baeec104fe9fd4327bc49589328a80f96ffd",
    "linf8-v1": "ec6c70d5ae43eba3cb4c31d40b5899f773964365c93219f01c9f8191e1977564",
    "mse-v1": "b94e623c1152b44713ef0903e4d32b68b9407348f8f6c0714504b65e01694b4e",
    "transfer-v1": "430686838aa24494c6412f1dcf4ed52a78677dfd33143fc878cde8c76ff97cc2",
}
"""Hashes as entries name them; a track that must change becomes the next version."""

CROPS = sorted(PINS.keys() - {"kodak-v1"})


def test_no_track_has_changed():
    assert {name: pin(track) for name, track in tracks().items()} == PINS


@pytest.mark.parametrize("name", CROPS)
def test_crops_are_fixed(name):
    images = tracks()[name].images
    assert images.names == ("kodim13", "kodim23", "astronaut", "coffee")
    assert (images.crop.height, images.crop.width) == (256, 256)


def test_the_track_of_whole_pictures_has_all_of_kodak():
    images = tracks()["kodak-v1"].images
    assert (images.sets, images.names, images.limit, images.crop) == (("kodak",), None, None, None)


@pytest.mark.parametrize("name", sorted(PINS))
def test_every_bundled_model_is_in_every_track(name):
    named = {dict(one.params).get("checkpoint") for one in tracks()[name].operating_points}
    assert set(bundled("bmshj")) | set(bundled("mbt")) <= named


def test_two_tracks_differ_in_their_budget_alone():
    small, large = (
        tracks()[name].model_dump(exclude={"name", "description", "budgets"})
        for name in ("linf4-v1", "linf8-v1")
    )
    assert small == large


def test_the_board_of_this_repository_is_exactly_what_its_entries_give():
    assert list(audit_board(ROOT / "leaderboard")) == []
