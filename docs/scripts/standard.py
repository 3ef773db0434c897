"""Write docs/standard.md: the ensemble standard-2, standard-1 and variants, from finished runs.

    python docs/scripts/standard.py runs/attacks-standard-1 runs/attacks-standard-2 \\
        runs/attacks-standard-full runs/variants

The last run is of benchmarks/variants/suite.yaml.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from statistics import fmean
from typing import TypeAlias

from attack_tables import ScoredPicture, scored_pictures
from pages import DOCS, command, finished_run, run_folders, table, write_page

from bench.metrics.scores import psnr_of, rd_cost
from bench.store.records import Scores
from bench.store.run_folder import Run
from leaderboard.ranking.rd_costs import LAMBDAS

PAGE = DOCS / "standard.md"
INTRODUCTION = """\
# The ensemble standard-2

This page shows what version 2 of `standard` finds in its cheap mode, next to version 1, on pictures
that were held out while version 2 was designed. Every adversarial picture is scored on real
bitstreams that were decoded again; the worst one of a picture counts. Figures of the two versions
do not compare: the same codec gets a lower score from version 2. `docs/scripts/standard.py` writes
the page from finished runs."""
STRENGTH = """\
## Strength

Means over pictures: the lowest PSNR, the highest rate, and by how much the highest R-D cost J of
version 2 exceeds that of version 1 at each lambda of the leaderboard. *At least as strong* counts
the pictures and figures (PSNR, rate, J at three lambdas) in which version 2 finds at least as much.
Gradients are those of all searches for one picture; version 2 attacks J at three lambdas, version 1
at one."""
FULL = """\
## The full mode

The same figures for the cheap and the full mode of version 2 on two of the pictures: what eight
times as many steps still find."""
MEMBERS = """\
## Members

In how many cases (model, picture, budget) each member found the worst case of each figure. Where
two members found the same, both count. Three members of version 2 never found one here and stay for
a reason: "R-D APGD" starts from the pictures of its unrounded twin; colour shifts and Square serve
codecs whose gradients are missing or misleading."""
VARIANTS = """\
## What else was tried

Single searches with 33 gradients on the photographs that come with bench and three bundled models
(`bench run benchmarks/variants/suite.yaml -o runs/variants`). The figures are the error of the
reconstruction as a share of that under APGD without rounding, the mean over models and pictures:
for the mean of three starts and for the best of them. Steps in the wavelet domain, momentum, Adam
with annealing and a loss that favours the worst blocks are what others use."""
BASE = "APGD"

Group: TypeAlias = Sequence[ScoredPicture]
Case: TypeAlias = tuple[str, str, str]
"""Model, budget and source picture."""

Figure: TypeAlias = Callable[[Scores], float]


def _cost(lmbda: float, scores: Scores) -> float:
    return rd_cost(scores.bpp, scores.mse_source, lmbda)


FIGURES: Mapping[str, Figure] = {
    "PSNR": lambda scores: scores.mse_source,
    "rate": lambda scores: scores.bpp,
    **{f"J {lmbda:g}": partial(_cost, lmbda) for lmbda in LAMBDAS},
}
"""What an attacker raises: the error, the rate, and the R-D cost at each lambda."""


def _cases(run: Run) -> dict[Case, Group]:
    """Return the attacked pictures by model, budget and source picture, without noise."""
    cases: dict[Case, list[ScoredPicture]] = defaultdict(list)
    for one in scored_pictures(run):
        if one.craft.sources:
            cases[one.victim, one.budget, one.picture].append(one)
    return dict(cases)


def _worst(group: Group, figure: Figure) -> float:
    return max(figure(one.scores) for one in group)


def _gradients(group: Iterable[ScoredPicture]) -> int:
    return sum(one.craft.gradients for one in group)


def strength_table(first: Run, second: Run, titles: tuple[str, str]) -> str:
    """Return the worst cases of two ensembles by model and budget.

    Args:
        first: the run of one ensemble.
        second: the run of the other one; all its cases must be cases of the first.
        titles: the titles of both.
    """
    old, new = _cases(first), _cases(second)
    names = list(dict.fromkeys((victim, budget) for victim, budget, _ in new))
    costs = [name for name in FIGURES if name.startswith("J")]
    headers = [f"{figure} {title}" for figure in ("PSNR", "rate") for title in titles]
    ends = ("at least as strong", *(f"gradients {title}" for title in titles))
    lines = []
    for victim, budget in names:
        keys = [key for key in new if key[:2] == (victim, budget)]
        pairs = [(old[key], new[key]) for key in keys]
        lines.append(
            (
                *(victim, budget),
                *(
                    f"{fmean(psnr_of(value) for value in one):.2f} dB"
                    for one in _both(pairs, "PSNR")
                ),
                *(f"{fmean(one):.3f}" for one in _both(pairs, "rate")),
                *(_excess(*_both(pairs, cost)) for cost in costs),
                _at_least(pairs),
                *(f"{fmean(map(_gradients, groups)):.0f}" for groups in zip(*pairs, strict=True)),
            )
        )
    return table(("model", "budget", *headers, *costs, *ends), lines, text_columns=2)


def _both(pairs: Sequence[tuple[Group, Group]], name: str) -> tuple[list[float], list[float]]:
    """Return the worst values of a figure over pictures, of both versions."""
    figure = FIGURES[name]
    return (
        [_worst(old, figure) for old, _ in pairs],
        [_worst(new, figure) for _, new in pairs],
    )


def _decibel(errors: Sequence[float]) -> str:
    return f"{fmean(map(psnr_of, errors)):.2f} dB"


def _excess(old: Sequence[float], new: Sequence[float]) -> str:
    return f"{100 * (fmean(new) / fmean(old) - 1):+.1f} %"


def _at_least(pairs: Sequence[tuple[Group, Group]]) -> str:
    held = [
        _worst(new, figure) >= _worst(old, figure)
        for old, new in pairs
        for figure in FIGURES.values()
    ]
    return f"{sum(held)}/{len(held)}"


def members_table(run: Run) -> str:
    """Return how often each member found the worst case."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    cases = _cases(run)
    for group in cases.values():
        for one in group:
            found[one.craft.attack]  # a member that never does has a line, too
        for name, figure in FIGURES.items():
            worst = _worst(group, figure)
            for attack in {one.craft.attack for one in group if figure(one.scores) == worst}:
                found[attack][name] += 1
    lines = [(attack, *(str(counts[name]) for name in FIGURES)) for attack, counts in found.items()]
    return table((f"member ({len(cases)} cases)", *FIGURES), lines)


def variants_table(run: Run) -> str:
    """Return the errors under each search as shares of those under `BASE`."""
    errors: dict[str, dict[Case, list[float]]] = defaultdict(lambda: defaultdict(list))
    for case, group in _cases(run).items():
        for one in group:
            errors[one.craft.attack][case].append(one.scores.mse_source)
    budgets = list(dict.fromkeys(budget for _, budget, _ in errors[BASE]))
    columns = [(budget, pick) for budget in budgets for pick in (fmean, max)]
    lines = [
        (attack, *(_share(cases, errors[BASE], *column) for column in columns))
        for attack, cases in errors.items()
    ]
    headers = (f"{budget}, {'best' if pick is max else 'mean'}" for budget, pick in columns)
    return table(("search", *headers), lines)


def _share(
    cases: Mapping[Case, Sequence[float]],
    base: Mapping[Case, Sequence[float]],
    budget: str,
    pick: Callable[[Sequence[float]], float],
) -> str:
    shares = [pick(found) / pick(base[case]) for case, found in cases.items() if case[1] == budget]
    return f"{fmean(shares):.3f}" if shares else "–"


def main() -> None:
    """Write the page from the runs that the command line names."""
    folders = run_folders(__doc__)
    first, second, full, variants = map(finished_run, folders)
    write_page(
        PAGE,
        [
            INTRODUCTION,
            STRENGTH,
            strength_table(first, second, ("1", "2")),
            FULL,
            strength_table(second, full, ("cheap", "full")),
            MEMBERS,
            members_table(second),
            members_table(first),
            VARIANTS,
            variants_table(variants),
            command("standard.py", folders),
        ],
    )


if __name__ == "__main__":
    main()
