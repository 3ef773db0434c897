"""Write docs/attacks.md: how strong every attack is, from finished runs.

    python docs/attacks.py runs/attacks runs/attacks-convergence runs/attacks-seeds \\
        runs/attacks-queries runs/attacks-queries-jpeg

Which tables a run gives follows from its suite: of one with steps as a grid, strength by steps.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, pairwise
from pathlib import Path
from statistics import fmean

from bench.record import CraftRecord, Scores
from bench.store import Run, read_run
from leaderboard.cells import REFERENCE, measurements
from leaderboard.pairs import WANTED

PAGE = Path(__file__).parent / "attacks.md"
ENSEMBLE = "standard"
NOISE = "sign-noise"
ORDER = ("apgd", "pgd", "ifgsm", "fgsm", NOISE)
SHOWN = {"distortion": "{:.2f} dB", "rate": "{:.3f}"}
INTRODUCTION = """\
# How strong the attacks are

Written by

    python docs/attacks.py {runs}

from runs of `bench run suites/NAME.yaml`. Figures are of real bytes that were decoded again, of
8-bit pictures inside their budgets: PSNR of C(x') against x under attacks on the distortion, bits
per pixel under attacks on the rate, means over pictures."""
TABLE = """\
At as many gradients each, those with published constants of their own apart. "Input" is the PSNR
of the attacked picture itself, of attacks on the distortion; gradients, queries and seconds are
those of the two searches together, in {precision}, on a machine that was busy with other things
({machine}).
`standard` is the worst of its members, picture by picture. C&W has five weights to try with what
others spend on one search. The universal perturbation was learnt on other photographs, of which
its gradients are of a quarter of the size."""
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
are, and by how much at most. The cheap mode has one start of each member; of APGD, which is a
member with more steps, another start is what did more."""
ONE = """\
### {picture} at {budget} by itself

Per cent of the PSNR of C(x) lost under attacks on the distortion, and times its bits under attacks
on the rate."""
PICTURE, SHOWN_AT = "kodim03", "linf 8"
STEPS = """\
PSNR under attacks on the distortion, and bits per pixel under attacks on the rate, by steps."""
GROWTH = """\
## Where more steps stop paying

By these tables APGD is within 0.1 dB and 2 % of its most with 50 steps on two of the models, and
goes on to 400 steps for the rate of mbt2018-mean, where 50 steps leave 13 % of the bits of 800 on
the table. The cheap mode of `standard`, with 49 steps from one start, is therefore no bound for
such models; the full one has 200 from two starts."""
SEEDS = """\
## Seeds

How far apart the same searches with different seeds came out, over models and pictures."""
QUERIED = """\
Attacks on codecs without gradients: by queries, and by pictures made against another codec. "Beats
noise" is on how many pictures they did more than noise of the same budget."""


@dataclass(frozen=True)
class Found:
    """One attacked picture on one codec."""

    craft: CraftRecord
    victim: str
    threat: str
    scores: Scores

    @property
    def attack(self) -> str:
        """Its label; one for all members of the ensemble."""
        return ENSEMBLE if self.craft.attack.startswith(ENSEMBLE) else self.craft.attack

    @property
    def name(self) -> str:
        """The attack without its parameters."""
        return self.attack.split()[0]


def main() -> None:
    """Read the runs and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", type=Path)
    folders = parser.parse_args().runs
    parts = [INTRODUCTION.format(runs=" ".join(map(str, folders)))]
    searches = [(run, _found(run)) for run in map(_finished, folders)]
    for run, found in searches:
        title = run.manifest.suite["description"].rstrip(".")
        parts += [f"## {title}", *_sections(run, found)]
    stepped = [found for _, found in searches if _has_steps(found)]
    parts += [*([GROWTH] if stepped else []), *_between_seeds(stepped)]
    PAGE.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def _finished(folder: Path) -> Run:
    run = read_run(folder)
    if len(run.measures) < run.manifest.cells:
        told = f"{len(run.measures)} of {run.manifest.cells} cells"
        raise SystemExit(f"{folder} holds {told}; continue it with 'bench run' first")
    return run


def _found(run: Run) -> list[Found]:
    return [
        Found(run.crafts[cell.craft], cell.victim, cell.threat, cell.scores)
        for cell in measurements(run)
        if cell.craft and cell.scores and cell.victim in _codecs(run)
    ]


def _codecs(run: Run) -> list[str]:
    return [label for label in run.manifest.codecs if label != REFERENCE]


def _sections(run: Run, found: Sequence[Found]) -> Iterator[str]:
    if any(one.threat == "black-box" and one.attack != ENSEMBLE for one in found):
        yield QUERIED
        yield from (_queried(found, victim) for victim in _codecs(run))
    elif _has_steps(found):
        yield STEPS
        yield _by_steps(found)
    else:
        yield TABLE.format(
            machine=", ".join(map(": ".join, run.manifest.machine.items())),
            precision=run.manifest.suite["compute"].get("precision", "float32"),
        )
        yield from (_table(found, budget) for budget in _budgets(found))
        yield from (PAIRS, _pairs(found), BEYOND, _beyond(found), *_by_itself(found))


def _by_itself(found: Sequence[Found]) -> Iterator[str]:
    here = [one for one in found if one.craft.picture == PICTURE and one.craft.budget == SHOWN_AT]
    if here:
        yield ONE.format(picture=PICTURE, budget=SHOWN_AT)
        lines = [_lost(name, [one for one in here if one.attack == name]) for name in _names(here)]
        yield "\n".join(["| attack | PSNR lost | bits |", "|---|--:|--:|", *lines])


def _lost(name: str, found: Sequence[Found]) -> str:
    drop, bits = (_worst(found, objective)[PICTURE].scores for objective in SHOWN)
    lost = "–" if drop.drop_percent is None else f"{drop.drop_percent:.2f} %"
    return f"| {name} | {lost} | {bits.bpp_factor:.3f} |"


def _has_steps(found: Sequence[Found]) -> bool:
    return len({one.attack for one in found if one.name == "apgd"}) > 1


def _budget(one: Found) -> str:
    return one.craft.budget


def _worst(found: Sequence[Found], objective: str) -> dict[str, Found]:
    """Return of each picture the one that hurt most; noise counts for every objective."""
    wanted = WANTED[objective]
    best: dict[str, Found] = {}
    for one in found:
        aimed = one.craft.objective
        if aimed is None or aimed.split()[0] == objective:
            known = best.get(one.craft.picture)
            if known is None or wanted(one.scores) > wanted(known.scores):
                best[one.craft.picture] = one
    return best


def _mean(best: Mapping[str, Found], objective: str) -> str:
    if not best:
        return "–"
    scores = [one.scores for one in best.values()]
    return SHOWN[objective].format(fmean(_value(s, objective) for s in scores))


def _value(scores: Scores, objective: str) -> float:
    return scores.psnr_source if objective == "distortion" else scores.bpp


def _table(found: Sequence[Found], budget: str) -> str:
    there = [one for one in found if _budget(one) == budget]
    lines = [_line(name, [one for one in there if one.attack == name]) for name in _names(there)]
    header = "| attack | PSNR | bpp | input | gradients | queries | seconds |"
    return "\n".join([f"### {budget}", "", header, "|---|--:|--:|--:|--:|--:|--:|", *lines])


def _names(found: Sequence[Found]) -> list[str]:
    return list(dict.fromkeys(one.attack for one in found))


def _line(name: str, found: Sequence[Found]) -> str:
    lowest = _worst(found, "distortion")
    near = fmean(one.scores.psnr_perturbation for one in lowest.values()) if lowest else 0.0
    pictures = len({one.craft.picture for one in found})
    spent = (
        sum(getattr(one.craft, what) for one in found) / pictures
        for what in ("gradients", "queries", "seconds")
    )
    gradients, queries, seconds = spent
    return (
        f"| {name} | {_mean(lowest, 'distortion')} | {_mean(_worst(found, 'rate'), 'rate')}"
        f" | {near:.2f} dB | {gradients:.0f} | {queries:.0f} | {seconds:.1f} |"
    )


def _pairs(found: Sequence[Found]) -> str:
    lines = []
    for first, second in pairwise(ORDER):
        for objective in SHOWN:
            told = map(partial(_compared, found, first, second, objective), _budgets(found))
            lines.append(f"| {first} over {second}, {objective} | {' | '.join(told)} |")
    header = f"| pair | {' | '.join(_budgets(found))} |"
    return "\n".join([header, f"|---|{'--:|' * len(_budgets(found))}", *lines])


def _budgets(found: Sequence[Found]) -> list[str]:
    return list(dict.fromkeys(map(_budget, found)))


def _compared(found: Sequence[Found], first: str, second: str, objective: str, budget: str) -> str:
    there = [one for one in found if _budget(one) == budget]
    ours, theirs = (
        _worst([one for one in there if one.name == name], objective) for name in (first, second)
    )
    gains = [_gain(ours[name].scores, theirs[name].scores, objective) for name in ours]
    return f"{sum(gain >= 0 for gain in gains)}/{len(gains)}, {fmean(gains):+.3f}"


def _gain(ours: Scores, theirs: Scores, objective: str) -> float:
    """Return how many dB less or bits per pixel more."""
    more = _value(ours, objective) - _value(theirs, objective)
    return -more if objective == "distortion" else more


def _beyond(found: Sequence[Found]) -> str:
    lines = []
    for objective in SHOWN:
        cells = [_outdone(found, objective, budget) for budget in _budgets(found)]
        lines.append(f"| {objective} | {' | '.join(cells)} |")
    header = f"| objective | {' | '.join(_budgets(found))} |"
    return "\n".join([header, f"|---|{'--:|' * len(_budgets(found))}", *lines])


def _outdone(found: Sequence[Found], objective: str, budget: str) -> str:
    there = [one for one in found if _budget(one) == budget]
    inside = _worst([one for one in there if one.attack == ENSEMBLE], objective)
    outside = _worst([one for one in there if one.attack != ENSEMBLE], objective)
    gains = [_gain(one.scores, inside[name].scores, objective) for name, one in outside.items()]
    more = [gain for gain in gains if gain > 0]
    if not more:
        return f"0/{len(gains)}"
    by = list(outside.values())[gains.index(max(gains))].attack
    return f"{len(more)}/{len(gains)}, {max(more):.3f} ({by})"


def _by_steps(found: Sequence[Found]) -> str:
    groups: dict[tuple[str, str, str], dict[int, list[Found]]] = defaultdict(dict)
    for one in found:
        params = dict(part.split("=") for part in one.attack.split()[1:])
        if one.craft.objective and params:
            row = (one.victim, f"{one.name}, restarts {params['restarts']}", one.craft.objective)
            groups[row].setdefault(int(params["steps"]), []).append(one)
    steps = sorted({count for cells in groups.values() for count in cells})
    lines = [
        f"| {victim} | {attack} | {objective} | "
        + " | ".join(_mean(_worst(cells.get(count, []), objective), objective) for count in steps)
        + " |"
        for (victim, attack, objective), cells in groups.items()
    ]
    header = f"| model | attack | objective | {' | '.join(map(str, steps))} |"
    return "\n".join([header, f"|---|---|---|{'--:|' * len(steps)}", *lines])


def _between_seeds(runs: Sequence[Sequence[Found]]) -> list[str]:
    cells: dict[tuple[str, str], dict[tuple[str, str], list[float]]] = {}
    for one in chain(*runs):
        if one.craft.objective:
            row = cells.setdefault((one.attack, one.craft.objective), defaultdict(list))
            value = _value(one.scores, one.craft.objective)
            row[one.victim, one.craft.picture].append(value)
    lines = [_apart(*key, list(row.values())) for key, row in cells.items() if _is_again(row)]
    header = "| attack | objective | searches | mean | largest |\n|---|---|--:|--:|--:|"
    return [SEEDS, "\n".join([header, *lines])] if lines else []


def _is_again(row: Mapping[tuple[str, str], Sequence[float]]) -> bool:
    return all(len(values) > 1 for values in row.values())


def _apart(attack: str, objective: str, rows: Sequence[Sequence[float]]) -> str:
    apart = [max(values) - min(values) for values in rows]
    mean, largest = map(SHOWN[objective].format, (fmean(apart), max(apart)))
    return f"| {attack} | {objective} | {len(rows)} | {mean} | {largest} |"


def _queried(found: Sequence[Found], victim: str) -> str:
    there = [one for one in found if one.victim == victim]
    noise = [one for one in there if one.name == NOISE]
    groups: dict[tuple[str, str], list[Found]] = defaultdict(list)
    for one in there:
        groups[one.attack, " + ".join(one.craft.sources) or "none"].append(one)
    lines = [_asked(attack, source, cells, noise) for (attack, source), cells in groups.items()]
    header = "| attack | made against | PSNR | beats noise | bpp | beats noise | queries |"
    return "\n".join([f"### {victim}", "", header, "|---|---|--:|--:|--:|--:|--:|", *lines])


def _asked(attack: str, source: str, cells: Sequence[Found], noise: Sequence[Found]) -> str:
    told = []
    for objective in SHOWN:
        ours, theirs = _worst(cells, objective), _worst(noise, objective)
        more = sum(_gain(ours[name].scores, theirs[name].scores, objective) > 0 for name in ours)
        told += [_mean(ours, objective), f"{more}/{len(ours)}"]
    queries = max(one.craft.queries for one in cells)
    return f"| {attack} | {source} | {' | '.join(told)} | {queries} |"


if __name__ == "__main__":
    main()
