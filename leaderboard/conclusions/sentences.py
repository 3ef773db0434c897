"""Conclusions in plain sentences, each only where the records carry it.

    Comparison --> Group, Point --> Order (significance over pictures and starts) --> sentences

A difference is stated only if it is significant over the pictures (`leaderboard.ranking.
significance`), and never between codecs that were attacked with gradients and without. No codec is
called the least vulnerable if there is evidence that a stronger attack on it exists. Codecs without
scores of every picture are named, and left out of comparisons.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from bench.budget import Budget
from leaderboard.aggregate.bootstrap import FEW, Estimate, Value, mean
from leaderboard.aggregate.families import Family
from leaderboard.aggregate.suite_info import GenerationMetric, ensemble_of
from leaderboard.conclusions.order import Order, order
from leaderboard.conclusions.points import (
    LAMBDA,
    Group,
    Point,
    groups,
    last_generation,
    without_point,
)
from leaderboard.formatting import decibel, factor, percent, plain, rate
from leaderboard.ranking.board import Board, BoardRun
from leaderboard.ranking.comparison import Comparison

_MATCHED = 1.1
"""Largest ratio of two clean rates that are called equal."""

_LISTED = 4
"""Largest number of names that a sentence lists."""


def conclusions(board: Board, one: Comparison) -> list[str]:
    """Return what a comparison of a board shows, in plain text, one sentence each."""
    found = groups(one)
    points = [point for group in found for point in group.points]
    complete = [point for point in points if point.is_complete]
    return [
        *_clean(complete),
        *(sentence for group in found for sentence in _losses(group, one.budget)),
        *(sentence for group in found for sentence in _trade_off(group)),
        *generations(complete, last_generation(board, one)),
        *_failures(one.families),
        *_incomplete(points, without_point(one)),
        *_limits([part for part in board.parts if part.name in one.runs], points),
    ]


def headline(one: Comparison) -> str:
    """Return the sentence of `conclusions` on what attacks cost; empty without attacks.

    It is on codecs attacked through their own gradients if there are any.
    """
    losses = (sentence for group in groups(one) for sentence in _losses(group, one.budget))
    return next(losses, "")


def generations(points: Sequence[Point], metric: GenerationMetric | None) -> Iterator[str]:
    """Yield what coding again and again costs.

    Args:
        points: what is compared.
        metric: up to which generation; None if it was not measured.
    """
    if metric is None:
        return
    if known := [point for point in points if point.lost(metric)]:
        lead = f"Coded again and again, from generation 1 to {metric.count},"
        yield from _spread(lead, known, lambda point: point.lost(metric), bounds=False)


def _clean(points: Sequence[Point]) -> Iterator[str]:
    """Yield which codec is best without an attack."""
    if len(points) < 2:
        return
    rates = [point.rate for point in points]
    span = f"{rate(min(rates))} to {rate(max(rates))} bpp"
    if max(rates) > _MATCHED * min(rates):
        yield f"The clean rates differ ({span}), so only R-D costs compare the codecs."
        found = order(points, [point.costs.clean for point in points], by_ratio=True)
        if (more := found.excess(found.high, found.low)) is not None:
            yield (
                f"Without an attack {_name(found.high)} has a higher R-D cost (λ = {LAMBDA:g}) than"
                f" {_name(found.low)}, by {percent(100 * more)} %."
            )
    elif all(point.is_lossy for point in points):
        found = order(points, [point.psnr for point in points], by_ratio=False)
        yield (
            f"At equal rates ({span}) and without an attack, {_name(found.high)} has a higher PSNR"
            f" than {_name(found.low)}, by {decibel(found.gap)} dB."
            if found.ends_differ
            else f"At equal rates ({span}) and without an attack, {_tied(found, 'the codecs')} do"
            " not differ significantly in PSNR."
        )


def _losses(group: Group, budget: Budget) -> Iterator[str]:
    """Yield what attacks cost the codecs of a group in PSNR and in bits."""
    points = group.attacked
    if not points:
        return
    if lossy := [point for point in points if point.drop]:
        whose = "its" if len(lossy) == 1 else "their"
        how = f"through {whose} own gradients" if group.through_gradients else "without gradients"
        lead = f"Attacked {how} at {budget},"
        yield from _spread(lead, lossy, lambda point: point.drop, bounds=True)
        yield from _beyond_perturbation(lossy)
    yield from _growth(points)
    yield from _unamplified(points)
    if not group.through_gradients:
        yield "Attacks without gradients are weaker, so these losses do not compare with others."


def _spread(
    lead: str,
    points: Sequence[Point],
    loss: Callable[[Point], Mapping[str, Value]],
    *,
    bounds: bool,
) -> Iterator[str]:
    """Yield the largest and the smallest loss of PSNR.

    Args:
        lead: the beginning of the sentence.
        points: at least one.
        loss: the loss of a point in dB, by picture.
        bounds: whether a loss is a lower bound, about which there can be doubts.
    """
    text = {point: _decibels(loss(point)) for point in points}
    if len(points) == 1:
        (point,) = points
        yield f"{lead} {_name(point)} loses {text[point]} of PSNR."
        return
    found = order(points, [loss(point) for point in points], by_ratio=False)
    low, high = found.low, found.high
    if found.ends_differ and not (bounds and low.psnr_doubts):
        yield (
            f"{lead} {_name(high)} loses {text[high]} of PSNR, more than {_name(low)} with"
            f" {text[low]}."
        )
    else:
        reason = f"{_tied(found, 'they')} do not differ significantly"
        if found.ends_differ:
            reason = f"a stronger attack on {_name(low)} may exist, so their order is open"
        yield (
            f"{lead} the codecs lose {text[low]} ({_name(low)}) to {text[high]} ({_name(high)}) of"
            f" PSNR; {reason}."
        )


def _tied(found: Order, everyone: str) -> str:
    """Return the two ends of an order that do not differ; a word for all codecs if no two do."""
    return f"{_name(found.low)} and {_name(found.high)}" if found.any_differ else everyone


def _beyond_perturbation(points: Sequence[Point]) -> Iterator[str]:
    """Yield how much of the losses is not that of the perturbation itself, if there are few."""
    known = {point: point.excess for point in points}
    parts = [f"{decibel(one.mean)} dB ({_name(point)})" for point, one in known.items() if one]
    if 0 < len(parts) <= _LISTED:
        yield f"Beyond what the perturbation itself costs, this is {', '.join(parts)}."


def _growth(points: Sequence[Point]) -> Iterator[str]:
    """Yield how far the bits grow, where they certainly grow."""
    factors = {point: point.row.attack.bpp_factor for point in points if point.row.attack}
    grown = {point: one for point, one in factors.items() if one and one.low and one.low > 1}
    if grown:
        point = max(grown, key=lambda point: grown[point].mean)
        whose = f" for {_name(point)}" * (len(points) > 1)
        size = f"{factor(grown[point].mean)}{_interval(grown[point], factor)}"
        yield f"Bits grow up to {size}{whose}."


def _unamplified(points: Sequence[Point]) -> Iterator[str]:
    """Yield the codecs that lose no more than they must, or no more than to noise."""
    beyond = {point: point.row.attack.beyond_change for point in points if point.row.attack}
    faithful = [point.name for point, one in beyond.items() if one and _is_at_most_zero(one.high)]
    if faithful:
        yield f"{_listed(faithful)} lost no more than the perturbation itself explains."
    gains = {point: point.row.gain.drop_db for point in points if point.row.gain}
    alike = [point.name for point, gain in gains.items() if gain and _is_at_most_zero(gain.high)]
    if alike:
        yield f"{_listed(alike)} lost no more PSNR to the attacks than to noise of the same size."


def _is_at_most_zero(bound: float | None) -> bool:
    return bound is not None and bound <= 0


def _trade_off(group: Group) -> Iterator[str]:
    """Yield whether the codec with the lowest R-D cost also has the lowest one under attack."""
    points = group.attacked
    if len(points) < 2:
        return
    clean = order(points, [point.costs.clean for point in points], by_ratio=True)
    attacked = order(points, [point.costs.attacked.values for point in points], by_ratio=True)
    best, robust = clean.low, attacked.low
    how = "through their own gradients" if group.through_gradients else "without gradients"
    if robust.doubts:
        return
    if best is robust and clean.has_lowest and attacked.has_lowest:
        yield (
            f"By R-D cost (λ = {LAMBDA:g}), {_name(best)} is the best of the codecs attacked {how},"
            " without an attack and under attack."
        )
    elif best is not robust:
        yield from _opposed(best, robust, clean, attacked)


def _opposed(best: Point, robust: Point, clean: Order, attacked: Order) -> Iterator[str]:
    before, after = clean.excess(robust, best), attacked.excess(best, robust)
    if before is not None and after is not None:
        yield (
            f"There is a trade-off in R-D cost (λ = {LAMBDA:g}): without an attack {_name(robust)}"
            f" costs {percent(100 * before)} % more than {_name(best)}, under attack {_name(best)}"
            f" costs {percent(100 * after)} % more than {_name(robust)}."
        )


def _failures(families: Sequence[Family]) -> Iterator[str]:
    """Yield how many adversarial and noisy pictures could not be coded, at all quality settings."""
    losses = {one.name: [member.row.losses for member in one.members] for one in families}
    cells = {name: sum(loss.cells for loss in found) for name, found in losses.items()}
    failed = {name: sum(loss.failed for loss in found) for name, found in losses.items()}
    for name, count in failed.items():
        if count:
            yield f"{plain(name)} failed to code {count} of {cells[name]} attacked pictures."
    if any(cells.values()) and not any(failed.values()):
        yield "No codec failed to code an attacked picture."


def _incomplete(points: Sequence[Point], others: Sequence[Family]) -> Iterator[str]:
    """Yield the codecs that lack scores, those without any last."""
    names = [point.name for point in points if not point.is_complete]
    if missing := [*names, *(family.name for family in others)]:
        yield f"Left out, because pictures lack scores: {_listed(missing)}."


def _limits(parts: Sequence[BoardRun], points: Sequence[Point]) -> Iterator[str]:
    """Yield the number of pictures, what attacked, and how far the losses can be trusted."""
    attacks = dict.fromkeys(name for part in parts for name in _attacks(part))
    if not attacks or not parts:
        return
    count = min(len(part.manifest.pictures) for part in parts)
    by = ", ".join(attacks) if len(attacks) <= _LISTED else f"{len(attacks)} attacks"
    few = f"; with fewer than {FEW} pictures all intervals are too narrow" * (count < FEW)
    yield (
        f"This rests on {count} picture{'s' * (count > 1)} and on {by}: losses are lower bounds, a"
        f" stronger attack may exist{few}."
    )
    if doubtful := [point.name for point in points if point.doubts or point.psnr_doubts]:
        yield f"There is evidence of a stronger attack on {_listed(doubtful)}."


def _attacks(part: BoardRun) -> Iterator[str]:
    """Yield the attacks of a run without noise; members of an ensemble have its name."""
    noise = {craft.attack for craft in part.crafts if not craft.sources}
    for label in map(str, part.suite.all_attacks):
        if label not in noise:
            yield plain(ensemble_of(label))


def _decibels(losses: Mapping[str, Value]) -> str:
    found = mean(losses[name] for name in sorted(losses))
    return (
        "no known amount"
        if found is None
        else f"{decibel(found.mean)} dB{_interval(found, decibel)}"
    )


def _interval(found: Estimate, text: Callable[[float], str]) -> str:
    if found.low is None or found.high is None:
        return ""
    return f" ({text(found.low)} to {text(found.high)})"


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _LISTED
    return ", ".join(map(plain, names[:_LISTED])) + (f" and {more} more" if more > 0 else "")


def _name(point: Point) -> str:
    return plain(point.name)
