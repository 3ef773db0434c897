"""The standard ensemble: the worst case over complementary attacks, without parameters to tune.

Its members are:

- the strongest gradient attack (APGD), on each objective and on the distance to the clean
  reconstruction;
- constrained optimisation (MADC, FTDA), in budgets that limit the squared perturbation;
- colour shifts, which zero or noisy gradients cannot mask;
- Square, a query attack, against codecs without gradients and against misleading gradients.

Noise is on every leaderboard in addition. Adversarial pictures transfer to other codecs as the
suite's `transfer` says, except those of Square and of APGD on the distance to the clean
reconstruction, which would double the cost of a leaderboard. The ensemble follows AutoAttack (Croce
& Hein 2020), https://arxiv.org/abs/2003.01690.
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
        name: the attack's name.
        title: its title on leaderboards.
        cheap: its parameters in the cheap mode; None if it is not part of that mode.
        full: its parameters in the full mode.
        losses: the objective that it maximises for each objective of the suite; if empty, it
            maximises the suite's objectives themselves.
        budgets: the kinds of budget that it supports.
        transfer: its `transfer` setting; None for the suite's.
    """

    name: str
    title: str
    cheap: Mapping[str, int] | None
    full: Mapping[str, int]
    losses: Mapping[str, Any] = field(default_factory=dict)
    budgets: tuple[str, ...] = BALLS
    transfer: str | None = None


_FROM_CLEAN = {"name": "distortion", "reference": "clean"}
_MEMBERS = (
    _Member("apgd", "APGD", {"steps": 49}, {"steps": 400, "restarts": 2}),
    _Member(
        "apgd",
        "APGD from C(x)",
        {"steps": 14},
        {"steps": 400},
        {"distortion": _FROM_CLEAN},
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
    """The worst case over APGD, MADC, FTDA, colour shift and Square, per picture.

    Args:
        mode: "cheap" uses at most 100 gradients per objective and 100 queries per picture. "full"
            uses so many APGD steps that further steps gained almost nothing on three models
            (docs/attacks.md), and several times more steps and queries for the others.
    """

    version: ClassVar[int] = 1

    mode: Literal["cheap", "full"] = "cheap"

    def members(self, wanted: Set[str], budgets: Set[str]) -> Sequence[Mapping[str, Any]]:
        """Return the members for these objectives and budgets, as items of a suite's `attacks`."""
        items = ((member, self._item(member, wanted)) for member in _MEMBERS)
        return [item for member, item in items if item and budgets & set(member.budgets)]

    def _item(self, member: _Member, wanted: Set[str]) -> Mapping[str, Any] | None:
        losses = [loss for name, loss in member.losses.items() if name in wanted]
        params = member.cheap if self.mode == "cheap" else member.full
        if params is None or (member.losses and not losses):
            return None
        label = f"standard-{self.version} {self.mode}: {member.title}"
        transfer = {} if member.transfer is None else {"transfer": member.transfer}
        return {"name": member.name, "label": label, **params, "objectives": losses, **transfer}
