"""What tests ask of a board."""

from __future__ import annotations

import numpy as np


def row_of(made, codec="own", ball="linf 8"):
    (found,) = [r for r in made.rows if (r.place.codec, r.place.budget) == (codec, ball)]
    return found


def flags_of(row):
    return [str(flag) for flag in row.flags]


def decibel(mse):
    return -10 * np.log10(mse)
