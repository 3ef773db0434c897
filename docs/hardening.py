"""Write docs/hardening.md: plain against adversarially trained models, from finished runs.

    python docs/hardening.py runs/hardening-q1 runs/hardening-q2 ...

A model labelled "NAME hardened" is compared with the one labelled "NAME" of the same run.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from statistics import fmean

from bench.card import Robustness, read_card, write_card
from bench.errors import ConfigError
from bench.record import Scores
from bench.store import Run, read_run
from leaderboard.cells import Case, cases, setting

PAGE = Path(__file__).parent / "hardening.md"
ZOO = Path(__file__).parents[1] / "backends/zoo"
SUFFIX = " hardened"
INTRODUCTION = """\
# What adversarial training does

Written by `python docs/hardening.py {runs}`, from runs of `bench run suites/NAME.yaml`. J is
bpp + lambda 255^2 MSE against the source, with the lambda the model was trained for, in real
bytes. Every model is attacked through its own gradients. Of all pictures made for an objective from
one source, the one counts that hurt most by it (lowest PSNR, most bits, largest J); means are over
{pictures} sources.

- **fall**: how much of the attacked cost of the plain model the hardened one takes away,
  (J_plain - J_hardened) / J_plain; the paper reports 95.52 % for its most vulnerable model.
- **ceiling**: the fall of a codec that attacks do not touch at all, 1 - J_clean / J_plain.
- **recovered**: the share of the damage that is undone,
  (J_plain - J_hardened) / (J_plain - J_clean), the clean cost being the plain model's.
- **shift**: J of the hardened model when every pixel is moved by one colour, the worst of eight. No
  codec can undo that without being wrong on pictures of that colour: at an objective that counts
  distortion, it is the least that any attack costs any faithful codec.
"""
HEADERS = (
    *("budget", "objective", "J plain", "J hardened", "fall", "ceiling", "recovered", "shift"),
    *("PSNR plain", "PSNR hardened", "bpp plain", "bpp hardened"),
)
WANTED: dict[str, Callable[[Scores], float]] = {
    "distortion": lambda scores: scores.mse_source,
    "rate": lambda scores: scores.bpp,
    "rd": lambda scores: scores.rd_cost,
}
SHIFT = "colour-shift"


@dataclass(frozen=True)
class Suffered:
    """What attacks with one objective did to one model, means over the pictures.

    Attributes:
        cost: J.
        psnr: in dB against the source.
        bpp: bits per pixel.
    """

    cost: float
    psnr: float
    bpp: float


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
    for run in runs:
        _note(run)


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
            pair = (found[plain, budget], found[hardened, budget])
            yield from (_row(budget, objective, clean[0], *pair) for objective in WANTED)
        yield ""


def _note(run: Run) -> None:
    """Write what the bundled models of a run suffered into their cards."""
    suite = setting(run)
    found = cases(run, suite)
    pictures = f"{len(run.manifest.pictures)} of {suite.images.set}, {suite.images.crop}"
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


def _robustness(case: Case, objective: str) -> Robustness:
    suffered = _suffered(case, objective)
    return Robustness(
        bpp=suffered.bpp, psnr=suffered.psnr, cost=suffered.cost, clean_cost=_clean_cost(case)
    )


def _row(budget: str, objective: str, clean: float, before: Case, after: Case) -> str:
    plain, hardened = (_suffered(case, objective) for case in (before, after))
    shifted = _suffered(after, "rd", SHIFT)
    less = plain.cost - hardened.cost
    cells = (
        *(budget, objective, f"{plain.cost:.3f}", f"{hardened.cost:.3f}"),
        *(f"{less / plain.cost:.1%}", f"{1 - clean / plain.cost:.1%}"),
        *(f"{less / (plain.cost - clean):.1%}", f"{shifted.cost:.3f}"),
        *(f"{plain.psnr:.2f} dB", f"{hardened.psnr:.2f} dB"),
        *(f"{plain.bpp:.3f}", f"{hardened.bpp:.3f}"),
    )
    return f"| {' | '.join(cells)} |"


def _change(before: float, after: float) -> str:
    return f"{after / before - 1:+.1%}"


def _clean_cost(case: Case) -> float:
    return fmean(scores.rd_cost for scores in case.clean.values())


def _suffered(case: Case, objective: str, attack: str = "") -> Suffered:
    """Return the worst of each picture, by what the objective wants, of one attack or of all."""
    made: dict[str, list[Scores]] = {}
    for scored in case.of("white-box"):
        wanted = (scored.craft.objective or "").split()[0] == objective
        if wanted and scored.craft.attack.startswith(attack):
            made.setdefault(scored.picture, []).append(scored.scores)
    worst = [max(found, key=WANTED[objective]) for found in made.values()]
    return Suffered(
        cost=fmean(scores.rd_cost for scores in worst),
        psnr=fmean(scores.psnr_source for scores in worst),
        bpp=fmean(scores.bpp for scores in worst),
    )


if __name__ == "__main__":
    main()
