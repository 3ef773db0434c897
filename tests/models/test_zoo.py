"""The bundled models: small, honest about themselves, and made by the recipes beside them."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import fmean

import bjontegaard
import pytest

from bench.cli.main import main
from bench.images import image_set as images
from bench.images.image_set import Crop, ImageSpec
from bench.metrics import scores as metrics
from bench.models import checkpoint, zoo
from bench.registry.component_spec import ComponentSpec
from bench.registry.registry import instantiate
from bench.training.evaluate import rate_distortion
from bench.training.recipe import Recipe
from bench.utils.yaml_config import load
from paths import ROOT

ZOO = ROOT / "backends/zoo"
CARDS = zoo.cards()
AUTOREGRESSIVE = ("mbt2018", "cheng2020-anchor", "cheng2020-attn")
FAMILIES = ("bmshj2018-factorized", "bmshj2018-hyperprior", "mbt2018-mean")
RECIPES = [load(path, Recipe) for path in sorted((ZOO / "recipes").glob("*.yaml"))]
SOURCES = {stage.name: stage for recipe in RECIPES for stage in recipe.stages}


def test_the_zoo_is_small():
    assert sum(path.stat().st_size for path in ZOO.glob("*.safetensors")) < 60e6
    assert {path.stem for path in ZOO.glob("*.safetensors")} == set(CARDS)


def test_plain_models_have_several_rates_and_hardened_ones_a_plain_twin():
    rates = {
        **dict.fromkeys(FAMILIES, (1, 2, 4, 5)),
        "bmshj2018-hyperprior": (1, 2, 4, 5, 6, 7),
        "mbt2018": (2, 5),
        "cheng2020-anchor": (1, 2),
        "cheng2020-attn": (1, 2),
    }
    plain = {f"{family}-small-q{q}" for family, qualities in rates.items() for q in qualities}
    hardened = {name for name in CARDS if name.endswith("-hardened-rd")}
    assert set(CARDS) - hardened == plain
    assert all(CARDS[name].parent == name.removesuffix("-hardened-rd") for name in hardened)
    assert {CARDS[name].architecture for name in hardened} == {*FAMILIES, "mbt2018"}


@pytest.mark.parametrize("family", FAMILIES)
def test_each_family_takes_fewer_bits_than_jpeg_on_the_samples(family):
    names = [f"{family}-small-q{quality}" for quality in (1, 2, 4, 5)]
    ours = [CARDS[name].rate_distortion["sample"] for name in names]
    pictures = [picture.pixels for picture in images.load(ImageSpec(set="sample"), Path())]
    jpeg = [_of_jpeg(quality, pictures) for quality in (8, 10, 15, 20, 30)]
    saved = bjontegaard.bd_rate(
        *zip(*jpeg, strict=True),
        [point.bpp for point in ours],
        [point.psnr for point in ours],
        "pchip",
        require_matching_points=False,
    )
    assert saved < 0


def _of_jpeg(quality, pictures):
    codec = instantiate("codec", ComponentSpec("jpeg", (("quality", quality),)))
    streams = [codec.encode(picture) for picture in pictures]
    rates = [
        metrics.bpp(len(stream), *picture.shape[:2])
        for stream, picture in zip(streams, pictures, strict=True)
    ]
    errors = [
        metrics.psnr(picture, codec.decode(stream))
        for stream, picture in zip(streams, pictures, strict=True)
    ]
    return fmean(rates), fmean(errors)


@pytest.mark.parametrize("name", CARDS)
def test_a_card_fits_its_weights_and_the_recipe_beside_it(name):
    card, stage = checkpoint.read(ZOO / f"{name}.safetensors").card, SOURCES[name]
    assert card == CARDS[name]
    assert card.recipe_sha256 == stage.recipe.sha256
    assert (card.architecture, card.widths) == (stage.recipe.architecture, stage.recipe.widths)
    assert (card.lmbda, card.steps) == (stage.lmbda, stage.steps)
    assert card.parent in SOURCES
    assert {"sample", "kodak", "holdout"} <= set(card.rate_distortion)


@pytest.mark.parametrize("name", CARDS)
def test_estimated_bits_are_near_real_ones(name):
    """Autoregressive models round the latents without their means when they encode."""
    difference = 0.07 if CARDS[name].architecture in AUTOREGRESSIVE else 0.01
    for reached in CARDS[name].rate_distortion.values():
        assert reached.estimated_bpp == pytest.approx(reached.bpp, rel=difference)
    net = checkpoint.load(ZOO / f"{name}.safetensors", CARDS[name].architecture)
    spec = ImageSpec(set="sample", limit=2, crop=Crop(height=256, width=256))
    found = rate_distortion(net, [picture.pixels for picture in images.load(spec, Path())])
    assert found.estimated_bpp == pytest.approx(found.bpp, rel=1.5 * difference)


def test_bench_list_zoo_prints_the_cards(capsys):
    assert main(["list", "zoo"]) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in CARDS)
    assert main(["list", "zoo", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert set(listed) == set(CARDS)
    some = next(iter(CARDS))
    assert listed[some] == CARDS[some].model_dump(mode="json")
