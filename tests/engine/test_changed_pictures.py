"""A run folder whose pictures change: what is kept, what is computed, what the board shows."""

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image as Pillow
from skimage import data

import bench.store.set_aside
from bench.cli.main import main
from bench.store.run_folder import read_run
from small_run import records_of

SUITE = """\
name: own
images: {set: photos}
codecs: [toy, {name: jpeg, quality: 50}]
attacks: [fgsm]
budgets: [{linf: 8}]
compute: {threads: 1}
"""


def photo(name: str, row: int) -> None:
    Pillow.fromarray(data.coffee()[row : row + 16, 100:124]).save(f"photos/{name}.png")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run on the photos a, b and c, with its suite."""
    place = tmp_path_factory.mktemp("finished")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        Path("photos").mkdir()
        for index, name in enumerate("abc"):
            photo(name, 40 * index)
        Path("own.yaml").write_text(SUITE)
        assert main(["run", "own.yaml", "--executor", "serial"]) == 0
    return place


@pytest.fixture
def folder(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The run folder of a copy."""
    monkeypatch.chdir(shutil.copytree(finished, tmp_path / "copy"))
    return Path("runs/own")


def run(capsys) -> str:
    capsys.readouterr()
    assert main(["run", "own.yaml", "--executor", "serial"]) == 0
    return capsys.readouterr().out


def by_key(folder: Path) -> dict[object, object]:
    return {record["key"]: record for record in records_of(folder)}


def assert_whole(folder: Path, names: str) -> None:
    """The folder is the finished run of these pictures, and nothing else."""
    found = read_run(folder)
    assert list(found.manifest.pictures) == list(names)
    assert {record.picture for record in found.measures} == set(names)
    assert len(found.measures) == len({r.key for r in found.measures}) == found.manifest.cells
    assert main(["verify", str(folder)]) == 0


def test_a_removed_picture_leaves_the_board_and_its_records_are_kept(folder: Path, capsys):
    before, started = by_key(folder), read_run(folder).manifest.started
    Path("photos/b.png").unlink()
    printed = run(capsys)
    assert "0 evaluations scored now" in printed
    aside = [json.loads(line) for line in (folder / "set-aside.jsonl").read_text().splitlines()]
    assert {record["picture"] for record in aside} == {"b"}
    assert f"other pictures: {len(aside)} records moved to set-aside.jsonl" in printed
    assert {record["key"] for record in aside} == before.keys() - by_key(folder).keys()
    assert_whole(folder, "ac")
    assert read_run(folder).manifest.started == started
    assert "Few pictures (2 in own)" in (folder / "leaderboard.md").read_text()


def test_a_picture_that_comes_back_is_not_computed_again(folder: Path, capsys):
    before = by_key(folder)
    Path("photos/b.png").rename("b.png")
    run(capsys)
    Path("b.png").rename("photos/b.png")
    assert "0 evaluations scored now" in run(capsys)
    assert by_key(folder) == before
    assert_whole(folder, "abc")


def test_for_an_added_picture_only_its_evaluations_are_computed(folder: Path, capsys):
    before, cells = by_key(folder), read_run(folder).manifest.cells
    photo("d", 200)
    assert f"{cells // 3} evaluations scored now" in run(capsys)
    assert before.items() <= by_key(folder).items()
    assert_whole(folder, "abcd")


def test_a_replaced_picture_is_another_one(folder: Path, capsys):
    cells = read_run(folder).manifest.cells
    photo("b", 200)
    assert f"{cells // 3} evaluations scored now" in run(capsys)
    assert_whole(folder, "abc")
    photo("b", 40)
    assert "0 evaluations scored now" in run(capsys)
    assert_whole(folder, "abc")


def test_a_limit_is_a_choice_of_pictures_too(folder: Path, capsys):
    Path("own.yaml").write_text(SUITE.replace("photos}", "photos, limit: 2}"))
    assert "0 evaluations scored now" in run(capsys)
    assert_whole(folder, "ab")


@pytest.mark.parametrize("step", ["append_line", "write_atomically"])
def test_a_full_disk_on_the_way_loses_nothing(folder: Path, capsys, monkeypatch, step: str):
    before = by_key(folder)
    Path("photos/b.png").rename("b.png")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(bench.store.set_aside, step, fail)
        assert main(["run", "own.yaml", "--executor", "serial"]) == 2
        assert "No space left on device" in capsys.readouterr().err
    assert by_key(folder) == before
    Path("b.png").rename("photos/b.png")
    assert "0 evaluations scored now" in run(capsys)
    assert by_key(folder) == before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("linf: 8", "linf: 4"),
        ("quality: 50", "quality: 40"),
        ("photos}", "photos, crop: {height: 8, width: 8}}"),
    ],
)
def test_another_suite_or_no_common_picture_is_refused(folder: Path, capsys, old, new):
    before = (folder / "records.jsonl").read_bytes()
    photo("d", 200)
    Path("own.yaml").write_text(SUITE.replace(old, new))
    assert main(["run", "own.yaml", "--executor", "serial"]) == 2
    assert "belongs to another run" in capsys.readouterr().err
    assert (folder / "records.jsonl").read_bytes() == before
    assert not (folder / "set-aside.jsonl").exists()
