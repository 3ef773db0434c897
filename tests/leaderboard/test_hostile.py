"""Entries of strangers who mean harm: each is refused or named, in one sentence."""

from __future__ import annotations

import gzip
import io
import json
import shutil
import zipfile

import pytest

from bench.cli import main
from bench.errors import StoreError
from bench.recode import Finding
from leaderboard import packing
from leaderboard.audit import audit_board
from leaderboard.entry import read_entry, sha256
from leaderboard.published import entries
from leaderboard.site import pages

TRACK = """\
name: tiny-v1
images: {set: sample, names: [chelsea, coffee], crop: {height: 24, width: 40}}
codecs:
  - {name: toy, label: toy}
  - {name: jpeg, quality: [40, 80], label: "JPEG q {quality}"}
attacks: [fgsm]
objectives: [distortion]
budgets: [{linf: 8}]
compute: {threads: 1}
"""


@pytest.fixture(scope="module", autouse=True)
def published(publish_tracks):
    return publish_tracks(TRACK, by="tester")[1]


@pytest.fixture
def copy(published, tmp_path):
    return shutil.copytree(published, tmp_path / "board")


def named(events):
    return [str(event) for event in events if isinstance(event, Finding)]


def entry_of(board_folder, name="jpeg"):
    return board_folder / "entries/tiny-v1" / name


def alter(folder, change):
    path = folder / "entry.json"
    entry = json.loads(path.read_text())
    change(entry)
    path.write_text(json.dumps(entry))


@pytest.mark.parametrize("name", ["/etc/passwd", "../../../secret.webp", "shown/../../x.webp", ""])
def test_a_view_outside_the_entry_is_refused(copy, name, capsys):
    alter(entry_of(copy), lambda entry: entry["worst"][0].update(views={"source": name}))
    with pytest.raises(StoreError, match="may only be a name inside its own folder"):
        read_entry(entry_of(copy))
    assert main(["publish", "--to", str(copy)]) == 2
    assert f"'worst.0.views.source' is '{name}'" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("table", ["files", "archive"])
def test_a_file_outside_the_entry_is_refused(copy, table):
    alter(entry_of(copy), lambda entry: entry[table].update({"../toy/entry.json": "0"}))
    with pytest.raises(StoreError, match=f"'{table}.*may only be a name inside its own folder"):
        entries(copy)


def test_a_track_outside_the_board_is_refused(copy):
    alter(entry_of(copy), lambda entry: entry.update(track="../tiny-v1"))
    with pytest.raises(StoreError, match=r"'track' is '\.\./tiny-v1'"):
        entries(copy)


def test_a_link_out_of_the_entry_is_not_shown(copy, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("mine")
    view = next(entry_of(copy).glob("shown/*-psnr-source.webp"))
    view.unlink()
    view.symlink_to(secret)
    with pytest.raises(StoreError, match="leads out of its folder"):
        pages(copy)
    told = named(audit_board(copy))
    assert any(f"{view}: its hash is none: {view} leads out of its folder" in one for one in told)


def test_what_unpacks_to_too_much_is_named(copy, monkeypatch):
    monkeypatch.setattr(packing, "LARGEST", 1_000_000)
    folder, zeros, stream = entry_of(copy), bytes(1_000_001), io.BytesIO()
    (folder / "records.jsonl.gz").write_bytes(gzip.compress(zeros))
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("adversarial/zeros.png", zeros)
    (folder / "worst.zip").write_bytes(stream.getvalue())
    told = named(audit_board(copy))
    for name in ("records.jsonl.gz", "worst.zip"):
        hashed = sha256((folder / name).read_bytes())
        assert any(f"{name}: its hash is {hashed}" in one for one in told)
        assert any(f"{folder / name} unpacks to more than 1000000 bytes" in one for one in told)
