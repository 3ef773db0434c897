"""What the course of a search says of it: values that never moved, or still rose at its end."""

from __future__ import annotations

from torch import Tensor

FLAT_LOSS = "flat-loss"
STILL_RISING = "still-rising"

_FEWEST_LOOKS = 10
"""Shorter searches are no climb: they compare a few candidates."""

_STILL = 0.1
"""Share of the whole gain that the last quarter of a search may bring."""


def course_flags(trace: Tensor) -> tuple[str, ...]:
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
