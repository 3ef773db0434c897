"""Time and memory under attack: a codec that sleeps for its bytes, beside its source pictures."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from backends.toy import Toy
from bench.cli.main import main
from bench.engine import resources, trials
from bench.errors import CodecError
from bench.images.png import encode_png
from bench.isolation.coder import LocalCoder
from bench.store.run_folder import read_run

PLUGIN = """\
import time

from backends.pillow import Jpeg
from bench.entry import Entry


class Sleeper(Jpeg):
    def __init__(self) -> None:
        super().__init__(quality=50)

    def encode(self, image):
        bitstream = super().encode(image)
        time.sleep(5e-5 * len(bitstream))
        return bitstream

    def decode(self, bitstream):
        time.sleep(2e-5 * len(bitstream))
        return super().decode(bitstream)

    def fingerprint(self):
        return f"sleeper {super().fingerprint()}"


CODECS = {"sleeper": Entry(Sleeper, "sleeps in proportion to its bytes")}
"""

SUITE = """\
name: slow
plugins: [sleeper.py]
images: {set: sample, names: [coffee, chelsea], crop: {height: 48, width: 48}}
codecs: [{name: sleeper, label: sleeper}]
attacks: [{name: square, queries: 8}]
objectives: [time]
budgets: [{linf: 40}]
resources: true
compute: {threads: 1}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("slow")
    (place / "sleeper.py").write_text(PLUGIN)
    (place / "slow.yaml").write_text(SUITE.replace("sleeper.py", str(place / "sleeper.py")))
    assert main(["run", str(place / "slow.yaml"), "-o", str(place / "run")]) == 0
    return place / "run"


@pytest.fixture(scope="module")
def run(folder):
    return read_run(folder)


def _bytes(run):
    """Return the length of each bitstream by picture and search, None for the source picture."""
    own = [record for record in run.measures if record.victim == "sleeper"]
    return {(record.picture, record.craft): record.scores.bytes for record in own}


def test_the_search_finds_pictures_that_take_longer(run):
    (first, second) = (craft for craft in run.crafts.values() if craft.objective == "time")
    for craft in (first, second):
        assert craft.queries == 8
        lengths = _bytes(run)
        assert lengths[craft.picture, craft.key] > 1.3 * lengths[craft.picture, None]
        assert max(craft.values) > 5e-5 * lengths[craft.picture, craft.key]


def test_source_and_adversarial_pictures_are_coded_again_in_three_rounds(run):
    """A codec that sleeps cannot be faster than its sleep, however busy the machine is."""
    measured = run.resources["sleeper"]
    assert [one.craft is None for one in measured] == [True, False] * 2
    lengths = _bytes(run)
    for source, attacked in zip(measured[::2], measured[1::2], strict=True):
        assert source.picture == attacked.picture
        for one in (source, attacked):
            length = lengths[one.picture, one.craft]
            assert len(one.usage.encoding) == len(one.usage.decoding) == trials.ROUNDS
            assert min(one.usage.encoding) > 5e-5 * length
            assert min(one.usage.decoding) > 2e-5 * length


def test_they_are_measured_once_and_the_page_and_the_export_have_them(folder, tmp_path, capsys):
    before = (folder / "resources.json").read_bytes()
    suite = folder.parent / "slow.yaml"
    assert main(["run", str(suite), "-o", str(folder)]) == 0
    assert (folder / "resources.json").read_bytes() == before
    page = (folder / "leaderboard.md").read_text()
    section = page.partition("## Time and memory under attack: slow")[2].partition("\n## ")[0]
    assert "| sleeper | linf 40 |" in section
    assert "resources-1.svg" in section
    assert main(["export", str(folder), "-o", str(tmp_path / "rows.csv")]) == 0
    line, _ = csv.DictReader((tmp_path / "rows-resources.csv").read_text().splitlines())
    assert float(line["encoding_time_largest"]) >= float(line["encoding_time_median"]) > 1
    assert main(["verify", str(folder), "--plugins"]) == 0
    capsys.readouterr()
    assert main(["plan", str(suite)]) == 0
    assert "to measure time and memory again" in capsys.readouterr().out


def test_an_altered_picture_is_not_coded_again(folder, tmp_path, capsys):
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    (copy / "resources.json").unlink()
    for path in (copy / "adversarial").iterdir():
        path.write_bytes(encode_png(np.zeros((48, 48, 3), np.uint8)))
    assert main(["run", str(folder.parent / "slow.yaml"), "-o", str(copy)]) == 2
    assert ".png was lost or altered; run the suite into another" in capsys.readouterr().err


def test_other_suites_keep_their_manifests(folder):
    text = (folder.parent / "slow.yaml").read_text().replace("resources: true\n", "")
    text = text.replace("{name: square, queries: 8}", "sign-noise").replace(
        "name: slow", "name: other"
    )
    (folder.parent / "other.yaml").write_text(text)
    out = folder.parent / "other"
    assert main(["run", str(folder.parent / "other.yaml"), "-o", str(out)]) == 0
    assert "resources" not in json.loads((out / "manifest.json").read_text())["suite"]
    assert not (out / "resources.json").exists()
    assert "Time and memory" not in (out / "leaderboard.md").read_text()


def test_damaged_resources_are_named(folder, capsys):
    path = Path(folder / "resources.json")
    stored = path.read_bytes()
    path.write_text('{"sleeper": 3}')
    assert main(["show", str(folder)]) == 2
    path.write_bytes(stored)
    assert "resources.json; remove it, and" in capsys.readouterr().err


class _Fails(Toy):
    """Fails on every picture but a black one."""

    def encode(self, image):
        if image.any():
            raise CodecError("not black")
        return super().encode(image)


def test_a_codec_that_fails_when_it_is_coded_again_has_no_usage():
    black = np.zeros((4, 4, 3), np.uint8)
    images = {None: black, "key": black + 1, "other": black}
    found = list(resources._measured(LocalCoder(_Fails()), "one", images))
    assert [(one.picture, one.craft) for one in found] == [("one", key) for key in images]
    assert [one.usage is None for one in found] == [False, True, False]


class _Greedy(_Fails):
    """Has no memory for the pictures on which the other fails."""

    def encode(self, image):
        try:
            return super().encode(image)
        except CodecError as error:
            raise MemoryError from error


def test_pictures_over_which_memory_runs_out_are_left_out():
    black = np.zeros((4, 4, 3), np.uint8)
    images = {None: black, "key": black + 1}
    found = list(resources._measured(LocalCoder(_Greedy()), "one", images))
    assert [one.craft for one in found] == [None]
