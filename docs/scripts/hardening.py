"""Write docs/hardening.md: plain against adversarially trained models, from finished runs.

    python docs/scripts/hardening.py runs/hardening-hyperprior-q5 runs/hardening-hyperprior-q4 ...

A model labelled "NAME hardened" is compared with the model labelled "NAME" of the same run. The
script also writes the results into the cards of the bundled models.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, product
from pathlib import Path

from pages import DOCS, command, finished_run, run_folders, table, write_page

from bench.errors import ConfigError
from bench.models.card import Robustness, read_card, write_card
from bench.store.run_folder import Run
from leaderboard.aggregate.cases import CellGroup, cases
from leaderboard.aggregate.suite_info import setting
from leaderboard.aggregate.threats import GRADIENTS
from leaderboard.study.adversarial_training import HardenedPair, hardened_pairs
from leaderboard.study.losses import (
    OBJECTIVE_VALUES,
    ScoreValue,
    clean_mean,
    rd_cost,
    worst_case,
)

PAGE = DOCS / "hardening.md"
ZOO = Path(__file__).parents[2] / "backends/zoo"
INTRODUCTION = """\
# Adversarial training

This page compares plain bundled models with their adversarially trained (hardened) versions under
white-box attacks. `docs/scripts/hardening.py` writes it from finished runs.

## Summary

{reached} of {pairs} hardened models reach the goal of their training. They were trained against
attacks on the rate at linf 8. The goal was to recover at least 60 % of the damage by such attacks,
with a clean R-D cost at most 10 % higher."""
SUMMARY_NOTES = """\
The largest reduction is that of any budget and objective below. Sun et al. (arXiv 2401.10345)
report a reduction of 95.52 % for their most vulnerable model.

At small budgets hardening costs more than it gains: at linf 4 and linf 5 the J of every hardened
model under attacks on the distortion and on the R-D cost is above that of the plain model. (This
sentence was written by hand for the runs that the end of this page names.)

## How to read the tables

J is the R-D cost bpp + lambda 255^2 MSE against the source picture, of real bitstreams, with the
lambda that the model was trained for. The objective `rd` is J. Every model is attacked with its own
gradients. On each picture the worst case by attacks with the objective counts (lowest PSNR, most
bits or largest J); values are means over {pictures} source pictures.

- **reduction**: the share of the plain model's J under attack that hardening removes,
  (J_plain - J_hardened) / J_plain.
- **ceiling**: the reduction of a codec that attacks do not affect, 1 - J_clean / J_plain.
- **recovered**: the share of the damage that hardening removes,
  (J_plain - J_hardened) / (J_plain - J_clean), with the clean J of the plain model. A dash means
  that the attacks do not increase the plain model's J.
- **colour shift**: the J of the hardened model when the same colour is added to every pixel, the
  worst of eight colours. A codec that removes such a shift is wrong on pictures of that colour. For
  objectives that contain the distortion, this is the smallest cost of an attack on any faithful
  codec."""
HEADERS = (
    *("budget", "objective", "J plain", "J hardened", "reduction", "ceiling", "recovered"),
    *("colour shift", "PSNR plain", "PSNR hardened", "bpp plain", "bpp hardened"),
)
SUMMARY_HEADERS = (
    *("model", "goal", "clean J increase", "recovered (rate, linf 8)"),
    *("largest reduction", "its ceiling", "at"),
)
GOAL_BUDGET, GOAL_OBJECTIVE = "linf 8", "rate"
GOAL_RECOVERED, GOAL_CLEAN_INCREASE = 0.60, 0.10
COLOUR_SHIFT = "colour-shift"


def main() -> None:
    """Read the runs, write the page and the cards of the bundled models."""
    folders = run_folders(__doc__)
    runs = [finished_run(folder) for folder in folders]
    pairs = [pair for run in runs for pair in hardened_pairs(run)]
    blocks = [
        *_summary(pairs, pictures=len(runs[0].manifest.pictures)),
        *chain.from_iterable(map(section, pairs)),
        command("hardening.py", folders),
    ]
    write_page(PAGE, blocks)
    for run in runs:
        _update_cards(run)


def _summary(pairs: Sequence[HardenedPair], pictures: int) -> Iterator[str]:
    reached = sum(map(_reaches_goal, pairs))
    yield INTRODUCTION.format(reached=reached, pairs=len(pairs))
    yield table(SUMMARY_HEADERS, map(_summary_line, pairs), text_columns=2)
    yield SUMMARY_NOTES.format(pictures=pictures)


def _summary_line(pair: HardenedPair) -> tuple[str, ...]:
    largest = max(product(pair.plain, OBJECTIVE_VALUES), key=lambda case: pair.reduction(*case))
    return (
        _title(pair),
        "reached" if _reaches_goal(pair) else "missed",
        f"{pair.clean_increase:+.1%}",
        f"{pair.recovered(GOAL_BUDGET, GOAL_OBJECTIVE):.1%}",
        *(f"{pair.reduction(*largest):.1%}", f"{pair.ceiling(*largest):.1%}", ", ".join(largest)),
    )


def _reaches_goal(pair: HardenedPair) -> bool:
    recovered = pair.recovered(GOAL_BUDGET, GOAL_OBJECTIVE)
    return recovered >= GOAL_RECOVERED and pair.clean_increase <= GOAL_CLEAN_INCREASE


def section(pair: HardenedPair) -> Iterator[str]:
    """Yield the blocks of one pair: its clean costs and its results under attack."""
    plain, hardened = pair.clean_costs
    yield f"## {_title(pair)}"
    yield f"Clean J: plain {plain:.3f}, hardened {hardened:.3f} ({pair.clean_increase:+.1%})."
    lines = [_line(pair, *case) for case in product(pair.plain, OBJECTIVE_VALUES)]
    yield table(HEADERS, lines, text_columns=2)


def _title(pair: HardenedPair) -> str:
    return f"{pair.name}, lambda {pair.lmbda:g}"


def _line(pair: HardenedPair, budget: str, objective: str) -> tuple[str, ...]:
    losses = pair.losses(budget, objective)
    shift = worst_case(pair.hardened[budget], GRADIENTS, "rd", COLOUR_SHIFT)
    ceiling = pair.ceiling(budget, objective)

    def both(value: ScoreValue, text: str) -> Iterator[str]:
        return (text.format(loss.average(value)) for loss in losses)

    return (
        *(budget, objective, *both(rd_cost, "{:.3f}")),
        *(f"{pair.reduction(budget, objective):.1%}", f"{ceiling:.1%}"),
        f"{pair.recovered(budget, objective):.1%}" if ceiling > 0 else "–",
        f"{shift.average(rd_cost):.3f}",
        *both(lambda scores: scores.psnr_source, "{:.2f} dB"),
        *both(lambda scores: scores.bpp, "{:.3f}"),
    )


def _update_cards(run: Run) -> None:
    """Write the results of a run into the cards of its bundled models."""
    suite = setting(run)
    groups = cases(run, suite)
    pictures = (
        f"{len(run.manifest.pictures)} of {', '.join(suite.images.sets)}, {suite.images.crop}"
    )
    for spec in chain.from_iterable(suite.codecs):
        weights = ZOO / f"{dict(spec.params)['checkpoint']}.safetensors"
        card = read_card(weights)
        if card is None:
            raise ConfigError(f"{weights} is not a bundled model; use the suites hardening-*")
        results = {
            f"{budget}, {objective}, {pictures}": _robustness(groups[str(spec), budget], objective)
            for budget in map(str, suite.balls)
            for objective in OBJECTIVE_VALUES
        }
        write_card(weights, card.model_copy(update={"robustness": results}))


def _robustness(group: CellGroup, objective: str) -> Robustness:
    loss = worst_case(group, GRADIENTS, objective)
    return Robustness(
        bpp=loss.average(lambda scores: scores.bpp),
        psnr=loss.average(lambda scores: scores.psnr_source),
        cost=loss.average(rd_cost),
        clean_cost=clean_mean(group, rd_cost),
    )


if __name__ == "__main__":
    main()
