"""Whether searches in bfloat16 find as much as those in float32, by real bytes decoded again.

    python -m pytest -m slow benchmarks/test_strength.py

Bundled models, the four corners of the four bundled photographs, PGD for distortion and for the
rate. Two searches of one picture end in different places, so the differences are told with their
standard errors over pictures.
"""

from __future__ import annotations

import math
from collections import defaultdict
from itertools import product
from pathlib import Path
from statistics import fmean, stdev
from typing import get_args

import pytest
from PIL import Image as Pillow

from bench.engine.runner import describe, execute, prepare
from bench.images.image_set import ImageSpec, load
from bench.store.records import Scores
from bench.store.run_folder import open_run, read_run
from bench.suite.suite import Suite
from bench.utils.precision import Precision
from bench.utils.yaml_config import parse

MODELS = ("bmshj2018-factorized-small-q4", "bmshj2018-hyperprior-small-q4", "mbt2018-mean-small-q4")
SUITE = """\
name: strength
images: {{set: {pictures}}}
codecs:
  - {{name: {architecture}, checkpoint: {model}, label: learned}}
attacks: [{{name: pgd, steps: 40}}]
objectives: [distortion, rate]
budgets: [{{linf: 4}}, {{linf: 8}}]
transfer: none
compute: {{threads: 1, precision: {precision}}}
"""


SIDE = 192


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the four corners of each bundled photograph; return their folder."""
    folder = tmp_path_factory.mktemp("pictures")
    for photograph in load(ImageSpec(set="sample"), Path()):
        height, width, _ = photograph.pixels.shape
        for top, left in product((0, height - SIDE), (0, width - SIDE)):
            part = photograph.pixels[top : top + SIDE, left : left + SIDE]
            Pillow.fromarray(part).save(folder / f"{photograph.name}-{top}-{left}.png")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
def test_strength(model, pictures, say, tmp_path):
    found = {p: _found(model, p, pictures, tmp_path / p) for p in get_args(Precision)}
    for budget, objective in found["float32"]:
        full, half = (found[p][budget, objective] for p in get_args(Precision))
        told = _drops if objective == "distortion" else _factors
        say(f"{model}, {budget}, {objective}: {told(full, half)}")


def _drops(full: list[Scores], half: list[Scores]) -> str:
    """Tell how many decibels were lost, and how much that differs, in per cent."""
    one, other = ([scores.drop_db or 0.0 for scores in each] for each in (full, half))
    difference, error = _difference(one, other)
    unit = fmean(one) / 100
    return (
        f"{fmean(one):.3f} dB lost in float32, {fmean(other):.3f} in bfloat16,"
        f" {difference / unit:+.1f} +- {error / unit:.1f} %"
    )


def _factors(full: list[Scores], half: list[Scores]) -> str:
    """Tell by what the rate grew, and how much that differs, in per cent."""
    one, other = ([math.log(scores.bpp_factor) for scores in each] for each in (full, half))
    difference, error = _difference(one, other)
    return (
        f"bpp x{math.exp(fmean(one)):.4f} in float32, x{math.exp(fmean(other)):.4f} in bfloat16,"
        f" {100 * math.expm1(difference):+.1f} +- {100 * error:.1f} %"
    )


def _difference(one: list[float], other: list[float]) -> tuple[float, float]:
    """Return the mean difference over pictures and its standard error."""
    differences = [b - a for a, b in zip(one, other, strict=True)]
    return fmean(differences), stdev(differences) / math.sqrt(len(differences))


def _found(
    model: str, precision: str, pictures: Path, folder: Path
) -> dict[tuple[str, str], list[Scores]]:
    """Return the white-box scores of all pictures, in their order, by budget and objective."""
    architecture = model.partition("-small")[0]
    text = SUITE.format(
        pictures=pictures, architecture=architecture, model=model, precision=precision
    )
    prepared = prepare(parse(text, "strength.yaml", Suite), Path())
    with open_run(folder, describe(prepared)) as store:
        for _ in execute(prepared, store):
            pass
    run, found = read_run(folder), defaultdict(list)
    for record in sorted(run.measures, key=lambda record: record.picture):
        if record.threat == "white-box":
            craft = run.crafts[str(record.craft)]
            assert record.scores is not None
            found[craft.budget, str(craft.objective)].append(record.scores)
    return found
