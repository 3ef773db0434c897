"""The Kodak set where the user has it, for every command, and what is said where nobody has it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from bench.cli.main import main
from bench.images import datasets
from bench.images.png import encode_png

TRACK = """\
name: tiny-v1
images: {set: kodak}
codecs:
  - {name: toy, label: toy}
attacks: [fgsm]
objectives: [distortion]
budgets: [{linf: 4}]
compute: {threads: 1}
"""


def _picture(seed):
    return np.random.default_rng(seed).integers(0, 256, (24, 40, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def kodak(tmp_path_factory):
    """Two small pictures in the place of the 24; nothing can be downloaded."""
    folder = tmp_path_factory.mktemp("kodak")
    files = {f"kodim0{number}.png": encode_png(_picture(number)) for number in (1, 2)}
    for name, file in files.items():
        (folder / name).write_bytes(file)
    sums = {name: hashlib.sha256(file).hexdigest() for name, file in files.items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets, "kodak_sums", lambda: sums)
        patch.setenv("BENCH_KODAK_URL", "http://localhost:9/")
        patch.setenv("BENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("NO_PROXY", "*")
        patch.delenv("BENCH_PICTURES", raising=False)
        yield folder


@pytest.fixture(scope="module")
def published(kodak, publish_tracks):
    """The run and the board; they were made with BENCH_PICTURES, which is not set any more."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCH_PICTURES", str(kodak))
        ((run,), board) = publish_tracks(TRACK, by="tester")
    return run, board


@pytest.fixture
def handed_in(tmp_path):
    (tmp_path / "mine").mkdir()
    moved = _picture(1).astype(int) + 4
    (tmp_path / "mine/kodim01.png").write_bytes(encode_png(moved.clip(0, 255).astype(np.uint8)))
    return tmp_path / "mine"


def _challenge(pictures, board, *words):
    command = ["publish", "--challenge", str(pictures), "--track", "tiny-v1", "--codec", "toy"]
    return main([*command, "--to", str(board), "--by", "me", *words])


def _written(capsys):
    return " ".join(capsys.readouterr()).strip()


def test_the_option_names_the_folder_for_every_command_that_reads_a_set(
    kodak, published, handed_in, tmp_path, capsys
):
    suite, option = tmp_path / "tiny.yaml", ["--pictures", str(kodak)]
    suite.write_text(TRACK)
    board = shutil.copytree(published[1], tmp_path / "board")
    assert main(["plan", str(suite), *option]) == 0
    assert main(["profile", str(suite), *option]) == 0
    assert main(["run", str(suite), "-o", str(tmp_path / "run"), *option]) == 0
    assert main(["verify", str(tmp_path / "run"), *option]) == 0
    assert (
        main(["publish", str(tmp_path / "run"), "--to", str(board), "--by", "tester", *option]) == 0
    )
    assert _challenge(handed_in, board, *option) == 0
    assert main(["verify", str(board / "challenges/tiny-v1/toy/me"), *option]) == 0
    assert "BENCH_PICTURES" not in os.environ
    capsys.readouterr()
    assert main(["plan", str(suite)]) == 2
    assert "--pictures or BENCH_PICTURES" in _written(capsys)


def test_a_run_without_its_pictures_is_not_checked(published, capsys):
    assert main(["verify", str(published[0])]) == 2
    text = capsys.readouterr().out
    assert "not checked  manifest.json: cannot download http://localhost:9/kodim01.png" in text
    assert "name their folder with --pictures or BENCH_PICTURES\n" in text
    assert "WRONG" not in text
    assert "exactly as recorded" not in text


def test_an_entry_without_its_pictures_is_not_checked(published, capsys):
    assert main(["verify", str(published[1] / "entries/tiny-v1/toy")]) == 2
    text = _written(capsys)
    assert "not checked  " in text
    assert "WRONG" not in text


def test_a_challenge_without_the_pictures_is_not_checked(
    kodak, published, handed_in, tmp_path, capsys
):
    board = shutil.copytree(published[1], tmp_path / "board")
    assert _challenge(handed_in, board) == 2
    text = _written(capsys)
    assert f"{handed_in} is not checked: cannot download" in text
    assert "--pictures or BENCH_PICTURES" in text
    assert not (board / "challenges").exists()
    assert _challenge(handed_in, board, "--pictures", str(kodak)) == 0
    capsys.readouterr()
    assert main(["verify", str(board / "challenges/tiny-v1/toy/me")]) == 2
    text = _written(capsys)
    assert "not checked  " in text
    assert "WRONG" not in text


def test_what_is_wrong_without_the_pictures_is_still_found(published, tmp_path, capsys):
    run = shutil.copytree(published[0], tmp_path / "run")
    path = run / "manifest.json"
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps(manifest | {"suite_sha256": "0" * 64}))
    assert main(["verify", str(run)]) == 1
    assert "WRONG  manifest.json: suite_sha256 is 000" in _written(capsys)


def test_a_set_of_the_users_own_that_is_elsewhere_is_not_checked(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("photos").mkdir()
    Path("photos/one.png").write_bytes(encode_png(_picture(3)))
    Path("own.yaml").write_text(TRACK.replace("kodak", "photos"))
    assert main(["run", "own.yaml", "-o", "run"]) == 0
    Path("photos").rename("moved")
    assert main(["verify", "run"]) == 2
    text = _written(capsys)
    assert "not checked  manifest.json: there is no 'photos'" in text
    assert "--suite-folder" in text
    assert "WRONG" not in text
