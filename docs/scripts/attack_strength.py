"""Write docs/attacks.md: the strength of every attack, from finished runs.

    python docs/scripts/attack_strength.py runs/attacks runs/attacks-convergence \\
        runs/attacks-seeds runs/attacks-queries runs/attacks-queries-jpeg

The suite of a run decides its tables: strength by number of steps for a grid of steps, attacks by
source for query attacks, and all attacks side by side otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from attack_tables import (
    ENSEMBLE,
    ScoredPicture,
    budgets,
    codecs,
    ensemble_table,
    has_step_grid,
    pairwise_table,
    query_table,
    relative_table,
    scored_pictures,
    seeds_table,
    steps_table,
    strength_table,
)
from pages import DOCS, command, finished_run, run_folders, write_page

from bench.store.run_folder import Run
from leaderboard.study.attacks.optimality import optimalities, optimality_tables
from leaderboard.study.report.prose import OPTIMALITY

PAGE = DOCS / "attacks.md"
INTRODUCTION = """\
# Attack strength

This page compares the strength of all attacks on a few codecs: white-box attacks at several
budgets, their growth with the number of steps, their dependence on the seed, and query and transfer
attacks on codecs without gradients. `docs/scripts/attack_strength.py` writes it from finished runs.

## Findings

These sentences were written by hand for the runs that the end of this page names.

- **No rounding and a shrinking ball are strongest.** With 40 gradients, APGD through the surrogate
  without rounding finds a lower mean PSNR than through straight-through rounding at all budgets.
  A ball that shrinks to the budget adds most to the rate in linf, and to the loss of PSNR at linf
  16, MSE 3e-4 and MSE 6e-4.
- **`standard` is strongest in eleven of twelve means.** To three digits no attack has a higher mean
  rate at any budget, or a lower mean PSNR at any budget but linf 16. There, one unrounded search of
  40 steps in a shrinking ball is stronger (16.84 against 17.09 dB): the searches of the cheap mode
  have 24 steps.
- **The ensemble can be exceeded.** Single searches without rounding lower the PSNR further on up to
  6 of 8 pictures, by at most 0.72 dB. For the rate, they find at most 0.002 bpp more, on two
  pictures at linf 4.
- **50 steps are enough on two of three models.** There, APGD with 50 steps from one start is within
  0.04 dB and 0.5 % of its best value. On mbt2018-mean it is 0.21 dB and 14 % of the rate below that
  of 800 steps. The cheap mode of `standard` is therefore too weak for such models; the full mode
  has up to 800 steps.
- **A random start gains almost nothing.** PGD is I-FGSM from a random start. With the same number
  of gradients, chance decides which of the two is ahead.
- **Under an MSE budget, results vary more.** The perturbation can concentrate where the decoder
  breaks down: at MSE 6e-4 a patch of a twentieth of the picture does more than FGSM on the whole
  picture, while in linf it does almost nothing. Chance decides which place a search finds.
- **Seeds matter little on average.** Two seeds differ by at most 0.17 dB and 0.027 bpp in the mean,
  and by at most 0.39 dB and 0.121 bpp on a single picture.
- **On VVC, transfer raises the rate most and queries lower the PSNR most.** APGD pictures made
  against hyperprior q4 give the highest rate of both VVC presets. Square pictures give the lowest
  PSNR: on VVC faster those made with queries to it, on VVC medium those made with queries to
  hyperprior q4.

## How to read the tables

Every figure is measured on real bitstreams that were decoded again, for 8-bit pictures inside their
budgets. A figure is the mean over pictures of the worst result of an attack on each picture.

- **PSNR** is measured between reconstruction and source picture, under attacks on the distortion.
- **rate (bpp)** is measured under attacks on the rate.
- **input PSNR** is that of the adversarial picture against the source picture, under attacks on the
  distortion.
- **gradients, queries, seconds** are sums over the two searches for one picture.
- **source** is the codec whose gradients or answers the search used; noise uses none.
- **stronger than noise** is the number of pictures on which the attack does more than noise of the
  same budget."""
STRENGTH = """\
The gradients and queries are those of two searches, one for distortion and one for the rate.
Iterative attacks take 40 gradients a search, FGSM one and noise none; patch and standard take other
numbers. Those marked "unrounded" follow the surrogate without rounding, the others straight-through
rounding; `standard` uses both."""
STRENGTH_CAVEATS = """\
### Caveats

- The searches ran in {precision} on a machine with other load ({machine}), so times are rough.
- `standard` is the worst of its members on each picture.
- C&W tries five weights with the gradients that other attacks spend on one search.
- The universal perturbation is trained on other photographs."""
PAIRS = """\
### Attacks in pairs

The number of pictures on which the first attack is at least as strong as the second, and its mean
advantage (lower PSNR in dB, higher rate in bits per pixel)."""
OUTSIDE_ENSEMBLE = """\
### Attacks outside the ensemble

The number of pictures on which some attack outside `standard` is stronger than `standard`, and the
largest advantage."""
SHOWN_ALONE = ("kodim03", "linf 8")
ALONE = """\
### {} at {}

The PSNR drop in per cent of the PSNR of the clean reconstruction, under attacks on the distortion,
and the ratio of the rate to the clean rate, under attacks on the rate."""
STEPS = """\
The columns are numbers of steps. Values are the PSNR under attacks on the distortion and the rate
in bits per pixel under attacks on the rate."""
SEEDS = """\
## Difference between seeds

The difference between the same searches with different seeds, over models and pictures."""


def main() -> None:
    """Read the runs and write the page."""
    folders = run_folders(__doc__)
    blocks = [INTRODUCTION]
    runs = [(run, scored_pictures(run)) for run in map(finished_run, folders)]
    for run, pictures in runs:
        blocks += [block for block in _section(run, pictures) if block not in blocks]
    differences = seeds_table([pictures for _, pictures in runs if has_step_grid(pictures)])
    blocks += [SEEDS, differences] if differences else []
    write_page(PAGE, [*blocks, command("attack_strength.py", folders)])


def _section(run: Run, pictures: Sequence[ScoredPicture]) -> Iterator[str]:
    suite = run.manifest.suite["name"]
    if any(p.threat == "black-box" and p.attack != ENSEMBLE for p in pictures):
        yield f"## Query and transfer attacks (suite {suite})"
        for victim in codecs(run):
            yield from (f"### {victim}", query_table(pictures, victim))
        yield from _optimality(run)
    elif has_step_grid(pictures):
        yield from (f"## Strength by number of steps (suite {suite})", STEPS, steps_table(pictures))
    else:
        yield f"## Strength of all attacks on {', '.join(codecs(run))} (suite {suite})"
        yield from _strength(run, pictures)


def _strength(run: Run, pictures: Sequence[ScoredPicture]) -> Iterator[str]:
    yield STRENGTH
    for budget in budgets(pictures):
        yield from (f"### {budget}", strength_table(pictures, budget))
    yield from _optimality(run)
    yield from (PAIRS, pairwise_table(pictures))
    yield from (OUTSIDE_ENSEMBLE, ensemble_table(pictures))
    alone = [p for p in pictures if (p.picture, p.budget) == SHOWN_ALONE]
    if alone:
        yield from (ALONE.format(*SHOWN_ALONE), relative_table(alone))
    yield STRENGTH_CAVEATS.format(
        precision=run.manifest.suite["compute"].get("precision", "float32"),
        machine=", ".join(map(": ".join, run.manifest.machine.items())),
    )


def _optimality(run: Run) -> Iterator[str]:
    yield from (f"### Optimality (suite {run.manifest.suite['name']})", OPTIMALITY)
    yield from optimality_tables(optimalities([run]))


if __name__ == "__main__":
    main()
