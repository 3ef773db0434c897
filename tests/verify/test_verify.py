"""Doubting a run: what is as recorded passes, and whatever was altered is named."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import hostile
from bench.cli.main import main
from bench.errors import ImageError
from bench.images.png import decode_png, encode_png
from bench.store.run_folder import read_run
from bench.verify import reencode as recode
from bench.verify.findings import Checked, Finding, Skipped
from bench.verify.run_folder import verify
from small_run import run_suite

SUITE = """\
name: doubted
images: {set: sample, names: [chelsea, coffee], crop: {height: 24, width: 40}}
codecs:
  - {name: toy, label: toy}
  - {name: jpeg, quality: 50, label: JPEG}
attacks: [uniform-noise, fgsm]
objectives: [distortion]
budgets: [{linf: 4}, {linf: 8}]
compute: {threads: 1}
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("doubted")
    (folder / "doubted.yaml").write_text(SUITE)
    assert main(["run", str(folder / "doubted.yaml"), "-o", str(folder / "run")]) == 0
    return folder / "run"


@pytest.fixture
def copy(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "run")


def findings(folder):
    return [str(event) for event in verify(read_run(folder), folder) if isinstance(event, Finding)]


def alter_manifest(folder, change):
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    change(manifest)
    path.write_text(json.dumps(manifest))


def alter_record(folder, wanted, change):
    """Change the first record that is wanted, and return it as it was."""
    path = folder / "records.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    record = next(line for line in lines if wanted(line))
    before = json.loads(json.dumps(record))
    change(record)
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return before


def is_search(record):
    return record["kind"] == "craft" and record["attack"] == "fgsm"


def is_attacked(record):
    return record["kind"] == "measure" and record["victim"] == "JPEG" and record["craft"]


def set_to(*path, value):
    def change(record):
        for key in path[:-1]:
            record = record[key]
        record[path[-1]] = value

    return change


def test_an_untouched_run_is_exactly_as_recorded(finished):
    events = list(verify(read_run(finished), finished))
    assert len(events) == read_run(finished).manifest.cells
    assert all(isinstance(event, Checked) and event.exactly for event in events)


def test_one_byte_of_a_png_is_named(copy):
    path = sorted((copy / "adversarial").iterdir())[3]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert findings(copy) == [
        f"adversarial/{path.name}: it is damaged: a checksum in it does not fit"
    ]


def test_another_picture_in_the_place_of_one_is_named(copy):
    path = sorted((copy / "adversarial").iterdir())[3]
    image = decode_png(path.read_bytes()).copy()
    image[5, 6, 1] ^= 1
    path.write_bytes(encode_png(image))
    (finding,) = findings(copy)
    assert finding.startswith(f"adversarial/{path.name}: its pixels have the hash ")


def test_a_missing_picture_is_named(copy):
    path = sorted((copy / "adversarial").iterdir())[0]
    path.unlink()
    assert findings(copy) == [f"adversarial/{path.name}: is missing"]


@pytest.mark.parametrize(
    ("figure", "value"),
    [
        ("bytes", 1),
        ("bpp", 0.1),
        ("bpp_clean", 0.1),
        ("psnr_source", 40.0),
        ("psnr_clean", "inf"),
        ("mse_shift", 0.0),
        ("luma_mse_source", 0.0),
        ("ssim_source", 1.0),
        ("linf", 4.5),
        ("drop_db", None),
        ("rd_factor", 1.0),
        ("vi", -3.0),
    ],
)
def test_one_figure_is_named(copy, figure, value):
    before = alter_record(copy, is_attacked, set_to("scores", figure, value=value))
    (finding,) = findings(copy)
    assert finding.startswith(f"records.jsonl: cell {before['key']} (JPEG, ")
    assert f": {figure} is " in finding


def test_a_perturbation_above_the_cap_of_a_floor_is_named_without_its_picture(tmp_path):
    text = SUITE.replace("[{linf: 4}, {linf: 8}]", "[{ssim: 0.5, linf: 4}]")
    (tmp_path / "capped.yaml").write_text(text)
    assert main(["run", str(tmp_path / "capped.yaml"), "-o", str(tmp_path / "run")]) == 0
    for path in (tmp_path / "run/adversarial").iterdir():
        path.unlink()
    alter_record(tmp_path / "run", is_attacked, set_to("scores", "linf", value=5.0))
    (found,) = (one for one in findings(tmp_path / "run") if "is missing" not in one)
    assert found.endswith(
        "its picture is 5 8-bit levels from its source, outside ssim 0.5 and linf 4"
    )


def test_another_status_is_named(copy):
    def change(record):
        record |= {"status": "failed", "reason": "tired", "stage": "attacked", "scores": None}

    alter_record(copy, is_attacked, change)
    assert any(
        "status is 'failed' in the record, 'ok' measured" in finding for finding in findings(copy)
    )


@pytest.mark.parametrize(
    ("wanted", "path", "value", "words"),
    [
        (is_search, ("sha256",), "f" * 64, "the record of its search says " + "f" * 64),
        (is_search, ("picture_sha256",), "f" * 64, "picture_sha256 is '" + "f" * 64),
        (is_attacked, ("fingerprint",), "JPEG 0", "fingerprint is 'JPEG 0'"),
        (is_search, ("key",), "f" * 24, "1 searches are no job of the suite, such as " + "f" * 24),
        (is_attacked, ("key",), "f" * 24, "1 cells are no job of the suite, such as " + "f" * 24),
        (is_search, ("seed",), 1, "seed is 1"),
    ],
)
def test_one_hash_of_a_record_is_named(copy, wanted, path, value, words):
    alter_record(copy, wanted, set_to(*path, value=value))
    assert any(words in finding for finding in findings(copy))


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (("suite_sha256",), "manifest.json: suite_sha256 is "),
        (("plan_sha256",), "manifest.json: plan_sha256 is "),
        (("pictures", "coffee"), "manifest.json: pictures: coffee is ffff"),
        (("codecs", "JPEG"), "manifest.json: codecs: JPEG is ffff"),
    ],
)
def test_one_hash_of_the_manifest_is_named(copy, path, words):
    alter_manifest(copy, set_to(*path, value="f" * 64))
    assert any(finding.startswith(words) for finding in findings(copy))


def test_the_epsilon_of_a_search_is_named(copy):
    before = alter_record(copy, is_search, set_to("budget", value="linf 8"))
    assert before["budget"] == "linf 4"
    assert findings(copy) == [
        f"records.jsonl: search {before['key']}: budget is 'linf 8', the suite's job with this key"
        " has 'linf 4'"
    ]


def test_the_epsilon_of_a_suite_is_named(copy):
    alter_manifest(copy, set_to("suite", "budgets", 0, "linf", value=6))
    problems = findings(copy)
    assert problems[0].startswith("manifest.json: suite_sha256 is ")
    assert any("budget is 'linf 4', the suite's linf 6, linf 8" in one for one in problems)


def test_a_picture_outside_its_budget_is_named(copy):
    """The record of a search that fits its picture does not help a picture that does not fit."""
    run = read_run(copy)
    craft = next(c for c in run.crafts.values() if c.attack == "fgsm" and c.budget == "linf 4")
    path = copy / "adversarial" / f"{craft.key}.png"
    image = decode_png(path.read_bytes()).copy()
    image[0, 0] = np.where(image[0, 0] > 127, 0, 255)
    path.write_bytes(encode_png(image))
    hashed = recode.pixel_hash(image)
    alter_record(copy, lambda one: one["key"] == craft.key, set_to("sha256", value=hashed))
    (finding,) = findings(copy)
    assert finding.startswith(f"adversarial/{craft.key}.png: it is ")
    assert finding.endswith("8-bit levels from its source, outside linf 4")


def test_a_record_that_was_removed_is_missed(copy):
    path = copy / "records.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    (finding,) = findings(copy)
    assert finding.startswith("records.jsonl: 1 cells of the suite have no record, such as ")


def test_another_environment_is_given_tolerances_and_says_so(copy, capsys):
    alter_manifest(copy, set_to("versions", "numpy", value="0.1"))
    for change in (lambda x: x * 1.004, lambda x: x + 0.04):
        name = "bpp" if change(1.0) == 1.004 else "psnr_source"
        alter_record(
            copy,
            is_attacked,
            lambda one, name=name, change=change: one["scores"].update(
                {name: change(one["scores"][name])}
            ),
        )
    assert main(["verify", str(copy)]) == 0
    printed = capsys.readouterr().out
    assert "1 evaluations as recorded within 0.5 % of the rate and 0.05 dB, not exactly" in printed


@pytest.mark.parametrize(
    ("figure", "change"), [("bpp", lambda x: x * 1.006), ("psnr_source", lambda x: x + 0.06)]
)
def test_beyond_the_tolerances_it_is_named_in_any_environment(copy, figure, change):
    alter_manifest(copy, set_to("machine", "cores", value="0"))
    alter_record(
        copy, is_attacked, lambda one: one["scores"].update({figure: change(one["scores"][figure])})
    )
    (finding,) = findings(copy)
    assert f": {figure} is " in finding


def test_a_codec_that_is_not_here_is_passed_over_and_said(copy, monkeypatch):
    def refuse(choice):
        if str(choice) == "JPEG":
            raise ImageError("no such codec here")
        return made(choice)

    made = recode.make_codec
    monkeypatch.setattr(recode, "make_codec", refuse)
    events = list(verify(read_run(copy), copy))
    assert [e.what for e in events if isinstance(e, Skipped)] == ["JPEG"]
    assert {e.cell.victim.label for e in events if isinstance(e, Checked)} == {"toy", "identity"}


def test_the_command_tells_findings_and_fails(copy, capsys):
    assert main(["verify", str(copy)]) == 0
    cells = read_run(copy).manifest.cells
    assert f"{cells} evaluations repeated and exactly as recorded" in capsys.readouterr().out
    next((copy / "adversarial").iterdir()).unlink()
    assert main(["verify", str(copy)]) == 1
    printed = capsys.readouterr().out
    assert "WRONG  adversarial/" in printed
    assert "is not what it says: 1 finding above" in printed


def test_every_byte_of_a_png_is_held(rng):
    content = encode_png(rng.integers(0, 256, (3, 4, 3), dtype=np.uint8))
    for index in range(len(content)):
        altered = bytearray(content)
        altered[index] ^= 0x10
        with pytest.raises(ImageError):
            decode_png(bytes(altered))
    for cut in (content[:-1], content + b"\0", b""):
        with pytest.raises(ImageError):
            decode_png(cut)


def test_what_is_not_coded_again_is_counted_and_still_held_to_the_plan(copy, capsys):
    """Without its picture only the scores of an evaluation are not measured again."""
    before = alter_record(copy, is_attacked, set_to("threat", value="white-box"))
    (copy / "adversarial" / f"{before['craft']}.png").unlink()
    finding = findings(copy)
    cell = f"records.jsonl: cell {before['key']} (JPEG, "
    assert any(
        one.startswith(cell) and "threat is 'white-box', the suite's cell has " in one
        for one in finding
    )
    assert main(["verify", str(copy)]) == 1
    printed = capsys.readouterr().out
    assert "3 evaluations not repeated, their scores only checked for consistency" in printed


@pytest.mark.parametrize("name", ["keeps-in-object", "keeps-in-module", "keeps-in-file"])
def test_scores_of_a_decoder_that_needs_more_than_the_bytes_are_findings(name, tmp_path):
    plugin = f"plugins: [{Path(hostile.__file__)}]\n"
    text = SUITE.replace("[chelsea, coffee]", "[chelsea]").replace(
        "[uniform-noise, fgsm]", "[fgsm]"
    )
    run_suite(plugin + text.replace("{name: jpeg, quality: 50, label: JPEG}", name), tmp_path)
    recorded = [record for record in read_run(tmp_path).measures if record.victim == name]
    assert {record.status for record in recorded} == {"ok"}  # in the process that saw the pictures
    events = verify(read_run(tmp_path), tmp_path, plugins=True)
    found = [str(event) for event in events if isinstance(event, Finding)]
    assert any(name in finding and "status" in finding for finding in found)
