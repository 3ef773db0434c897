"""Plots of values that an axis cannot show as they are."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from leaderboard.render.plots import svg


@pytest.mark.parametrize("last", [6.8839513405854165, float(np.nextafter(6.883951340585414, 7))])
def test_values_on_a_logarithmic_axis_may_differ_by_rounding_only(last):
    figure = Figure(layout="constrained")
    axes = figure.add_subplot()
    axes.set(xscale="log", yscale="log")
    axes.plot([6.883951340585414, last], [last, 6.883951340585414], "o")
    assert b"</svg>" in svg(figure)
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    assert left < 6.5
    assert right > 7
    assert low < 6.5
    assert high > 7
