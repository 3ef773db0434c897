"""Write docs/defences.md: what defences are worth against who knows of them, from finished runs.

    python docs/scripts/defences.py runs/defences runs/defences-rate ...

Every codec behind defences is compared with the same codec without, in the same run. Runs without
attacks through gradients give BD-rates alone.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, product
from pathlib import Path
from statistics import fmean, median

from bench.store.records import Scores
from bench.store.run_folder import Run, read_run
from leaderboard.aggregate.cases import CellGroup, cases
from leaderboard.aggregate.suite_info import setting
from leaderboard.aggregate.threats import GRADIENTS
from leaderboard.ranking.rd_curves import Point, bd_rate
from leaderboard.study.defences import (
    ENOUGH,
    DefenceComparison,
    LossUnderAttack,
    Verdict,
    guarded,
    suffered,
    trained,
    undone,
)

PAGE = Path(__file__).parents[1] / "defences.md"
INTRODUCTION = """\
# What defences are worth

Written by

    python docs/scripts/defences.py {runs}

from runs of `bench run suites/NAME.yaml`. J is bpp + lambda 255^2 MSE against the source, in real
bytes. Of all pictures made for an objective from one source, the one counts that hurt most by it:
lowest PSNR, most bits, largest J.

- **unaware**: the pictures were made against the codec without the defence.
- **adaptive**: they were made through the defence: its own gradient, or the surrogate that
  `bench list defences` names; the mean over draws; all the ways it chooses from.
- **worst draw**: of the adaptive pictures, under the draw that was worst for the defender.
- **undone**: the share of the damage to the bare codec (in MSE, bits, J) that is gone, of both.
  Above 100 %: better than the bare codec unattacked. Below 0: the defence made it worse. What the
  defence costs pictures that nobody attacked is part of it.
- **left**: the damage from the defended codec's own unattacked state, by the stronger of both
  attackers, as a share of the bare codec's damage. A codec that was spoilt before may have little
  left to lose.
- **!** on so many of the pictures the unaware attacker did more than the adaptive one: the search
  through the defence was too weak there, and the larger damage is the one to believe.

A defence **holds** if even the stronger of both attackers finds at least {enough:.0%} of the damage
undone: it survives an attacker who knows of it. It **hides** if the unaware attacker finds that
much undone and the adaptive one does not. Else it **fails**. In brackets is what the stronger one
finds undone.
"""
COSTS = """\
Against the same codec without the defence; of one that draws, its first draw. Bytes more a picture,
and how many of these are the harness's container around the coded choice. The times are factors, of
the median over all pictures, attacked ones too, on a machine that did other things as well."""
TRAINED_NOTE = """\
Another operating point, no defence around it: attacked through its own gradient. Clean J is against
the bare codec's."""
SUMMARY_NOTE = """\
Undone of the unaware and of the adaptive attacker; and, in brackets, what is left."""
CLEAN = ("defence", "bytes", "container", "bpp", "PSNR", "J", "BD-rate", "encoding", "decoding")
ATTACKED = (
    *("defence", "budget", "objective", "bare", "unaware", "adaptive", "worst draw"),
    *("undone, unaware", "undone, adaptive", "left", ""),
)
TRAINED = ("codec", "clean J", "budget", "objective", "bare", "its own attack", "undone")
SHOWN: dict[str, tuple[str, Callable[[Scores], float]]] = {
    "distortion": ("{:.2f} dB", lambda scores: scores.psnr_source),
    "rate": ("{:.3f} bpp", lambda scores: scores.bpp),
    "rd": ("J {:.3f}", lambda scores: scores.rd_cost),
}
VERDICTS: tuple[Verdict, ...] = ("holds", "hides", "fails")


def main() -> None:
    """Read the runs and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", type=Path)
    folders = parser.parse_args().runs
    runs = [read_run(folder) for folder in folders]
    told = INTRODUCTION.format(runs=" ".join(map(str, folders)), enough=ENOUGH)
    found = [guarded(run) for run in runs]
    pairs = zip(found, runs, strict=True)
    lines = chain.from_iterable(section(own, run, found) for own, run in pairs if _attacked(own))
    PAGE.write_text("\n".join([told, *lines]), encoding="utf-8")


def section(
    found: Sequence[DefenceComparison], run: Run, everywhere: Sequence[Sequence[DefenceComparison]]
) -> Iterator[str]:
    """Yield the lines of one run: verdicts, costs and attacks.

    Args:
        found: what it has behind defences.
        run: the run.
        everywhere: what each run has, for BD-rates.
    """
    suite = run.manifest.suite
    yield from (
        f"## {suite['name']}, lambda {suite['rd_lambda']:g}",
        "",
        _terms(run),
        "",
        _everywhere(found),
        "",
    )
    yield from verdicts(found)
    yield from ("", "### In short", "", SUMMARY_NOTE, "", *_summary(found))
    yield from ("", "### Without an attack", "", COSTS, "", *_header(CLEAN))
    yield from (_clean_row(one, run, everywhere) for one in found)
    yield from ("", "### Under attack", "", *_header(ATTACKED))
    for one in found:
        yield from (_attacked_row(one, *where) for where in product(one.own, one.objectives))
    yield from (*_trained(run), "")


def verdicts(found: Sequence[DefenceComparison]) -> Iterator[str]:
    """Yield a line for each objective and budget: which defences hold, hide and fail."""
    for objective, budget in product(found[0].objectives, found[0].own):
        told = []
        for verdict in VERDICTS:
            named = [
                f"{one.name} ({min(one.undone(budget, objective)):.0%})"
                for one in found
                if one.verdict(budget, objective) == verdict
            ]
            told.append(f"{verdict}: {', '.join(named) or 'none'}")
        yield f"- {objective}, {budget}: {'; '.join(told)}."


def _everywhere(found: Sequence[DefenceComparison]) -> str:
    """Return which defences hold wherever they were tried, and how many rows are flagged."""
    where = list(product(found[0].own, found[0].objectives))
    held = [one.name for one in found if all(one.verdict(*there) == "holds" for there in where)]
    flagged = sum(_weaker(one, *there) > 0 for one in found for there in where)
    return (
        f"Holds at every budget and for every objective: {', '.join(held) or 'none'}. Rows flagged"
        f" with !: {flagged} of {len(found) * len(where)}."
    )


def _weaker(one: DefenceComparison, budget: str, objective: str) -> int:
    """Return on how many pictures the unaware attacker did more than the adaptive one."""
    _, unaware, adaptive = one.attacked(budget, objective)
    return sum(adaptive.by[picture] < unaware.by[picture] for picture in adaptive.by)


def _attacked(found: Sequence[DefenceComparison]) -> bool:
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


def _summary(found: Sequence[DefenceComparison]) -> Iterator[str]:
    where = list(product(found[0].objectives, found[0].own))
    yield from _header(("defence", *(f"{objective}, {budget}" for objective, budget in where)))
    for one in found:
        yield _row(one.name, *(_in_short(one, budget, objective) for objective, budget in where))


def _in_short(one: DefenceComparison, budget: str, objective: str) -> str:
    unaware, adaptive = one.undone(budget, objective)
    return f"{unaware:.0%}, {adaptive:.0%} ({one.left(budget, objective):.0%})"


def _clean_row(
    one: DefenceComparison, run: Run, everywhere: Sequence[Sequence[DefenceComparison]]
) -> str:
    budget = next(iter(one.own))
    bare, own = one.bare[budget], one.own[budget]
    before, after = (_seconds(run, label) for label in (one.plain, one.name))
    change = _mean(own.clean.values(), _cost) / _mean(bare.clean.values(), _cost) - 1
    return _row(
        one.name,
        f"{_more(bare, own, lambda scores: scores.bytes):+.1f}",
        f"{_more(bare, own, lambda scores: scores.header_bytes):+.0f}",
        f"{_more(bare, own, lambda scores: scores.bpp):+.4f}",
        f"{_more(bare, own, lambda scores: scores.psnr_source):+.2f} dB",
        *(f"{change:+.1%}", _rate_change(one.kind, everywhere)),
        *(f"x{defended / plain:.2f}" for plain, defended in zip(before, after, strict=True)),
    )


def _rate_change(kind: str, everywhere: Sequence[Sequence[DefenceComparison]]) -> str:
    """Return the BD-rate of a defence over the qualities of a codec, from the run that has most."""
    alike = [[one for one in found if one.kind == kind] for found in everywhere]
    pairs = [(_point(one.bare), _point(one.own)) for one in max(alike, key=len, default=[])]
    bare, own = (
        tuple(sorted((pair[side] for pair in pairs), key=lambda point: point.bpp))
        for side in (0, 1)
    )
    delta = bd_rate(bare, own)
    return delta.reason if delta.value is None else f"{delta.value:+.1f} %"


def _point(side: Mapping[str, CellGroup]) -> Point:
    clean = next(iter(side.values())).clean.values()
    bpp, psnr = (_mean(clean, how) for how in (lambda s: s.bpp, lambda s: s.psnr_source))
    return Point("", bpp, psnr)


def _attacked_row(one: DefenceComparison, budget: str, objective: str) -> str:
    bare, unaware, adaptive = one.attacked(budget, objective)
    weaker = _weaker(one, budget, objective)
    return _row(
        *(one.name, budget, objective, *map(_shown, (bare, unaware, adaptive)), _worst(adaptive)),
        *(f"{share:.0%}" for share in one.undone(budget, objective)),
        f"{one.left(budget, objective):.0%}",
        f"! {weaker}/{len(adaptive.by)}" if weaker else "",
    )


def _trained(run: Run) -> Iterator[str]:
    """Yield the lines of codecs that were trained against attacks, next to the bare one."""
    found, first = cases(run, setting(run)), guarded(run)[0]
    rows = [
        _trained_row(label, budget, objective, bare, found[label, budget])
        for label in trained(run)
        for (budget, bare), objective in product(first.bare.items(), first.objectives)
    ]
    if rows:
        yield from ("", "### Trained against attacks", "", TRAINED_NOTE, "", *_header(TRAINED))
        yield from rows


def _trained_row(label: str, budget: str, objective: str, bare: CellGroup, own: CellGroup) -> str:
    change = _mean(own.clean.values(), _cost) / _mean(bare.clean.values(), _cost) - 1
    plain, attacked = (suffered(case, GRADIENTS, objective) for case in (bare, own))
    figures = (f"{change:+.1%}", budget, objective, _shown(plain), _shown(attacked))
    return _row(label, *figures, f"{undone(bare, attacked):.0%}")


def _shown(found: LossUnderAttack) -> str:
    unit, value = SHOWN[found.objective]
    means = [fmean(value(one.scores) for one in draws) for draws in found.pictures.values()]
    return unit.format(fmean(means))


def _worst(one: LossUnderAttack) -> str:
    unit, value = SHOWN[one.objective]
    return unit.format(fmean(value(scored.scores) for scored in one.worst.values()))


def _header(names: Sequence[str]) -> tuple[str, str]:
    return _row(*names), f"|---|{'--:|' * (len(names) - 1)}"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _cost(scores: Scores) -> float:
    return scores.rd_cost


def _mean(scores: Iterable[Scores], value: Callable[[Scores], float]) -> float:
    return fmean(map(value, scores))


def _more(before: CellGroup, after: CellGroup, value: Callable[[Scores], float]) -> float:
    return _mean(after.clean.values(), value) - _mean(before.clean.values(), value)


def _seconds(run: Run, label: str) -> tuple[float, float]:
    """Return how long a codec took to encode and to decode a picture, medians."""
    coded = [one for one in run.measures if one.victim == label and one.status == "ok"]
    return median(one.encode_seconds for one in coded), median(one.decode_seconds for one in coded)


if __name__ == "__main__":
    main()
