"""Write docs/zoo.md: rate and PSNR of every bundled model on Kodak, next to JPEG and VVC.

    python docs/scripts/zoo.py [--kodak FOLDER]

It downloads the Kodak pictures unless their folder is given. Results that the model cards lack are
measured and written into the cards.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pages import DOCS, table, write_page

from bench.codec import Codec, Image
from bench.images import image_set
from bench.images.image_set import ImageSpec
from bench.metrics import scores
from bench.models import zoo
from bench.models.card import Card, RateDistortion
from bench.models.checkpoint import load
from bench.registry.component_spec import ComponentSpec
from bench.registry.registry import instantiate
from bench.training.evaluate import measure
from leaderboard.ranking.rd_curves import Point, bd_rate

PAGE = DOCS / "zoo.md"
WEIGHTS = Path(__file__).parents[2] / "backends/zoo"
ANCESTORS = WEIGHTS / "ancestors"
HARDENED = "-hardened"
ANCHORS = {
    "JPEG 4:4:4": ("jpeg", "quality", (7, 10, 15, 20, 30)),
    "VVC medium 4:2:0": ("vvc", "qp", (47, 42, 37, 32)),
}

INTRODUCTION = """\
# The bundled models

This page shows the rate and the PSNR of every bundled model on the 24 Kodak pictures, next to JPEG
and VVC. `python docs/scripts/zoo.py` writes it. Kodak was used neither for training nor for the
choice of settings.

## BD-rate against JPEG and VVC

The mean difference in bits at the same PSNR between the plain models of a family and the codec in
the column header. A negative number means that the family needs fewer bits. The mean is over the
PSNR range that both have (PCHIP interpolation, package bjontegaard)."""
BD_RATE_NOTE = """\
VVC has QP 32 to 47 here. [codecs.md](codecs.md) also has QP 27."""
MODELS = """\
## Models

Rates and PSNR are means over the 24 whole pictures. Every bitstream was decoded again.

- **bpp** is the rate of the bitstream without the container. The container adds 21 bytes, or 25
  with a hyper-latent: 0.0005 bpp.
- **estimated bits** is the difference between the entropy model's estimate and the real rate. The
  forward pass of CompressAI's autoregressive models rounds the latents, their encoder the latents
  without their means. The estimate is that of the forward pass, so it differs more.
- **trained** is the training effort on one CPU thread, including all ancestors of the model
  (backends/zoo/README.md).

The weights are stored as fp16."""
ANCHOR_POINTS = """\
## Operating points of JPEG and VVC

Their rates count every byte of their files."""


@dataclass(frozen=True)
class AnchorPoint:
    """One operating point of an anchor codec, mean over the pictures."""

    name: str
    bpp: float
    psnr: float


def main() -> None:
    """Measure what the cards lack and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kodak", help="folder of the 24 pictures")
    spec = ImageSpec(set="kodak", folder=parser.parse_args().kodak)
    pictures = [picture.pixels for picture in image_set.load(spec, Path())]
    cards = {name: _measured(name, card, pictures) for name, card in zoo.cards().items()}
    anchors = {title: _anchor(*points, pictures) for title, points in ANCHORS.items()}
    write_page(PAGE, _blocks(cards, anchors))


def _measured(name: str, card: Card, pictures: Sequence[Image]) -> Card:
    if "kodak" not in card.rate_distortion:
        measure(WEIGHTS / f"{name}.safetensors", "kodak", pictures)
    return zoo.cards()[name]


def _anchor(
    codec_name: str, parameter: str, values: Sequence[int], pictures: Sequence[Image]
) -> list[AnchorPoint]:
    points = []
    for value in values:
        codec: Codec = instantiate("codec", ComponentSpec(codec_name, ((parameter, value),)))
        bpp, psnr = np.mean([_rate_and_psnr(codec, picture) for picture in pictures], axis=0)
        points.append(AnchorPoint(f"{parameter} {value}", bpp, psnr))
    return points


def _rate_and_psnr(codec: Codec, picture: Image) -> tuple[float, float]:
    height, width, _ = picture.shape
    bitstream = codec.encode(picture)
    reconstruction = codec.decode(bitstream)
    return scores.bpp(len(bitstream), height, width), scores.psnr(picture, reconstruction)


def _blocks(
    cards: Mapping[str, Card], anchors: Mapping[str, Sequence[AnchorPoint]]
) -> Iterator[str]:
    families = dict.fromkeys(card.architecture for card in cards.values())
    yield INTRODUCTION
    yield table(("family", *anchors), [_family_line(name, cards, anchors) for name in families])
    yield BD_RATE_NOTE
    yield MODELS
    headers = ("model", "lambda", "parameters", "file", "bpp", "PSNR", "estimated bits", "trained")
    yield table(headers, [_model_line(name, card) for name, card in cards.items()])
    yield ANCHOR_POINTS
    lines = [_anchor_line(title, point) for title, points in anchors.items() for point in points]
    yield table(("codec", "point", "bpp", "PSNR"), lines, text_columns=2)


def _model_line(name: str, card: Card) -> tuple[str, ...]:
    weights = WEIGHTS / f"{name}.safetensors"
    model = load(weights, card.architecture)
    parameters = sum(weight.numel() for weight in model.parameters())
    kodak, lineage = card.rate_distortion["kodak"], _lineage(card)
    steps = sum(ancestor.steps for ancestor in lineage)
    seconds = sum(ancestor.seconds for ancestor in lineage)
    return (
        *(name, f"{card.lmbda:g}", f"{parameters:,}", f"{weights.stat().st_size / 1e6:.2f} MB"),
        *(
            f"{kodak.bpp:.3f}",
            f"{kodak.psnr:.2f} dB",
            f"{kodak.estimated_bpp / kodak.bpp - 1:+.2%}",
        ),
        f"{steps:,} steps, {seconds / 60:.0f} min",
    )


def _lineage(card: Card) -> list[Card]:
    """Return the cards of a model and of all its ancestors; some of them are not shipped."""
    if card.parent is None:
        return [card]
    files = (folder / f"{card.parent}.json" for folder in (WEIGHTS, ANCESTORS))
    (parent,) = (file.read_bytes() for file in files if file.exists())
    return [card, *_lineage(Card.model_validate_json(parent))]


def _anchor_line(title: str, point: AnchorPoint) -> tuple[str, ...]:
    return title, point.name, f"{point.bpp:.3f}", f"{point.psnr:.2f} dB"


def _family_line(
    family: str, cards: Mapping[str, Card], anchors: Mapping[str, Sequence[AnchorPoint]]
) -> tuple[str, ...]:
    plain = [
        card.rate_distortion["kodak"]
        for name, card in cards.items()
        if card.architecture == family and HARDENED not in name
    ]
    return family, *(_bd_rate(points, plain) for points in anchors.values())


def _bd_rate(anchor: Sequence[AnchorPoint], test: Sequence[RateDistortion]) -> str:
    """Return the BD-rate of `test` against the anchor, as text."""
    curves = [sorted((point.bpp, point.psnr) for point in points) for points in (anchor, test)]
    delta = bd_rate(*(tuple(Point("", *pair) for pair in curve) for curve in curves))
    return delta.reason if delta.value is None else f"{delta.value:+.1f} %"


if __name__ == "__main__":
    main()
