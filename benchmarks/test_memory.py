"""How much memory a run takes, and that it does not grow from picture to picture.

    python -m pytest -m slow benchmarks/test_memory.py       minutes a model
    python benchmarks/test_memory.py [MODEL]                 the same, told picture by picture

Twenty pictures of two megapixels, made of the bundled photographs, a bundled model, three steps of
PGD for distortion and for the rate, one process.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from threading import Event, Thread

import numpy as np
import pytest
from PIL import Image as Pillow

from bench.engine.runner import describe, execute, prepare
from bench.images.image_set import ImageSpec, load
from bench.store.records import MeasureRecord
from bench.store.run_folder import open_run
from bench.suite.suite import Suite
from bench.utils.yaml_config import parse

HEIGHT, WIDTH, PICTURES = 1224, 1632, 20
SETTLED, GROWTH = 5, 1.03
"""After so many pictures no peak may be more than this times the highest one until then, nor the
mean of the last so many more than this times that of the next."""

MOST_MIB = 4096
MODELS = ("bmshj2018-factorized-small-q4", "bmshj2018-hyperprior-small-q4", "mbt2018-mean-small-q4")
SUITE = """\
name: memory
images: {{set: {folder}}}
codecs:
  - {{name: {architecture}, checkpoint: {model}}}
attacks: [{{name: pgd, steps: 3}}]
objectives: [distortion, rate]
budgets: [{{linf: 8}}]
transfer: none
compute: {{threads: 1}}
"""


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
def test_peak_memory_is_flat(model, say):
    found = list(peaks(model))
    say(f"{model}, MiB at most while each picture was done: {', '.join(map(str, found))}")
    assert fmean(found[-SETTLED:]) <= GROWTH * fmean(found[SETTLED : 2 * SETTLED])
    assert max(found[SETTLED:]) <= GROWTH * max(found[:SETTLED])
    assert max(found) < MOST_MIB


def peaks(model: str) -> Iterator[int]:
    """Yield the most memory that was resident while each picture was done, in MiB."""
    with TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        _draw(folder / "pictures")
        text = SUITE.format(
            folder=folder / "pictures", model=model, architecture=model.partition("-small")[0]
        )
        prepared = prepare(parse(text, "memory.yaml", Suite), folder)
        cells = len(prepared.plan.cells) // PICTURES
        with open_run(folder / "run", describe(prepared)) as store, _watched() as seen:
            records = (e for e in execute(prepared, store) if isinstance(e, MeasureRecord))
            for number, record in enumerate(records, 1):
                assert record.status == "ok"
                if number % cells == 0:
                    yield max(seen) >> 20
                    seen.clear()


def _draw(folder: Path) -> None:
    """Write pictures: parts of the bundled photographs, each another one, enlarged."""
    folder.mkdir()
    photographs = [picture.pixels for picture in load(ImageSpec(set="sample"), Path())]
    rng = np.random.default_rng(0)
    for number in range(PICTURES):
        photograph = photographs[number % len(photographs)]
        rows, columns, _ = photograph.shape
        top, left = rng.integers(rows // 4), rng.integers(columns // 4)
        part = photograph[top : top + rows * 3 // 4, left : left + columns * 3 // 4]
        large = Pillow.fromarray(part).resize((WIDTH, HEIGHT), Pillow.Resampling.BICUBIC)
        large.save(folder / f"{number:02}.png")


@contextmanager
def _watched() -> Iterator[list[int]]:
    """Note the resident set of this process, in bytes, a hundred times a second."""
    seen: list[int] = []
    ended = Event()

    def look() -> None:
        while not ended.wait(0.01):
            pages = Path("/proc/self/statm").read_text().split()[1]
            seen.append(int(pages) * 4096)

    watcher = Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield seen
    finally:
        ended.set()
        watcher.join()


if __name__ == "__main__":
    for most in peaks(*sys.argv[1:] or MODELS[1:2]):
        sys.stdout.write(f"{most} MiB\n")
        sys.stdout.flush()
