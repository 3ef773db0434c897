"""Bitstream collisions: other pictures with the very bytes of their source pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from leaderboard.aggregate.bootstrap import Estimate, mean
from leaderboard.aggregate.cases import CellGroup, ScoredAttack
from leaderboard.aggregate.threats import GRADIENTS
from leaderboard.aggregate.worst_case import by_picture


@dataclass(frozen=True)
class Collisions:
    """The collisions that searches for them found on one operating point.

    Attributes:
        found: number of source pictures with a collision.
        of: number of source pictures that were searched.
        psnr: PSNR of the colliding picture against its source picture in dB, of the most different
            one for each source picture, mean; None without a collision.
    """

    found: int
    of: int
    psnr: Estimate | None


def collisions(case: CellGroup) -> Collisions | None:
    """Return the collisions of one operating point; None if nothing searched for them on it."""
    own = [attack for attack in case.collision_searches if attack.threat == GRADIENTS]
    groups = by_picture(own)
    if not groups:
        return None
    distances = [_farthest(group) for group in groups.values()]
    known = [distance for distance in distances if distance is not None]
    return Collisions(len(known), len(groups), mean(known))


def _farthest(attacks: Sequence[ScoredAttack]) -> float | None:
    """Return the lowest PSNR of the colliding pictures against the source picture."""
    colliding = [attack.scores.psnr_perturbation for attack in attacks if attack.collides]
    return min(colliding, default=None)
