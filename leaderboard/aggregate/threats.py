"""The threats of adversarial pictures, and which of them may be compared.

A threat that is added to `bench.store.records.Threat` counts as one without gradients of the victim
unless it is named here. It then counts in the worst case, has columns of its own and stands in the
list of all codecs. `leaderboard.columns.terms` explains each threat.
"""

from __future__ import annotations

from typing import get_args

from bench.store.records import Threat

GRADIENTS: Threat = "white-box"
"""Found with the victim's own gradients."""

QUERIES: Threat = "black-box"
"""Found by queries of the victim."""

UNAWARE: Threat = "unaware"
"""Found with the gradients of the bare codec and scored on the defended one (non-adaptive)."""

NOISE: Threat = "noise"
"""Random noise, independent of any codec."""

CORRUPTION: Threat = "corruption"
"""Made without any codec and without a limit: no attack, so it counts in no figure of attacks."""

EXTERNAL: Threat = "external"
"""Made outside the harness: never in a worst case, only among the best known attacks."""

WITHOUT_GRADIENTS: tuple[str, ...] = tuple(
    threat
    for threat in get_args(Threat)
    if threat not in {"clean", NOISE, CORRUPTION, GRADIENTS, UNAWARE, EXTERNAL}
)
"""Attacks that use no gradient of the victim, so that every codec can be attacked with them."""

ATTACKS = (GRADIENTS, UNAWARE, *WITHOUT_GRADIENTS)
"""The threats that count in the worst case; noise is reported separately."""
