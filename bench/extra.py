"""What a metric that a suite names says of one cell, next to the scores that every cell has."""

from __future__ import annotations

import numpy as np

from bench.codec import Image
from bench.metric import Metric, Reading, read
from bench.record import Extra

MID_GREY = 128
"""Level of the picture that stands for one which a codec failed on."""


def extra(metric: Metric, source: Image, clean: Reading, decoded: Image | None) -> Extra:
    """Return what a metric says of one cell.

    Args:
        metric: which.
        source: x.
        clean: what it says of C(x).
        decoded: C(x'); None in the cell of the source picture itself.
    """
    grey = Reading(None)
    if decoded is None:
        after, grey = clean, read(metric, source, np.full_like(source, MID_GREY))
    else:
        after = read(metric, source, decoded)
    reasons = dict.fromkeys(one.reason for one in (clean, after, grey) if one.reason)
    return Extra(
        unit=metric.unit,
        better=metric.better,
        source=after.value,
        clean=clean.value,
        grey=grey.value,
        reason="; ".join(reasons),
    )
