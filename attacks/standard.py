"""The standard ensemble: what hurts a codec most, without parameters to choose.

Its members complement each other: the strongest gradient search, towards each objective and away
from the clean reconstruction; constrained optimisation, where a budget is of that kind; all colours
moved alike, which a flat or noisy gradient cannot hide; squares, by queries, against codecs without
gradients and gradients that mislead. Noise stands on every board besides. Pictures are given to
other codecs as the suite's `transfer` says, but for those of squares and of searches away from the
clean reconstruction, which would double what a board costs. The idea is AutoAttack's, Croce & Hein
(2020), https://arxiv.org/abs/2003.01690.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from bench.budget import BALLS, EUCLIDEAN


@dataclass(frozen=True)
class _Member:
    """One attack of the ensemble.

    Attributes:
        name: of the attack.
        title: what the board calls it.
        cheap: its parameters in the cheap mode; None where it has no part in it.
        full: those in the full mode.
        losses: what it wants, by the objective it serves; whatever the suite wants if empty.
        budgets: the kinds of budget it keeps.
        transfer: what becomes of its pictures; what the suite says if None.
    """

    name: str
    title: str
    cheap: Mapping[str, int] | None
    full: Mapping[str, int]
    losses: Mapping[str, Any] = field(default_factory=dict)
    budgets: tuple[str, ...] = BALLS
    transfer: str | None = None


_AWAY = {"name": "distortion", "reference": "clean"}
_MEMBERS = (
    _Member("apgd", "APGD", {"steps": 49}, {"steps": 400, "restarts": 2}),
    _Member(
        "apgd",
        "APGD from C(x)",
        {"steps": 14},
        {"steps": 400},
        {"distortion": _AWAY},
        transfer="none",
    ),
    _Member("madc", "MADC", {"steps": 24}, {"steps": 200}, budgets=EUCLIDEAN),
    _Member("ftda", "FTDA", None, {"steps": 500}, budgets=EUCLIDEAN),
    _Member("colour-shift", "colour shift", {}, {}, {"distortion": "distortion"}),
    _Member(
        *("square", "Square", {"queries": 50}, {"queries": 1000}),
        {"distortion": "distortion", "rate": "rate"},
        transfer="none",
    ),
)


@dataclass(frozen=True)
class Standard:
    """APGD, MADC, FTDA, colour shift and Square; of their pictures the one that hurts most counts.

    Args:
        mode: "cheap" takes at most 100 gradients of an objective, and 100 queries of a picture;
            "full" as many of APGD as more than which brought next to nothing on three models
            (docs/attacks.md), and several times as many of the others.
    """

    version: ClassVar[int] = 1

    mode: Literal["cheap", "full"] = "cheap"

    def members(self, wanted: Set[str], budgets: Set[str]) -> Sequence[Mapping[str, Any]]:
        """Return what serves these objectives and budgets, as a suite's list has it."""
        found = ((member, self._item(member, wanted)) for member in _MEMBERS)
        return [item for member, item in found if item and budgets & set(member.budgets)]

    def _item(self, member: _Member, wanted: Set[str]) -> Mapping[str, Any] | None:
        losses = [loss for name, loss in member.losses.items() if name in wanted]
        params = member.cheap if self.mode == "cheap" else member.full
        if params is None or (member.losses and not losses):
            return None
        label = f"standard-{self.version} {self.mode}: {member.title}"
        own = {} if member.transfer is None else {"transfer": member.transfer}
        return {"name": member.name, "label": label, **params, "objectives": losses, **own}
