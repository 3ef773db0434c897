"""Entries of strangers who mean harm: each is refused or named, in one sentence."""

from __future__ import annotations

import gzip
import io
import json
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from bench.cli.main import main
from bench.errors import CodecError, ConfigError, StoreError
from bench.isolation.coder_pool import ProcessCoder
from bench.utils.hashing import digest
from bench.verify import reencode as recode
from bench.verify.findings import Skipped
from leaderboard.audit.audit import audit_board, audit_entry
from leaderboard.publish import archive as packing
from leaderboard.publish.entry import read_entry, run_of, sha256
from leaderboard.publish.published_board import entries
from leaderboard.web.site import pages
from tampering import TRACK, alter, audited, entry_of, lines_of, named, put, score


@pytest.fixture(scope="module", autouse=True)
def published(publish_tracks):
    return publish_tracks(TRACK, by="tester")[1]


@pytest.mark.parametrize("name", ["/etc/passwd", "../../../secret.webp", "shown/../../x.webp", ""])
def test_a_view_outside_the_entry_is_refused(copy, name, capsys):
    alter(entry_of(copy), lambda entry: entry["worst"][0].update(views={"source": name}))
    with pytest.raises(StoreError, match="only a name inside its own folder"):
        read_entry(entry_of(copy))
    assert main(["publish", "--to", str(copy)]) == 2
    assert f"'worst.0.views.source' is '{name}'" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("table", ["files", "archive"])
def test_a_file_outside_the_entry_is_refused(copy, table):
    alter(entry_of(copy), lambda entry: entry[table].update({"../toy/entry.json": "0"}))
    with pytest.raises(StoreError, match=f"'{table}.*only a name inside its own folder"):
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
    findings = named(audit_board(copy))
    assert any(
        f"{view}: its hash is none: {view} leads out of its folder" in one for one in findings
    )


def test_what_unpacks_to_too_much_is_named(copy, monkeypatch):
    monkeypatch.setattr(packing, "LARGEST", 1_000_000)
    folder, zeros, stream = entry_of(copy), bytes(1_000_001), io.BytesIO()
    (folder / "records.jsonl.gz").write_bytes(gzip.compress(zeros))
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("adversarial/zeros.png", zeros)
    (folder / "worst.zip").write_bytes(stream.getvalue())
    findings = named(audit_board(copy))
    for name in ("records.jsonl.gz", "worst.zip"):
        hashed = sha256((folder / name).read_bytes())
        assert any(f"{name}: its hash is {hashed}" in one for one in findings)
        assert any(f"{folder / name} unpacks to more than 1000000 bytes" in one for one in findings)


def test_a_megabyte_of_newlines_takes_no_gigabytes(copy):
    """A megabyte of gzip is a gigabyte of lines, and a list of them took 9.7 GB."""
    folder = entry_of(copy)
    (folder / "records.jsonl.gz").write_bytes(gzip.compress(b"\n" * 2**25))
    tracemalloc.start()
    try:
        with pytest.raises(StoreError, match=r"cannot read .*records\.jsonl\.gz"):
            run_of(read_entry(folder), folder)
        assert tracemalloc.get_traced_memory()[1] < 2**28
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(("name", "most"), [("entry.json", 2**24), ("records.jsonl.gz", 2**26)])
def test_what_is_larger_than_any_entry_is_refused(copy, name, most):
    folder = entry_of(copy)
    entry = read_entry(folder)
    content = b" " * (most + 1)
    (folder / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    with pytest.raises(StoreError, match=f"{name}.* more than {most} |larger than {most} bytes"):
        run_of(entry, folder) if name.endswith("gz") else read_entry(folder)


def test_a_codec_that_is_not_here_is_passed_over_once(copy, monkeypatch):
    """Its weights are not in the repository, or ffmpeg lacks its encoder."""

    def refuse(choice):
        if choice.name == "jpeg":
            raise ConfigError("no such codec here")
        return made(choice)

    made = recode.make_codec
    monkeypatch.setattr(recode, "make_codec", refuse)
    events = list(audit_entry(entry_of(copy), Path()))
    assert named(events) == []
    assert [one.what for one in events if isinstance(one, Skipped)] == ["JPEG q 40", "JPEG q 80"]


def test_what_is_not_coded_again_is_counted(copy, capsys):
    folder = entry_of(copy)
    kept = {name for name in read_entry(folder).archive if name.endswith(".png")}
    lines = lines_of(folder)
    cells = [one for one in lines if one["kind"] == "measure"]
    again = [o for o in cells if not o["craft"] or f"adversarial/{o['craft']}.png" in kept]
    assert main(["verify", str(folder)]) == 0
    printed = capsys.readouterr().out
    assert f"{len(again)} evaluations repeated and exactly as recorded" in printed
    assert f"{len(cells) - len(again)} evaluations not repeated" in printed
    unseen = next(one for one in cells if one not in again and one["threat"] == "noise")
    unseen["threat"] = "black-box"
    put(folder, lines)
    assert any(
        f"cell {unseen['key']} (" in one and "threat is 'black-box', the suite's cell has" in one
        for one in audited(folder)
    )


def test_plugins_of_an_entry_run_only_for_those_who_say_so(copy, tmp_path, capsys):
    folder, trace = entry_of(copy), tmp_path / "trace"
    (tmp_path / "stranger.py").write_text(f"open({str(trace)!r}, 'w').close()\n")
    alter(folder, lambda entry: entry["suite"].update(plugins=["stranger.py"]))
    alter(folder, lambda entry: entry.update(suite_sha256=digest(entry["suite"])))
    options = ["--suite-folder", str(tmp_path)]
    picture = ["publish", "--challenge", str(tmp_path), "--track", "tiny-v1", "--codec", "JPEG"]
    for words in (["verify", str(folder)], [*picture, "--to", str(copy), "--by", "me"]):
        assert main([*words, *options]) == 2
        printed = " ".join(capsys.readouterr().err.split())
        assert "names plugins, code of 'tester' that would run here: stranger.py" in printed
        assert "--plugins" in printed
        assert not trace.exists()
    assert main(["verify", str(folder), *options, "--plugins"]) == 0
    assert trace.exists()


def test_a_rate_of_nothing_is_named(copy):
    lines = lines_of(entry_of(copy))
    score(lines, "JPEG q 40")["bpp"] = 0
    path = entry_of(copy) / "records.jsonl.gz"
    text = "".join(f"{json.dumps(line)}\n" for line in lines)
    path.write_bytes(gzip.compress(text.encode(), mtime=0))
    alter(
        entry_of(copy), lambda entry: entry["files"].update({path.name: sha256(path.read_bytes())})
    )
    assert main(["verify", str(copy)]) == 1
    assert main(["publish", "--to", str(copy)]) == 2


def test_archives_of_other_versions_and_links_to_themselves_are_named(copy):
    folder = entry_of(copy)
    archive = bytearray((folder / "worst.zip").read_bytes())
    at = archive.index(b"PK\x01\x02")
    archive[at + 6] = 99
    (folder / "worst.zip").write_bytes(bytes(archive))
    view = next(folder.glob("shown/*-psnr-source.webp"))
    view.unlink()
    view.symlink_to(view.name)
    findings = " ".join(named(audit_board(copy)))
    assert "worst.zip: its hash is" in findings
    assert str(view) in findings


def test_a_decoder_that_breaks_on_an_altered_stream_is_named(copy, monkeypatch):
    def broken(self, bitstream, size):
        raise CodecError("IndexError: the decoder fell over")

    monkeypatch.setattr(ProcessCoder, "decode", broken)
    findings = named(audit_entry(entry_of(copy, "toy"), Path()))
    assert any("does not decode: IndexError: the decoder fell over" in one for one in findings)
