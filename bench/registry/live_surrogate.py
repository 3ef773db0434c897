"""The surrogate of a network in training, found by name like every implementation."""

from __future__ import annotations

from bench.codec import Differentiable
from bench.entry import Entry
from bench.registry.entry_points import import_target

_LIVE_SURROGATE = Entry("backends.learned.compressai:live", "of a network in training")


def live_surrogate(net: object) -> Differentiable:
    """Return the surrogate of a network in training; it uses the current weights."""
    surrogate: Differentiable = import_target(_LIVE_SURROGATE, _LIVE_SURROGATE.target)(net)
    return surrogate
