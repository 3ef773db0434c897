"""Coding a picture again and again: metrics of a suite, against loops by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from backends.metrics.generations import GenerationRate, Generations
from bench.cli.main import main
from bench.errors import CodecError
from bench.images import image_set, reader
from bench.isolation.coder import LocalCoder
from bench.metrics.scores import bpp, psnr
from bench.registry.component_spec import ComponentSpec
from bench.registry.registry import instantiate
from bench.scoring.roundtrip import recoder
from bench.store.run_folder import read_run
from leaderboard.aggregate.suite_info import setting

SUITE = """\
name: generations
images: {set: sample, names: [coffee], crop: {height: 64, width: 64}}
codecs:
  - {name: jpeg, quality: 30, label: jpeg}
  - {name: bmshj2018-hyperprior, checkpoint: bmshj2018-hyperprior-small-q4, label: hyperprior}
attacks: [{name: pgd, steps: 3}]
objectives: [distortion]
budgets: [{linf: 8}]
transfer: all
metrics: [{name: generations, count: [2, 5]}, {name: generation-rate, count: 5}]
compute: {threads: 1}
"""
SPECS = {
    "jpeg": ComponentSpec("jpeg", (("quality", 30),)),
    "hyperprior": ComponentSpec(
        "bmshj2018-hyperprior", (("checkpoint", "bmshj2018-hyperprior-small-q4"),)
    ),
    "identity": ComponentSpec("identity"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("generations")
    (place / "suite.yaml").write_text(SUITE)
    assert main(["run", str(place / "suite.yaml"), "-o", str(place / "run")]) == 0
    return place / "run"


@pytest.fixture(scope="module")
def run(folder):
    return read_run(folder)


def _generations(codec, image, count):
    """Return the pictures of all generations, and the rate of the last."""
    pictures, rate = [], math.nan
    for _ in range(count):
        bitstream = codec.encode(image)
        image, rate = codec.decode(bitstream), bpp(len(bitstream), *image.shape[:2])
        pictures.append(image)
    return pictures, rate


@pytest.mark.parametrize("label", SPECS)
def test_the_loss_is_that_of_a_loop_by_hand(run, label):
    (picture,) = image_set.load(setting(run).images, run.folder)
    codec = instantiate("codec", SPECS[label])
    pictures, rate = _generations(codec, picture.pixels, 5)
    (record,) = (r for r in run.measures if (r.victim, r.threat) == (label, "clean"))
    before = psnr(picture.pixels, pictures[0])
    for count in (2, 5):
        after = psnr(picture.pixels, pictures[count - 1])
        loss = 0.0 if before == after else before - after
        assert record.scores.extra[f"generations count={count}"].source == pytest.approx(loss)
    assert record.scores.extra["generation-rate count=5"].source == pytest.approx(rate)


def test_adversarial_pictures_are_coded_again_too(run):
    codec = instantiate("codec", SPECS["hyperprior"])
    (picture,) = image_set.load(setting(run).images, run.folder)
    attacked = [r for r in run.measures if (r.victim, r.threat) == ("hyperprior", "white-box")]
    (record,) = attacked
    image = reader.read(run.folder / "adversarial" / f"{record.craft}.png").image
    pictures, _ = _generations(codec, image, 5)
    loss = psnr(picture.pixels, pictures[0]) - psnr(picture.pixels, pictures[4])
    assert record.scores.extra["generations count=5"].source == pytest.approx(loss)
    assert (
        record.scores.extra["generations count=5"].clean
        != record.scores.extra["generations count=5"].source
    )


def test_a_lossless_codec_loses_nothing_and_jpeg_nearly_nothing(run):
    losses = {
        r.victim: r.scores.extra["generations count=5"].source
        for r in run.measures
        if r.threat == "clean"
    }
    assert losses["identity"] == 0
    assert abs(losses["jpeg"]) < 0.3 < losses["hyperprior"]


def test_the_board_has_a_column_and_verify_measures_it_again(folder, capsys):
    page = (folder / "leaderboard.md").read_text()
    assert "generations count=5" in page
    assert main(["verify", str(folder)]) == 0


class _Fails:
    """Returns a light picture a number of times, a darker one each time, and then fails."""

    def __init__(self, times):
        self.left = times

    def encode(self, image):
        if not self.left:
            raise CodecError("enough")
        self.left -= 1
        return b"1234567" + bytes([self.left])

    def decode(self, bitstream):
        return np.full((16, 16, 3), 120 + bitstream[-1], np.uint8)

    def header_bytes(self, bitstream):
        return 0


@pytest.mark.parametrize(("times", "last"), [(4, 120), (3, 128), (0, 128)])
def test_a_failure_counts_as_a_grey_picture_of_24_bits(times, last):
    source, picture = (np.full((16, 16, 3), level, np.uint8) for level in (100, 101))
    expected = psnr(source, picture) - psnr(source, np.full_like(source, last))
    lost = Generations(5).after_recoding(source, picture, recoder(LocalCoder(_Fails(times))))
    assert lost == pytest.approx(expected)
    rate = GenerationRate(5).after_recoding(source, picture, recoder(LocalCoder(_Fails(times))))
    assert rate == (64 / 256 if last == 120 else 24)


def test_metrics_share_the_generations_of_an_evaluation():
    codec, source = _Fails(100), np.zeros((16, 16, 3), np.uint8)
    recode = recoder(LocalCoder(codec))
    for metric in (Generations(5), GenerationRate(5), Generations(3)):
        metric.after_recoding(source, source + 7, recode)
    assert 100 - codec.left == 4
