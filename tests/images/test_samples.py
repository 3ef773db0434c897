"""Picture sets that have a name: bundled photographs, and Kodak from a server or a folder."""

import hashlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from bench.errors import ImageError, MissingPicturesError
from bench.images import datasets
from bench.images.image_set import Crop, ImageSpec, load
from paths import SHARED

KODAK = SHARED / "data/kodak"


def photo(seed):
    return np.random.default_rng(seed).integers(0, 256, (20, 30, 3), dtype=np.uint8)


def png(pixels):
    file = BytesIO()
    Pillow.fromarray(pixels).save(file, "png")
    return file.getvalue()


def names(spec, base):
    return [picture.name for picture in load(spec, base)]


def test_the_sample_set_is_the_photographs_of_the_wheel():
    pictures = load(ImageSpec(set="sample"), Path())
    assert [picture.name for picture in pictures] == sorted(datasets.SAMPLES)
    for picture in pictures:
        sample = datasets.SAMPLES[picture.name]
        assert picture.pixels.shape == (sample.height, sample.width, 3)
        assert picture.note == ""


def test_a_sample_that_scikit_image_no_longer_brings_is_reported(monkeypatch, tmp_path):
    monkeypatch.setattr(datasets, "_sample_folder", lambda: tmp_path)
    with pytest.raises(ImageError, match=r"does not bring coffee\.png .* leave it out"):
        load(ImageSpec(set="sample", names=["coffee"]), Path())


def test_the_kodak_set_has_24_checksums():
    sums = datasets.kodak_sums()
    assert list(sums) == [f"kodim{index:02}.png" for index in range(1, 25)]
    assert all(len(bytes.fromhex(digest)) == 32 for digest in sums.values())
    assert len(set(sums.values())) == 24


@pytest.fixture
def two_files(monkeypatch):
    """Two small pictures in the place of the Kodak set's 24."""
    files = {f"kodim0{index}.png": png(photo(index)) for index in (1, 2)}
    sums = {name: hashlib.sha256(file).hexdigest() for name, file in files.items()}
    monkeypatch.setattr(datasets, "kodak_sums", lambda: sums)
    monkeypatch.delenv("BENCH_PICTURES", raising=False)
    return files


@pytest.fixture
def server(httpserver, monkeypatch, tmp_path):
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("BENCH_KODAK_URL", httpserver.url_for("/kodak"))
    monkeypatch.setenv("NO_PROXY", "*")
    return httpserver


def test_kodak_is_downloaded_once(server, two_files, tmp_path):
    for name, file in two_files.items():
        server.expect_ordered_request(f"/kodak/{name}").respond_with_data(file)
    pictures = load(ImageSpec(set="kodak"), tmp_path)
    assert [picture.name for picture in pictures] == ["kodim01", "kodim02"]
    assert np.array_equal(pictures[1].pixels, photo(2))
    assert load(ImageSpec(set="kodak"), tmp_path) == pictures
    assert len(server.log) == 2
    assert sorted(path.name for path in (tmp_path / "cache/kodak").iterdir()) == sorted(two_files)


def test_only_what_is_chosen_is_downloaded(server, two_files, tmp_path):
    server.expect_request("/kodak/kodim02.png").respond_with_data(two_files["kodim02.png"])
    assert names(ImageSpec(set="kodak", names=["kodim02"]), tmp_path) == ["kodim02"]


def test_a_download_with_a_wrong_checksum_is_refused_and_not_kept(server, two_files, tmp_path):
    server.expect_request("/kodak/kodim01.png").respond_with_data(two_files["kodim02.png"])
    with pytest.raises(
        ImageError, match=r"kodim01\.png is not the Kodak .* BENCH_PICTURES$"
    ) as error:
        load(ImageSpec(set="kodak"), tmp_path)
    assert "\n" not in str(error.value)
    assert list((tmp_path / "cache/kodak").iterdir()) == []


def test_a_damaged_file_in_the_cache_is_downloaded_again(server, two_files, tmp_path):
    server.expect_request("/kodak/kodim01.png").respond_with_data(two_files["kodim01.png"])
    (tmp_path / "cache/kodak").mkdir(parents=True)
    (tmp_path / "cache/kodak/kodim01.png").write_bytes(b"half a file")
    assert names(ImageSpec(set="kodak", limit=1), tmp_path) == ["kodim01"]


def test_a_server_that_lacks_the_file_is_reported_with_the_way_out(server, two_files, tmp_path):
    server.expect_request("/kodak/kodim01.png").respond_with_data("gone", status=404)
    with pytest.raises(
        ImageError, match=r"cannot download .*\(HTTP status 404\); .*BENCH_PICTURES$"
    ):
        load(ImageSpec(set="kodak"), tmp_path)


def test_an_unreachable_server_is_reported_with_the_way_out(
    server, two_files, tmp_path, monkeypatch
):
    monkeypatch.setenv("BENCH_KODAK_URL", "http://localhost:9/")
    with pytest.raises(
        ImageError, match=r"cannot download .*\(ConnectionError\); .*BENCH_PICTURES$"
    ):
        load(ImageSpec(set="kodak"), tmp_path)


def test_a_server_that_is_no_web_address_is_refused(server, tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_KODAK_URL", "/mnt/kodak")
    with pytest.raises(ImageError, match="BENCH_KODAK_URL must begin with https://"):
        load(ImageSpec(set="kodak"), tmp_path)


def test_a_cache_that_cannot_be_made_is_reported(server, tmp_path, monkeypatch):
    (tmp_path / "occupied").write_text("a file")
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "occupied"))
    with pytest.raises(ImageError, match=r"cannot make the folder .*; set BENCH_CACHE"):
        load(ImageSpec(set="kodak"), tmp_path)


def test_kodak_from_a_folder_is_checksummed(two_files, tmp_path):
    for name, file in two_files.items():
        (tmp_path / name).write_bytes(file)
    assert names(ImageSpec(set="kodak", folder="."), tmp_path) == ["kodim01", "kodim02"]
    (tmp_path / "kodim02.png").write_bytes(two_files["kodim01.png"])
    with pytest.raises(ImageError, match=r"kodim02\.png is not the Kodak set's: its SHA-256"):
        load(ImageSpec(set="kodak", folder="."), tmp_path)
    (tmp_path / "kodim01.png").unlink()
    with pytest.raises(ImageError, match=r"lacks kodim01\.png of the Kodak set; add it"):
        load(ImageSpec(set="kodak", folder="."), tmp_path)


@pytest.fixture
def users_folder(two_files, tmp_path, monkeypatch):
    """The folder of the Kodak set that the user has; nothing can be downloaded."""
    (tmp_path / "mine").mkdir()
    for name, file in two_files.items():
        (tmp_path / "mine" / name).write_bytes(file)
    monkeypatch.setenv("BENCH_KODAK_URL", "http://localhost:9/")
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("BENCH_PICTURES", str(tmp_path / "mine"))
    return tmp_path / "mine"


@pytest.mark.parametrize("folder", [None, "nowhere"])
def test_the_users_folder_comes_before_the_suites_and_the_download(users_folder, folder):
    pictures = load(ImageSpec(set="kodak", folder=folder), Path())
    assert [picture.name for picture in pictures] == ["kodim01", "kodim02"]
    assert np.array_equal(pictures[0].pixels, photo(1))
    assert not (users_folder.parent / "cache").exists()


def test_a_folder_of_the_user_that_is_not_the_set_is_refused(users_folder, two_files, monkeypatch):
    (users_folder / "kodim02.png").write_bytes(two_files["kodim01.png"])
    with pytest.raises(
        MissingPicturesError, match=r"kodim02\.png is not the Kodak set's: .*--pict"
    ):
        load(ImageSpec(set="kodak"), Path())
    (users_folder / "kodim02.png").unlink()
    with pytest.raises(MissingPicturesError, match=r"mine lacks kodim02\.png .* BENCH_PICTURES$"):
        load(ImageSpec(set="kodak"), Path())
    monkeypatch.setenv("BENCH_PICTURES", str(users_folder / "none"))
    with pytest.raises(MissingPicturesError, match=r"none is no folder; .* BENCH_PICTURES$"):
        load(ImageSpec(set="kodak"), Path())


def test_other_sets_do_not_use_the_users_folder(users_folder):
    assert names(ImageSpec(set="sample", limit=1), Path()) == ["astronaut"]


@pytest.mark.shared
@pytest.mark.skipif(not KODAK.is_dir(), reason="the Kodak set is not beside the checkout")
def test_the_real_kodak_set():
    spec = ImageSpec(set="kodak", folder=str(KODAK))
    pictures = load(spec, Path())
    assert len(pictures) == 24
    assert {picture.pixels.shape for picture in pictures} == {(512, 768, 3), (768, 512, 3)}
    crop = Crop(height=256, width=256, top=100, left=200)
    (cropped,) = load(spec.model_copy(update={"names": ("kodim03",), "crop": crop}), Path())
    assert np.array_equal(cropped.pixels, pictures[2].pixels[100:356, 200:456])
