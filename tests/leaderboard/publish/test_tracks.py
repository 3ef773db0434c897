"""What is fixed in the tracks that ship: results of today must be comparable with those to come."""

from __future__ import annotations

from dataclasses import replace

import pytest

from leaderboard.audit.audit import audit_board
from leaderboard.publish.tracks import pin, tracks
from paths import ROOT

PINS = {
    "blackbox-v2": "f26e5623c022c0e8070c042a37342a17804ff164d6b8777f6ce410d3c4ccc59e",
    "corruptions-v2": "300be44ca049ca142d7446a85c2578862f756af79499757ad91301dde08875b0",
    "kodak-v2": "e3d4beaa7ba9e1dc4073110c56f2b4e325335e913c0da4ad11efdb2c07185276",
    "linf4-v2": "84f08c0bb4f12e0d460e810002313d0c3c49e4a65a569370bcc8c7b8455b0b8c",
    "linf8-v2": "c9fe7dea76fd0cfb8962fac363cedf933bc4735e85d718f56db81ce3e94c53e4",
    "mse-v2": "a30f60e5de0b60b9de9ae53f308c897185364a9b0aaebb477fb9330e0ba7567c",
    "transfer-v2": "429393606156c35c9c1cd948d97371dbeb0e26130ce297bd702be61a70b9d1a9",
}
"""Hashes as entries name them; a track that must change becomes the next version."""

OF_SIXTEEN = ["corruptions-v2", "linf4-v2", "linf8-v2", "mse-v2"]
OF_EIGHT = ["blackbox-v2", "transfer-v2"]
WITH_TRANSFER = ["kodak-v2", "linf4-v2", "linf8-v2", "mse-v2", "transfer-v2"]


def test_no_track_has_changed():
    assert {name: pin(track) for name, track in tracks().items()} == PINS


def test_every_track_has_enough_pictures():
    assert sorted(PINS) == sorted([*OF_SIXTEEN, *OF_EIGHT, "kodak-v2"])
    for names, count in ((OF_SIXTEEN, 16), (OF_EIGHT, 8), (["kodak-v2"], 6)):
        for images in (tracks()[name].images for name in names):
            of_other_origin = [name for name in images.names if not name.startswith("kodim")]
            assert (len(images.names), len(of_other_origin)) == (
                count,
                count // 4 if images.crop else 0,
            )


@pytest.mark.parametrize("name", WITH_TRANSFER)
def test_one_model_of_each_family_is_a_source(name):
    track = tracks()[name]
    known = {str(one): one for one in track.operating_points}
    families = {known[label].name for label in track.transfer_from}
    learned = {one.name for one in track.operating_points if "checkpoint" in dict(one.params)}
    assert (len(families), families) == (len(track.transfer_from), learned)


def test_codecs_that_are_no_sources_leave_a_track_as_it_is():
    track = tracks()["linf8-v2"]
    fewer = [[one] for one in track.operating_points if str(one) in track.transfer_from]
    assert pin(track.model_copy(update={"codecs": fewer})) == PINS["linf8-v2"]
    changed = [[replace(one[0], params=(("quality", 1),), label=str(one[0]))] for one in fewer]
    assert pin(track.model_copy(update={"codecs": changed})) != PINS["linf8-v2"]


def test_two_tracks_differ_in_their_budget_alone():
    small, large = (
        tracks()[name].model_dump(exclude={"name", "description", "budgets"})
        for name in ("linf4-v2", "mse-v2")
    )
    assert small == large


def test_the_board_of_this_repository_is_exactly_what_its_entries_give():
    assert list(audit_board(ROOT / "leaderboard")) == []


def test_no_page_of_the_board_is_too_large_to_be_rendered():
    """GitHub cuts a README off at 512,000 bytes (isaacs/github#1610)."""
    board = ROOT / "leaderboard"
    found = [board / "README.md", *(board / "tracks").glob("*.md")]
    assert len(found) == 1 + len(tracks())
    assert max(path.stat().st_size for path in found) < 300_000
