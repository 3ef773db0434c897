"""The bundled models: small, honest about themselves, and made by the recipes beside them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench import checkpoint, images, zoo
from bench.cli import main
from bench.config import load
from bench.evaluate import rate_distortion
from bench.images import Crop, ImageSpec
from bench.recipe import Recipe

ZOO = Path(__file__).parents[1] / "backends/zoo"
CARDS = zoo.cards()
RECIPES = [load(path, Recipe) for path in sorted((ZOO / "recipes").glob("*.yaml"))]
SOURCES = {stage.name: stage for recipe in RECIPES for stage in recipe.stages}


def test_the_zoo_is_small():
    assert sum(path.stat().st_size for path in ZOO.glob("*.safetensors")) < 30e6
    assert {path.stem for path in ZOO.glob("*.safetensors")} == set(CARDS)


@pytest.mark.parametrize("name", CARDS)
def test_a_card_fits_its_weights_and_the_recipe_beside_it(name):
    card, stage = checkpoint.read(ZOO / f"{name}.safetensors").card, SOURCES[name]
    assert card == CARDS[name]
    assert card.recipe_sha256 == stage.recipe.sha256
    assert (card.architecture, card.widths) == (stage.recipe.architecture, stage.recipe.widths)
    assert (card.lmbda, card.steps) == (stage.lmbda, stage.steps)
    assert card.parent is None or card.parent in CARDS
    assert {"sample", "kodak", "holdout"} <= set(card.rate_distortion)


@pytest.mark.parametrize("name", CARDS)
def test_estimated_bits_are_within_one_per_cent_of_real_ones(name):
    for reached in CARDS[name].rate_distortion.values():
        assert reached.estimated_bpp == pytest.approx(reached.bpp, rel=0.01)
    net = checkpoint.load(ZOO / f"{name}.safetensors", CARDS[name].architecture)
    spec = ImageSpec(set="sample", limit=2, crop=Crop(height=256, width=256))
    found = rate_distortion(net, [picture.pixels for picture in images.load(spec, Path())])
    assert found.estimated_bpp == pytest.approx(found.bpp, rel=0.015)


def test_bench_list_zoo_prints_the_cards(capsys):
    assert main(["list", "zoo"]) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in CARDS)
    assert main(["list", "zoo", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert set(listed) == set(CARDS)
    some = next(iter(CARDS))
    assert listed[some] == CARDS[some].model_dump(mode="json")
