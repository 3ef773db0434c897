"""Write docs/zoo.md: what every bundled model reaches on Kodak, next to JPEG and VVC.

    python docs/scripts/zoo.py [--kodak FOLDER]

Downloads the Kodak pictures unless their folder is given. What the cards do not say yet is
measured and written into them.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import bjontegaard
import numpy as np

from bench.codec import Codec, Image
from bench.images import image_set as images
from bench.images.image_set import ImageSpec
from bench.metrics import scores as metrics
from bench.models import zoo
from bench.models.card import Card, RateDistortion
from bench.models.checkpoint import load
from bench.registry.registry import ComponentSpec, instantiate
from bench.training.evaluate import measure

ROOT = Path(__file__).parents[2]
WEIGHTS = ROOT / "backends/zoo"
ANCESTORS = WEIGHTS / "ancestors"
HARDENED = "-hardened"
ANCHORS = {
    "JPEG 4:4:4": ("jpeg", "quality", (7, 10, 15, 20, 30)),
    "VVC medium 4:2:0": ("vvc", "qp", (47, 42, 37, 32)),
}


INTRODUCTION = """\
Written by `python docs/scripts/zoo.py`; Kodak was seen neither in training nor in choosing
settings. Weights are stored as fp16. Rates are of strings that were decoded again, means over the 24
whole pictures; a container adds 21 bytes, 25 with a hyper-latent: 0.0005 bpp. "Estimated bits" is how far
the entropy model's own figure is from the real one. "Trained" is on one CPU thread, all ancestors
included (backends/zoo/README.md). JPEG and VVC are counted with every byte of their files."""
BD_RATE = """\
How many more bits the plain models of a family take than the codec above for the same PSNR, on
average over the PSNR that both reach (piecewise cubic, package bjontegaard); fewer if negative.
Of VVC qp 32 to 47 are used here; docs/codecs.md has qp 27 too, by Akima splines, and no figure
where less than half of the range is shared."""


@dataclass(frozen=True)
class Point:
    """One operating point of an anchor, on the whole set."""

    name: str
    bpp: float
    psnr: float


def main() -> None:
    """Measure what is missing and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kodak", help="folder of the 24 pictures")
    spec = ImageSpec(set="kodak", folder=parser.parse_args().kodak)
    pictures = [picture.pixels for picture in images.load(spec, Path())]
    cards = {name: _measured(name, card, pictures) for name, card in zoo.cards().items()}
    anchors = {title: _anchor(*given, pictures) for title, given in ANCHORS.items()}
    (ROOT / "docs/zoo.md").write_text(_page(cards, anchors), encoding="utf-8")


def _measured(name: str, card: Card, pictures: Sequence[Image]) -> Card:
    if "kodak" not in card.rate_distortion:
        measure(WEIGHTS / f"{name}.safetensors", "kodak", pictures)
    return zoo.cards()[name]


def _anchor(
    codec: str, parameter: str, values: Sequence[int], pictures: Sequence[Image]
) -> list[Point]:
    points = []
    for value in values:
        built: Codec = instantiate("codec", ComponentSpec(codec, ((parameter, value),)))
        bpp, psnr = np.mean([_score(built, picture) for picture in pictures], axis=0)
        points.append(Point(f"{parameter} {value}", bpp, psnr))
    return points


def _score(codec: Codec, picture: Image) -> tuple[float, float]:
    height, width, _ = picture.shape
    bitstream = codec.encode(picture)
    decoded = codec.decode(bitstream)
    return metrics.bpp(len(bitstream), height, width), metrics.psnr(picture, decoded)


def _page(cards: Mapping[str, Card], anchors: Mapping[str, list[Point]]) -> str:
    models = [_model(name, card) for name, card in cards.items()]
    families = dict.fromkeys(card.architecture for card in cards.values())
    others = [_row(title, point) for title, points in anchors.items() for point in points]
    return "\n".join(
        [
            *("# The bundled models", "", INTRODUCTION, ""),
            "| model | lambda | parameters | file | bpp | PSNR | estimated bits | trained |",
            *("|---|--:|--:|--:|--:|--:|--:|--:|", *models, "", "## Next to JPEG and VVC", ""),
            *("| codec | point | bpp | PSNR |", "|---|---|--:|--:|", *others, ""),
            "## BD-rate on these points",
            *("", BD_RATE, "", f"| family | {' | '.join(anchors)} |"),
            f"|---|{'--:|' * len(anchors)}",
            *(_family(name, cards, anchors) for name in families),
            "",
        ]
    )


def _model(name: str, card: Card) -> str:
    weights = WEIGHTS / f"{name}.safetensors"
    net = load(weights, card.architecture)
    parameters = sum(weight.numel() for weight in net.parameters())
    reached, line = card.rate_distortion["kodak"], _line(card)
    return (
        f"| {name} | {card.lmbda:g} | {parameters:,} | {weights.stat().st_size / 1e6:.2f} MB"
        f" | {reached.bpp:.3f} | {reached.psnr:.2f} dB"
        f" | {reached.estimated_bpp / reached.bpp - 1:+.2%}"
        f" | {sum(one.steps for one in line):,} steps, {_minutes(line):.0f} min |"
    )


def _line(card: Card) -> list[Card]:
    """Return a card and those of all it descends from; some of these models are not shipped."""
    if card.parent is None:
        return [card]
    files = (folder / f"{card.parent}.json" for folder in (WEIGHTS, ANCESTORS))
    (parent,) = (file.read_bytes() for file in files if file.exists())
    return [card, *_line(Card.model_validate_json(parent))]


def _minutes(line: Sequence[Card]) -> float:
    return sum(card.seconds for card in line) / 60


def _row(title: str, point: Point) -> str:
    return f"| {title} | {point.name} | {point.bpp:.3f} | {point.psnr:.2f} dB |"


def _family(family: str, cards: Mapping[str, Card], anchors: Mapping[str, list[Point]]) -> str:
    plain = [
        card.rate_distortion["kodak"]
        for name, card in cards.items()
        if card.architecture == family and HARDENED not in name
    ]
    found = [_bd_rate(points, plain) for points in anchors.values()]
    return f"| {family} | {' | '.join(found)} |"


def _bd_rate(anchor: Sequence[Point], test: Sequence[RateDistortion]) -> str:
    """Return how many more bits `test` takes for the same PSNR, where both have points."""
    ends = [sorted((point.bpp, point.psnr) for point in points) for points in (anchor, test)]
    (rate, quality), (own_rate, own_quality) = (zip(*points, strict=True) for points in ends)
    value = bjontegaard.bd_rate(
        rate, quality, own_rate, own_quality, "pchip", require_matching_points=False
    )
    return f"{value:+.1f} %"


if __name__ == "__main__":
    main()
