"""Entries of real runs: what they hold, what is refused, and that whatever was altered is named."""

from __future__ import annotations

import errno
import gzip
import io
import json
import re
import shutil
import zipfile
from pathlib import Path

import pytest

import tampering
from bench.cli.main import main
from bench.errors import BenchError, ConfigError, StoreError
from bench.images.png import decode_png, encode_png
from bench.metrics.scores import psnr
from bench.registry import registry
from bench.store.run_folder import read_run
from bench.suite.suite import Suite
from bench.utils.yaml_config import parse
from bench.verify.findings import Checked
from leaderboard.audit.audit import audit_board, audit_entry
from leaderboard.columns.columns import COLUMNS
from leaderboard.publish import tracks
from leaderboard.publish.entry import read_entry, run_of, sha256
from leaderboard.publish.entry_folder import write_entry
from leaderboard.publish.publish import figures, publish, submission
from leaderboard.publish.published_board import entries, runs
from leaderboard.publish.tracks import track_of
from leaderboard.ranking.board import build_board
from tampering import alter, entry_of, named

TRACK = tampering.TRACK.replace("[distortion]", "[distortion, rate]")
PAGES = ("README.md", "index.html", "tracks/tiny-v1.md")
EVIL = "<img src=x onerror=alert(1)>|`"


@pytest.fixture(scope="module", autouse=True)
def tiny(publish_tracks):
    """Let the only track be a tiny one; return its run and a board."""
    ((run,), to) = publish_tracks(TRACK, by=EVIL)
    return run, to


@pytest.fixture(scope="module")
def finished(tiny):
    return tiny[0]


@pytest.fixture(scope="module")
def published(tiny):
    return tiny[1]


def test_there_is_one_entry_a_codec_and_track(published, finished):
    found = entries(published)
    assert [one.entry.codec for one in found] == ["JPEG", "toy"]
    jpeg, run = found[0].entry, read_run(finished)
    assert (jpeg.track, jpeg.by, jpeg.started) == ("tiny-v1", EVIL, run.manifest.started)
    assert set(jpeg.codecs) == {"JPEG q 40", "JPEG q 80", "identity"}
    assert set(jpeg.sources) == {"toy"}
    assert jpeg.pictures == run.manifest.pictures
    assert (jpeg.versions, jpeg.machine) == (run.manifest.versions, run.manifest.machine)
    assert {figures["codec"] for figures in jpeg.figures} == {
        "JPEG q 40",
        "JPEG q 80",
        "identity (reference)",
    }


def test_the_board_of_all_entries_is_that_of_the_run(published, finished):
    (merged,) = runs(entries(published))
    ours, theirs = (
        {
            row.place.codec: [column.whole(row) for column in COLUMNS]
            for row in build_board([run]).rows
        }
        for run in (merged, read_run(finished))
    )
    assert ours == theirs


def test_the_archive_has_the_worst_pictures_and_their_bitstreams(published, finished):
    run, (jpeg, _) = read_run(finished), entries(published)
    archive = zipfile.ZipFile(jpeg.folder / "worst.zip")
    assert set(archive.namelist()) == set(jpeg.entry.archive)
    scored = [
        record
        for record in run.measures
        if record.victim == "JPEG q 40" and record.threat == "transfer"
    ]
    worst = {one.lost: one for one in jpeg.entry.worst if one.codec == "JPEG q 40"}
    drops = max(scored, key=lambda record: record.scores.drop_db)
    grown = max(scored, key=lambda record: record.scores.bpp_factor)
    assert (worst["PSNR"].craft, worst["rate"].craft) == (drops.craft, grown.craft)
    codec = registry.instantiate("codec", registry.ComponentSpec("jpeg", (("quality", 40),)))
    stream = archive.read(worst["PSNR"].bitstream)
    assert len(stream) == drops.scores.bytes
    attacked = decode_png(archive.read(f"adversarial/{drops.craft}.png"))
    assert codec.encode(attacked) == stream
    picture = next(p for p in submission(run, finished).again.pictures if p.name == drops.picture)
    assert psnr(picture.pixels, codec.decode(stream)) == worst["PSNR"].psnr_source


def test_an_entry_is_verified_by_coding_its_pictures_again(published):
    for one in entries(published):
        events = list(audit_entry(one.folder, Path()))
        assert named(events) == []
        assert all(event.exactly for event in events if isinstance(event, Checked))
        again = {event.cell.victim.label for event in events if isinstance(event, Checked)}
        assert again == set(one.entry.codecs)
        assert any(event.cell.threat not in {"clean"} for event in events)


def test_the_pages_are_exactly_what_the_entries_give(copy, capsys):
    assert main(["verify", str(copy)]) == 0
    assert "exactly what its 2 entries give" in capsys.readouterr().out
    assert main(["publish", "--to", str(copy)]) == 0
    assert named(audit_board(copy)) == []
    for name in PAGES:
        page = (copy / name).read_text()
        (copy / name).write_text(page.replace("JPEG", "JPEQ", 1))
        assert named(audit_board(copy)) == [
            f"{copy / name}: is not what the entries give; write it again with `bench publish --to`"
        ]
        assert main(["verify", str(copy)]) == 1
        (copy / name).write_text(page)


def test_a_page_of_a_track_without_entries_is_found(copy):
    page = copy / "tracks" / "gone-v1.md"
    page.write_text("old")
    assert named(audit_board(copy)) == [
        f"{page}: is the page of a track without entries; remove it"
    ]


def test_publishing_removes_what_former_pages_name_and_nothing_else(copy):
    page, plot = copy / "tracks" / "gone-v1.md", copy / "plots" / "robustness-9.svg"
    with (copy / "README.md").open("a") as readme:
        readme.write("[All of gone-v1](tracks/gone-v1.md)")
    page.write_text("![R-D cost](../plots/robustness-9.svg)")
    mine = copy / "plots" / "mine.svg", copy / "tracks" / "mine.md"
    for path in (plot, *mine):
        path.write_text("mine")
    assert main(["publish", "--to", str(copy)]) == 0
    assert not page.exists()
    assert not plot.exists()
    assert [path.read_text() for path in mine] == ["mine", "mine"]


def test_the_front_page_leads_to_the_page_of_each_track(published):
    (link,) = re.findall(r"\[All of tiny-v1\]\((.+?)\)", (published / "README.md").read_text())
    track = (published / link).read_text()
    for heading in ("## Ranking", "## Columns", "## Entries", "## The worst pictures"):
        assert f"\n{heading}\n" in track
    plots = re.findall(r"\]\((.+?\.svg)\)", track)
    assert plots
    assert all((published / link).parent.joinpath(plot).is_file() for plot in plots)


def test_a_board_without_entries_has_pages(tmp_path, capsys):
    assert main(["publish", "--to", str(tmp_path)]) == 0
    assert main(["verify", str(tmp_path)]) == 0
    assert "of a board without entries" in capsys.readouterr().out
    assert (tmp_path / "README.md").read_text().startswith("# No entries yet")
    assert "No entries yet" in (tmp_path / "index.html").read_text()
    assert named(audit_board(tmp_path)) == []


def test_a_board_of_one_entry_has_pages(finished, tmp_path):
    arguments = ["publish", str(finished), "--to", str(tmp_path), "--codec", "toy", "--by", "me"]
    assert main(arguments) == 0
    assert "toy" in (tmp_path / "README.md").read_text()
    assert named(audit_board(tmp_path)) == []


def test_foreign_names_are_escaped_on_all_pages(published):
    for name in ("README.md", "tracks/tiny-v1.md"):
        assert "<img src=x" not in (published / name).read_text()
    page = (published / "index.html").read_text()
    assert "&lt;img src=x onerror" in page
    assert "<img src=x" not in page


def test_a_figure_of_an_entry_is_named(copy):
    alter(entry_of(copy), lambda entry: entry["figures"][0].update(drop_db=0.01))
    (finding,) = [one for one in named(audit_board(copy)) if "figures" in one]
    assert "figures, JPEG q 40, linf 8: drop_db is 0.01, the records give" in finding


def test_a_byte_of_a_png_in_the_archive_is_named(copy):
    path = entry_of(copy) / "worst.zip"
    content = bytearray(path.read_bytes())
    inside = zipfile.ZipFile(path)
    info = next(one for one in inside.infolist() if one.filename.endswith(".png"))
    content[info.header_offset + 30 + len(info.filename) + info.file_size // 2] ^= 1
    path.write_bytes(content)
    findings = named(audit_board(copy))
    assert any(one.startswith(f"{path}: its hash is ") for one in findings)
    assert any(
        one.startswith(f"{path}: {info.filename}: is missing or damaged") for one in findings
    )


def exchange(folder, name, content):
    """Put another file into an archive, and mend every hash of the entry."""
    with zipfile.ZipFile(folder / "worst.zip") as archive:
        files = {path: archive.read(path) for path in archive.namelist()}
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as written:
        for path, kept in {**files, name: content}.items():
            written.writestr(path, kept)
    (folder / "worst.zip").write_bytes(stream.getvalue())

    def mend(entry):
        entry["archive"][name] = sha256(content)
        entry["files"]["worst.zip"] = sha256(stream.getvalue())

    alter(folder, mend)


def test_a_picture_that_was_exchanged_is_named_though_every_hash_is_mended(copy):
    folder = entry_of(copy, "toy")
    archive = zipfile.ZipFile(folder / "worst.zip")
    name = next(name for name in archive.namelist() if name.endswith(".png"))
    exchange(folder, name, encode_png(255 - decode_png(archive.read(name))))
    assert not any("worst.zip" in one for one in named(audit_board(copy)))
    findings = named(audit_entry(folder, Path()))
    assert any(f"{name}: its pixels have the hash" in one for one in findings)


def test_a_bitstream_that_was_exchanged_is_named_though_every_hash_is_mended(copy):
    folder = entry_of(copy)
    archive = zipfile.ZipFile(folder / "worst.zip")
    name = next(name for name in archive.namelist() if name.endswith(".bin"))
    stream = archive.read(name)
    exchange(folder, name, stream[:-1] + bytes([stream[-1] ^ 1]))
    findings = named(audit_entry(folder, Path()))
    assert any(f"{name}: does not decode" in one for one in findings)


def test_a_record_of_an_entry_is_named_even_with_its_hash_and_figures_mended(copy):
    folder = entry_of(copy)
    path = folder / "records.jsonl.gz"
    lines = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    clean = next(one for one in lines if one["kind"] == "measure" and one["craft"] is None)
    clean["scores"]["psnr_clean"] += 1.0
    text = "".join(f"{json.dumps(line)}\n" for line in lines)
    path.write_bytes(gzip.compress(text.encode(), mtime=0))
    alter(folder, lambda entry: entry["files"].update({path.name: sha256(path.read_bytes())}))
    entry = read_entry(folder)
    alter(folder, lambda one: one.update(figures=figures(run_of(entry, folder))))
    findings = named(audit_entry(folder, Path()))
    assert any(f"cell {clean['key']} (" in one and ": psnr_clean is " in one for one in findings)
    assert not any("figures" in one for one in findings)


def test_an_epsilon_of_an_entry_is_named(copy):
    folder = entry_of(copy)
    alter(folder, lambda entry: entry["suite"]["budgets"][0].update(linf=6))
    findings = named(audit_entry(folder, Path()))
    assert "'budgets' of the run's suite is [{'linf': 6" in findings[0]


def test_an_unfinished_run_is_refused(finished, tmp_path):
    folder = shutil.copytree(finished, tmp_path / "run")
    lines = (folder / "records.jsonl").read_text().splitlines(keepends=True)
    (folder / "records.jsonl").write_text("".join(lines[:-1]))
    with pytest.raises(StoreError, match=r"is not published: .* have no record"):
        submission(read_run(folder), tmp_path)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("linf: 8", "linf: 7", r"'budgets' of the run's suite is \[{'linf': 7"),
        ("height: 24", "height: 23", "'images' of the run's suite"),
        ("[fgsm]", "[{name: pgd, steps: 2}]", "'attacks' of the run's suite"),
        ("name: tiny-v1", "name: tiny-v1\nseed: 3", "'seed' of the run's suite"),
        ("name: tiny-v1", "name: tiny-v1\nmetrics: [ciede2000]", "'metrics' of the run's suite"),
        ("name: tiny-v1", "name: other", "the suite 'other' is no track"),
    ],
)
def test_another_suite_is_refused(finished, before, after, message):
    manifest = read_run(finished).manifest
    suite = parse(TRACK.replace(before, after), "suite.yaml", Suite).model_dump(mode="json")
    with pytest.raises(ConfigError, match=message):
        track_of(manifest.model_copy(update={"suite": suite}), Path())


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "  - {name: toy, label: toy}\n",
            "  - {name: toy, label: toy}\n  - {name: webp, quality: 5}\n",
        ),
        ("name: tiny-v1", "name: tiny-v1\ndescription: mine"),
        ("objectives: [distortion, rate]", "objectives: [rate, distortion]"),
        ("name: tiny-v1", "name: tiny-v1\nrd_lambda: 0.013\nvmaf: false"),
    ],
)
def test_codecs_descriptions_order_and_defaults_leave_a_run_in_its_track(finished, before, after):
    manifest = read_run(finished).manifest
    suite = parse(TRACK.replace(before, after), "suite.yaml", Suite).model_dump(mode="json")
    found = track_of(manifest.model_copy(update={"suite": suite}), Path())
    assert found == track_of(manifest, Path())


def test_a_codec_that_draws_is_published_by_the_draw_that_was_worst(run_suite, tmp_path):
    flips = "{name: jpeg, quality: 40, defence: [{name: flip, way: random}], label: flipping}"
    text = TRACK.replace("budgets:", "draws: 3\nbudgets:").replace(
        "attacks:", f"  - {flips}\nattacks:"
    )
    known = {"tiny-v1": parse(text, "tiny-v1.yaml", Suite)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tracks, "tracks", lambda: known)
        publish(submission(read_run(run_suite(text, tmp_path)), tmp_path), [], tmp_path / "b", "me")
        found = next(one for one in entries(tmp_path / "b") if one.entry.codec == "flipping")
        assert found.entry.worst
        assert named(audit_entry(found.folder, Path())) == []


def test_a_codec_attacked_by_transfer_needs_all_codecs_of_the_track(run_suite, tmp_path):
    text = TRACK.replace("{name: toy, label: toy}", "{name: toy, gain: 1.5, label: mine}")
    given = submission(read_run(run_suite(text, tmp_path)), tmp_path)
    with pytest.raises(ConfigError, match="lacks toy"):
        publish(given, ["JPEG"], tmp_path / "board", "me")
    publish(given, ["mine"], tmp_path / "board", "me")
    assert [one.entry.codec for one in entries(tmp_path / "board")] == ["mine"]


def test_pictures_against_codecs_outside_the_track_do_not_count(run_suite, tmp_path):
    text = TRACK.replace("codecs:\n", "codecs:\n  - {name: toy, gain: 1.5, label: mine}\n")
    run = run_suite(text, tmp_path)
    to = tmp_path / "board"
    assert main(["publish", str(run), "--to", str(to), "--by", "me"]) == 0
    by_codec = {one.entry.codec: one for one in entries(to)}
    assert set(by_codec["JPEG"].entry.sources) == {"toy"}
    (merged,) = runs(entries(to))
    assert {c.sources for c in merged.crafts.values()} == {(), ("toy",), ("mine",)}


def test_a_label_of_the_track_must_mean_the_same_codec(run_suite, tmp_path):
    text = TRACK.replace("{name: toy, label: toy}", "{name: toy, gain: 1.5, label: toy}")
    run = run_suite(text, tmp_path)
    with pytest.raises(ConfigError, match="'toy' is an operating point of the track tiny-v1"):
        submission(read_run(run), tmp_path)


def test_publishing_again_takes_the_place_of_ones_own_older_entry_alone(copy, finished, capsys):
    place, words = entry_of(copy, "toy"), ["publish", str(finished), "--to", str(copy)]
    alter(place, lambda entry: entry.update(published="long ago"))
    assert main([*words, "--codec", "toy", "--by", "another"]) == 2
    printed = " ".join(capsys.readouterr().err.split())
    assert f"toy was published by '{EVIL}', not by 'another'" in printed
    assert read_entry(place).published == "long ago"
    assert main([*words, "--codec", "toy", "--by", EVIL]) == 0
    assert read_entry(place).published != "long ago"
    assert named(audit_board(copy)) == []


def test_what_a_killed_publishing_left_is_no_entry(copy):
    """It writes beside the place of the entry and then moves it there."""
    shutil.copytree(entry_of(copy), entry_of(copy, ".jpeg"))
    assert [one.entry.codec for one in entries(copy)] == ["JPEG", "toy"]
    assert named(audit_board(copy)) == []


def test_a_publishing_killed_between_its_renames_loses_no_entry(copy, finished, capsys):
    """The older folder then has another name: it is on the board, and still belongs to someone."""
    pages = [(copy / name).read_bytes() for name in PAGES]
    entry_of(copy).rename(entry_of(copy, ".jpeg.older"))
    assert [one.entry.codec for one in entries(copy)] == ["JPEG", "toy"]
    assert named(audit_board(copy)) == []
    assert main(["publish", "--to", str(copy)]) == 0
    assert [(copy / name).read_bytes() for name in PAGES] == pages
    assert main(["verify", str(entry_of(copy))]) == 0
    words = ["publish", str(finished), "--to", str(copy), "--codec", "JPEG"]
    assert main([*words, "--by", "another"]) == 2
    assert f"was published by '{EVIL}'" in " ".join(capsys.readouterr().err.split())
    assert main([*words, "--by", EVIL]) == 0
    assert read_entry(entry_of(copy)).by == EVIL
    assert not entry_of(copy, ".jpeg.older").exists()


def test_an_entry_that_cannot_be_replaced_stays(copy, monkeypatch):
    before = sorted((path, path.read_bytes()) for path in entry_of(copy).rglob("*.json"))
    rename = Path.rename

    def full(self, target):
        if self.name == ".jpeg":
            raise OSError(errno.ENOSPC, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", full)
    with pytest.raises(BenchError, match="No space left"):
        write_entry(entry_of(copy), {"entry.json": b"{}"})
    assert sorted((path, path.read_bytes()) for path in entry_of(copy).rglob("*.json")) == before
    assert not list(entry_of(copy).parent.glob(".*"))


def test_a_page_of_something_else_is_not_written_over(tmp_path, capsys):
    readme = tmp_path / "README.md"
    readme.write_text("mine")
    assert main(["publish", "--to", str(tmp_path)]) == 2
    assert "README.md is no page of a board" in " ".join(capsys.readouterr().err.split())
    assert readme.read_text() == "mine"
