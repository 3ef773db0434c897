"""Metrics that model the eye: each agrees with the package or the program that defines it."""

from __future__ import annotations

import math
import re
import subprocess
from importlib import metadata

import imageio_ffmpeg
import numpy as np
import pytest
import torch
from PIL import Image as Pictures

from backends.metrics import METRICS, xpsnr
from bench.cli.list import listed
from bench.engine.runner import versions
from bench.errors import ConfigError, Unsupported
from bench.registry.component_spec import ComponentSpec
from bench.registry.registry import instantiate, unavailable
from bench.suite.suite import Suite
from bench.testing import MetricContract
from bench.utils.yaml_config import parse

EXTRA = {"cvvdp", "flip", "gmsd", "haarpsi", "ssimulacra2", "st-lpips", "vif"}
OTHER_EXTRA = {"codes-read", "words-read"}
LEAST = {"cvvdp": 8, "flip": 1, "gmsd": 8, "haarpsi": 16, "ssimulacra2": 225, "st-lpips": 32}
LEAST |= {"vif": 41, "xpsnr": 1}
IDENTICAL = {"cvvdp": 10, "flip": 0, "gmsd": 0, "haarpsi": 1, "ssimulacra2": 100, "st-lpips": 0}
IDENTICAL |= {"vif": 1, "xpsnr": math.inf}


def _made(name):
    if problem := unavailable("metric", name):
        pytest.skip(f"the metric {name} {problem}")
    return instantiate("metric", ComponentSpec(name))


@pytest.fixture
def pair(photograph):
    """Return a photograph and the same with noise of 8 levels; sides with a remainder."""
    reference = photograph("coffee", 226, 241)
    signs = np.random.default_rng(0).choice([-8, 8], reference.shape)
    return reference, np.clip(reference + signs, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("name", sorted(LEAST))
class TestContract(MetricContract):
    largest = (64, 80)

    @pytest.fixture(autouse=True)
    def _named(self, name):
        self.name = name
        if name == "ssimulacra2":
            self.largest = (225, 226)

    def metric(self):
        return _made(self.name)


@pytest.mark.parametrize("name", sorted(LEAST))
def test_identical_pictures_have_the_best_value(name, pair):
    metric, black = _made(name), np.zeros((226, 230, 3), np.uint8)
    assert metric(pair[0], pair[0]) == pytest.approx(IDENTICAL[name], abs=1e-6)
    assert metric(black, black) == pytest.approx(IDENTICAL[name], abs=1e-6)


@pytest.mark.parametrize("name", sorted(set(LEAST) - {"flip", "xpsnr"}))
def test_a_picture_one_pixel_too_small_is_unsupported(name, pair):
    metric, least = _made(name), LEAST[name]
    assert math.isfinite(metric(*(picture[:least] for picture in pair)))
    with pytest.raises(Unsupported, match=f"at least {least} pixels, this picture has {least - 1}"):
        metric(*(picture[:, : least - 1] for picture in pair))


def _batch(picture):
    return torch.from_numpy(picture.copy()).permute(2, 0, 1)[None].float() / 255


@pytest.mark.parametrize(
    ("name", "function"), [("haarpsi", "haarpsi"), ("gmsd", "gmsd"), ("vif", "vif_p")]
)
def test_piq_says_the_same(name, function, pair):
    metric = _made(name)
    import piq

    expected = getattr(piq, function)(_batch(pair[1]), _batch(pair[0]), data_range=1.0)
    assert metric(*pair) == pytest.approx(float(expected), abs=1e-6)
    assert metric(*pair) != metric(*(picture[..., ::-1] for picture in pair))


def test_colour_video_vdp_says_the_same(pair):
    metric = _made("cvvdp")
    import pycvvdp

    model = pycvvdp.cvvdp(display_name="standard_4k", device=torch.device("cpu"))
    floats = (picture.astype(np.float32) / 255 for picture in reversed(pair))
    assert metric(*pair) == pytest.approx(float(model.predict(*floats, "HWC")[0]), abs=1e-4)
    assert metric(*pair) < 9.9


def test_ssimulacra2_says_the_same_of_files(pair, tmp_path):
    metric = _made("ssimulacra2")
    from ssimulacra2 import compute_ssimulacra2

    paths = [str(tmp_path / f"{index}.png") for index in range(2)]
    for path, picture in zip(paths, pair, strict=True):
        Pictures.fromarray(picture).save(path)
    assert metric(*pair) == compute_ssimulacra2(*paths)


def test_flip_says_the_same(pair):
    metric = _made("flip")
    import flip_evaluator

    floats = [picture.astype(np.float32) / 255 for picture in pair]
    error_map, mean, settings = flip_evaluator.evaluate(*floats, "LDR")
    assert metric(*pair) == pytest.approx(mean, abs=1e-7)
    assert settings["ppd"] == pytest.approx(67, abs=0.1)
    del error_map


def test_st_lpips_says_the_same_with_the_weights_of_its_wheel(pair):
    metric = _made("st-lpips")
    from stlpips_pytorch import stlpips

    net = stlpips.LPIPS(net="alex", variant="shift_tolerant", verbose=False)
    with torch.no_grad():
        expected = float(net(*(_batch(picture) * 2 - 1 for picture in reversed(pair))))
    assert metric(*pair) == pytest.approx(expected, abs=1e-6)
    assert 0.02 < expected < 0.5


def test_xpsnr_is_what_ffmpeg_prints(pair, tmp_path):
    """ffmpeg converts the files itself, with rounding of its own: a few hundredths of a dB."""
    paths = [tmp_path / f"{index}.png" for index in range(2)]
    for path, picture in zip(paths, pair, strict=True):  # xpsnr's first input is the reference
        Pictures.fromarray(picture).save(path)
    convert = "scale=out_color_matrix=bt709:out_range=tv:flags=accurate_rnd+full_chroma_int"
    graph = ";".join(f"[{i}:v]{convert},format=yuv444p[p{i}]" for i in range(2))
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-i", str(paths[0]), "-i", str(paths[1])]
    command += ["-filter_complex", f"{graph};[p0][p1]xpsnr", "-f", "null", "-"]
    printed = subprocess.run(command, capture_output=True, check=True).stderr.decode()
    y, u, v = map(float, re.search(r"XPSNR  y: (\S+)  u: (\S+)  v: (\S+)", printed).groups())
    errors = [10 ** (-value / 10) for value in (y, u, v)]
    wanted = -10 * math.log10((6 * errors[0] + errors[1] + errors[2]) / 8)
    assert _made("xpsnr")(*pair) == pytest.approx(wanted, abs=0.03)
    assert wanted != pytest.approx(y, abs=0.1)


def test_xpsnr_weights_noise_by_the_activity_of_the_reference():
    """The same noise counts more in the flat half than in the busy half, where it is masked."""
    rng = np.random.default_rng(0)
    reference = np.full((128, 256, 3), 128, np.uint8)
    reference[:, 128:] += rng.integers(-60, 61, (128, 128, 1)).astype(np.uint8)
    noise = rng.choice([-12, 12], (128, 128, 1)).astype(np.int64)
    flat, busy = (reference.astype(np.int64) for _ in range(2))
    flat[:, :128] += noise
    busy[:, 128:] += noise
    metric = _made("xpsnr")
    values = [metric(reference, picture.astype(np.uint8)) for picture in (flat, busy)]
    assert values[0] < values[1] - 2.5


def test_xpsnr_of_a_huge_error_is_negative():
    """Errors in flat areas count more than their square, so the luma is below 0 dB."""
    black, white = (np.full((128, 128, 3), level, np.uint8) for level in (0, 255))
    assert -10 < _made("xpsnr")(black, white) < 0


@pytest.mark.parametrize("line", ["", "n: 1  XPSNR y: nan  XPSNR u: inf  XPSNR v: inf"])
def test_xpsnr_without_the_value_of_a_plane_says_so(monkeypatch, line, pair):
    monkeypatch.setattr("bench.metrics.ffmpeg.compare", lambda *_: line)
    with pytest.raises(Unsupported, match="no XPSNR of Y, Cb and Cr"):
        _made("xpsnr")(*pair)


def test_xpsnr_does_not_hide_an_error_of_colour_behind_a_perfect_luma():
    grey = np.full((64, 64, 3), 128, np.uint8)
    shifted = grey + np.array([16, 0, 0], np.uint8) - np.array([0, 5, 0], np.uint8)
    value = _made("xpsnr")(grey, shifted)
    assert 20 < value < 45


def test_without_the_filter_xpsnr_says_why(monkeypatch, tmp_path):
    xpsnr.unavailable.cache_clear()
    monkeypatch.setenv("BENCH_FFMPEG", str(tmp_path / "none"))
    small = np.zeros((4, 4, 3), np.uint8)
    with pytest.raises(Unsupported, match="XPSNR cannot be had"):
        xpsnr.Xpsnr()(small, small)
    assert xpsnr.versions()["xpsnr"].startswith("XPSNR cannot be had")
    xpsnr.unavailable.cache_clear()


def test_a_missing_package_is_named_with_the_way_out(monkeypatch):
    def missing(package):
        raise metadata.PackageNotFoundError(package)

    monkeypatch.setattr(metadata, "version", missing)
    words = (
        r"the metric 'cvvdp' needs cvvdp: pip install .*\[perceptual\].* --no-deps cvvdp==0\.5\.7"
    )
    with pytest.raises(ConfigError, match=words):
        instantiate("metric", ComponentSpec("cvvdp"))
    problems = {item.name: item.problem for item in listed("metrics")}
    assert {name for name, problem in problems.items() if problem} == EXTRA | OTHER_EXTRA
    assert "piq" in problems["haarpsi"]


def test_every_metric_of_the_extra_pins_what_it_computes_with():
    assert {name for name, entry in METRICS.items() if entry.packages} == EXTRA | OTHER_EXTRA
    for name in EXTRA:
        assert METRICS[name].install.startswith("pip install 'codec-robustness-bench[perceptual]'")


_SUITE = """\
name: eye
images: {{set: sample, names: [coffee], crop: {{height: 16, width: 16}}}}
codecs: [toy]
attacks: [fgsm]
objectives: [rate]
budgets: [{{linf: 4}}]
metrics: [{}]
"""


def test_the_versions_of_what_computes_a_metric_are_in_the_manifest():
    """Two runs share a folder only if these are the same, and workers check them."""
    plain, named = (versions(parse(_SUITE.format(m), "eye.yaml", Suite)) for m in ("", "xpsnr"))
    assert named == plain | {"xpsnr": named["xpsnr"]}
    assert named["xpsnr"].startswith("ffmpeg version ")


def test_the_versions_of_packages_are_in_the_manifest(monkeypatch):
    found = metadata.version
    monkeypatch.setattr(metadata, "version", lambda p: "9.9" if p == "piq" else found(p))
    assert versions(parse(_SUITE.format("gmsd"), "eye.yaml", Suite))["piq"] == "9.9"
