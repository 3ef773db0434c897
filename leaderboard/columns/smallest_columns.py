"""The columns of the smallest budgets that reach a goal; only of suites that search for them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import chain

from leaderboard.aggregate.goals import Goal
from leaderboard.aggregate.rows import Row
from leaderboard.aggregate.smallest import SmallestBudgets
from leaderboard.columns.column import Column
from leaderboard.formatting import column_key, figure, share


def smallest_columns(rows: Sequence[Row]) -> tuple[Column[Row], ...]:
    """Return the columns of the goals of some rows."""
    goals = dict.fromkeys(goal for row in rows for goal in row.smallest)
    return tuple(chain.from_iterable(map(_of_goal, goals)))


def median_text(smallest: SmallestBudgets) -> str:
    """Return the smallest budget at which half of the pictures reach the goal, or "> LARGEST"."""
    if math.isinf(smallest.median):
        return f"> {figure(smallest.largest)}"
    return figure(smallest.median)


def _of_goal(goal: Goal) -> tuple[Column[Row], ...]:
    key = column_key(f"smallest budget {goal}")

    def median(row: Row) -> float | None:
        known = row.smallest.get(goal)
        return None if known is None or math.isinf(known.median) else known.median

    return (
        Column(
            key,
            f"smallest budget, {goal}",
            lambda row: median_text(row.smallest[goal]) if goal in row.smallest else None,
            str,
            f"smallest budget found, in its unit, at which half of the pictures reach the goal"
            f" ({goal}) in real bytes; > marks that fewer than half reach it within the budget of"
            " the table. The adversarial pictures of these searches count in no other column",
            "higher",
            is_main=True,
            stored=median,
        ),
        Column(
            f"{key}_reached",
            f"reached, {goal}",
            lambda row: _reached(row.smallest.get(goal)),
            share,
            f"pictures that reach the goal ({goal}) within the budget of the table",
            "lower",
        ),
    )


def _reached(smallest: SmallestBudgets | None) -> tuple[int, int] | None:
    return None if smallest is None else (smallest.reached, len(smallest.sizes))
