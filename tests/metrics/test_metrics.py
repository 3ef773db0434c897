"""Scores against libraries called on their own, against definitions, and against hand numbers."""

import math

import numpy as np
import pytest
import pytorch_msssim
import torch
from scipy.ndimage import correlate1d
from skimage import data
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from bench.errors import Unsupported
from bench.metrics import scores as metrics

C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def flat(level, side=16):
    return np.full((side, side, 3), level, np.uint8)


def noisy(picture, radius, seed=0):
    noise = np.random.default_rng(seed).integers(-radius, radius + 1, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def blurred(picture):
    soft = correlate1d(picture.astype(float), np.full(7, 1 / 7), axis=1)
    return soft.round().astype(np.uint8)


def pairs():
    """Photographs of 192x176, a multiple of 16, with what can happen to them."""
    for name in ("astronaut", "rocket"):
        picture = getattr(data, name)()[60:252, 40:216]
        yield pytest.param(picture, noisy(picture, 4), id=f"{name}-noise-4")
        yield pytest.param(picture, noisy(picture, 60), id=f"{name}-noise-60")
        yield pytest.param(picture, blurred(picture), id=f"{name}-blur")


photographs = pytest.mark.parametrize(("a", "b"), list(pairs()))
some_photographs = pytest.mark.parametrize(("a", "b"), list(pairs())[1::2])


def tensors(a, b, dtype=torch.float64):
    return [torch.tensor(image.transpose(2, 0, 1)[None], dtype=dtype) for image in (a, b)]


@photographs
def test_psnr_is_scikit_images(a, b):
    assert metrics.psnr(a, b) == pytest.approx(peak_signal_noise_ratio(a, b), rel=1e-12)


@photographs
def test_ssim_is_the_mean_of_scikit_images_over_channels(a, b):
    scores = [
        structural_similarity(
            a[..., channel].astype(float),
            b[..., channel].astype(float),
            win_size=11,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            data_range=255,
        )
        for channel in range(3)
    ]
    assert metrics.ssim(a, b) == pytest.approx(np.mean(scores), abs=1e-12)


@photographs
def test_ssim_agrees_with_pytorch_msssim(a, b):
    """Both keep the window inside; pytorch-msssim's window is stored in float32, hence 1e-5."""
    expected = pytorch_msssim.ssim(*tensors(a, b), data_range=255).item()
    assert metrics.ssim(a, b) == pytest.approx(expected, abs=1e-5)


@some_photographs
def test_ms_ssim_is_pytorch_msssims(a, b):
    """What CompressAI's users compute, in float32, differs by float32's rounding."""
    double = pytorch_msssim.ms_ssim(*tensors(a, b), data_range=255).item()
    single = pytorch_msssim.ms_ssim(*tensors(a, b, torch.float32), data_range=255).item()
    assert metrics.ms_ssim(a, b) == pytest.approx(double, abs=1e-12)
    assert metrics.ms_ssim(a, b) == pytest.approx(single, abs=1e-5)


@some_photographs
def test_ms_ssim_follows_its_definition(a, b):
    """Window coefficients in float64 here and float32 there: agreement to 1e-5."""
    assert metrics.ms_ssim(a, b) == pytest.approx(ms_ssim_by_definition(a, b), abs=1e-5)


def ms_ssim_by_definition(a, b):
    """Wang, Simoncelli and Bovik 2003, each channel on its own, sides a multiple of 16."""
    weights = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
    score, x, y = 1.0, a.astype(float), b.astype(float)
    for scale, weight in enumerate(weights, start=1):
        luminance, structure = luminance_and_structure(x, y)
        term = structure * luminance if scale == len(weights) else structure
        score = score * np.maximum(term.mean((0, 1)), 0) ** weight
        x, y = halved(x), halved(y)
    return score.mean()


def luminance_and_structure(x, y):
    mean_x, mean_y = window_mean(x), window_mean(y)
    variances = window_mean(x * x) - mean_x**2 + window_mean(y * y) - mean_y**2
    covariance = window_mean(x * y) - mean_x * mean_y
    luminance = (2 * mean_x * mean_y + C1) / (mean_x**2 + mean_y**2 + C1)
    return luminance, (2 * covariance + C2) / (variances + C2)


def window_mean(image):
    kernel = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    kernel /= kernel.sum()
    return correlate1d(correlate1d(image, kernel, axis=0), kernel, axis=1)[5:-5, 5:-5]


def halved(image):
    height, width = image.shape[:2]
    return image[: height & ~1, : width & ~1].reshape(height // 2, 2, width // 2, 2, 3).mean((1, 3))


def test_ms_ssim_of_odd_sides_is_pytorch_msssims():
    a = data.coffee()[:163, :171]
    b = noisy(a, 20)
    expected = pytorch_msssim.ms_ssim(*tensors(a, b), data_range=255).item()
    assert metrics.ms_ssim(a, b) == pytest.approx(expected, abs=1e-12)


def test_flat_pictures_have_scores_in_closed_form():
    luminance = (2 * 100 * 150 + C1) / (100**2 + 150**2 + C1)
    assert metrics.ssim(flat(100), flat(150)) == pytest.approx(luminance, rel=1e-9)
    large = metrics.ms_ssim(flat(100, 176), flat(150, 176))
    assert large == pytest.approx(luminance**0.1333, abs=1e-5)
    assert metrics.mse(flat(100), flat(151)) == pytest.approx(0.04, rel=1e-12)
    assert metrics.psnr(flat(100), flat(151)) == pytest.approx(10 * math.log10(25), rel=1e-12)
    assert metrics.linf(flat(100), flat(151)) == 51


def test_one_level_everywhere_is_48_13_db():
    assert metrics.psnr(flat(7), flat(8)) == pytest.approx(48.1308036086791, abs=1e-9)


def test_differences_do_not_wrap_around():
    assert metrics.mse(flat(0), flat(255)) == metrics.mse(flat(255), flat(0)) == 1
    assert metrics.psnr(flat(0), flat(255)) == 0
    assert metrics.linf(flat(0), flat(255)) == metrics.linf(flat(255), flat(0)) == 255


def test_identical_pictures():
    picture = data.chelsea()[:180, :200]
    scores = metrics.compare(picture, picture.copy())
    assert scores == metrics.Similarity(mse=0, luma_mse=0, psnr=math.inf, ssim=1, ms_ssim=1)
    assert metrics.linf(picture, picture) == 0


def test_a_picture_of_one_pixel():
    a, b = flat(10, 1), flat(61, 1)
    scores = metrics.compare(a, b)
    assert scores.mse == pytest.approx(0.04)
    assert scores.psnr == pytest.approx(13.979400086720377)
    assert (scores.ssim, scores.ms_ssim) == (None, None)


def test_similarity_of_pictures_too_small_for_it_is_unsupported_with_a_reason():
    with pytest.raises(Unsupported, match=r"SSIM needs .* at least 11 pixels, this picture has 10"):
        metrics.ssim(np.zeros((10, 40, 3), np.uint8), np.zeros((10, 40, 3), np.uint8))
    with pytest.raises(Unsupported, match=r"MS-SSIM .* at least 161 pixels, this picture has 160"):
        metrics.ms_ssim(flat(0, 160), flat(0, 160))


def test_the_smallest_pictures_that_have_similarities():
    assert metrics.ssim(flat(3, 11), flat(3, 11)) == 1
    assert metrics.ms_ssim(flat(3, 161), flat(3, 161)) == 1


def test_opposite_pictures_have_negative_ssim_and_no_negative_ms_ssim():
    picture = data.chelsea()[:176, :176]
    assert metrics.ssim(picture, 255 - picture) < 0
    assert metrics.ms_ssim(picture, 255 - picture) >= 0


@pytest.mark.parametrize("score", [metrics.mse, metrics.linf, metrics.ssim, metrics.ms_ssim])
def test_pictures_that_cannot_be_compared_are_a_programming_error(score):
    with pytest.raises(ValueError, match="differ in shape"):
        score(flat(0), flat(0, 17))
    with pytest.raises(ValueError, match="must be uint8"):
        score(flat(0), flat(0).astype(float))


def test_bpp_counts_every_byte():
    assert metrics.bpp(49152, 512, 768) == 1
    assert metrics.bpp(1, 1, 1) == 8


def test_vulnerability_index():
    assert metrics.vi(0.01, 0.001) == pytest.approx(10)
    assert metrics.vi(0.001, 0.001) == 0
    assert metrics.vi(0, 0.001) == -math.inf
    with pytest.raises(Unsupported, match="not changed"):
        metrics.vi(0.01, 0)


def test_vulnerability_index_of_a_lossless_codec_is_zero():
    picture = data.coffee()
    error = metrics.mse(picture, noisy(picture, 8))
    assert metrics.vi(error, error) == 0


def test_rate_distortion_cost():
    assert metrics.rd_cost(0.5, 0.0004, 0.013) == pytest.approx(0.83813)


def test_psnr_drop():
    assert metrics.psnr_drop_db(32, 24) == 8
    assert metrics.psnr_drop_db(32, math.inf) == -math.inf
    assert metrics.psnr_drop_percent(32, 24) == 25
    assert metrics.psnr_drop_percent(32, 40) == -25
    for clean in (math.inf, 0.0):
        with pytest.raises(Unsupported, match="not defined"):
            metrics.psnr_drop_percent(clean, 20)
    with pytest.raises(Unsupported, match="lossless"):
        metrics.psnr_drop_db(math.inf, 20)


def test_the_table_lists_each_score_once_with_its_source():
    functions = [score.function for score in metrics.SCORES.values()]
    assert [function.__name__ for function in functions] == list(metrics.SCORES)
    for score in metrics.SCORES.values():
        assert score.description
        assert "\n" not in score.description
        assert score.source.startswith("https://")


def test_luma_error_is_that_of_the_definition():
    a, b = data.coffee()[:40, :50], noisy(data.coffee()[:40, :50], 20)
    weights = np.array([0.2126, 0.7152, 0.0722])
    wanted = np.mean(((a / 255) @ weights - (b / 255) @ weights) ** 2)
    assert metrics.luma_mse(a, b) == pytest.approx(wanted)
    assert metrics.luma_mse(flat(100), flat(151)) == pytest.approx(0.04)
