"""Craft jobs: for each one 8-bit picture inside its budget, or the reason why there is none.

One search does one job, or a batch of jobs that differ only in their pictures.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import torch
from torch import Tensor

from bench.attack import Attack, AttackResult, Objective
from bench.budget import Budget
from bench.codec import Codec, Image
from bench.crafting.composed_target import compose_target
from bench.crafting.ensemble import Ensemble
from bench.crafting.no_target import NoTarget
from bench.crafting.oracle import Oracle
from bench.crafting.result import CraftResult, search_identity
from bench.crafting.search import (
    FLAT_LOSS,
    RejectedError,
    Search,
    check_shape,
    run_until_converged,
    trajectory_flags,
)
from bench.crafting.target import CodecTarget
from bench.errors import PLUGIN_ERRORS, Unsupported, one_line, raise_if_machine
from bench.images.image_set import pixel_hash
from bench.planning.jobs import CraftJob
from bench.store.records import CraftRecord, Status
from bench.tensors import to_image, to_tensor
from bench.utils.memory import keep_freed_memory
from bench.utils.precision import use_arithmetic

UNCHANGED = "unchanged"
"""Flag: the adversarial picture is identical to the source picture."""


def craft(
    jobs: Sequence[CraftJob],
    sources: Sequence[Codec],
    attack: Attack,
    objective: Objective | None,
    starts: Sequence[Image | None] = (),
) -> list[CraftResult]:
    """Run one search and enforce the budget on each 8-bit picture.

    Args:
        jobs: one job, or several that differ only in their pictures, which have the same size.
        sources: the codecs of the jobs' `sources`.
        attack: the attack.
        objective: the objective that it maximises; None for noise.
        starts: for each job the picture that its search starts from; None for a random start.

    Returns:
        One result for each job. An error in the search fails all of them.

    Raises:
        MachineError: the machine ran out of memory, disk or another resource.
    """
    try:
        with use_arithmetic(jobs[0].arithmetic), keep_freed_memory():
            results = _search(jobs, sources, attack, objective, starts)
    except PLUGIN_ERRORS as error:  # an error inside an attack is the attack's failure
        return [_failure(job, error) for job in jobs]
    return [_accept_or_fail(job, attack, result) for job, result in zip(jobs, results, strict=True)]


def _failure(job: CraftJob, error: BaseException) -> CraftResult:
    if isinstance(error, Unsupported):
        return CraftResult(None, _record(job, "unsupported", reason=one_line(error)))
    raise_if_machine(error)
    return CraftResult(None, _record(job, "failed", reason=one_line(error)))


@dataclass(frozen=True)
class _SearchResult:
    """The result of a search for one job, its effort, and the flags of the target."""

    result: AttackResult
    effort: dict[str, object]
    flags: tuple[str, ...]


def _search(
    jobs: Sequence[CraftJob],
    sources: Sequence[Codec],
    attack: Attack,
    objective: Objective | None,
    starts: Sequence[Image | None],
) -> list[_SearchResult]:
    job = jobs[0]
    _check_budget_kind(job, attack)
    source = torch.cat([to_tensor(job.picture.pixels) for job in jobs])
    source = source.to(_search_device(attack, sources))
    target = make_target_view(attack, _targets(job, sources, objective, source), source, job.budget)
    started = time.perf_counter()
    search = Search(target, source, job.budget, [job.seed for job in jobs], starts)
    result = run_until_converged(attack, search, job.search.choice.extensions)
    effort: dict[str, object] = {
        "gradients": target.gradients,
        "queries": target.queries,
        "seconds": (time.perf_counter() - started) / len(jobs),
    }
    return [
        _SearchResult(_result_of_picture(result, index), effort, target.flags(index))
        for index in range(len(jobs))
    ]


def _check_budget_kind(job: CraftJob, attack: Attack) -> None:
    if job.budget.kind not in attack.budgets:
        kinds = " and ".join(attack.budgets)
        raise Unsupported(
            f"the attack '{job.search.choice}' cannot keep a budget in {job.budget.kind}, only in"
            f" {kinds}"
        )


def _search_device(attack: Attack, sources: Sequence[Codec]) -> torch.device:
    """Return the device of a search's pictures: that of the gradients, if the attack uses any."""
    if attack.needs == "gradient" and sources:
        return sources[0].device
    return torch.device("cpu")


def _result_of_picture(result: AttackResult, index: int) -> AttackResult:
    """Return the result for one picture of a batch."""
    own = slice(index, index + 1)
    trace = result.trace[:, own] if len(result.trace) else result.trace
    return AttackResult(result.images[own], trace, result.flags[own])


def _accept_or_fail(job: CraftJob, attack: Attack, searched: _SearchResult) -> CraftResult:
    try:
        return _accept(job, attack, searched)
    except PLUGIN_ERRORS as error:  # the result of an attack may be anything
        return _failure(job, error)


def _accept(job: CraftJob, attack: Attack, searched: _SearchResult) -> CraftResult:
    result = searched.result
    image = quantise_and_check(result, to_tensor(job.picture.pixels), job.budget)
    trace = result.trace.flatten()
    trajectory = set(trajectory_flags(trace) if attack.needs == "gradient" else ())
    if job.parents:  # a worst case from which no step leads further is flat, too
        trajectory -= {FLAT_LOSS}
    unchanged = (UNCHANGED,) if np.array_equal(image, job.picture.pixels) else ()
    record = _record(
        job,
        "ok",
        sha256=pixel_hash(image),
        flags=(*searched.flags, *unchanged, *trajectory, *chain(*result.flags)),
        values=_first_and_best(trace),
        **searched.effort,
    )
    return CraftResult(image, record)


def _targets(
    job: CraftJob, sources: Sequence[Codec], objective: Objective | None, source: Tensor
) -> list[CodecTarget]:
    if objective is None:
        return []
    rng = np.random.default_rng(job.seed)
    rounding = job.search.choice.rounding or "straight-through"
    return [compose_target(codec, objective, source, job.draws, rng, rounding) for codec in sources]


def make_target_view(
    attack: Attack, targets: Sequence[CodecTarget], source: Tensor, budget: Budget
) -> NoTarget | CodecTarget | Ensemble | Oracle:
    """Return the view of the targets that an attack may use: none, gradients, or queries.

    Args:
        attack: the attack.
        targets: targets of one objective, one for each source codec; none for noise.
        source: source pictures, float (B, 3, H, W) in [0, 1].
        budget: the budget of the search.
    """
    if not targets:
        return NoTarget()
    if attack.needs == "queries":
        return Oracle(targets[0], source, budget, attack.evaluations)
    return Ensemble(targets) if len(targets) > 1 else targets[0]


def quantise_and_check(result: AttackResult, source: Tensor, budget: Budget) -> Image:
    """Return the first picture of a result, rounded to 8 bits, uint8 (H, W, 3).

    Args:
        result: of an attack.
        source: source pictures, float (B, 3, H, W) in [0, 1].
        budget: checked before and after rounding.

    Raises:
        RejectedError: the picture has another shape, contains NaN, or is outside the budget.
    """
    check_shape(result, source)
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


def _record(job: CraftJob, status: Status, **outcome: object) -> CraftRecord:
    return CraftRecord.model_validate(search_identity(job) | {"status": status, **outcome})


def _first_and_best(trace: Tensor) -> tuple[float, ...]:
    """Return the first and the largest finite value of a trace; empty if there is none."""
    known = trace[trace.isfinite()]
    return (float(known[0]), float(known.max())) if len(known) else ()
