"""Logarithmic axes that bear plain numbers."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axis import Axis
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter


def plain_numbers(axis: Axis, digits: Sequence[float]) -> None:
    """Let a logarithmic axis bear plain numbers that begin with some digits."""
    axis.set_major_locator(LogLocator(subs=digits))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())
