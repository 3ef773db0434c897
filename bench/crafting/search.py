"""Running one search: its random numbers, its start, and how long it goes on.

A search that still rises at its end has not found the worst case. A suite can have its steps
doubled a stated number of times (`extensions`); only then is it flagged.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import torch
from torch import Tensor

from bench.attack import Attack, AttackResult, Target, WarmStarting
from bench.budget import Budget
from bench.codec import Image
from bench.crafting.oracle import QueryBudgetExhaustedError
from bench.errors import BenchError
from bench.tensors import to_tensor
from bench.utils.foreign_call import foreign_call

FLAT_LOSS = "flat-loss"
"""Flag: the objective had the same value during the whole search."""

STILL_RISING = "still-rising"
"""Flag: the search had not converged; more steps would probably find more."""

_FEWEST_STEPS = 10
"""Shorter searches are not tested for convergence: they only compare a few candidates."""

_CONVERGED = 0.1
"""Largest share of the whole gain that the last quarter of a converged search may bring."""


def trajectory_flags(trace: Tensor) -> tuple[str, ...]:
    """Return the flags that follow from the objective's values during a search.

    Args:
        trace: values for the first picture, (steps,); minus infinity outside the budget.
    """
    known = trace[trace.isfinite()]
    if len(known) < 2:
        return ()
    if known.max() == known.min():
        return (FLAT_LOSS,)
    best = known.cummax(0).values
    gain = best[-1] - best[0]
    late = best[-1] - best[len(best) * 3 // 4 - 1]
    return (STILL_RISING,) if len(known) >= _FEWEST_STEPS and late > _CONVERGED * gain else ()


class RejectedError(BenchError):
    """The result of an attack is not a picture inside the budget."""


@dataclass(frozen=True)
class Search:
    """What a search is run on.

    Attributes:
        target: the view of the target that the attack may use.
        source: source pictures, float (B, 3, H, W) in [0, 1].
        budget: the budget.
        seeds: the seed of each picture's random numbers.
        starts: for each picture the picture to start from, or None; empty for random starts.
    """

    target: Target
    source: Tensor
    budget: Budget
    seeds: Sequence[int]
    starts: Sequence[Image | None] = ()


def run_until_converged(attack: Attack, search: Search, extensions: int) -> AttackResult:
    """Run an attack, and again with twice the steps for pictures whose objective still rises.

    A longer run starts anew, and can find less: step sizes depend on the number of steps.

    Args:
        attack: the attack; its `steps` are doubled.
        search: what it is run on.
        extensions: how often the steps are doubled at most.

    Returns:
        The result on the CPU, for each picture that of the run with the highest value.
    """
    result = _run(attack, search)
    for doubling in range(1, extensions + 1):
        rising = torch.tensor([STILL_RISING in trajectory_flags(one) for one in result.trace.T])
        if not rising.any():
            break
        steps: int = cast("Any", attack).steps * 2**doubling
        longer = _run(replace(cast("Any", attack), steps=steps), search)
        result = _combined(rising & (_best(longer) >= _best(result)), longer, result)
    return result


def _best(result: AttackResult) -> Tensor:
    """Return the largest finite value of each picture's trace, (B,)."""
    return result.trace.where(result.trace.isfinite(), -torch.inf).amax(0)


def _run(attack: Attack, search: Search) -> AttackResult:
    source = search.source
    if any(start is not None for start in search.starts):
        result = _run_from_pictures(attack, search)
    else:
        result = _run_to_end(attack, search.target, source.clone(), search.budget, search.seeds)
    check_shape(result, source)
    return AttackResult(result.images.cpu(), result.trace.cpu(), result.flags)


def _run_from_pictures(attack: Attack, search: Search) -> AttackResult:
    """Run an attack from given pictures, and from random ones where none are given."""
    random = search.budget.sample(search.source, _generators(search.seeds))
    starts = [
        random[index : index + 1] if start is None else to_tensor(start).to(random)
        for index, start in enumerate(search.starts)
    ]
    with foreign_call("the search", search.source[:, 0].numel()):
        return cast("WarmStarting", attack).from_pictures(
            search.target, search.source.clone(), search.budget, torch.cat(starts)
        )


def _combined(chosen: Tensor, result: AttackResult, other: AttackResult) -> AttackResult:
    """Return the first result for the chosen pictures, bool (B,), and the other for the rest.

    The shorter trace is filled with minus infinity.
    """
    length = max(len(result.trace), len(other.trace))
    flags = tuple(
        picked.flags[index] if picked.flags else ()
        for index, picked in enumerate(result if one else other for one in chosen.tolist())
    )
    return AttackResult(
        torch.where(chosen.view(-1, 1, 1, 1), result.images, other.images),
        torch.where(chosen, _filled(result.trace, length), _filled(other.trace, length)),
        flags,
    )


def _filled(trace: Tensor, length: int) -> Tensor:
    missing = trace.new_full((length - len(trace), trace.shape[1]), -torch.inf)
    return torch.cat([trace, missing])


def _generators(seeds: Iterable[int]) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def run_attack(
    attack: Attack, target: Target, source: Tensor, budget: Budget, seed: int
) -> AttackResult:
    """Run an attack on one batch; picture i has its own generator, with seed `seed + i`.

    The attack ends when it returns or when it exceeds its query budget. The generators are on the
    CPU even if the pictures are not, so that every machine draws the same numbers.

    Args:
        attack: the attack.
        target: the view of the target, see `make_target_view`.
        source: source pictures, float (B, 3, H, W) in [0, 1].
        budget: the budget of the search.
        seed: seed of the first picture.
    """
    return _run_to_end(attack, target, source, budget, range(seed, seed + len(source)))


def _run_to_end(
    attack: Attack, target: Target, source: Tensor, budget: Budget, seeds: Iterable[int]
) -> AttackResult:
    rngs = _generators(seeds)
    try:
        with foreign_call("the search", source[:, 0].numel()):
            return attack(target, source, budget, rngs)
    except QueryBudgetExhaustedError as exhausted:
        return exhausted.result


def check_shape(result: AttackResult, source: Tensor) -> None:
    """Check that a result has the shape of the source pictures.

    Raises:
        RejectedError: it has another shape.
    """
    if result.images.shape != source.shape:
        shapes = f"{tuple(result.images.shape)}, not {tuple(source.shape)}"
        raise RejectedError(f"the attack returned pictures of shape {shapes}")
