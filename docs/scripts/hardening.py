"""Write docs/hardening.md: plain against adversarially trained models, from finished runs.

    python docs/scripts/hardening.py runs/hardening-generations runs/hardening-hyperprior-q1 ...

A model labelled "NAME hardened" is compared with the model labelled "NAME" of the same run. The
first run has their losses in generations. The script also writes the results of the others into the
cards of the bundled models.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import astuple
from itertools import chain
from pathlib import Path

from pages import DOCS, command, finished_run, run_folders, table, write_page

from bench.errors import ConfigError
from bench.models.card import Robustness, read_card, write_card
from bench.store.records import Scores
from bench.store.run_folder import Run
from leaderboard.aggregate.cases import CellGroup, cases
from leaderboard.aggregate.suite_info import setting
from leaderboard.aggregate.threats import GRADIENTS
from leaderboard.ranking.board import build_board
from leaderboard.study.adversarial_training import HardenedPair, hardened_pairs
from leaderboard.study.losses import OBJECTIVE_VALUES, clean_mean, rd_cost, worst_case

PAGE = DOCS / "hardening.md"
GENERATIONS = "generations"
"""The metric, with its default number of ten generations."""
ZOO = Path(__file__).parents[2] / "backends/zoo"
INTRODUCTION = """\
# Adversarial training

This page compares plain bundled models with their adversarially trained (hardened) versions.
`docs/scripts/hardening.py` writes it from finished runs. [ablation.md](ablation.md) shows what each
term of the recipe buys and costs.

## What is measured

J is the R-D cost bpp + lambda 255^2 MSE of real bitstreams, with the lambda that the model was
trained for. Every model is attacked itself. On each picture the worst case of all attacks counts;
values are means over {pictures} source pictures.

- **J** is measured against the source picture, **J(input)** against the adversarial picture, the
  input of the codec. Some published code for adversarial training measures J(input).
- **faithful** is J of a codec that codes the adversarial picture as well as the clean one: the
  plain model's clean J plus lambda 255^2 MSE of the perturbation. Training cannot remove that part,
  unless the codec also removes the perturbation.
- **recovered** is the share of the recoverable gap that hardening recovers:
  (J plain - J hardened) / (J plain - J faithful). A codec that also removes part of the
  perturbation recovers more than 100 %.
- **aligned** is J of a faithful codec whose coding error has the direction of the perturbation. It
  is larger by at most lambda 255^2 2 sqrt(MSE(coding) MSE(perturbation)), the figure here. How much
  of it can be recovered depends on the picture and the codec. The summary has the share of the gap
  to this J, too.
- **excess** is J beyond that of a faithful codec with the model's own clean J, on the picture where
  it is largest.
- **fall** is the share of a cost of the plain model that hardening removes.
- **lost in ten generations** is the PSNR that a clean picture loses between its first and its tenth
  coding.

Sun et al. (arXiv 2401.10345) report that adversarial training removes 95.52 % of the R-D cost of
their most vulnerable model. The text that is available to us does not say against which picture J
is measured, nor at which budget. The summary therefore has the largest fall by both definitions.

## Summary"""
SUMMARY_HEADERS = (
    *("model", "clean J", "recovered: {0}", "{1}", "{2}", "{3}", "{3}, aligned"),
    *("largest fall of the excess", "of J", "of J(input)", "lost in ten generations", "plain"),
)
SUMMARY_BUDGETS = ("linf 4", "linf 8", "linf 16", "mse 0.0003")
COST_HEADERS = (
    *("budget", "J plain", "J faithful", "J aligned", "J hardened", "recovered"),
    *("excess plain", "excess hardened", "fall"),
    *("J(input) plain", "J(input) hardened", "fall of J(input)"),
)
TARGET_HEADERS = (
    *("budget", "PSNR plain", "PSNR hardened", "bpp plain", "bpp hardened"),
    *("J plain", "J hardened"),
)
MASKING = """\
## Is the robustness an artefact of the gradients?

A model can look robust because its gradients mislead the attacks (gradient masking). Attacks that
do not use them are then stronger. Each model therefore also receives the pictures made against its
twin (transfer), noise, and queries by Square. The table lists where one of these reached a higher
value of an objective than all attacks through the model's own gradients, through both surrogates of
rounding, and on how many pictures."""
MASKING_HEADERS = ("model", "stronger than the attacks through its own gradients")
RIVALS = {
    "weaker-than-noise": "noise",
    "weaker-than-transfer": "transfer",
    "weaker-than-black-box": "queries",
}
"""What was stronger, by flag."""
REMAINS = """\
## What remains

The excess has three parts:

- **rate**: the additional bits per pixel,
- **coding**: lambda 255^2 times the increase of the MSE between the input of the codec and its
  reconstruction,
- **alignment**: lambda 255^2 times twice the mean product of the coding error and the perturbation.
  It is positive where both have the same direction, so that they add up although the codec codes
  its input no worse. It is negative where the codec removes part of the perturbation.

An attacker who knows the coding error can choose a perturbation of that direction for any codec
that keeps perturbations of this size. Training against attacks reduces rate and coding. The last
column is the fall of their sum."""
REMAINS_HEADERS = (
    *("model", "budget", "excess plain", "rate", "coding", "alignment"),
    *("excess hardened", "rate", "coding", "alignment", "fall without alignment"),
)
TARGETS = """\
Attacks with one objective: the PSNR under attacks on the distortion, bits per pixel under attacks
on the rate, J under attacks on the R-D cost."""


def main() -> None:
    """Read the runs, write the page and the cards of the bundled models."""
    folders = run_folders(__doc__)
    generations, *runs = (finished_run(folder) for folder in folders)
    lost = {pair.name: pair for pair in hardened_pairs(generations)}
    pairs = [pair for run in runs for pair in hardened_pairs(run)]
    blocks = [
        INTRODUCTION.format(pictures=len(runs[0].manifest.pictures)),
        table(
            [header.format(*SUMMARY_BUDGETS) for header in SUMMARY_HEADERS],
            [_summary_line(pair, lost[pair.name]) for pair in pairs],
        ),
        MASKING,
        table(MASKING_HEADERS, chain.from_iterable(map(masking_lines, runs)), text_columns=2),
        REMAINS,
        table(REMAINS_HEADERS, chain.from_iterable(map(remaining_lines, pairs)), text_columns=2),
        *chain.from_iterable(section(pair) for pair in pairs),
        command("hardening.py", folders),
    ]
    write_page(PAGE, blocks)
    for run in runs:
        _update_cards(run)


def masking_lines(run: Run) -> Iterator[tuple[str, str]]:
    """Yield, for each model of a run, where attacks without its gradients were stronger."""
    found: dict[str, list[str]] = {}
    for row in build_board([run]).rows:
        if row.place.through_gradients:
            found.setdefault(row.place.codec, []).extend(
                f"{RIVALS[flag.name]} at {row.place.budget} ({flag.objective}, {flag.count} of"
                f" {flag.of})"
                for flag in row.flags
                if flag.name in RIVALS
            )
    for model, places in found.items():
        yield model, "; ".join(places) or "nowhere"


def remaining_lines(pair: HardenedPair) -> Iterator[tuple[str, ...]]:
    """Yield the parts of the excess of a pair at the budgets of the summary."""
    for budget in SUMMARY_BUDGETS:
        sides = pair.excess_parts(budget)
        shown = ((e, *astuple(p)) for e, p in zip(pair.excess_costs(budget), sides, strict=True))
        plain, hardened = (part.rate + part.coding for part in sides)
        yield (
            *(pair.name, budget),
            *(f"{value:.3f}" for value in chain.from_iterable(shown)),
            _percent(_fall((plain, hardened))),
        )


def _summary_line(pair: HardenedPair, generations: HardenedPair) -> tuple[str, ...]:
    aligned = pair.recovered_aligned(SUMMARY_BUDGETS[-1])
    return (
        _title(pair),
        f"{pair.clean_increase:+.1%}",
        *(_percent(pair.recovered(budget)) for budget in SUMMARY_BUDGETS),
        "–" if math.isnan(aligned) else _percent(aligned),
        *(_largest(pair, costs) for costs in (pair.excess_costs, pair.costs, pair.input_costs)),
        *(
            f"{lost_in_generations(side):.2f} dB"
            for side in (generations.hardened, generations.plain)
        ),
    )


def lost_in_generations(side: Mapping[str, CellGroup]) -> float:
    """Return the mean of the metric `generations` over the clean pictures of a model, in dB."""
    group = next(iter(side.values()))
    return clean_mean(group, _lost)


def _lost(scores: Scores) -> float:
    loss = scores.extra[GENERATIONS].clean
    return math.nan if loss is None else loss


def _fall(costs: tuple[float, float]) -> float:
    plain, hardened = costs
    return 1 - hardened / plain


def _largest(pair: HardenedPair, costs: Callable[[str], tuple[float, float]]) -> str:
    """Return the largest fall of a cost over all budgets, and its budget."""
    falls = {budget: _fall(costs(budget)) for budget in pair.plain}
    budget = max(falls, key=lambda name: falls[name])
    return f"{_percent(falls[budget])} ({budget})"


def _percent(share: float) -> str:
    return f"{share:.1%}"


def section(pair: HardenedPair) -> Iterator[str]:
    """Yield the blocks of one pair: its clean costs and its results under attack."""
    plain, hardened = pair.clean_costs
    yield f"## {_title(pair)}"
    yield f"Clean J: plain {plain:.3f}, hardened {hardened:.3f} ({pair.clean_increase:+.1%})."
    yield table(COST_HEADERS, (_cost_line(pair, budget) for budget in pair.plain))
    yield TARGETS
    yield table(TARGET_HEADERS, (_target_line(pair, budget) for budget in pair.plain))


def _title(pair: HardenedPair) -> str:
    return f"{pair.name}, lambda {pair.lmbda:g}"


def _cost_line(pair: HardenedPair, budget: str) -> tuple[str, ...]:
    plain, hardened = pair.costs(budget)
    unavoidable = pair.faithful_cost(budget), pair.aligned_cost(budget)
    excess, own = pair.excess_costs(budget), pair.input_costs(budget)
    return (
        budget,
        *(f"{cost:.3f}" for cost in (plain, *unavoidable, hardened)),
        _percent(pair.recovered(budget)),
        *(f"{cost:.3f}" for cost in excess),
        _percent(_fall(excess)),
        *(f"{cost:.3f}" for cost in own),
        _percent(_fall(own)),
    )


def _target_line(pair: HardenedPair, budget: str) -> tuple[str, ...]:
    distortion, rate, cost = (pair.losses(budget, name) for name in OBJECTIVE_VALUES)
    return (
        budget,
        *(f"{loss.average(lambda scores: scores.psnr_source):.2f} dB" for loss in distortion),
        *(f"{loss.average(lambda scores: scores.bpp):.3f}" for loss in rate),
        *(f"{loss.average(rd_cost):.3f}" for loss in cost),
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
