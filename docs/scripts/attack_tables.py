"""Tables of how strong attacks are, for docs/attacks.md: finished searches -> markdown."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, pairwise
from statistics import fmean

from bench.store.records import CraftRecord, Scores
from bench.store.run_folder import Run
from leaderboard.aggregate.cases import measurements
from leaderboard.aggregate.suite_info import REFERENCE
from leaderboard.study.adversarial_training import WANTED

ENSEMBLE = "standard"
NOISE = "sign-noise"
ORDER = ("apgd", "pgd", "ifgsm", "fgsm", NOISE)
SHOWN = {"distortion": "{:.2f} dB", "rate": "{:.3f}"}


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


def found_in(run: Run) -> list[Found]:
    """Return the attacked pictures of a run; those on the lossless codec are left out."""
    return [
        Found(run.crafts[cell.craft], cell.victim, cell.threat, cell.scores)
        for cell in measurements(run)
        if cell.craft and cell.scores and cell.victim in codecs(run)
    ]


def codecs(run: Run) -> list[str]:
    """Return the labels of the codecs under test."""
    return [label for label in run.manifest.codecs if label != REFERENCE]


def lost(found: Sequence[Found]) -> str:
    """Return what each attack costs one picture at one budget, in the units of papers."""
    (picture,) = {one.craft.picture for one in found}
    lines = [
        _lost(name, picture, [one for one in found if one.attack == name]) for name in _names(found)
    ]
    return "\n".join(["| attack | PSNR lost | bits |", "|---|--:|--:|", *lines])


def _lost(name: str, picture: str, found: Sequence[Found]) -> str:
    drop, bits = (_worst(found, objective)[picture].scores for objective in SHOWN)
    share = "–" if drop.drop_percent is None else f"{drop.drop_percent:.2f} %"
    return f"| {name} | {share} | {bits.bpp_factor:.3f} |"


def has_steps(found: Sequence[Found]) -> bool:
    """Tell whether a run is of one attack with several numbers of steps."""
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


def strength(found: Sequence[Found], budget: str) -> str:
    """Return what every attack does at one budget, and what it spent."""
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


def compared_in_pairs(found: Sequence[Found]) -> str:
    """Return on how many pictures each of ORDER did at least as much as the next."""
    lines = []
    for first, second in pairwise(ORDER):
        for objective in SHOWN:
            told = map(partial(_compared, found, first, second, objective), budgets(found))
            lines.append(f"| {first} over {second}, {objective} | {' | '.join(told)} |")
    header = f"| pair | {' | '.join(budgets(found))} |"
    return "\n".join([header, f"|---|{'--:|' * len(budgets(found))}", *lines])


def budgets(found: Sequence[Found]) -> list[str]:
    """Return all budgets of a run, in their order."""
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


def beyond(found: Sequence[Found]) -> str:
    """Return on how many pictures some attack did more than the ensemble."""
    lines = []
    for objective in SHOWN:
        cells = [_outdone(found, objective, budget) for budget in budgets(found)]
        lines.append(f"| {objective} | {' | '.join(cells)} |")
    header = f"| objective | {' | '.join(budgets(found))} |"
    return "\n".join([header, f"|---|{'--:|' * len(budgets(found))}", *lines])


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


def by_steps(found: Sequence[Found]) -> str:
    """Return what an attack does by its number of steps."""
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


def between_seeds(runs: Sequence[Sequence[Found]]) -> str | None:
    """Return how far apart searches that only their seeds tell apart are; None without any."""
    cells: dict[tuple[str, str], dict[tuple[str, str], list[float]]] = {}
    for one in chain(*runs):
        if one.craft.objective:
            row = cells.setdefault((one.attack, one.craft.objective), defaultdict(list))
            value = _value(one.scores, one.craft.objective)
            row[one.victim, one.craft.picture].append(value)
    lines = [_apart(*key, list(row.values())) for key, row in cells.items() if _is_again(row)]
    header = "| attack | objective | searches | mean | largest |\n|---|---|--:|--:|--:|"
    return "\n".join([header, *lines]) if lines else None


def _is_again(row: Mapping[tuple[str, str], Sequence[float]]) -> bool:
    return all(len(values) > 1 for values in row.values())


def _apart(attack: str, objective: str, rows: Sequence[Sequence[float]]) -> str:
    apart = [max(values) - min(values) for values in rows]
    mean, largest = map(SHOWN[objective].format, (fmean(apart), max(apart)))
    return f"| {attack} | {objective} | {len(rows)} | {mean} | {largest} |"


def queried(found: Sequence[Found], victim: str) -> str:
    """Return what pictures do to one codec, by attack and by what they were made against."""
    there = [one for one in found if one.victim == victim]
    noise = [one for one in there if one.name == NOISE]
    groups: dict[tuple[str, str], list[Found]] = defaultdict(list)
    for one in there:
        groups[one.attack, " + ".join(one.craft.sources) or "none"].append(one)
    lines = [_asked(attack, source, cells, noise) for (attack, source), cells in groups.items()]
    header = "| attack | made against | PSNR | beats noise | bpp | beats noise | queries |"
    rule = "|---|---|--:|--:|--:|--:|--:|"
    return "\n".join([f"### {victim}", "", header, rule, _untouched(noise), *lines])


def _untouched(found: Sequence[Found]) -> str:
    psnr = fmean(one.scores.psnr_clean for one in found)
    bpp = fmean(one.scores.bpp_clean for one in found)
    shown = (SHOWN["distortion"].format(psnr), SHOWN["rate"].format(bpp))
    return f"| no attack | – | {' | – | '.join(shown)} | – | 0 |"


def _asked(attack: str, source: str, cells: Sequence[Found], noise: Sequence[Found]) -> str:
    told = []
    for objective in SHOWN:
        ours, theirs = _worst(cells, objective), _worst(noise, objective)
        more = sum(_gain(ours[name].scores, theirs[name].scores, objective) > 0 for name in ours)
        told += [_mean(ours, objective), f"{more}/{len(ours)}"]
    queries = max(one.craft.queries for one in cells)
    return f"| {attack} | {source} | {' | '.join(told)} | {queries} |"
