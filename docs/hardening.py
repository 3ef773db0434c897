"""Write docs/hardening.md: plain against adversarially trained models, from finished runs.

    python docs/hardening.py runs/hardening-q1 runs/hardening-q2 ...

A model labelled "NAME hardened" is compared with the one labelled "NAME" of the same run.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, product
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
SUMMARY = """\
## In short

Trained against attacks on the rate, of linf 8. The goal: at linf 8 at least 60 % of the damage by
that objective recovered, for at most 10 % more clean cost. The largest fall is that of any budget
and objective below.

| pair | clean J | rate at linf 8: recovered | goal | largest fall | its ceiling | where |
|---|--:|--:|---|--:|--:|---|"""
GOAL = ("linf 8", "rate", 0.60, 0.10)
WANTED: dict[str, Callable[[Scores], float]] = {
    "distortion": lambda scores: scores.mse_source,
    "rate": lambda scores: scores.bpp,
    "rd": lambda scores: scores.rd_cost,
}
SHIFT = "colour-shift"


@dataclass(frozen=True)
class Pair:
    """A model and its hardened twin in one run.

    Attributes:
        name: the plain one's label.
        lmbda: the weight of 255^2 MSE in J.
        plain: its results, by budget.
        hardened: its twin's.
    """

    name: str
    lmbda: float
    plain: Mapping[str, Case]
    hardened: Mapping[str, Case]

    @property
    def clean(self) -> tuple[float, float]:
        """J without an attack, of the plain one and of its twin."""
        budget = next(iter(self.plain))
        return _clean_cost(self.plain[budget]), _clean_cost(self.hardened[budget])

    @property
    def dearer(self) -> float:
        """How much more the twin costs without an attack, as a share."""
        plain, hardened = self.clean
        return hardened / plain - 1

    def attacked(self, budget: str, objective: str) -> tuple[Suffered, Suffered]:
        """Return what both suffered."""
        plain, hardened = (case[budget] for case in (self.plain, self.hardened))
        return _suffered(plain, objective), _suffered(hardened, objective)

    def fall(self, budget: str, objective: str) -> float:
        """Return the share of the plain one's attacked cost that is gone."""
        plain, hardened = self.attacked(budget, objective)
        return 1 - hardened.cost / plain.cost

    def ceiling(self, budget: str, objective: str) -> float:
        """Return the fall of a codec that attacks do not touch."""
        plain, _ = self.attacked(budget, objective)
        return 1 - self.clean[0] / plain.cost

    def recovered(self, budget: str, objective: str) -> float:
        """Return the share of the damage that is undone."""
        return self.fall(budget, objective) / self.ceiling(budget, objective)


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
    pairs = [pair for run in runs for pair in _pairs(run)]
    told = INTRODUCTION.format(
        runs=" ".join(map(str, folders)), pictures=len(runs[0].manifest.pictures)
    )
    lines = [told, SUMMARY, *map(_in_short, pairs), "", *chain.from_iterable(map(_section, pairs))]
    PAGE.write_text("\n".join(lines), encoding="utf-8")
    for run in runs:
        _note(run)


def _pairs(run: Run) -> Iterator[Pair]:
    suite = setting(run)
    found = cases(run, suite)
    for hardened in run.manifest.codecs:
        plain = hardened.removesuffix(SUFFIX)
        if plain != hardened:
            both = [
                {str(ball): found[label, str(ball)] for ball in suite.balls}
                for label in (plain, hardened)
            ]
            yield Pair(plain, suite.rd_lambda, *both)


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


def _row(pair: Pair, budget: str, objective: str) -> str:
    plain, hardened = pair.attacked(budget, objective)
    shifted = _suffered(pair.hardened[budget], "rd", SHIFT)
    shares = (measure(budget, objective) for measure in (pair.fall, pair.ceiling, pair.recovered))
    cells = (
        *(budget, objective, f"{plain.cost:.3f}", f"{hardened.cost:.3f}"),
        *(f"{share:.1%}" for share in shares),
        *(f"{shifted.cost:.3f}", f"{plain.psnr:.2f} dB", f"{hardened.psnr:.2f} dB"),
        *(f"{plain.bpp:.3f}", f"{hardened.bpp:.3f}"),
    )
    return f"| {' | '.join(cells)} |"


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
