"""Write docs/hardening.md: plain against adversarially trained models, from finished runs.

    python docs/scripts/hardening.py runs/hardening-hyperprior-q5 runs/hardening-hyperprior-q4 ...

A model labelled "NAME hardened" is compared with the one labelled "NAME" of the same run.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from itertools import chain, product
from pathlib import Path

from bench.errors import ConfigError
from bench.models.card import Robustness, read_card, write_card
from bench.store.run_folder import Run, read_run
from leaderboard.aggregate.cases import CellGroup, cases
from leaderboard.aggregate.suite_info import setting
from leaderboard.study.adversarial_training import WANTED, Pair, clean_cost, pairs, suffered

PAGE = Path(__file__).parents[1] / "hardening.md"
ZOO = Path(__file__).parents[2] / "backends/zoo"
INTRODUCTION = """\
# What adversarial training does

Written by `python docs/scripts/hardening.py {runs}`, from runs of `bench run suites/NAME.yaml`. J
is bpp + lambda 255^2 MSE against the source, with the lambda the model was trained for, in real
bytes. Every model is attacked through its own gradients. Of all pictures made for an objective from
one source, the one counts that hurt most by it (lowest PSNR, most bits, largest J); means are over
{pictures} sources.

- **fall**: how much of the attacked cost of the plain model the hardened one takes away,
  (J_plain - J_hardened) / J_plain; the paper reports 95.52 % for its most vulnerable model.
- **ceiling**: the fall of a codec that attacks do not touch at all, 1 - J_clean / J_plain.
- **recovered**: the share of the damage that is undone,
  (J_plain - J_hardened) / (J_plain - J_clean), the clean cost being the plain model's; – where J of
  the plain model did not grow.
- **shift**: J of the hardened model when every pixel is moved by one colour, the worst of eight. No
  codec can undo that without being wrong on pictures of that colour: at an objective that counts
  distortion, it is the least that any attack costs any faithful codec.
"""
HEADERS = (
    *("budget", "objective", "J plain", "J hardened", "fall", "ceiling", "recovered", "shift"),
    *("PSNR plain", "PSNR hardened", "bpp plain", "bpp hardened"),
)
SUMMARY = """\
## In short

Trained against attacks on the rate, of linf 8. The goal: at linf 8 at least 60 % of the damage by
that objective recovered, for at most 10 % more clean cost. The largest fall is that of any budget
and objective below.

| pair | clean J | rate at linf 8: recovered | goal | largest fall | its ceiling | where |
|---|--:|--:|---|--:|--:|---|"""
GOAL = ("linf 8", "rate", 0.60, 0.10)
SHIFT = "colour-shift"


def main() -> None:
    """Read the runs and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", type=Path)
    folders = parser.parse_args().runs
    runs = [read_run(folder) for folder in folders]
    found = [pair for run in runs for pair in pairs(run)]
    told = INTRODUCTION.format(
        runs=" ".join(map(str, folders)), pictures=len(runs[0].manifest.pictures)
    )
    lines = [told, SUMMARY, *map(_in_short, found), "", *chain.from_iterable(map(_section, found))]
    PAGE.write_text("\n".join(lines), encoding="utf-8")
    for run in runs:
        _note(run)


def _in_short(pair: Pair) -> str:
    budget, objective, least, most = GOAL
    recovered = pair.recovered(budget, objective)
    verdict = "reached" if recovered >= least and pair.dearer <= most else "missed"
    where = max(product(pair.plain, WANTED), key=lambda found: pair.fall(*found))
    cells = (
        *(f"{pair.name}, lambda {pair.lmbda:g}", f"{pair.dearer:+.1%}", f"{recovered:.1%}"),
        *(verdict, f"{pair.fall(*where):.1%}", f"{pair.ceiling(*where):.1%}", ", ".join(where)),
    )
    return f"| {' | '.join(cells)} |"


def _section(pair: Pair) -> Iterator[str]:
    """Yield the lines of one pair's table."""
    plain, hardened = pair.clean
    yield from (f"## {pair.name}, lambda {pair.lmbda:g}", "")
    yield f"Clean J {plain:.3f} plain, {hardened:.3f} hardened ({pair.dearer:+.1%})."
    yield from ("", f"| {' | '.join(HEADERS)} |", f"|---|---|{'--:|' * (len(HEADERS) - 2)}")
    yield from (_row(pair, *found) for found in product(pair.plain, WANTED))
    yield ""


def _note(run: Run) -> None:
    """Write what the bundled models of a run suffered into their cards."""
    suite = setting(run)
    found = cases(run, suite)
    pictures = (
        f"{len(run.manifest.pictures)} of {', '.join(suite.images.sets)}, {suite.images.crop}"
    )
    for choice in chain.from_iterable(suite.codecs):
        weights = ZOO / f"{dict(choice.params)['checkpoint']}.safetensors"
        card = read_card(weights)
        if card is None:
            raise ConfigError(f"{weights} is no bundled model")
        noted = {
            f"{budget}, {objective}, {pictures}": _robustness(found[str(choice), budget], objective)
            for budget in map(str, suite.balls)
            for objective in WANTED
        }
        write_card(weights, card.model_copy(update={"robustness": noted}))


def _robustness(case: CellGroup, objective: str) -> Robustness:
    found = suffered(case, objective)
    return Robustness(bpp=found.bpp, psnr=found.psnr, cost=found.cost, clean_cost=clean_cost(case))


def _row(pair: Pair, budget: str, objective: str) -> str:
    plain, hardened = pair.attacked(budget, objective)
    shifted = suffered(pair.hardened[budget], "rd", SHIFT)
    fall, ceiling = pair.fall(budget, objective), pair.ceiling(budget, objective)
    recovered = f"{pair.recovered(budget, objective):.1%}" if ceiling > 0 else "–"
    cells = (
        *(budget, objective, f"{plain.cost:.3f}", f"{hardened.cost:.3f}"),
        *(f"{fall:.1%}", f"{ceiling:.1%}", recovered),
        *(f"{shifted.cost:.3f}", f"{plain.psnr:.2f} dB", f"{hardened.psnr:.2f} dB"),
        *(f"{plain.bpp:.3f}", f"{hardened.bpp:.3f}"),
    )
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
