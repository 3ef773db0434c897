"""Write docs/ablation.md: what each term of the hardening recipe buys and costs.

    python docs/scripts/ablation.py runs/ablation

The folder is the one of `benchmarks/hardening/ablation.py`, with its finished run in `run`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from hardening import lost_in_generations
from pages import DOCS, finished_run, run_folders, table, write_page

from bench.store.run_folder import Run
from leaderboard.aggregate.suite_info import setting
from leaderboard.study.adversarial_training import pair_of

PAGE = DOCS / "ablation.md"
PLAIN = "plain"
INTRODUCTION = """\
# What each term of hardening buys and costs

Variants of one recipe harden bmshj2018-hyperprior-small-q4 for 1,500 steps each, one change at a
time. `docs/scripts/ablation.py` writes this page. The base attacks half of the 128x128 crops with 3
steps of PGD on the R-D cost at linf 8, through the surrogate without rounding; an attacked crop
should decode to its source. "no attack" is the same training without attacks: it shows what the
further steps alone change. The last two variants have all settings of the recipes of the bundled
models (backends/zoo/recipes), but fewer steps and smaller crops; the very last one also gives the
attacked crops four times the weight.

Every model is attacked itself on the {pictures} sample pictures, cropped to {crop}, with APGD
through both surrogates, for the distortion, the rate and the R-D cost. The columns are those of
[hardening.md](hardening.md):

- **clean J**: its increase over the plain model. Less is better.
- **recovered**: the share of the recoverable gap that hardening recovers.
- **PSNR, rate**: at linf 8, the PSNR under attacks on the distortion and the rate under attacks on
  the rate, in bits per pixel.
- **lost**: the PSNR that a clean picture loses in ten generations."""
HEADERS = (
    *("variant", "clean J", "recovered: linf 4", "linf 8", "linf 16", "mse 0.0003"),
    *("PSNR", "rate", "lost"),
)
BUDGETS = ("linf 4", "linf 8", "linf 16", "mse 0.0003")
REPRODUCE = """\
## Reproduce this page

    python benchmarks/hardening/ablation.py {folder} --photos PHOTOS
    bench run {folder}/suite.yaml -o {folder}/run
    python docs/scripts/ablation.py {folder}"""


def main() -> None:
    """Read the run and write the page."""
    (folder,) = run_folders(__doc__)
    run = finished_run(folder / "run")
    write_page(PAGE, page_blocks(run, folder))


def page_blocks(run: Run, folder: Path) -> Iterator[str]:
    """Yield the blocks of the page."""
    suite = setting(run)
    yield INTRODUCTION.format(pictures=len(run.manifest.pictures), crop=suite.images.crop)
    yield table(HEADERS, [_line(run, str(spec)) for spec in chain(*suite.codecs)])
    yield REPRODUCE.format(folder=folder.as_posix())


def _line(run: Run, label: str) -> tuple[str, ...]:
    pair = pair_of(run, PLAIN, label)
    _, distortion = pair.losses("linf 8", "distortion")
    _, rate = pair.losses("linf 8", "rate")
    is_plain = label == PLAIN
    return (
        label,
        "–" if is_plain else f"{pair.clean_increase:+.1%}",
        *("–" if is_plain else f"{pair.recovered(budget):.1%}" for budget in BUDGETS),
        f"{distortion.average(lambda scores: scores.psnr_source):.2f} dB",
        f"{rate.average(lambda scores: scores.bpp):.3f}",
        f"{lost_in_generations(pair.hardened):.2f} dB",
    )


if __name__ == "__main__":
    main()
