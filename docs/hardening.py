"""Write docs/hardening.md: plain against adversarially trained models, from finished runs.

    python docs/hardening.py runs/hardening-q1 runs/hardening-q2 ...

A model labelled "NAME hardened" is compared with the one labelled "NAME" of the same run.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, geometric_mean

from bench.record import Scores
from bench.store import Run, read_run
from leaderboard.cells import Case, cases, setting

PAGE = Path(__file__).parent / "hardening.md"
SUFFIX = " hardened"
INTRODUCTION = """\
# What adversarial training does

Written by `python docs/hardening.py {runs}`, from runs of `bench run suites/NAME.yaml`. J is
bpp + lambda 255^2 MSE against the source, with the lambda the model was trained for, in real
bytes. Under attack, the worst picture found by any search against the model itself counts: of each
source picture the largest J, the lowest PSNR, the largest bpp factor. Means are over {pictures}
pictures (of bpp factors, geometric).

- **fall**: how much of the attacked cost of the plain model the hardened one takes away,
  (J_plain - J_hardened) / J_plain; the paper reports 95.52 % for its most vulnerable model.
- **ceiling**: the fall of a codec that attacks do not touch at all, 1 - J_clean / J_plain.
- **recovered**: the share of the damage that is undone,
  (J_plain - J_hardened) / (J_plain - J_clean), the clean cost being the plain model's.
"""
HEADERS = (
    *("budget", "J plain", "J hardened", "fall", "ceiling", "recovered"),
    *("PSNR plain", "PSNR hardened", "bpp plain", "bpp hardened"),
)


@dataclass(frozen=True)
class Suffered:
    """One model at one budget, means over the pictures.

    Attributes:
        cost: J of the attacked pictures.
        psnr: in dB against the source.
        factor: bits by those of the clean picture.
    """

    cost: float
    psnr: float
    factor: float


def main() -> None:
    """Read the runs and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", type=Path)
    folders = parser.parse_args().runs
    runs = [read_run(folder) for folder in folders]
    told = INTRODUCTION.format(
        runs=" ".join(map(str, folders)), pictures=len(runs[0].manifest.pictures)
    )
    PAGE.write_text("\n".join([told, *(line for run in runs for line in _section(run))]) + "\n")


def _section(run: Run) -> Iterator[str]:
    """Yield the lines of one run: a table for each pair."""
    suite = setting(run)
    found = cases(run, suite)
    budgets = [str(ball) for ball in suite.balls]
    for hardened in run.manifest.codecs:
        plain = hardened.removesuffix(SUFFIX)
        if plain == hardened:
            continue
        clean = [_clean_cost(found[label, budgets[0]]) for label in (plain, hardened)]
        yield from (f"## {plain}, lambda {suite.rd_lambda:g}", "")
        yield f"Clean J {clean[0]:.3f} plain, {clean[1]:.3f} hardened ({_change(*clean)})."
        yield from ("", f"| {' | '.join(HEADERS)} |", f"|---|{'--:|' * (len(HEADERS) - 1)}")
        for budget in budgets:
            pair = (_suffered(found[label, budget]) for label in (plain, hardened))
            yield _row(budget, clean[0], *pair)
        yield ""


def _row(budget: str, clean: float, plain: Suffered, hardened: Suffered) -> str:
    less = plain.cost - hardened.cost
    cells = (
        *(budget, f"{plain.cost:.3f}", f"{hardened.cost:.3f}", f"{less / plain.cost:.1%}"),
        *(f"{1 - clean / plain.cost:.1%}", f"{less / (plain.cost - clean):.1%}"),
        *(f"{plain.psnr:.2f} dB", f"{hardened.psnr:.2f} dB"),
        *(f"x{plain.factor:.2f}", f"x{hardened.factor:.2f}"),
    )
    return f"| {' | '.join(cells)} |"


def _change(before: float, after: float) -> str:
    return f"{after / before - 1:+.1%}"


def _clean_cost(case: Case) -> float:
    return fmean(scores.rd_cost for scores in case.clean.values())


def _suffered(case: Case) -> Suffered:
    by_picture: dict[str, list[Scores]] = {}
    for scored in case.of("white-box"):
        by_picture.setdefault(scored.picture, []).append(scored.scores)
    return Suffered(
        cost=fmean(_worst(by_picture, lambda scores: scores.rd_cost)),
        psnr=-fmean(_worst(by_picture, lambda scores: -scores.psnr_source)),
        factor=geometric_mean(_worst(by_picture, lambda scores: scores.bpp_factor)),
    )


def _worst(
    pictures: Mapping[str, Sequence[Scores]], measure: Callable[[Scores], float]
) -> list[float]:
    return [max(map(measure, found)) for found in pictures.values()]


if __name__ == "__main__":
    main()
