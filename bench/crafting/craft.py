"""Craft jobs -> for each one 8-bit picture inside its budget, or the reason why there is none.

One search is one job, or several that differ in their pictures alone (a batch).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import torch
from torch import Tensor

from bench.attack import Attack, AttackResult, Objective, Target
from bench.budget import Budget
from bench.codec import Codec, Image
from bench.crafting.composed_target import compose_target
from bench.crafting.ensemble import Ensemble
from bench.crafting.oracle import Oracle, QueriesSpent
from bench.crafting.target import CodecTarget, NoTarget
from bench.errors import PLUGIN_ERRORS, BenchError, Unsupported, one_line, raise_if_machine
from bench.images.image_set import pixel_hash
from bench.planning.jobs import CraftJob
from bench.store.records import CraftRecord, Status
from bench.tensors import to_image, to_tensor
from bench.utils.memory import keep_freed_memory
from bench.utils.precision import use_arithmetic

FLAT_LOSS = "flat-loss"
STILL_RISING = "still-rising"

_FEWEST_LOOKS = 10
"""Shorter searches are no climb: they compare a few candidates."""

_STILL = 0.1
"""Share of the whole gain that the last quarter of a search may bring."""


def trajectory_flags(trace: Tensor) -> tuple[str, ...]:
    """Return what to know of a search from the values on its way.

    Args:
        trace: the first picture's, (steps,); minus infinity outside the budget.
    """
    known = trace[trace.isfinite()]
    if len(known) < 2:
        return ()
    if known.max() == known.min():
        return (FLAT_LOSS,)
    best = known.cummax(0).values
    gain = best[-1] - best[0]
    late = best[-1] - best[len(best) * 3 // 4 - 1]
    return (STILL_RISING,) if len(known) >= _FEWEST_LOOKS and late > _STILL * gain else ()


UNCHANGED = "unchanged"


class RejectedError(BenchError):
    """What an attack returned is no picture inside the budget."""


@dataclass(frozen=True)
class CraftResult:
    """The outcome of one search: the picture, if there is one, and its record."""

    image: Image | None
    record: CraftRecord


def craft(
    jobs: Sequence[CraftJob],
    sources: Sequence[Codec],
    attack: Attack,
    objective: Objective | None,
) -> list[CraftResult]:
    """Run one search and enforce its budget on each 8-bit picture.

    Args:
        jobs: what is to be done: one job, or several that differ in their pictures alone, all of
            one size.
        sources: the codecs of their `sources`.
        attack: the search.
        objective: what it makes large; None for noise.

    Returns:
        One outcome for each job. What breaks the search fails all of them.
    """
    try:
        with use_arithmetic(jobs[0].arithmetic), keep_freed_memory():
            found = _searched(jobs, sources, attack, objective)
    except PLUGIN_ERRORS as error:  # what breaks inside an attack is its failure
        return [_lost(job, error) for job in jobs]
    return [_outcome(job, attack, one) for job, one in zip(jobs, found, strict=True)]


def _lost(job: CraftJob, error: BaseException) -> CraftResult:
    if isinstance(error, Unsupported):
        return CraftResult(None, _record(job, "unsupported", reason=str(error)))
    raise_if_machine(error)
    return CraftResult(None, _record(job, "failed", reason=one_line(error)))


@dataclass(frozen=True)
class _SearchResult:
    """What a search found for one job, what that took, and what the target noticed."""

    result: AttackResult
    spent: dict[str, object]
    flags: tuple[str, ...]


def _searched(
    jobs: Sequence[CraftJob],
    sources: Sequence[Codec],
    attack: Attack,
    objective: Objective | None,
) -> list[_SearchResult]:
    job = jobs[0]
    if job.budget.kind not in attack.budgets:
        can = " and ".join(attack.budgets)
        raise Unsupported(
            f"the attack '{job.search.choice}' cannot keep a budget in {job.budget.kind}, only in"
            f" {can}"
        )
    source = torch.cat([to_tensor(job.picture.pixels) for job in jobs]).to(_place(attack, sources))
    target = make_target_view(attack, _targets(job, sources, objective, source), source, job.budget)
    started = time.perf_counter()
    result = _run(attack, target, source.clone(), job.budget, [job.seed for job in jobs])
    _check_shape(result, source)
    result = AttackResult(result.images.cpu(), result.trace.cpu(), result.flags)
    spent: dict[str, object] = {
        "gradients": target.gradients,
        "queries": target.queries,
        "seconds": (time.perf_counter() - started) / len(jobs),
    }
    return [
        _SearchResult(_alone(result, index), spent, target.flags(index))
        for index in range(len(jobs))
    ]


def _place(attack: Attack, sources: Sequence[Codec]) -> torch.device:
    """Return where a search keeps its pictures: where the gradients it follows are computed."""
    if attack.needs == "gradient" and sources:
        return sources[0].device
    return torch.device("cpu")


def _alone(result: AttackResult, index: int) -> AttackResult:
    """Return what a search found for one picture of its batch."""
    own = slice(index, index + 1)
    trace = result.trace[:, own] if len(result.trace) else result.trace
    return AttackResult(result.images[own], trace, result.flags[own])


def _outcome(job: CraftJob, attack: Attack, found: _SearchResult) -> CraftResult:
    try:
        return _accept(job, attack, found)
    except PLUGIN_ERRORS as error:  # what it returned may be anything
        return _lost(job, error)


def _accept(job: CraftJob, attack: Attack, found: _SearchResult) -> CraftResult:
    result = found.result
    image = quantise_and_check(result, to_tensor(job.picture.pixels), job.budget)
    course = result.trace.flatten()
    climbed = trajectory_flags(course) if attack.needs == "gradient" else ()
    unchanged = (UNCHANGED,) if np.array_equal(image, job.picture.pixels) else ()
    record = _record(
        job,
        "ok",
        sha256=pixel_hash(image),
        flags=(*found.flags, *unchanged, *climbed, *chain(*result.flags)),
        values=_summary(course),
        **found.spent,
    )
    return CraftResult(image, record)


def _targets(
    job: CraftJob, sources: Sequence[Codec], objective: Objective | None, source: Tensor
) -> list[CodecTarget]:
    if objective is None:
        return []
    rng = np.random.default_rng(job.seed)
    return [compose_target(codec, objective, source, job.draws, rng) for codec in sources]


def make_target_view(
    attack: Attack, targets: Sequence[CodecTarget], source: Tensor, budget: Budget
) -> NoTarget | CodecTarget | Ensemble | Oracle:
    """Return what an attack gets to see: nothing, surrogates, or so many real queries.

    Args:
        attack: the search.
        targets: one objective on each of the sources; none for noise.
        source: the source pictures, float (B, 3, H, W) in [0, 1].
        budget: that of the search.
    """
    if not targets:
        return NoTarget()
    if attack.needs == "queries":
        return Oracle(targets[0], source, budget, attack.evaluations)
    return Ensemble(targets) if len(targets) > 1 else targets[0]


def run_attack(
    attack: Attack, target: Target, source: Tensor, budget: Budget, seed: int
) -> AttackResult:
    """Run an attack on one batch, each picture with a generator of its own, to its end.

    That is where it returns, or where it asks for more queries than it declares. Generators are of
    the CPU wherever the pictures are: the same is drawn on every machine.
    """
    return _run(attack, target, source, budget, range(seed, seed + len(source)))


def _run(
    attack: Attack, target: Target, source: Tensor, budget: Budget, seeds: Iterable[int]
) -> AttackResult:
    rngs = [torch.Generator().manual_seed(seed) for seed in seeds]
    try:
        return attack(target, source, budget, rngs)
    except QueriesSpent as spent:
        return spent.found


def quantise_and_check(result: AttackResult, source: Tensor, budget: Budget) -> Image:
    """Return the 8-bit picture of a search's first result.

    Raises:
        RejectedError: it has another shape, is not a number somewhere, or is outside the budget.
    """
    _check_shape(result, source)
    if not budget.allows(result.images, source)[0]:
        size = float(budget.size(result.images, source)[0])
        raise RejectedError(
            f"the attack returned a picture {size:.6g} {budget.unit} away or outside its region;"
            f" the budget is {budget}"
        )
    levels = budget.rounded(result.images, source)
    if not budget.holds(levels, (source * 255).round())[0]:
        raise RejectedError(f"the rounded picture is outside the budget {budget}")
    return to_image(levels.float() / 255)


def _check_shape(result: AttackResult, source: Tensor) -> None:
    if result.images.shape != source.shape:
        shapes = f"{tuple(result.images.shape)}, not {tuple(source.shape)}"
        raise RejectedError(f"the attack returned pictures of shape {shapes}")


def _record(job: CraftJob, status: Status, **outcome: object) -> CraftRecord:
    fixed = {
        "key": job.key,
        "status": status,
        "sources": tuple(point.label for point in job.sources),
        "picture": job.picture.name,
        "picture_sha256": job.picture.sha256,
        "attack": str(job.search.choice),
        "objective": None if job.objective is None else str(job.objective),
        "budget": str(job.budget),
        "seed": job.seed,
        "queries_allowed": job.search.queries,
    }
    return CraftRecord.model_validate(fixed | outcome)


def _summary(course: Tensor) -> tuple[float, ...]:
    """Return the first and the largest value of a search; numbers only."""
    known = course[course.isfinite()]
    return (float(known[0]), float(known.max())) if len(known) else ()
