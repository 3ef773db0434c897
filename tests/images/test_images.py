"""Picture sets: what is found, chosen, cropped and refused."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from bench.errors import ConfigError, ImageError
from bench.images.image_set import Crop, ImageSpec, load
from bench.utils import yaml_config as config


def photo(seed=0, height=20, width=30):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def save(path, pixels=None):
    Pillow.fromarray(photo() if pixels is None else pixels).save(path)
    return path


def names(spec, base):
    return [picture.name for picture in load(spec, base)]


@pytest.fixture
def folder(tmp_path):
    for index, name in enumerate(("c", "a", "b")):
        save(tmp_path / f"{name}.png", photo(index))
    return tmp_path


def test_a_folder_gives_its_pictures_in_the_order_of_their_names(folder):
    pictures = load(ImageSpec(set="."), folder)
    assert [picture.name for picture in pictures] == ["a", "b", "c"]
    assert np.array_equal(pictures[0].pixels, photo(1))
    assert all(picture.note == "" for picture in pictures)


def test_files_and_relative_paths_are_looked_up_beside_the_suite(folder):
    assert names(ImageSpec(files=["b.png", str(folder / "a.png")]), folder) == ["a", "b"]


def test_relative_paths_fall_back_to_the_working_directory(folder, tmp_path_factory, monkeypatch):
    monkeypatch.chdir(folder)
    assert names(ImageSpec(files=["b.png"]), tmp_path_factory.mktemp("suite")) == ["b"]


def test_a_path_may_begin_at_the_home_folder(folder, monkeypatch):
    monkeypatch.setenv("HOME", str(folder))
    assert names(ImageSpec(files=["~/b.png"]), Path("elsewhere")) == ["b"]


def test_names_choose_and_limit_takes_the_first(folder):
    assert names(ImageSpec(set=".", names=["c", "a"]), folder) == ["a", "c"]
    assert names(ImageSpec(set=".", limit=2), folder) == ["a", "b"]
    assert names(ImageSpec(set=".", names=["c", "b"], limit=1), folder) == ["b"]


def test_several_sets_are_one(folder, tmp_path):
    (tmp_path / "own").mkdir()
    save(tmp_path / "own" / "house.png")
    spec = ImageSpec(set=["sample", "own", "."], names=["a", "coffee", "house"])
    assert names(spec, folder) == ["a", "coffee", "house"]


def test_a_picture_that_two_sets_have_is_refused(folder, tmp_path):
    (tmp_path / "own").mkdir()
    save(tmp_path / "own" / "a.png")
    with pytest.raises(ImageError, match=r"two of the sets have a picture called 'a'; rename"):
        load(ImageSpec(set=[".", "own"]), folder)


def test_a_misspelt_name_is_refused_with_the_nearest(tmp_path):
    save(tmp_path / "lighthouse.png")
    with pytest.raises(ImageError, match=r"'lighthuose'; did you mean 'lighthouse'\?"):
        load(ImageSpec(set=".", names=["lighthuose"]), tmp_path)


def test_a_misspelt_set_is_refused_with_the_nearest(tmp_path):
    with pytest.raises(ImageError, match=r"there is no 'kodac' in .*did you mean 'kodak'\?"):
        load(ImageSpec(set="kodac"), tmp_path)


def test_a_file_given_as_a_set_is_refused_with_the_way_out(folder):
    with pytest.raises(ImageError, match=r"a\.png is a file; name it under 'files:'"):
        load(ImageSpec(set="a.png"), folder)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ImageError, match=r"no 'x\.png' in .*, nor in the working directory"):
        load(ImageSpec(files=["x.png"]), tmp_path)


def test_an_empty_folder_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("no picture")
    with pytest.raises(ImageError, match=r"holds no \.png, "):
        load(ImageSpec(set="."), tmp_path)


def test_a_folder_that_may_not_be_listed_is_refused(folder, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "iterdir", refuse)
        with pytest.raises(ImageError, match=r"cannot list the folder .*: Permission denied"):
            load(ImageSpec(set="."), folder)


def test_what_is_no_picture_in_a_folder_is_passed_over(folder):
    (folder / "scores.csv").write_text("a,b")
    (folder / "._a.png").write_bytes(b"left by an archive program")
    (folder / "more.png").mkdir()
    assert names(ImageSpec(set="."), folder) == ["a", "b", "c"]


def test_a_corrupt_picture_among_good_ones_is_never_skipped(folder):
    (folder / "b.png").write_bytes((folder / "b.png").read_bytes()[:-300])
    with pytest.raises(ImageError, match=r"b\.png cannot be read \(.*\); remove it or repair it"):
        load(ImageSpec(set="."), folder)
    assert names(ImageSpec(set=".", limit=1), folder) == ["a"]


def test_all_pictures_that_cannot_be_used_are_listed_at_once(folder):
    (folder / "b.png").write_bytes((folder / "b.png").read_bytes()[:-300])
    Pillow.frombytes("LAB", (30, 20), bytes(1800)).save(folder / "d.tif")
    message = r"^3 pictures cannot be used: \(1\) .*b\.png .* \(2\) .*'c'.* \(3\) .*d\.tif .*RGB$"
    save(folder / "c.png", photo(height=4))
    with pytest.raises(ImageError, match=message):
        load(ImageSpec(set=".", crop=Crop(height=8, width=8)), folder)


def test_files_that_differ_in_suffix_alone_keep_distinct_names(folder):
    save(folder / "a.jpg")
    assert names(ImageSpec(set="."), folder) == ["a.jpg", "a.png", "b", "c"]


def test_files_of_one_name_from_two_folders_are_refused(folder):
    (folder / "other").mkdir()
    save(folder / "other" / "a.png")
    with pytest.raises(ImageError, match=r"2 pictures would be called 'a\.png'; rename one"):
        load(ImageSpec(files=["a.png", "other/a.png"]), folder)


def test_the_hash_follows_the_pixels_and_the_shape(tmp_path):
    changed = photo()
    changed[3, 4, 1] ^= 1
    save(tmp_path / "a.png"), save(tmp_path / "b.png", changed)
    save(tmp_path / "c.png", photo().reshape(30, 20, 3)), save(tmp_path / "d.png")
    a, b, c, d = (picture.sha256 for picture in load(ImageSpec(set="."), tmp_path))
    assert len({a, b, c}) == 3
    assert a == d


def test_the_hash_is_of_the_crop(folder):
    (picture,) = load(ImageSpec(files=["a.png"], crop=Crop(height=8, width=10)), folder)
    middle = photo(1)[6:14, 10:20]
    assert picture.sha256 == hashlib.sha256(b"8x10:" + middle.tobytes()).hexdigest()
    assert np.array_equal(picture.pixels, middle)


def test_pictures_compare_by_their_hash(folder):
    assert load(ImageSpec(set="."), folder) == load(ImageSpec(set="."), folder)


def test_a_crop_can_be_placed(folder):
    crop = Crop(height=5, width=30, top=15)
    (picture,) = load(ImageSpec(files=["a.png"], crop=crop), folder)
    assert np.array_equal(picture.pixels, photo(1)[15:])


@pytest.mark.parametrize(
    ("crop", "shown"),
    [
        (Crop(height=21, width=30), r"21x30 \(top centre, left centre\)"),
        (Crop(height=5, width=31), r"5x31 \(top centre, left centre\)"),
        (Crop(height=5, width=30, top=16), r"5x30 \(top 16, left centre\)"),
        (Crop(height=5, width=5, left=26), r"5x5 \(top centre, left 26\)"),
    ],
)
def test_a_crop_that_does_not_fit_is_refused_with_both_sizes(folder, crop, shown):
    with pytest.raises(
        ImageError, match=rf"picture 'a' of 20x30 .* no room for the crop of {shown}"
    ):
        load(ImageSpec(files=["a.png"], crop=crop), folder)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("limit: 3", "give exactly one of 'set' and 'files'"),
        ("set: kodak\nfiles: [a.png]", "give exactly one of 'set' and 'files'"),
        ("set: sample\nfolder: photos", "'folder' goes with 'set: kodak'"),
        ("set: kodak\nlimit: 0", "suite.yaml:2: limit: "),
        ("set: kodak\nnames: []", "suite.yaml:2: names: "),
        ("set: []", "suite.yaml:1: set: 'set' takes the name of a set"),
        ("set: [kodak, 3]", "suite.yaml:1: set: 'set' takes the name of a set"),
        ("set: kodak\ncrop: {height: 0, width: 8}", "crop.height: "),
        ("set: kodak\ncrop: {hieght: 8, width: 8}", "crop"),
        ("set: kodak\nlimt: 3", r"suite.yaml:2: limt: unknown key; did you mean 'limit'\?"),
    ],
)
def test_settings_that_make_no_sense_are_refused(text, message):
    with pytest.raises(ConfigError, match=message):
        config.parse(text, "suite.yaml", ImageSpec)


def test_settings_come_from_yaml():
    text = "set: kodak\nnames: [kodim03]\ncrop: {height: 256, width: 256, top: 100, left: 200}"
    crop = Crop(height=256, width=256, top=100, left=200)
    assert config.parse(text, "s", ImageSpec) == ImageSpec(
        set="kodak", names=("kodim03",), crop=crop
    )
