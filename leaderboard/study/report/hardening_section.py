"""The section of the study on hardened models: plain models beside their hardened versions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, product

from leaderboard.formatting import percent
from leaderboard.render.markdown import table
from leaderboard.study.adversarial_training import HardenedPair
from leaderboard.study.losses import OBJECTIVE_VALUES, rd_cost
from leaderboard.study.report import prose
from leaderboard.study.report.published_claims import PUBLISHED_REDUCTION


def hardening_section(pairs: Sequence[HardenedPair], budgets: Sequence[str]) -> Iterator[str]:
    """Yield the section on hardened models, if there are any.

    Args:
        pairs: the models.
        budgets: labels of all budgets, from the smallest.
    """
    if not pairs:
        return
    yield "## Adversarial training"
    lambdas = dict.fromkeys(f"{pair.lmbda:g}" for pair in pairs)
    attacked = [at for at in budgets if any(at in pair.plain for pair in pairs)]
    yield prose.HARDENING.format(lmbda=", ".join(lambdas))
    yield _worst_of_pairs(pairs)
    yield _reductions(pairs, attacked)


def _worst_of_pairs(pairs: Sequence[HardenedPair]) -> str:
    """Return a table of each pair at the budget and objective with the largest plain cost."""
    headers = ("model", "clean J increase, %", "at", "J plain", "J hardened", "reduction, %")
    more = ("ceiling, %", "faithful ceiling, %", "reduction of J(input), %")
    lines = chain.from_iterable(map(_worst_of_pair, pairs))
    columns = (*headers, *more, "reduction in the paper, %")
    return table(columns, [False, True, False, *[True] * 7], lines)


def _worst_of_pair(pair: HardenedPair) -> Iterator[tuple[str, ...]]:
    attacked = [at for at in product(pair.plain, OBJECTIVE_VALUES) if pair.was_attacked(*at)]
    if not attacked:
        return
    worst = max(attacked, key=lambda at: pair.losses(*at)[0].average(rd_cost))
    costs = (loss.average(rd_cost) for loss in pair.losses(*worst))
    kinds = (pair.reduction, pair.ceiling, pair.faithful_ceiling, pair.input_reduction)
    shares = (share(*worst) for share in kinds)
    yield (
        *(pair.title, percent(100 * pair.clean_increase), ", ".join(worst)),
        *(f"{cost:.3f}" for cost in costs),
        *(percent(100 * share) for share in (*shares, PUBLISHED_REDUCTION)),
    )


def _reductions(pairs: Sequence[HardenedPair], budgets: Sequence[str]) -> str:
    """Return a table of the reduction in per cent, by pair, objective and budget."""
    lines = [
        (pair.title, objective, *(_reduction(pair, budget, objective) for budget in budgets))
        for pair, objective in product(pairs, OBJECTIVE_VALUES)
    ]
    headers = ("model", "objective", *budgets)
    return table(headers, [False, False, *[True] * len(budgets)], lines)


def _reduction(pair: HardenedPair, budget: str, objective: str) -> str:
    if not pair.was_attacked(budget, objective):
        return "–"
    return percent(100 * pair.reduction(budget, objective))
