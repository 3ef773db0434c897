"""Pictures that somebody made outside the harness: scored, shown and verified."""

from __future__ import annotations

import gzip
import io
import json
import re
import resource
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.lib.format import write_array_header_1_0

import tampering
from bench.cli.main import main
from bench.errors import BenchError, ImageError
from bench.images.image_set import load
from bench.images.png import decode_png, encode_png
from bench.metrics.scores import bpp, psnr
from bench.registry import registry
from bench.suite.suite import Suite
from bench.utils.yaml_config import parse
from bench.verify.findings import Checked
from bench.verify.replan import replan
from leaderboard.audit.audit import audit_board, audit_challenge
from leaderboard.publish import submitted_pictures
from leaderboard.publish.best_known import known
from leaderboard.publish.challenge import challenge, read_challenge
from leaderboard.publish.entry import run_of, sha256
from leaderboard.publish.published_board import challenges, entries, runs
from leaderboard.publish.submitted_pictures import read_submitted_pictures, source_of
from leaderboard.ranking.board import build_board
from tampering import alter, named

TRACK = tampering.TRACK.replace("{linf: 8}", "{linf: 4}, {linf: 8}")
EVIL = "<img src=x onerror=alert(1)>|`"
WHO = "img-src-x-onerror-alert-1"
RADIUS = 8


@pytest.fixture(scope="module")
def published(publish_tracks):
    _, to = publish_tracks(TRACK, by="tester")
    return to


@pytest.fixture(scope="module")
def sources():
    return {one.name: one.pixels for one in load(parse(TRACK, "t", Suite).images, Path())}


@pytest.fixture(scope="module")
def pictures(sources):
    """Grey noise of the full radius, which costs a transform codec many bits, and stripes."""
    made, rng = {}, np.random.default_rng(0)
    for name, source in sources.items():
        signs = rng.choice([-1, 1], size=(*source.shape[:2], 1))
        made[name] = (source.astype(int) + RADIUS * signs).clip(0, 255).astype(np.uint8)
        stripes = RADIUS * (np.indices(source.shape)[0] % 3 == 0)
        made[f"{name}-stripes"] = (source.astype(int) + stripes).clip(0, 255).astype(np.uint8)
    return made


def as_folder(pictures, to):
    (to / "mine").mkdir()
    for name, picture in pictures.items():
        (to / "mine" / f"{name}.png").write_bytes(encode_png(picture))
    return to / "mine"


def as_npz(pictures, to):
    np.savez(to / "mine.npz", **pictures)
    return to / "mine.npz"


def as_pt(pictures, to):
    tensors = {name: torch.from_numpy(one).permute(2, 0, 1) / 255 for name, one in pictures.items()}
    torch.save(tensors, to / "mine.pt")
    return to / "mine.pt"


def hand_in(path, to, by=EVIL, codec="JPEG"):
    words = ["publish", "--challenge", str(path), "--track", "tiny-v1", "--codec", codec]
    return main([*words, "--to", str(to), "--by", by])


@pytest.fixture(scope="module")
def challenged(published, pictures, tmp_path_factory):
    to = tmp_path_factory.mktemp("challenged")
    shutil.copytree(published, to / "board")
    assert hand_in(as_folder(pictures, to), to / "board") == 0
    return to / "board"


@pytest.fixture
def copy(challenged, tmp_path):
    return shutil.copytree(challenged, tmp_path / "board")


def place_of(folder):
    return folder / "challenges/tiny-v1/jpeg" / WHO


@pytest.mark.parametrize("form", [as_folder, as_npz, as_pt])
def test_a_folder_an_npz_and_a_pt_file_hold_the_same_pictures(form, pictures, tmp_path):
    found = read_submitted_pictures(form(pictures, tmp_path))
    assert found.keys() == pictures.keys()
    assert all(np.array_equal(found[name], pictures[name]) for name in pictures)


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("chelsea", np.zeros((4, 5)), r"shape \(4, 5\)"),
        ("chelsea", np.full((4, 5, 3), 1.5), r"outside \[0, 1\]"),
        ("chelsea", np.full((4, 5, 3), np.nan), r"outside \[0, 1\]"),
        ("chelsea", np.zeros((4, 5, 3), np.int32), "has the type int32"),
    ],
)
def test_what_is_no_picture_is_refused(name, array, message, tmp_path):
    np.savez(tmp_path / "mine.npz", **{name: array})
    with pytest.raises(ImageError, match=message):
        read_submitted_pictures(tmp_path / "mine.npz")


def _npz(path, shape, unpacked):
    """Write an archive of one compressed array, whose header names a shape."""
    header = io.BytesIO()
    write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": shape})
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file,
        file.open("chelsea.npy", "w", force_zip64=True) as array,
    ):
        array.write(header.getvalue())
        for _ in range(unpacked // 2**24):
            array.write(bytes(2**24))


@pytest.mark.parametrize(
    ("shape", "unpacked", "words"),
    [
        ((2**16, 2**16, 3), 0, "chelsea.npy claims more bytes than it has"),
        ((2**15, 2**10, 3), 2**27, "unpacks to 1342.* bytes, more than the 134217728 of one file"),
    ],
)
def test_an_npz_that_claims_too_much_is_refused(shape, unpacked, words, tmp_path, monkeypatch):
    monkeypatch.setattr(submitted_pictures, "_LARGEST", 2**27)
    _npz(tmp_path / "mine.npz", shape, unpacked)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ImageError, match=f"cannot read .*mine.npz: .*{words}"):
        read_submitted_pictures(tmp_path / "mine.npz")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2**16


def test_a_pt_that_claims_too_much_is_refused(tmp_path):
    torch.save({"chelsea": torch.zeros(1).expand(2**15, 2**15, 3)}, tmp_path / "mine.pt")
    with pytest.raises(ImageError, match="holds something that is not a whole tensor"):
        read_submitted_pictures(tmp_path / "mine.pt")


def test_a_file_that_would_run_code_is_refused(tmp_path):
    torch.save({"chelsea": print}, tmp_path / "mine.pt")
    with pytest.raises(ImageError, match="cannot read"):
        read_submitted_pictures(tmp_path / "mine.pt")
    np.savez(tmp_path / "mine.npz", chelsea=np.array([print], dtype=object))
    with pytest.raises(ImageError, match="cannot read"):
        read_submitted_pictures(tmp_path / "mine.npz")


def test_pictures_are_called_after_their_sources():
    names = ["kodim1", "kodim13", "kodim1-b"]
    assert source_of("kodim13-rate", names) == "kodim13"
    assert source_of("kodim1-b-2", names) == "kodim1-b"
    with pytest.raises(ImageError, match="'kodim135' is not named after a picture"):
        source_of("kodim135", names)


def test_every_picture_is_scored_on_every_quality(challenged, pictures, sources):
    (found,) = challenges(challenged)
    run = run_of(found.challenge, found.folder)
    archive = zipfile.ZipFile(found.folder / "pictures.zip")
    scored = [one for one in run.measures if one.threat == "external"]
    assert {one.victim for one in scored} == {"JPEG q 40", "JPEG q 80", "identity"}
    assert len(scored) == len(pictures) * 3
    for one in scored:
        quality = {"JPEG q 40": 40, "JPEG q 80": 80}.get(one.victim)
        if quality is not None:
            codec = registry.instantiate(
                "codec", registry.ComponentSpec("jpeg", (("quality", quality),))
            )
            stream = codec.encode(decode_png(archive.read(f"adversarial/{one.craft}.png")))
            source = sources[one.picture]
            assert one.scores.bpp == bpp(len(stream), *source.shape[:2])
            assert one.scores.psnr_source == psnr(source, codec.decode(stream))


def best(folder):
    made = build_board(runs(entries(folder)))
    found = known(made, entries(folder), challenges(folder))
    return {(str(one.budget), line.codec): line for one, lines in found for line in lines}


def test_the_best_known_attack_is_the_worst_of_both(published, challenged):
    before, after = best(published), best(challenged)
    (found,) = challenges(challenged)
    run = run_of(found.challenge, found.folder)
    loss = after["linf 8", "JPEG"].rate
    mine, theirs = {}, {}
    for one in run.measures:
        if one.threat == "external" and one.victim == loss.at:
            mine.setdefault(one.picture, []).append(one.scores.bpp_factor)
    (track,) = runs(entries(published))
    for one in track.measures:
        budget = track.crafts[one.craft].budget if one.craft else ""
        if one.victim == loss.at and one.threat == "transfer" and budget == "linf 8":
            theirs.setdefault(one.picture, []).append(one.scores.bpp_factor)
    worst = [max(*mine[name], *theirs[name]) for name in mine]
    assert loss.value == pytest.approx(np.exp(np.mean(np.log(worst))))
    assert loss.value > loss.own == pytest.approx(before["linf 8", "JPEG"].rate.value)
    assert f"pictures of {EVIL}" in loss.finder
    assert before["linf 8", "JPEG"].rate.finder.endswith("run by tester")


def test_a_picture_outside_a_budget_does_not_count_there(published, challenged):
    assert best(challenged)["linf 4", "JPEG"] == best(published)["linf 4", "JPEG"]


def test_ranks_are_those_of_the_track(published, challenged):
    lists = [
        [
            (line.codec, line.rank, line.robustness)
            for one in build_board(runs(entries(folder))).comparisons
            for ranking in one.rankings
            for line in ranking.standings
        ]
        for folder in (published, challenged)
    ]
    assert lists[0] == lists[1]


def test_on_another_version_of_the_codec_they_do_not_count(copy, published):
    alter(place_of(copy), lambda one: one["codecs"].update({"JPEG q 40": "x", "JPEG q 80": "x"}))
    assert best(copy) == best(published)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        (
            "chelsea",
            9,
            "'chelsea' is 9 8-bit levels from 'chelsea' or changes pixels outside the region",
        ),
        ("stranger", 1, "'stranger' is not named after a picture of the track"),
    ],
)
def test_what_keeps_no_budget_or_is_of_no_picture_is_refused(
    published, sources, tmp_path, name, change, message
):
    source = sources["chelsea"]
    moved = np.where(source < 128, source + change, source - change).astype(np.uint8)
    (made,) = entries(published)[:1]
    run = run_of(made.entry, made.folder)
    again = replan(run.manifest, Path())
    with pytest.raises(BenchError, match=re.escape(message)):
        challenge(made.entry, run, again, {name: moved}, tmp_path, "me")
    assert challenges(tmp_path) == []


def test_another_size_is_refused(published, sources, tmp_path, capsys):
    folder = as_folder({"chelsea": sources["chelsea"][:, 1:]}, tmp_path)
    assert hand_in(folder, published) == 2
    assert "has the shape (24, 39, 3)" in " ".join(capsys.readouterr().err.split())


def test_it_is_verified_by_coding_its_pictures_again(challenged):
    events = list(audit_challenge(place_of(challenged), Path()))
    assert named(events) == []
    assert {one.cell.threat for one in events if isinstance(one, Checked)} == {"clean", "external"}
    assert main(["verify", str(place_of(challenged))]) == 0
    assert named(audit_board(challenged)) == []


def test_a_picture_that_was_exchanged_is_named_though_every_hash_is_mended(copy):
    folder, stream = place_of(copy), io.BytesIO()
    with zipfile.ZipFile(folder / "pictures.zip") as archive:
        files = {path: archive.read(path) for path in archive.namelist()}
    name = min(files)
    changed = decode_png(files[name]).copy()
    changed[0, 0, 0] ^= 1
    files[name] = encode_png(changed)
    with zipfile.ZipFile(stream, "w") as written:
        for path, content in files.items():
            written.writestr(path, content)
    (folder / "pictures.zip").write_bytes(stream.getvalue())
    assert any(f"pictures.zip: {name}: its hash is" in one for one in named(audit_board(copy)))
    hashes = {name: sha256(files[name])}
    alter(folder, lambda content: content["archive"].update(hashes))
    findings = named(audit_challenge(folder, Path()))
    assert any(f"{name}: its pixels have the hash" in one for one in findings)


def test_a_figure_and_a_name_are_held_by_keys(copy):
    folder = place_of(copy)
    path = folder / "records.jsonl.gz"
    lines = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    one = next(line for line in lines if line.get("threat") == "external")
    one["scores"]["psnr_source"] -= 1.0
    text = "".join(f"{json.dumps(line)}\n" for line in lines)
    path.write_bytes(gzip.compress(text.encode(), mtime=0))
    alter(folder, lambda content: content["files"].update({path.name: sha256(path.read_bytes())}))
    found = named(audit_challenge(folder, Path()))
    assert any(
        f"cell {one['key']} (" in one_finding and "psnr_source is" in one_finding
        for one_finding in found
    )
    alter(folder, lambda content: content.update(by="somebody else"))
    found = named(audit_challenge(folder, Path()))
    assert any("searches are no job of the suite" in one_finding for one_finding in found)


@pytest.mark.parametrize("name", ["suite_sha256", "plan_sha256"])
def test_one_digit_of_a_hash_of_the_whole_is_named(copy, name):
    folder = place_of(copy)
    kept = getattr(read_challenge(folder), name)
    other = ("1" if kept[5] == "0" else "0").join([kept[:5], kept[6:]])
    alter(folder, lambda content: content.update({name: other}))
    (found,) = named(audit_challenge(folder, Path()))
    assert f"{name} is {other}" in found
    assert kept in found


def test_a_cell_that_was_removed_is_missed_though_every_hash_is_mended(copy):
    folder = place_of(copy)
    path = folder / "records.jsonl.gz"
    lines = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
    path.write_bytes(gzip.compress(b"".join(lines[:-1]), mtime=0))
    alter(folder, lambda content: content["files"].update({path.name: sha256(path.read_bytes())}))
    alter(folder, lambda content: content.update(cells=content["cells"] - 1))
    (found,) = named(audit_challenge(folder, Path()))
    assert "1 cells of the suite have no record" in found


def test_all_pages_tell_who_handed_in_what_and_show_names_as_text(challenged):
    names = ("README.md", "index.html", "tracks/tiny-v1.md")
    readme, page, track = ((challenged / name).read_text() for name in names)
    assert "<summary>Best known attacks</summary>" in readme
    assert "## Submitted adversarial pictures" in track
    assert "submitted pictures" in readme
    for text in (page, track):
        assert "&lt;img src=x onerror=alert(1)&gt;" in text
    for text in (readme, page, track):
        assert "<img src=x" not in text


def test_the_same_name_replaces_and_a_like_name_is_refused(copy, pictures, tmp_path, capsys):
    folder = as_folder({"chelsea": pictures["chelsea"]}, tmp_path)
    assert hand_in(folder, copy) == 0
    assert len(read_challenge(place_of(copy)).archive) == 1
    assert hand_in(folder, copy, by=WHO) == 2
    assert "has the same name as" in capsys.readouterr().err


def test_a_challenge_names_one_codec_and_its_track(published, tmp_path, capsys):
    assert main(["publish", "--challenge", str(tmp_path), "--to", str(published)]) == 2
    assert "a --challenge goes with one --codec" in " ".join(capsys.readouterr().err.split())
