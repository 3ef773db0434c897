"""Entries that say what their records do not, whatever hashes their authors mended: all named."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import pytest

from bench.errors import StoreError
from bench.utils.hashing import digest
from leaderboard.audit.audit import audit_board, audit_entry
from leaderboard.columns.columns import COLUMNS
from leaderboard.publish.entry import read_entry, run_of
from leaderboard.publish.published_board import entries, runs
from leaderboard.publish.worst_pictures import hardest
from leaderboard.ranking.board import build_board
from leaderboard.web.site import pages
from tampering import TRACK, alter, audited, entry_of, lines_of, named, put, score


@pytest.fixture(scope="module", autouse=True)
def published(publish_tracks):
    return publish_tracks(TRACK, by="tester")[1]


def rows(board_folder):
    (run,) = runs(entries(board_folder))
    return {
        row.place.codec: [column.whole(row) for column in COLUMNS]
        for row in build_board([run]).rows
    }


def test_scores_of_another_entrys_codec_are_refused(copy):
    """They have the keys of its own, and would have taken their place."""
    foreign = [one for one in lines_of(entry_of(copy, "toy")) if one.get("victim") == "toy"]
    score(foreign, "toy", "white-box")["psnr_source"] = 1.0
    folder = entry_of(copy)
    put(folder, [*lines_of(folder), *foreign])
    message = "the entry of JPEG on tiny-v1 holds scores of toy, which are not its codecs"
    with pytest.raises(StoreError, match=message):
        pages(copy)
    assert any(message in one for one in named(audit_board(copy)))
    assert any(message in one for one in named(audit_entry(folder, Path())))


def test_an_entry_has_the_qualities_of_one_codec(copy):
    """Whoever lists another codec as its own is found out by the other's entry, or alone."""
    folder, toy = entry_of(copy), read_entry(entry_of(copy, "toy"))
    put(folder, lines_of(folder))
    alter(folder, lambda entry: entry["codecs"].update(toy=toy.codecs["toy"]))
    with pytest.raises(StoreError, match="'toy' is in the entries of JPEG and toy on tiny-v1"):
        pages(copy)
    findings = named(audit_entry(folder, Path()))
    assert any(
        "codecs: JPEG q 40, JPEG q 80, toy are not the operating points of one codec" in one
        for one in findings
    )
    alter(entry_of(copy, "toy"), lambda entry: entry.update(codec="VVC"))
    findings = named(audit_entry(entry_of(copy, "toy"), Path()))
    assert any("codec is 'VVC', its operating points are called toy" in one for one in findings)


@pytest.mark.parametrize("threat", ["clean", "noise", "transfer"])
def test_two_entries_that_contradict_each_other_are_refused(copy, threat):
    folder = entry_of(copy)
    lines = lines_of(folder)
    score(lines, "identity", threat)["bpp"] *= 1.1
    put(folder, lines)
    message = (
        r"the entries of JPEG and toy on tiny-v1 contradict each other on identity, \w+: bpp is"
    )
    with pytest.raises(StoreError, match=message):
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
    made = build_board([run_of(read_entry(folder), folder)])
    return {row.place.codec: [column.whole(row) for column in COLUMNS] for row in made.rows}


def resealed(folder, suite=lambda suite: None):
    """Put whatever an entry's suite now has as its hashes into the entry, as its author could."""
    alter(folder, lambda entry: suite(entry["suite"]))
    entry = read_entry(folder)
    alter(folder, lambda content: content.update(suite_sha256=digest(entry.suite)))
    for one in audited(folder):
        if "plan_sha256 is" in one:
            found = re.search(r"have ([0-9a-f]{64})", one)[1]
            alter(folder, lambda content, found=found: content.update(plan_sha256=found))


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
    findings = audited(folder)
    assert any(f"{len(worst)} searches of the suite have no record" in one for one in findings)
    assert any("cells of the suite have no record" in one for one in findings)
    assert not any("sha256" in one or "figures" in one for one in findings)


def test_a_source_that_was_left_out_is_missed_though_every_hash_is_mended(copy):
    """Without the codec of the track that pictures were made against, fewer attacks were due."""
    folder = entry_of(copy)
    crafts = {one["key"] for one in lines_of(folder) if one.get("sources") == ["toy"]}
    put(folder, [o for o in lines_of(folder) if not {o["key"], o.get("craft")} & crafts])
    alter(folder, lambda entry: entry.update(worst=[], sources={}))

    def without(suite):
        suite["codecs"] = [one for one in suite["codecs"] if one[0]["label"] != "toy"]

    resealed(folder, without)
    assert any("but the suite lacks toy" in one for one in audited(folder))


def test_a_source_that_is_said_to_offer_no_gradients_is_named(copy):
    folder = entry_of(copy)
    alter(folder, lambda entry: entry.update(gradients=[]))
    assert any(
        "gradients: toy offers gradients but is not listed" in one for one in audited(folder)
    )


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
    (finding,) = audited(folder)
    assert other in finding
    assert kept in finding


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
    findings = [one for one in audited(folder) if f"{folder / 'entry.json'}: worst" in one]
    assert any(repr(value) in one or "is left out" in one for one in findings)


def test_worst_pictures_that_are_left_out_are_named(copy):
    folder = entry_of(copy)
    alter(folder, lambda entry: entry.update(worst=[]))
    findings = audited(folder)
    assert len([one for one in findings if "entry.json: worst, " in one and "left out" in one]) == 4


def test_a_view_that_is_no_file_of_the_entry_is_named(copy):
    folder = entry_of(copy)
    alter(folder, lambda entry: entry["worst"][0].update(views={"source": "shown/other.webp"}))
    assert any("worst shows shown/other.webp, which is not one of" in o for o in audited(folder))


def test_a_track_that_is_not_the_one_that_ships_is_named(copy):
    """Both entries agree with each other, and yet are of another suite."""
    (kept,) = {one.entry.track_sha256 for one in entries(copy)}
    other = ("1" if kept[5] == "0" else "0").join([kept[:5], kept[6:]])
    for one in entries(copy):
        alter(one.folder, lambda entry: entry.update(track_sha256=other))
    findings = [one for one in named(audit_board(copy)) if "track_sha256" in one]
    assert findings == [
        f"{one.folder / 'entry.json'}: track_sha256 is {other}, the track tiny-v1 of this version"
        f" has {kept}"
        for one in entries(copy)
    ]


def test_records_and_archive_that_no_hash_holds_are_named(copy):
    alter(entry_of(copy), lambda entry: entry.update(files={}))
    findings = named(audit_board(copy))
    assert any("files: records.jsonl.gz is not among them" in one for one in findings)
    assert any("files: worst.zip is not among them" in one for one in findings)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"linf": 9.0}, "its picture is 9 8-bit levels from its source, outside linf 8"),
        ({"bpp": 99.0}, "bpp is 99.0, by its other figures"),
        ({"bytes": 1}, "by its other figures"),
        ({"psnr_source": 99.0}, "psnr_source is 99.0, by its other figures"),
        ({"unexplained": None}, "unexplained is"),
        (
            {"bpp_clean": 0.5, "bpp_factor": 2.0},
            "bpp_clean is 0.5, the record of the clean",
        ),
        ({"ssim_clean": 0.1}, "ssim_clean is 0.1, the record of the clean picture"),
    ],
)
def test_scores_that_contradict_each_other_are_named_without_their_picture(copy, changes, message):
    """Whatever the author mended besides: only what is as it should be can stay on trust."""
    folder = entry_of(copy)
    kept = {name.rpartition("/")[2][:-4] for name in read_entry(folder).archive}
    lines = lines_of(folder)
    cell = next(one for one in lines if one.get("craft", "") and one["craft"] not in kept)
    if "unexplained" in changes:
        changes = {"unexplained": not cell["scores"]["unexplained"]}
    cell["scores"].update(changes)
    put(folder, lines)
    place = f"{folder / 'records.jsonl.gz'}: cell {cell['key']} ("
    assert any(one.startswith(place) and message in one for one in audited(folder))


def test_errors_below_zero_are_no_scores(copy):
    folder = entry_of(copy)
    path = folder / "records.jsonl.gz"
    lines = lines_of(folder)
    score(lines, "JPEG q 40", "transfer")["mse_shift"] = -1.0
    text = "".join(f"{json.dumps(line)}\n" for line in lines)
    path.write_bytes(gzip.compress(text.encode(), mtime=0))
    assert any("cannot read" in one and "mse_shift" in one for one in audited(folder))
