"""VMAF by the ffmpeg that comes with imageio-ffmpeg."""

import numpy as np
import pytest
from skimage import data

from bench.errors import Unsupported
from bench.metrics import scores as metrics
from bench.metrics import vmaf

PHOTOGRAPH = data.astronaut()[:96, :96]


def noisy(radius):
    noise = np.random.default_rng(0).integers(-radius, radius + 1, PHOTOGRAPH.shape)
    return np.clip(PHOTOGRAPH + noise, 0, 255).astype(np.uint8)


@pytest.fixture(autouse=True)
def _nothing_remembered():
    vmaf.unavailable.cache_clear()
    yield
    vmaf.unavailable.cache_clear()


def test_it_falls_with_the_noise_and_is_the_same_again():
    scores = [metrics.vmaf(PHOTOGRAPH, noisy(radius)) for radius in (0, 10, 40)]
    assert 95 < scores[0] <= 100
    assert scores[0] > scores[1] > scores[2] >= 0
    assert metrics.vmaf(PHOTOGRAPH, noisy(10)) == scores[1]


def test_it_looks_at_luma_alone():
    other = PHOTOGRAPH.astype(int)
    shifted = np.stack([other[..., 0], other[..., 1], (other[..., 2] + 6).clip(0, 255)], -1)
    assert metrics.vmaf(PHOTOGRAPH, shifted.astype(np.uint8)) > 90
    assert metrics.luma_mse(PHOTOGRAPH, shifted.astype(np.uint8)) < 1e-5


def test_pictures_too_small_are_unsupported():
    with pytest.raises(Unsupported, match="at least 16 pixels"):
        metrics.vmaf(PHOTOGRAPH[:15], PHOTOGRAPH[:15])


def test_a_machine_without_it_says_why(monkeypatch, tmp_path):
    monkeypatch.setenv("BENCH_FFMPEG", str(tmp_path / "none"))
    with pytest.raises(Unsupported, match="VMAF cannot be had"):
        metrics.vmaf(PHOTOGRAPH, PHOTOGRAPH)
    assert vmaf.version().startswith("none: VMAF cannot be had")


def test_an_ffmpeg_without_libvmaf_says_so(monkeypatch, tmp_path):
    script = tmp_path / "ffmpeg"
    script.write_text("#!/bin/sh\necho ' .. scale V->V none'\n")
    script.chmod(0o755)
    monkeypatch.setenv("BENCH_FFMPEG", str(script))
    with pytest.raises(Unsupported, match="has no libvmaf"):
        metrics.vmaf(PHOTOGRAPH, PHOTOGRAPH)


def test_the_version_names_the_model():
    assert vmaf.version().startswith("vmaf_v0.6.1, ffmpeg version ")
