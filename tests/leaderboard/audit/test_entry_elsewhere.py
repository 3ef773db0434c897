"""The worst pictures of an entry, decoded in another process."""

import json

import pytest

from bench.cli.main import main
from bench.verify.environments import environments
from leaderboard.audit import elsewhere
from tampering import TRACK, entry_of

ZERO = {"failed": 0, "broken": 0, "different": 0, "levels": 0, "psnr": None}


@pytest.fixture(scope="module", autouse=True)
def published(publish_tracks):
    return publish_tracks(TRACK, by="tester")[1]


def test_an_entry_is_decoded_elsewhere(published, monkeypatch, capsys):
    monkeypatch.setattr(elsewhere, "environments", lambda threads: environments(threads)[:1])
    capsys.readouterr()
    assert main(["verify", str(entry_of(published)), "--elsewhere", "--json"]) == 0
    compared = json.loads(capsys.readouterr().out)["comparisons"]
    jpeg = {one["codec"]: one for one in compared if one["codec"].startswith("JPEG")}
    assert jpeg.keys() == {"JPEG q 40", "JPEG q 80"}
    for one in jpeg.values():
        assert one["clean"] == {**ZERO, "bitstreams": 2}
        assert one["attacked"]["bitstreams"] > 0
        assert not one["breaks"]
