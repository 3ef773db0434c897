"""Write docs/defences.md: what defences are worth against who knows of them, from finished runs.

    python docs/defences.py runs/defences runs/defences-rate ...

Every codec behind defences is compared with the same codec without, in the same run. Runs without
attacks through gradients give BD-rates alone.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, product
from pathlib import Path
from statistics import fmean

from bench.record import Scores
from bench.store import Run, read_run
from leaderboard.cells import Case, Scored, cases, setting
from leaderboard.curves import Point, bd_rate
from leaderboard.threats import GRADIENTS, UNAWARE

PAGE = Path(__file__).parent / "defences.md"
INTRODUCTION = """\
# What defences are worth

Written by `python docs/defences.py {runs}`, from runs of `bench run suites/NAME.yaml`. J is
bpp + lambda 255^2 MSE against the source, in real bytes. Of all pictures made for an objective from
one source, the one counts that hurt most by it: lowest PSNR, most bits, largest J.

- **unaware**: the pictures were made against the codec without the defence.
- **adaptive**: they were made through the defence: its own gradient, or the surrogate that
  `bench list defences` names; the mean over draws; all the ways it chooses from.
- **worst draw**: of the adaptive pictures, under the draw that was worst for the defender.
- **undone**: the share of the damage to the bare codec (in MSE, bits, J) that is gone, of both.
  Above 100 %: better than the bare codec unattacked. Below 0: the defence made it worse.
- **!** on so many of the pictures the unaware attacker did more than the adaptive one: the search
  through the defence was too weak there, and the larger damage is the one to believe.

A defence **holds** if even the worse of both attackers finds at least {enough:.0%} of the damage
undone, at every budget. It **hides** if the unaware attacker does and the adaptive one does not.
"""
ENOUGH = 0.5
_NO_DAMAGE = 1e-12
COSTS = """\
Against the same codec without the defence; of one that draws, its first draw. Bytes more a picture,
and how many of these are the harness's container around the coded choice; the times are factors."""
CLEAN = ("defence", "bytes", "container", "bpp", "PSNR", "J", "BD-rate", "encoding", "decoding")
ATTACKED = (
    *("defence", "budget", "objective", "bare", "unaware", "adaptive", "worst draw"),
    *("undone, unaware", "undone, adaptive", ""),
)
WANTED: dict[str, Callable[[Scores], float]] = {
    "distortion": lambda scores: scores.mse_source,
    "rate": lambda scores: scores.bpp,
    "rd": lambda scores: scores.rd_cost,
}
SHOWN: dict[str, Callable[[Scores], float]] = {
    "distortion": lambda scores: scores.psnr_source,
    "rate": lambda scores: scores.bpp,
    "rd": lambda scores: scores.rd_cost,
}
TRAINED = ("codec", "clean J", "budget", "objective", "bare", "its own attack", "undone")
TRAINED_NOTE = """\
Another operating point, no defence around it: attacked through its own gradient. Clean J is against
the bare codec's."""
UNITS = {"distortion": "{:.2f} dB", "rate": "{:.3f} bpp", "rd": "J {:.3f}"}


@dataclass(frozen=True)
class Suffered:
    """What attacks with one objective did.

    Attributes:
        by: what the objective wants, of each picture by name, mean over draws.
        shown: its mean as it is told.
        worst: as it is told, each picture under its worst draw.
    """

    by: dict[str, float]
    shown: str
    worst: str

    @property
    def mean(self) -> float:
        """What the objective wants, mean over the pictures."""
        return fmean(self.by.values())


@dataclass(frozen=True)
class Guarded:
    """A codec behind a defence, and without.

    Attributes:
        name: its label.
        kind: the codec's name and the defence, alike for all qualities.
        bare: the codec without it, at every budget.
        own: the codec behind it.
    """

    name: str
    kind: str
    bare: Mapping[str, Case]
    own: Mapping[str, Case]

    def attacked(self, budget: str, objective: str) -> tuple[Suffered, Suffered, Suffered]:
        """Return what the bare codec suffered, and the defended one unaware and adaptive."""
        own = self.own[budget]
        return (
            suffered(self.bare[budget], GRADIENTS, objective),
            suffered(own, UNAWARE, objective),
            suffered(own, GRADIENTS, objective),
        )

    def undone(self, budget: str, objective: str) -> tuple[float, float]:
        """Return the shares of the damage that are gone, unaware and adaptive."""
        bare, *others = self.attacked(budget, objective)
        clean = fmean(map(WANTED[objective], self.bare[budget].clean.values()))
        damage = max(bare.mean - clean, _NO_DAMAGE)
        unaware, adaptive = ((bare.mean - one.mean) / damage for one in others)
        return unaware, adaptive

    def verdict(self, objective: str) -> str:
        """Return whether it holds, hides or does neither, at every budget."""
        shares = [self.undone(budget, objective) for budget in self.own]
        if all(min(share) >= ENOUGH for share in shares):
            return "holds"
        return "hides" if all(unaware >= ENOUGH for unaware, _ in shares) else "fails"


def main() -> None:
    """Read the runs and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", type=Path)
    folders = parser.parse_args().runs
    runs = [read_run(folder) for folder in folders]
    told = INTRODUCTION.format(
        runs=" ".join(map(str, folders)),
        enough=ENOUGH,
    )
    found = [guarded(run) for run in runs]
    pairs = zip(found, runs, strict=True)
    lines = chain.from_iterable(section(own, run, found) for own, run in pairs if _attacked(own))
    PAGE.write_text("\n".join([told, *lines]) + "\n", encoding="utf-8")


def section(
    found: Sequence[Guarded], run: Run, everywhere: Sequence[Sequence[Guarded]]
) -> Iterator[str]:
    """Yield the lines of one run: verdicts, costs and attacks.

    Args:
        found: what it has behind defences.
        run: the run.
        everywhere: what each run has, for BD-rates.
    """
    suite = run.manifest.suite
    yield from (f"## {suite['name']}, lambda {suite['rd_lambda']:g}", "", _terms(run), "")
    yield from verdicts(found)
    yield from ("", "### Without an attack", "", COSTS, "", *_header(CLEAN))
    yield from (_clean_row(one, everywhere) for one in found)
    yield from ("", "### Under attack", "", *_header(ATTACKED))
    for one in found:
        yield from (_attacked_row(one, *where) for where in product(one.own, WANTED))
    yield from trained(run)
    yield ""


def guarded(run: Run) -> list[Guarded]:
    """Return every codec of a run that is behind a defence."""
    told = setting(run)
    found = cases(run, told)
    bare = {
        _signature(choice.name, choice.params): label
        for label, choice in told.choices.items()
        if not choice.defence and label in run.manifest.codecs
    }

    def at_budgets(label: str) -> dict[str, Case]:
        return {str(ball): found[label, str(ball)] for ball in told.balls}

    return [
        Guarded(
            label,
            " + ".join((choice.name, *map(str, choice.defence))),
            at_budgets(bare[_signature(choice.name, choice.params)]),
            at_budgets(label),
        )
        for label, choice in told.choices.items()
        if choice.defence
    ]


def trained(run: Run) -> Iterator[str]:
    """Yield the lines of codecs that were trained against attacks, next to the bare one."""
    told = setting(run)
    found = cases(run, told)
    behind = {_signature(one.name, one.params) for one in told.choices.values() if one.defence}
    plain = {
        label: _signature(choice.name, choice.params) in behind
        for label, choice in told.choices.items()
        if not choice.defence and label in run.manifest.gradients
    }
    others = [label for label, guarded in plain.items() if not guarded]
    if not others:
        return
    yield from ("", "### Trained against attacks", "", TRAINED_NOTE, "", *_header(TRAINED))
    bare = next(label for label, guarded in plain.items() if guarded)
    for label, ball, objective in product(others, map(str, told.balls), WANTED):
        yield _trained_row(label, ball, objective, found[bare, ball], found[label, ball])


def suffered(case: Case, threat: str, objective: str) -> Suffered:
    """Return what pictures of one kind did, the worst attack of each source."""
    made: dict[str, dict[str, list[Scored]]] = defaultdict(lambda: defaultdict(list))
    for one in case.of(threat):
        if (one.craft.objective or "").split()[0] == objective:
            made[one.picture][one.craft.key].append(one)
    wanted, shown = WANTED[objective], SHOWN[objective]
    draws = {
        picture: max(searches.values(), key=lambda group: _mean(group, wanted))
        for picture, searches in made.items()
    }
    worst = [
        max(chain.from_iterable(searches.values()), key=lambda one: wanted(one.scores))
        for searches in made.values()
    ]
    unit = UNITS[objective]
    return Suffered(
        by={picture: _mean(group, wanted) for picture, group in draws.items()},
        shown=unit.format(fmean(_mean(group, shown) for group in draws.values())),
        worst=unit.format(_mean(worst, shown)),
    )


def verdicts(found: Sequence[Guarded]) -> Iterator[str]:
    """Yield a sentence for each objective and verdict: which defences, and by how much."""
    words = {
        "holds": "hold, with at least this much undone by an attacker who knows of them",
        "hides": "hide the damage from an attacker who does not know of them alone",
        "fails": "do not even stop one who does not know of them, at some budget",
    }
    for objective, (verdict, told) in product(WANTED, words.items()):
        named = [
            f"{one.name} ({min(one.undone(budget, objective)[1] for budget in one.own):.0%})"
            for one in found
            if one.verdict(objective) == verdict
        ]
        yield f"- {objective}: {', '.join(named) or 'none'} {told}."


def _attacked(found: Sequence[Guarded]) -> bool:
    return any(GRADIENTS in case.crafts for one in found for case in one.own.values())


def _terms(run: Run) -> str:
    """Return what a run's figures are of."""
    suite = run.manifest.suite
    crop = suite["images"]["crop"]
    size = f" of {crop['height']}x{crop['width']}" if crop else ""
    attacks = ", ".join(map(str, setting(run).searches))
    return (
        f"{len(run.manifest.pictures)} pictures{size} (set {suite['images']['set']}); {attacks};"
        f" {suite['draws']} draws of every defence that draws."
    )


def _clean_row(one: Guarded, everywhere: Sequence[Sequence[Guarded]]) -> str:
    budget = next(iter(one.own))
    bare, own = one.bare[budget], one.own[budget]
    before, after = (list(case.clean.values()) for case in (bare, own))
    costs = [_mean_of(side, lambda scores: scores.rd_cost) for side in (before, after)]
    extra = _more(before, after, lambda scores: scores.bytes)
    container = _more(before, after, lambda scores: scores.header_bytes)
    times = [_seconds(own, index) / _seconds(bare, index) for index in (0, 1)]
    cells = (
        *(one.name, f"{extra:+.1f}", f"{container:+.0f}"),
        f"{_more(before, after, lambda scores: scores.bpp):+.4f}",
        f"{_more(before, after, lambda scores: scores.psnr_source):+.2f} dB",
        *(f"{costs[1] / costs[0] - 1:+.1%}", _rate_change(one.kind, everywhere)),
        *(f"x{time:.2f}" for time in times),
    )
    return f"| {' | '.join(cells)} |"


def _rate_change(kind: str, everywhere: Sequence[Sequence[Guarded]]) -> str:
    """Return the BD-rate of a defence over the qualities of a codec, from the run that has most."""
    alike = [[one for one in found if one.kind == kind] for found in everywhere]
    pairs = [(_point(one.bare), _point(one.own)) for one in max(alike, key=len, default=[])]
    bare, own = (
        tuple(sorted((pair[side] for pair in pairs), key=lambda point: point.bpp))
        for side in (0, 1)
    )
    delta = bd_rate(bare, own)
    return delta.reason if delta.value is None else f"{delta.value:+.1f} %"


def _point(side: Mapping[str, Case]) -> Point:
    clean = list(next(iter(side.values())).clean.values())
    bpp, psnr = (_mean_of(clean, how) for how in (lambda s: s.bpp, lambda s: s.psnr_source))
    return Point("", bpp, psnr)


def _attacked_row(one: Guarded, budget: str, objective: str) -> str:
    bare, unaware, adaptive = one.attacked(budget, objective)
    weaker = sum(adaptive.by[picture] < unaware.by[picture] for picture in adaptive.by)
    cells = (
        *(one.name, budget, objective, bare.shown, unaware.shown, adaptive.shown, adaptive.worst),
        *(f"{share:.0%}" for share in one.undone(budget, objective)),
        f"! {weaker}/{len(adaptive.by)}" if weaker else "",
    )
    return f"| {' | '.join(cells)} |"


def _trained_row(label: str, budget: str, objective: str, bare: Case, own: Case) -> str:
    costs = [_mean_of(list(case.clean.values()), lambda s: s.rd_cost) for case in (own, bare)]
    plain, hardened = (suffered(case, GRADIENTS, objective) for case in (bare, own))
    clean = _mean_of(list(bare.clean.values()), WANTED[objective])
    undone = (plain.mean - hardened.mean) / max(plain.mean - clean, _NO_DAMAGE)
    change = f"{costs[0] / costs[1] - 1:+.1%}"
    cells = (label, change, budget, objective, plain.shown, hardened.shown, f"{undone:.0%}")
    return f"| {' | '.join(cells)} |"


def _header(names: Sequence[str]) -> tuple[str, str]:
    return f"| {' | '.join(names)} |", f"|---|{'--:|' * (len(names) - 1)}"


def _mean(group: Sequence[Scored], value: Callable[[Scores], float]) -> float:
    return fmean(value(one.scores) for one in group)


def _mean_of(scores: Sequence[Scores], value: Callable[[Scores], float]) -> float:
    return fmean(map(value, scores))


def _more(
    before: Sequence[Scores], after: Sequence[Scores], value: Callable[[Scores], float]
) -> float:
    return _mean_of(after, value) - _mean_of(before, value)


def _seconds(case: Case, index: int) -> float:
    return sum(seconds[index] for seconds in case.seconds.values())


def _signature(name: str, params: Sequence[tuple[str, object]]) -> str:
    return repr((name, sorted(params, key=str)))


if __name__ == "__main__":
    main()
