"""Whether searches in bfloat16 find as much as those in float32, by real bytes decoded again.

    python -m pytest -m slow benchmarks/test_strength.py

Bundled models, the four corners of the four bundled photographs, PGD for distortion and for the
rate. Two searches of one picture end in different places, so few pictures tell little.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from statistics import fmean, geometric_mean
from typing import get_args

import pytest
from PIL import Image as Pillow

from bench.arithmetic import Precision
from bench.config import parse
from bench.images import ImageSpec, load
from bench.record import Scores
from bench.run import describe, execute, prepare
from bench.store import opened, read_run
from bench.suite import Suite

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
    for precision in get_args(Precision):
        for (budget, objective), scores in _found(model, precision, pictures, tmp_path / precision):
            drop = fmean(one.drop_db or 0.0 for one in scores)
            factor = geometric_mean(one.bpp_factor for one in scores)
            say(
                f"{model}, {budget}, {objective}, {precision}:"
                f" PSNR -{drop:.3f} dB, bpp x{factor:.4f}"
            )


def _found(
    model: str, precision: str, pictures: Path, folder: Path
) -> Iterator[tuple[tuple[str, str], list[Scores]]]:
    """Yield the white-box scores of all pictures, by budget and objective."""
    architecture = model.partition("-small")[0]
    text = SUITE.format(
        pictures=pictures, architecture=architecture, model=model, precision=precision
    )
    prepared = prepare(parse(text, "strength.yaml", Suite), Path())
    with opened(folder, describe(prepared)) as store:
        for _ in execute(prepared, store):
            pass
    run, found = read_run(folder), defaultdict(list)
    for record in run.measures:
        if record.threat == "white-box":
            craft = run.crafts[str(record.craft)]
            assert record.scores is not None
            found[craft.budget, str(craft.objective)].append(record.scores)
    yield from found.items()
