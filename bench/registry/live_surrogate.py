"""The surrogate of a network in training, found by name like every implementation."""

from __future__ import annotations

from bench.codec import Differentiable
from bench.entry import Entry
from bench.registry.entry_points import import_target

_LIVE_SURROGATE = Entry("backends.learned.compressai:live", "of a network in training")


def live_surrogate(net: object, rounding: str) -> Differentiable:
    """Return the surrogate of a network in training; it uses the current weights.

    Args:
        net: the network.
        rounding: "straight-through", or "none" to leave the rounding out.
    """
    make = import_target(_LIVE_SURROGATE, _LIVE_SURROGATE.target)
    surrogate: Differentiable = make(net, rounding)
    return surrogate
