"""Write docs/comparison.md: our standard ensemble against attacks of others, from finished runs.

    python docs/scripts/comparison.py runs/peers runs/peers-checkpoint runs/peers-10

The runs are of suites that benchmarks/peers/suite.py prints. Labels of attacks of others end with
the number of gradients per objective that they may spend.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from statistics import fmean
from typing import TypeAlias

from attack_tables import ENSEMBLE, ScoredPicture, scored_pictures
from pages import DOCS, command, finished_run, run_folders, table, write_page

from bench.store.records import Scores
from leaderboard.formatting import decibel, percent, rate
from leaderboard.study.losses import OBJECTIVE_VALUES

PAGE = DOCS / "comparison.md"
INTRODUCTION = """\
# Comparison with attacks of others

This page compares the ensemble `standard` in its cheap mode with attacks of other libraries and
with published settings of other benchmarks, with the gradients that `standard` spends before
extensions and with several times as many. All run through this harness: on the same 8-bit pictures,
inside the same budgets, and scored on real bitstreams that were decoded again. Attacks of others
follow the gradients of the harness's default surrogate; those marked "unrounded" follow the
surrogate without rounding.
`docs/scripts/comparison.py` writes the page from finished runs; benchmarks/peers/README.md says
what is compared and how, and prints the suites.

Models: {models}. Pictures: {pictures}."""
SUMMARY = """\
## Summary

A case is one model, picture, budget and objective. The number in the name of an attack is the
number of gradients that it may spend per objective; `standard` spends at most {gradients} gradients
and {queries} queries, with its extensions: a search that still rises is run once more with twice
the steps. Its searches for the R-D cost may start from the pictures of its searches for the
distortion and the rate, whose gradients are counted there alone."""
ATTACKS = """\
## Each attack

- **at least as strong**: the cases in which `standard` is at least as strong.
- **means below**: the groups of one model, budget and objective in which the mean of `standard`
  over pictures is weaker.
- **dB, rate, J**: the mean advantage of `standard`: how many decibels lower its PSNR is under
  attacks on the distortion, and by how many per cent its mean rate and its mean R-D cost are
  higher."""
BELOW = """\
## Means below

Every group in which the mean of `standard` over pictures is weaker than that of another attack."""
STRENGTH = """\
## Strength

Means over models and pictures: PSNR in dB under attacks on the distortion, bits per pixel under
attacks on the rate, R-D cost under attacks on the R-D cost."""

Group: TypeAlias = tuple[str, str, str]
"""Model, budget and objective."""

Values: TypeAlias = dict[tuple[Group, str], Scores]
"""The scores of an attack's strongest adversarial picture in each case: a group and a picture."""


@dataclass(frozen=True)
class Unit:
    """How an objective is reported.

    Attributes:
        value: the reported value.
        sign: 1 if larger values are stronger attacks, otherwise -1.
        text: the value as text.
    """

    value: Callable[[Scores], float]
    sign: int
    text: Callable[[float], str]


UNITS = {
    "distortion": Unit(lambda scores: scores.psnr_source, -1, decibel),
    "rate": Unit(lambda scores: scores.bpp, 1, rate),
    "rd": Unit(lambda scores: scores.rd_cost, 1, rate),
}


@dataclass(frozen=True)
class Comparison:
    """The ensemble against one attack.

    Attributes:
        attack: label of the other attack.
        ours: values of the ensemble.
        theirs: values of the other attack.
    """

    attack: str
    ours: Values
    theirs: Values

    @property
    def level(self) -> int:
        """The number of gradients that the attack may spend."""
        return level(self.attack)

    @property
    def wins(self) -> dict[tuple[Group, str], bool]:
        """For each case of both, whether the ensemble is at least as strong."""
        return {
            case: strength(case[0], self.ours[case]) >= strength(case[0], scores)
            for case, scores in self.theirs.items()
            if case in self.ours
        }

    def means(self, group: Group) -> tuple[float, float]:
        """Return the mean reported values of one group: ours and theirs."""
        value = UNITS[group[2]].value
        cases = [case for case in self.wins if case[0] == group]
        mine, other = ([value(values[c]) for c in cases] for values in (self.ours, self.theirs))
        return fmean(mine), fmean(other)

    @property
    def groups(self) -> list[Group]:
        """The groups that both have."""
        return list(dict.fromkeys(group for group, _ in self.wins))

    @property
    def below(self) -> list[Group]:
        """The groups in which our mean is weaker."""
        pairs = ((group, *self.means(group)) for group in self.groups)
        return [g for g, ours, theirs in pairs if UNITS[g[2]].sign * (ours - theirs) < 0]

    def advantage(self, objective: str) -> str:
        """Return our mean advantage: decibels for distortion, otherwise per cent."""
        means = [self.means(group) for group in self.groups if group[2] == objective]
        if not means:
            return "–"
        ours, theirs = (fmean(values) for values in zip(*means, strict=True))
        signed = theirs - ours if objective == "distortion" else 100 * (ours / theirs - 1)
        return f"{signed:+.2f}"


def level(attack: str) -> int:
    """Return the number at the end of a label; 0 if there is none."""
    digits = attack.rpartition(", ")[2]
    return int(digits) if digits.isdecimal() else 0


def strength(group: Group, scores: Scores) -> float:
    """Return what attacks with the objective of a group maximise."""
    return OBJECTIVE_VALUES[group[2]](scores)


def main() -> None:
    """Read the runs and write the page."""
    folders = run_folders(__doc__)
    pictures = list(chain(*(scored_pictures(finished_run(folder)) for folder in folders)))
    write_page(PAGE, [*page_blocks(pictures), command("comparison.py", folders, suites="")])


def page_blocks(pictures: Sequence[ScoredPicture]) -> Iterator[str]:
    """Yield the blocks of the page."""
    values = _strongest(pictures)
    ours = values.pop(ENSEMBLE, {})
    if not ours or not values:
        raise SystemExit("these runs do not have both `standard` and attacks of others")
    comparisons = sorted(
        (Comparison(attack, ours, theirs) for attack, theirs in values.items()),
        key=lambda one: one.level,
    )
    models, names = ({group[0] for group, _ in ours}, {picture for _, picture in ours})
    yield INTRODUCTION.format(models=", ".join(sorted(models)), pictures=", ".join(sorted(names)))
    yield SUMMARY.format(**_effort(pictures))
    yield _summary(comparisons)
    yield ATTACKS
    yield _attacks(comparisons)
    yield BELOW
    yield _below(comparisons)
    yield STRENGTH
    for budget in dict.fromkeys(group[1] for group, _ in ours):
        yield f"### {budget}"
        yield _strength(values | {ENSEMBLE: ours}, budget)


def _strongest(pictures: Iterable[ScoredPicture]) -> dict[str, Values]:
    """Return the strongest scores of each case, by attack; noise is left out."""
    found: dict[str, Values] = defaultdict(dict)
    for picture in pictures:
        objective = picture.craft.objective or ""
        if objective not in UNITS:  # noise, and J at lambdas that only the ensemble attacks
            continue
        case = (picture.victim, picture.budget, objective), picture.picture
        known = found[picture.attack].get(case)
        if known is None or strength(case[0], picture.scores) > strength(case[0], known):
            found[picture.attack][case] = picture.scores
    return dict(found)


def _effort(pictures: Iterable[ScoredPicture]) -> dict[str, int]:
    """Return the largest numbers of gradients and queries of the ensemble for one case."""
    spent: dict[tuple[str, ...], list[ScoredPicture]] = defaultdict(list)
    for one in pictures:
        if one.attack == ENSEMBLE and (objective := one.craft.objective) in UNITS:
            spent[one.victim, one.budget, str(objective), one.picture].append(one)
    return {
        "gradients": max(sum(one.craft.gradients for one in case) for case in spent.values()),
        "queries": max(sum(one.craft.queries for one in case) for case in spent.values()),
    }


def _summary(comparisons: Sequence[Comparison]) -> str:
    """Return how often the ensemble is at least as strong as attacks with the same gradients."""
    lines = []
    for spent in sorted({one.level for one in comparisons}):
        counted = [one for one in comparisons if one.level == spent]
        together: dict[tuple[Group, str], bool] = {}
        for one in counted:
            together |= {case: won and together.get(case, True) for case, won in one.wins.items()}
        single = [won for one in counted for won in one.wins.values()]
        below = sum(len(one.below) for one in counted)
        groups = sum(len(one.groups) for one in counted)
        worst = min(counted, key=lambda one: fmean(one.wins.values()))
        least = f"{_share(worst.wins.values())} ({worst.attack})"
        shares = (_share(single), least, _share(together.values()))
        lines.append((str(spent), *shares, f"{below}/{groups}"))
    headers = ("gradients", "at least as strong as one attack", "the least of all attacks")
    more = ("at least as strong as all of them together", "means below")
    return table((*headers, *more), lines)


def _attacks(comparisons: Iterable[Comparison]) -> str:
    lines = [
        (
            *(one.attack, str(len(one.wins)), _share(one.wins.values())),
            f"{len(one.below)}/{len(one.groups)}",
            *map(one.advantage, UNITS),
        )
        for one in comparisons
    ]
    headers = ("attack", "cases", "at least as strong", "means below", "dB", "rate, %", "J, %")
    return table(headers, lines)


def _below(comparisons: Iterable[Comparison]) -> str:
    lines = [
        (one.attack, *group, *map(UNITS[group[2]].text, one.means(group)))
        for one in comparisons
        for group in one.below
    ]
    headers = ("attack", "model", "budget", "objective", "standard", "the attack")
    return table(headers, lines, text_columns=4) if lines else "There is none."


def _strength(values: Mapping[str, Values], budget: str) -> str:
    lines = [
        (attack, *(_mean(own, budget, objective) for objective in UNITS))
        for attack, own in values.items()
        if any(group[1] == budget for group, _ in own)
    ]
    return table(("attack", *UNITS), sorted(lines, key=lambda line: level(line[0])))


def _mean(values: Values, budget: str, objective: str) -> str:
    unit = UNITS[objective]
    known = [
        unit.value(scores) for (g, _), scores in values.items() if g[1:] == (budget, objective)
    ]
    return unit.text(fmean(known)) if known else "–"


def _share(wins: Iterable[bool]) -> str:
    counted = list(wins)
    return f"{percent(100 * sum(counted) / len(counted))} %"


if __name__ == "__main__":
    main()
