"""The kinds of attacked pictures, and which of them may be compared with one another.

A kind that is added to `bench.store.records.Threat` needs no gradients of the victim unless it is
named here: it counts in the worst case, has columns of its own, and stands in the list of all
codecs.
"""

from __future__ import annotations

from typing import get_args

from bench.store.records import Threat

GRADIENTS: Threat = "white-box"
"""Made with the victim's own gradients."""

UNAWARE: Threat = "unaware"
"""Made with the gradients of the victim without its defences; other codecs have none like these."""

NOISE: Threat = "noise"
"""Made knowing nothing of any codec."""

EXTERNAL: Threat = "external"
"""Made outside the harness by whatever means: never in a worst case, only among the best known."""

WITHOUT_GRADIENTS: tuple[str, ...] = tuple(
    threat
    for threat in get_args(Threat)
    if threat not in {"clean", NOISE, GRADIENTS, UNAWARE, EXTERNAL}
)
"""Attacks that use no gradient of the victim: what all codecs can be given alike."""

ATTACKS = (GRADIENTS, UNAWARE, *WITHOUT_GRADIENTS)
"""All that counts in the worst case; noise stands beside it."""

MEANINGS = {
    "unaware": "pictures made against the codec without its defences",
    "transfer": "pictures made against other codecs",
    "black-box": "pictures found by asking the codec itself, again and again, without gradients",
}
"""What a reader is told of a kind."""


def meaning(threat: str) -> str:
    """Return what a reader is told of a kind of attacked picture."""
    return MEANINGS.get(threat, f"pictures of the kind '{threat}'")
