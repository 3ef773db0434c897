"""Entries of strangers who mean harm: each is refused or named, in one sentence."""

from __future__ import annotations

import gzip
import io
import json
import re
import shutil
import zipfile
from pathlib import Path

import pytest

from backends.toy import Toy
from bench import recode
from bench.cli import main
from bench.digest import digest
from bench.errors import ConfigError, StoreError
from bench.findings import Passed
from leaderboard import board, packing
from leaderboard.audit import audit_board, audit_entry
from leaderboard.columns import COLUMNS
from leaderboard.entry import read_entry, run_of, sha256
from leaderboard.publish import figures
from leaderboard.published import entries, runs
from leaderboard.site import pages
from leaderboard.worst import hardest
from tampering import alter, entry_of, named

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


def lines_of(folder):
    packed = (folder / "records.jsonl.gz").read_bytes()
    return [json.loads(line) for line in gzip.decompress(packed).splitlines()]


def put(folder, lines):
    """Write other records into an entry, and mend its hash, its cells and its figures."""
    path = folder / "records.jsonl.gz"
    text = "".join(f"{json.dumps(line)}\n" for line in lines)
    path.write_bytes(gzip.compress(text.encode(), mtime=0))

    def mend(entry):
        entry["files"][path.name] = sha256(path.read_bytes())
        entry["cells"] = sum(line["kind"] == "measure" for line in lines)

    alter(folder, mend)
    entry = read_entry(folder)
    alter(folder, lambda told: told.update(figures=figures(run_of(entry, folder))))


def score(lines, victim, threat="clean"):
    """Return the first scores of a codec, to be altered."""
    found = (one for one in lines if one.get("victim") == victim and one["threat"] == threat)
    return next(found)["scores"]


def rows(board_folder):
    (run,) = runs(entries(board_folder))
    return {row.place.codec: [column.whole(row) for column in COLUMNS] for row in board([run]).rows}


def test_scores_of_another_entrys_codec_are_refused(copy):
    """They have the keys of its own, and would have taken their place."""
    foreign = [one for one in lines_of(entry_of(copy, "toy")) if one.get("victim") == "toy"]
    score(foreign, "toy", "white-box")["psnr_source"] = 1.0
    folder = entry_of(copy)
    put(folder, [*lines_of(folder), *foreign])
    told = "the entry of JPEG on tiny-v1 holds scores of toy, none of its codecs"
    with pytest.raises(StoreError, match=told):
        pages(copy)
    assert any(told in one for one in named(audit_board(copy)))
    assert any(told in one for one in named(audit_entry(folder, Path())))


def test_an_entry_has_the_qualities_of_one_codec(copy):
    """Whoever lists another codec as its own is found out by the other's entry, or alone."""
    folder, toy = entry_of(copy), read_entry(entry_of(copy, "toy"))
    put(folder, lines_of(folder))
    alter(folder, lambda entry: entry["codecs"].update(toy=toy.codecs["toy"]))
    with pytest.raises(StoreError, match="'toy' is in the entries of JPEG and toy on tiny-v1"):
        pages(copy)
    told = named(audit_entry(folder, Path()))
    assert any("codecs: JPEG q 40, JPEG q 80, toy are not one codec" in one for one in told)
    alter(entry_of(copy, "toy"), lambda entry: entry.update(codec="VVC"))
    told = named(audit_entry(entry_of(copy, "toy"), Path()))
    assert any("codec is 'VVC', its operating points are called toy" in one for one in told)


@pytest.mark.parametrize("threat", ["clean", "noise", "transfer"])
def test_two_entries_that_contradict_each_other_are_refused(copy, threat):
    folder = entry_of(copy)
    lines = lines_of(folder)
    score(lines, "identity", threat)["bpp"] *= 1.1
    put(folder, lines)
    told = r"the entries of JPEG and toy on tiny-v1 contradict each other on identity, \w+: bpp is"
    with pytest.raises(StoreError, match=told):
        pages(copy)


def test_entries_of_two_machines_keep_the_pictures_that_each_found(copy):
    """The same search on another processor gives another picture, and other scores."""
    before, folder = rows(copy), entry_of(copy)
    lines = lines_of(folder)
    for one in lines:
        if one["kind"] == "craft":
            one["sha256"] = "f" * 64
            one["flags"] = ["weak"]
        elif one["craft"]:
            one["scores"]["bpp"] *= 1.1
            one["scores"]["bpp_factor"] *= 1.1
    put(folder, lines)
    after = rows(copy)
    assert after["toy"] == before["toy"]
    assert after["JPEG q 40"] != before["JPEG q 40"]
    assert after["JPEG q 40"] == rows_of_one(folder)["JPEG q 40"]


def rows_of_one(folder):
    made = board([run_of(read_entry(folder), folder)])
    return {row.place.codec: [column.whole(row) for column in COLUMNS] for row in made.rows}


def audited(folder):
    return named(audit_entry(folder, Path()))


def resealed(folder, suite=lambda suite: None):
    """Put whatever an entry's suite now has as its hashes into the entry, as its author could."""
    alter(folder, lambda entry: suite(entry["suite"]))
    entry = read_entry(folder)
    alter(folder, lambda told: told.update(suite_sha256=digest(entry.suite)))
    for one in audited(folder):
        if "plan_sha256 is" in one:
            found = re.search(r"have ([0-9a-f]{64})", one)[1]
            alter(folder, lambda told, found=found: told.update(plan_sha256=found))


def rest_of_worst(folder):
    """Leave the worst pictures out of an entry that are no longer in its records."""
    run = run_of(read_entry(folder), folder)
    labels = [one for one in run.manifest.codecs if one != "identity"]
    left = [one.model_dump(mode="json") for one, _ in hardest(run, labels)]
    alter(folder, lambda entry: entry.update(worst=left))


def test_an_untouched_entry_is_as_it_says(copy):
    assert [audited(one.folder) for one in entries(copy)] == [[], []]


def test_cells_that_were_removed_are_missed_though_every_hash_is_mended(copy):
    """The pictures that hurt most are taken out, with their searches or without."""
    folder = entry_of(copy)
    lines, worst = lines_of(folder), {one.craft for one in read_entry(folder).worst}
    put(folder, [one for one in lines if not {one["key"], one.get("craft")} & worst])
    rest_of_worst(folder)
    resealed(folder)
    told = audited(folder)
    assert any(f"{len(worst)} searches of the suite have no record" in one for one in told)
    assert any("cells of the suite have no record" in one for one in told)
    assert not any("sha256" in one or "figures" in one for one in told)


def test_a_source_that_was_left_out_is_missed_though_every_hash_is_mended(copy):
    """Without the codec of the track that pictures were made against, fewer attacks were due."""
    folder = entry_of(copy)
    crafts = {one["key"] for one in lines_of(folder) if one.get("sources") == ["toy"]}
    put(folder, [o for o in lines_of(folder) if not {o["key"], o.get("craft")} & crafts])
    alter(folder, lambda entry: entry.update(worst=[], sources={}))

    def without(suite):
        suite["codecs"] = [one for one in suite["codecs"] if one[0]["label"] != "toy"]

    resealed(folder, without)
    assert any("of which the suite lacks toy" in one for one in audited(folder))


def test_a_source_that_is_said_to_offer_no_gradients_is_named(copy):
    folder = entry_of(copy)
    alter(folder, lambda entry: entry.update(gradients=[]))
    assert any("gradients: toy offers them, and is not listed" in one for one in audited(folder))


def test_a_label_of_the_track_that_means_another_codec_is_named(copy):
    folder = entry_of(copy)

    def weaken(suite):
        next(one for one in suite["codecs"] if one[0]["label"] == "toy")[0]["params"] = [
            ["gain", 1.5]
        ]

    resealed(folder, weaken)
    assert any("'toy' is an operating point of the track tiny-v1" in one for one in audited(folder))


@pytest.mark.parametrize("name", ["suite_sha256", "plan_sha256", "track_sha256"])
def test_one_digit_of_a_hash_of_the_whole_is_named(copy, name):
    folder = entry_of(copy)
    kept = getattr(read_entry(folder), name)
    other = ("1" if kept[5] == "0" else "0").join([kept[:5], kept[6:]])
    alter(folder, lambda entry: entry.update({name: other}))
    (told,) = audited(folder)
    assert other in told
    assert kept in told


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("psnr_clean", 99.0),
        ("psnr_source", 99.0),
        ("bpp_clean", 9.0),
        ("bpp", 9.0),
        ("attack", "pgd"),
        ("craft", "f" * 24),
        ("picture", "nothing"),
        ("lost", "rate"),
        ("codec", "nobody"),
    ],
)
def test_what_is_said_of_a_worst_picture_is_held_by_the_records(copy, name, value):
    folder = entry_of(copy)
    alter(folder, lambda entry: entry["worst"][0].update({name: value}))
    told = [one for one in audited(folder) if f"{folder / 'entry.json'}: worst" in one]
    assert any(repr(value) in one or "is left out" in one for one in told)


def test_worst_pictures_that_are_left_out_are_named(copy):
    folder = entry_of(copy)
    alter(folder, lambda entry: entry.update(worst=[]))
    told = audited(folder)
    assert len([one for one in told if "entry.json: worst, " in one and "left out" in one]) == 4


def test_a_view_that_is_no_file_of_the_entry_is_named(copy):
    folder = entry_of(copy)
    alter(folder, lambda entry: entry["worst"][0].update(views={"source": "shown/other.webp"}))
    assert any("worst shows shown/other.webp, which is none of its" in o for o in audited(folder))


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
    assert [one.what for one in events if isinstance(one, Passed)] == ["JPEG q 40", "JPEG q 80"]


def test_what_is_not_coded_again_is_counted(copy, capsys):
    folder = entry_of(copy)
    kept = {name for name in read_entry(folder).archive if name.endswith(".png")}
    lines = lines_of(folder)
    cells = [one for one in lines if one["kind"] == "measure"]
    again = [o for o in cells if not o["craft"] or f"adversarial/{o['craft']}.png" in kept]
    assert main(["verify", str(folder)]) == 0
    printed = capsys.readouterr().out
    assert f"{len(again)} cells coded again and exactly as recorded" in printed
    assert f"{len(cells) - len(again)} cells not coded again" in printed
    unseen = next(one for one in cells if one not in again and one["threat"] == "noise")
    unseen["threat"] = "black-box"
    put(folder, lines)
    assert any(
        f"cell {unseen['key']} (" in one and "threat is 'black-box', the suite's cell has" in one
        for one in audited(folder)
    )


def test_a_track_that_is_not_the_one_that_ships_is_named(copy):
    """Both entries agree with each other, and yet are of another suite."""
    (kept,) = {one.entry.track_sha256 for one in entries(copy)}
    other = ("1" if kept[5] == "0" else "0").join([kept[:5], kept[6:]])
    for one in entries(copy):
        alter(one.folder, lambda entry: entry.update(track_sha256=other))
    told = [one for one in named(audit_board(copy)) if "track_sha256" in one]
    assert told == [
        f"{one.folder / 'entry.json'}: track_sha256 is {other}, the track tiny-v1 of this version"
        f" has {kept}"
        for one in entries(copy)
    ]


def test_plugins_of_an_entry_run_only_for_those_who_say_so(copy, tmp_path, capsys):
    folder, trace = entry_of(copy), tmp_path / "trace"
    (tmp_path / "stranger.py").write_text(f"open({str(trace)!r}, 'w').close()\n")
    alter(folder, lambda entry: entry["suite"].update(plugins=["stranger.py"]))
    alter(folder, lambda entry: entry.update(suite_sha256=digest(entry["suite"])))
    told = ["--suite-folder", str(tmp_path)]
    picture = ["publish", "--challenge", str(tmp_path), "--track", "tiny-v1", "--codec", "JPEG"]
    for words in (["verify", str(folder)], [*picture, "--to", str(copy), "--by", "me"]):
        assert main([*words, *told]) == 2
        printed = " ".join(capsys.readouterr().err.split())
        assert "names plugins, code of 'tester' that would run here: stranger.py" in printed
        assert "--plugins" in printed
        assert not trace.exists()
    assert main(["verify", str(folder), *told, "--plugins"]) == 0
    assert trace.exists()


def test_records_and_archive_that_no_hash_holds_are_named(copy):
    alter(entry_of(copy), lambda entry: entry.update(files={}))
    told = named(audit_board(copy))
    assert any("files: records.jsonl.gz is not among them" in one for one in told)
    assert any("files: worst.zip is not among them" in one for one in told)


def test_a_rate_of_nothing_is_named(copy):
    lines = lines_of(entry_of(copy))
    score(lines, "JPEG q 40")["bpp"] = 0
    path = entry_of(copy) / "records.jsonl.gz"
    text = "".join(f"{json.dumps(line)}\n" for line in lines)
    path.write_bytes(gzip.compress(text.encode(), mtime=0))
    alter(
        entry_of(copy), lambda entry: entry["files"].update({path.name: sha256(path.read_bytes())})
    )
    assert main(["verify", str(copy)]) == 2
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
    told = " ".join(named(audit_board(copy)))
    assert "worst.zip: its hash is" in told
    assert str(view) in told


def test_a_decoder_that_breaks_on_an_altered_stream_is_named(copy, monkeypatch):
    def broken(self, bitstream):
        raise IndexError("the decoder fell over")

    monkeypatch.setattr(Toy, "decode", broken)
    told = named(audit_entry(entry_of(copy, "toy"), Path()))
    assert any("does not decode: IndexError: the decoder fell over" in one for one in told)
