from __future__ import annotations

import pytest
import torch
from skimage import data
from torch.nn import functional

from bench.errors import ConfigError
from bench.models import checkpoint
from bench.models.architectures import fresh
from bench.models.card import Card
from bench.training import evaluate


@pytest.fixture
def card():
    """Return the card of weights that nothing was measured of."""
    return Card(
        architecture="bmshj2018-factorized",
        widths=(8, 8),
        lmbda=0.01,
        steps=1,
        seconds=1,
        hardware="1 thread",
        recipe_sha256="a",
        training_set_sha256="b",
        versions=checkpoint.versions(),
        rate_distortion={},
        licence="BSD-3-Clause",
    )


def test_rate_and_distortion_are_those_of_real_strings():
    net = fresh("bmshj2018-factorized", (8, 8)).eval()
    net.update()
    picture = data.chelsea()[:64, :128]
    found = evaluate.rate_distortion(net, [picture, picture])
    images = torch.from_numpy(picture.copy()).permute(2, 0, 1)[None] / 255
    with torch.no_grad():
        packed = net.compress(images)
        decoded = net.decompress(packed["strings"], packed["shape"])["x_hat"]
        likelihoods = net(images)["likelihoods"]["y"]
    mse = functional.mse_loss((decoded * 255).round(), images * 255)
    assert found.bpp == 8 * len(packed["strings"][0][0]) / (64 * 128)
    assert found.psnr == pytest.approx(float(10 * torch.log10(255**2 / mse)), abs=1e-3)
    assert found.estimated_bpp == pytest.approx(float(-likelihoods.log2().sum()) / (64 * 128))
    assert found.pictures == 2


def test_a_set_is_measured_into_the_card(card, tmp_path):
    net = fresh("bmshj2018-factorized", (8, 8))
    checkpoint.save(tmp_path / "tiny.safetensors", net, card)
    picture = data.chelsea()[:70, :90]
    result = evaluate.measure(tmp_path / "tiny.safetensors", "mine", [picture])
    found = checkpoint.read(tmp_path / "tiny.safetensors").card
    assert found.rate_distortion == {"mine": result}
    assert found.model_copy(update={"rate_distortion": {}, "weights_sha256": ""}) == card


def test_weights_without_a_card_are_refused(card, tmp_path):
    weights = tmp_path / "tiny.safetensors"
    checkpoint.save(weights, fresh("bmshj2018-factorized", (8, 8)), card)
    weights.with_suffix(".json").unlink()
    with pytest.raises(ConfigError, match=r"tiny.safetensors has no card beside it"):
        evaluate.measure(weights, "mine", [])
