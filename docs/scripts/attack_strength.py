"""Write docs/attacks.md: how strong every attack is, from finished runs.

    python docs/scripts/attack_strength.py runs/attacks runs/attacks-convergence \\
        runs/attacks-seeds runs/attacks-queries runs/attacks-queries-jpeg

Which tables a run gives follows from its suite: of one with steps as a grid, strength by steps.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from attack_tables import (
    ENSEMBLE,
    Found,
    between_seeds,
    beyond,
    budgets,
    by_steps,
    codecs,
    compared_in_pairs,
    found_in,
    has_steps,
    lost,
    queried,
    strength,
)

from bench.store.run_folder import Run, read_run

PAGE = Path(__file__).parents[1] / "attacks.md"
INTRODUCTION = """\
# How strong the attacks are

Written by

    python docs/scripts/attack_strength.py {runs}

from runs of `bench run suites/NAME.yaml`. Figures are of real bytes that were decoded again, of
8-bit pictures inside their budgets: PSNR of C(x') against x under attacks on the distortion, bits
per pixel under attacks on the rate, means over pictures."""
TABLE = """\
At as many gradients each, those with published constants of their own apart. "Input" is the PSNR
of the attacked picture itself, of attacks on the distortion; gradients, queries and seconds are
those of the two searches together, in {precision}, on a machine that was busy with other things
({machine}).
`standard` is the worst of its members, picture by picture. C&W has five weights to try with what
others spend on one search. The universal perturbation was learnt on 128x128
crops of other photographs: each of its gradients is of a quarter of the pixels. FTDA's rows are
of its version 2, run later by itself. bfloat16 then still rounded pictures and the biases of the
first layer, which cost small nets up to 5 % of the decibels ([performance.md](performance.md))."""
PAIRS = """\
On how many pictures the first did at least as much as the second, and by how much more on average
(dB below, bits per pixel above).

PGD is I-FGSM from a random start, which at as many gradients is worth next to nothing: which of
the two is ahead is chance. Under a budget in MSE a change may gather where the decoder breaks
down: there a patch of a twentieth of the picture does more than FGSM on all of it, and in linf
next to nothing. Which place a search finds is chance again, so that searches of one kind differ by
decibels on single pictures, and even the order of means can turn."""
BEYOND = """\
Of the pictures where some attack outside the ensemble did more than `standard`, how many there
are, and by how much at most. The cheap mode has one start of each member; what did more is nearly
always APGD, which as a member has 49 steps, with the 40 of here and another random start."""
SHOWN_ALONE = ("kodim03", "linf 8")
ALONE = """\
### {} at {} by itself

Per cent of the PSNR of C(x) lost under attacks on the distortion, and times its bits under attacks
on the rate."""
STEPS = """\
PSNR under attacks on the distortion, and bits per pixel under attacks on the rate, by steps."""
GROWTH = """\
## Where more steps stop paying

By these tables APGD is within 0.1 dB and 2 % of its most with 50 steps on two of the models, and
goes on to 400 steps for the rate of mbt2018-mean, where 50 steps leave 13 % of the bits of 800 on
the table. The cheap mode of `standard`, with 49 steps from one start, is therefore no bound for
such models; the full one has 400 from two starts."""
SEEDS = """\
## Seeds

How far apart the same searches with different seeds came out, over models and pictures."""
QUERIED = """\
Attacks by queries and by pictures made against another codec; of hyperprior q4 also through its
own gradients. "Beats
noise" is on how many pictures they did more than noise of the same budget."""


def main() -> None:
    """Read the runs and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", type=Path)
    folders = parser.parse_args().runs
    parts = [INTRODUCTION.format(runs=" ".join(map(str, folders)))]
    searches = [(run, found_in(run)) for run in map(_finished, folders)]
    for run, found in searches:
        parts.append(f"## {run.manifest.suite['description'].rstrip('.')}")
        parts += [told for told in _sections(run, found) if told not in parts]
    stepped = [found for _, found in searches if has_steps(found)]
    parts += [GROWTH] if stepped else []
    if apart := between_seeds(stepped):
        parts += [SEEDS, apart]
    PAGE.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def _finished(folder: Path) -> Run:
    run = read_run(folder)
    if len(run.measures) < run.manifest.cells:
        told = f"{len(run.measures)} of {run.manifest.cells} cells"
        raise SystemExit(f"{folder} holds {told}; continue it with 'bench run' first")
    return run


def _sections(run: Run, found: Sequence[Found]) -> Iterator[str]:
    if any(one.threat == "black-box" and one.attack != ENSEMBLE for one in found):
        yield QUERIED
        yield from (queried(found, victim) for victim in codecs(run))
    elif has_steps(found):
        yield STEPS
        yield by_steps(found)
    else:
        yield TABLE.format(
            machine=", ".join(map(": ".join, run.manifest.machine.items())),
            precision=run.manifest.suite["compute"].get("precision", "float32"),
        )
        yield from (strength(found, budget) for budget in budgets(found))
        yield from (PAIRS, compared_in_pairs(found), BEYOND, beyond(found))
        here = [one for one in found if (one.craft.picture, one.craft.budget) == SHOWN_ALONE]
        if here:
            yield ALONE.format(*SHOWN_ALONE)
            yield lost(here)


if __name__ == "__main__":
    main()
