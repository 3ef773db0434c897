"""Draw the largest PSNR drop of a run: source, perturbation, reconstruction before and after.

    python examples/contact_sheet.py runs/quick docs/example.png

No attack runs again: the saved adversarial picture is encoded and decoded once more.
"""

from __future__ import annotations

import argparse
from itertools import chain
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt
from PIL import Image as Pillow

from bench.codec import Codec, Image
from bench.errors import BenchError
from bench.images.image_set import load
from bench.registry.registry import instantiate
from bench.store.records import CraftRecord, MeasureRecord, Scores
from bench.store.run_folder import Run, read_run
from leaderboard.aggregate.suite_info import setting

_AMPLIFIED = 8


def main() -> None:
    """Read both paths from the command line and write the sheet."""
    parser = argparse.ArgumentParser(description="Draw the largest PSNR drop of a run.")
    parser.add_argument("run", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    mpl.use("Agg")
    run = read_run(arguments.run)
    record, scores = _worst(run)
    _draw(run, record, scores, arguments.out)


def _worst(run: Run) -> tuple[MeasureRecord, Scores]:
    """Return the white-box evaluation with the largest PSNR drop."""
    attacked = [(r, r.scores) for r in run.measures if r.threat == "white-box" and r.scores]
    if not attacked:
        raise BenchError(f"{run.folder} has no white-box evaluations; run a gradient attack first")
    return max(attacked, key=lambda pair: pair[1].drop_db or 0.0)


def _draw(run: Run, record: MeasureRecord, scores: Scores, out: Path) -> None:
    craft = run.crafts[str(record.craft)]
    codec, source = _codec(run, record), _source(run, record)
    attacked = np.asarray(Pillow.open(run.folder / "adversarial" / f"{craft.key}.png"))
    difference = (attacked.astype(np.float64) - source) * _AMPLIFIED / 255 + 0.5
    panels = [
        ("source picture", source),
        (f"perturbation x{_AMPLIFIED}\n{scores.psnr_perturbation:.1f} dB", difference.clip(0, 1)),
        (_title("before", scores.psnr_clean, scores.bpp_clean), _decoded(codec, source)),
        (_title("after", scores.psnr_source, scores.bpp), _decoded(codec, attacked)),
    ]
    figure, axes = plt.subplots(1, 4, figsize=(12, 3.8), layout="constrained")
    for axis, (title, image) in zip(axes, panels, strict=True):
        axis.imshow(image, interpolation="nearest")
        axis.set_title(title, fontsize=10)
        axis.set_axis_off()
    figure.suptitle(_caption(record, craft), fontsize=11)
    figure.savefig(out, dpi=110)


def _title(when: str, psnr: float, bpp: float) -> str:
    return f"decoded {when} the attack\n{psnr:.2f} dB, {bpp:.3f} bpp"


def _caption(record: MeasureRecord, craft: CraftRecord) -> str:
    return f"{record.victim} on {record.picture}: {craft.attack}, {craft.objective}, {craft.budget}"


def _codec(run: Run, record: MeasureRecord) -> Codec:
    points = chain(*setting(run).codecs)
    codec: Codec = instantiate("codec", next(p for p in points if str(p) == record.victim))
    return codec


def _source(run: Run, record: MeasureRecord) -> Image:
    pictures = load(setting(run).images, Path())
    return next(picture.pixels for picture in pictures if picture.name == record.picture)


def _decoded(codec: Codec, image: Image) -> Image:
    return codec.decode(codec.encode(image))


if __name__ == "__main__":
    main()
