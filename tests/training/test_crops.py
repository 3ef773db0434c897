from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as Pictures

from bench.errors import ConfigError, ImageError
from bench.training import crops
from bench.training.recipe import Recipe
from bench.utils.yaml_config import load


def test_photos_are_split_and_hashed_by_name_and_content(photos, tmp_path):
    found = crops.read_photos(photos, 2, 64)
    assert (len(found.training), len(found.holdout)) == (3, 2)
    assert np.array_equal(found.holdout[0], np.asarray(Pictures.open(photos / "0.png")))
    for file in photos.iterdir():
        (tmp_path / file.name.replace("4", "5")).write_bytes(file.read_bytes())
    assert crops.read_photos(tmp_path, 2, 64).sha256 != found.sha256


def test_photos_that_cannot_be_used_are_named(photos, tmp_path):
    with pytest.raises(ConfigError, match="holds 5 pictures; more than 5 are needed"):
        crops.read_photos(photos, 5, 64)
    with pytest.raises(ConfigError, match=r"1.png is smaller than a crop of 128 pixels"):
        crops.read_photos(photos, 1, 128)
    (tmp_path / "a.png").write_bytes(b"no picture")
    (tmp_path / "b.png").write_bytes(b"no picture")
    with pytest.raises(ImageError, match=r"b.png cannot be read"):
        crops.read_photos(tmp_path, 1, 64)


def test_hidden_files_and_folders_are_no_photos(photos, tmp_path):
    for file in photos.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "._a.png").write_bytes(b"what a Mac leaves behind")
    (tmp_path / "x.png").mkdir()
    assert crops.read_photos(tmp_path, 1, 64).sha256 == crops.read_photos(photos, 1, 64).sha256


def test_a_photos_folder_that_cannot_be_listed_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(Path, "iterdir", _forbidden)
    with pytest.raises(ConfigError, match=r"cannot list the photos at .*\(Permission denied\)"):
        crops.read_photos(tmp_path, 1, 64)


def _forbidden(self):
    raise PermissionError(13, "Permission denied", str(self))


def test_crops_are_parts_of_the_pictures_or_their_mirror():
    picture = np.arange(6 * 8 * 3, dtype=np.uint8).reshape(6, 8, 3)
    drawn = crops.draw_crops([picture], 4, 200, (0, 0))
    assert drawn.shape == (200, 3, 4, 4)
    parts = {
        side[top : top + 4, left : left + 4].tobytes()
        for side in (picture, picture[:, ::-1])
        for top in range(3)
        for left in range(5)
    }
    assert {crop.permute(1, 2, 0).numpy().tobytes() for crop in drawn} == parts


def test_the_same_step_draws_the_same_crops_whenever_it_is_asked_for(photos, recipe):
    read, photo_set = load(recipe(), Recipe), crops.read_photos(photos, 1, 64).training
    with crops.BatchLoader(photo_set, read, 0) as feed:
        whole = [feed.take() for _ in range(30)]
    with crops.BatchLoader(photo_set, read, 20) as feed:
        later = [feed.take() for _ in range(10)]
    assert all(torch.equal(a, b) for a, b in zip(whole[20:], later, strict=True))
    assert not torch.equal(whole[0], whole[1])


def test_what_does_not_fit_into_memory_is_decoded_again(photos, recipe, monkeypatch):
    read, kept = load(recipe(), Recipe), crops.read_photos(photos, 1, 64).training
    monkeypatch.setattr(crops, "_KEPT_BYTES", 2 * 96 * 128 * 3)
    photo_set = crops.read_photos(photos, 1, 64).training
    assert len(photo_set._in_memory) == 2
    with crops.BatchLoader(photo_set, read, 0) as small, crops.BatchLoader(kept, read, 0) as large:
        assert all(torch.equal(small.take(), large.take()) for _ in range(20))


def test_waiting_for_pictures_is_counted(photos, recipe, monkeypatch):
    monkeypatch.setattr(crops, "draw_crops", lambda *_: time.sleep(1))
    photo_set = crops.read_photos(photos, 1, 64).training
    with crops.BatchLoader(photo_set, load(recipe(), Recipe), 0) as feed:
        feed.take()
    assert feed.waited > 0.1
