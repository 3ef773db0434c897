"""The standard ensembles: the worst case over complementary attacks, without parameters to tune.

`standard` is the current version. An older version stays available under its own name, so that its
results can be recomputed. Results of different versions do not compare: a stronger ensemble gives
every codec a lower score.

The members of version 2, for each objective and picture:

- for the distortion and the R-D cost, APGD in a shrinking ball with a surrogate that does not
  round, from three random starts, and then with straight-through rounding from what this found;
- for the rate, APGD in a shrinking ball from the source picture;
- for the R-D cost, also from the pictures that were found for the distortion and for the rate;
- constrained optimisation (MADC, FTDA) in the full mode, in budgets that limit the squared
  perturbation;
- colour shifts, which zero or noisy gradients cannot mask;
- Square, a query attack, against codecs without gradients and against misleading gradients.

Every picture is scored by real encoding and decoding, and the worst one counts: neither surrogate
decides. The R-D cost is attacked at each lambda at which leaderboards rank. Noise is on every
leaderboard in addition. Adversarial pictures transfer to other codecs as the suite's `transfer`
says for the last pictures of the distortion and the rate; the others would multiply the cost of a
leaderboard. docs/standard.md shows how often each member found the worst case.

The ensembles follow AutoAttack (Croce & Hein 2020), https://arxiv.org/abs/2003.01690.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, TypeAlias

from bench.budget import BALLS, EUCLIDEAN

Mode: TypeAlias = Literal["cheap", "full"]


@dataclass(frozen=True)
class _Member:
    """One attack of an ensemble.

    Attributes:
        name: the attack's name.
        title: its title on leaderboards.
        cheap: its parameters in the cheap mode; None if it is not part of that mode.
        full: its parameters in the full mode.
        losses: the objectives that it maximises for each objective of the suite; if empty, it
            maximises the suite's objectives themselves.
        budgets: the kinds of budget that it supports.
        settings: its other settings in a suite.
        start_from: the title of the member whose pictures it starts from, and the objective of
            these pictures if it is not the search's own.
    """

    name: str
    title: str
    cheap: Mapping[str, int] | None
    full: Mapping[str, int]
    losses: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    budgets: tuple[str, ...] = BALLS
    settings: Mapping[str, Any] = field(default_factory=dict)
    start_from: tuple[str, ...] = ()


_FROM_CLEAN = {"name": "distortion", "reference": "clean"}
_NOWHERE = {"transfer": "none"}
_VERSION_1 = (
    _Member("apgd", "APGD", {"steps": 49}, {"steps": 400, "restarts": 2}),
    _Member(
        "apgd",
        "APGD from C(x)",
        {"steps": 14},
        {"steps": 400},
        {"distortion": [_FROM_CLEAN]},
        settings=_NOWHERE,
    ),
    _Member("madc", "MADC", {"steps": 24}, {"steps": 200}, budgets=EUCLIDEAN),
    _Member("ftda", "FTDA", None, {"steps": 500}, budgets=EUCLIDEAN),
    _Member("colour-shift", "colour shift", {}, {}, {"distortion": ["distortion"]}),
    _Member(
        *("square", "Square", {"queries": 50}, {"queries": 1000}),
        {"distortion": ["distortion"], "rate": ["rate"]},
        settings=_NOWHERE,
    ),
)


_LAMBDAS = (0.0035, 0.013, 0.0483)
"""The weights of the error at which leaderboards rank (`leaderboard.ranking.rd_costs`)."""

_COSTS = ["rd" if lmbda == 0.013 else {"name": "rd", "lmbda": lmbda} for lmbda in _LAMBDAS]
_DISTORTION = {"distortion": ["distortion"]}
_RATE = {"rate": ["rate"]}
_COST = {"rd": _COSTS}
_UNROUNDED, _ROUNDED = "APGD without rounding", "APGD"
_FROM_SOURCE, _COST_UNROUNDED = "APGD from the source", "R-D APGD without rounding"
_NEAR = {"first_radius": 2}
"""The larger balls of searches that start from a good picture, or raise the rate, in any budget."""

_VERSION_2 = (
    _Member(
        *("shrinking-apgd", _UNROUNDED, {"steps": 24}, {"steps": 200}),
        _DISTORTION,
        settings={**_NOWHERE, "rounding": "none", "starts": 3, "extensions": 1},
    ),
    _Member(
        *("shrinking-apgd", _ROUNDED, {"steps": 9}, {"steps": 100}),
        _DISTORTION,
        settings={**_NEAR, "starts": 3},
        start_from=(_UNROUNDED,),
    ),
    _Member(
        *("shrinking-apgd", _FROM_SOURCE, {"steps": 99}, {"steps": 800}),
        _RATE,
        settings={**_NEAR, "start_from": "source", "extensions": 1},
    ),
    _Member(
        *("shrinking-apgd", _COST_UNROUNDED, {"steps": 9}, {"steps": 100}),
        _COST,
        settings={**_NOWHERE, "rounding": "none", "starts": 3},
    ),
    _Member(
        *("shrinking-apgd", "R-D APGD", {"steps": 9}, {"steps": 50}),
        _COST,
        settings={**_NEAR, **_NOWHERE, "starts": 3},
        start_from=(_COST_UNROUNDED,),
    ),
    _Member(
        *("apgd", "R-D APGD from the distortion's", {"steps": 23}, {"steps": 200}),
        _COST,
        settings={**_NOWHERE, "extensions": 1},
        start_from=(_ROUNDED, "distortion"),
    ),
    _Member(
        *("shrinking-apgd", "R-D APGD from the rate's", {"steps": 23}, {"steps": 200}),
        _COST,
        settings={**_NEAR, **_NOWHERE, "extensions": 1},
        start_from=(_FROM_SOURCE, "rate"),
    ),
    _Member("madc", "MADC", None, {"steps": 200}, _DISTORTION, EUCLIDEAN, _NOWHERE),
    _Member("ftda", "FTDA", None, {"steps": 500}, _DISTORTION, EUCLIDEAN, _NOWHERE),
    _Member("colour-shift", "colour shift", {}, {}, _DISTORTION),
    _Member(
        *("square", "Square", {"queries": 50}, {"queries": 1000}),
        {**_DISTORTION, **_RATE},
        settings=_NOWHERE,
    ),
)


class _Standard:
    """An ensemble; subclasses name its version and its members."""

    version: ClassVar[int]
    _members: ClassVar[Sequence[_Member]]
    mode: Mode

    def members(self, wanted: Set[str], budgets: Set[str]) -> Sequence[Mapping[str, Any]]:
        """Return the members for these objectives and budgets, as items of a suite's `attacks`.

        A member whose pictures another member starts from is kept for its own objectives, even if
        the suite wants none of them.
        """
        members = [member for member in self._members if budgets & set(member.budgets)]
        begun = self._begun_from(wanted)
        items = [
            self._item(member, wanted | begun.get(member.title, set()), length)
            for length in self._lengths
            for member in members
        ]
        return [item for item in items if item]

    def _begun_from(self, wanted: Set[str]) -> Mapping[str, Set[str]]:
        """Return the titles of members that those wanted start from, with their own objectives."""
        begun: dict[str, Set[str]] = {}
        members = [member for member in self._members if wanted & member.losses.keys()]
        for member in members:  # grows by those that it starts from
            for start in self._members:
                if start.title in member.start_from[:1] and start.title not in begun:
                    begun[start.title] = set(start.losses)
                    members.append(start)
        return begun

    @property
    def _lengths(self) -> Sequence[Mode]:
        """The lengths of the searches: the full mode also runs those of the cheap mode."""
        return ("cheap",) if self.mode == "cheap" else ("full", "cheap")

    def _item(self, member: _Member, wanted: Set[str], length: Mode) -> Mapping[str, Any] | None:
        found = [losses for name, losses in member.losses.items() if name in wanted]
        objectives = [loss for losses in found for loss in losses]
        params = member.full if length == "full" else member.cheap
        is_known = length != self.mode and member.cheap == member.full
        if params is None or is_known or (member.losses and not objectives):
            return None
        own = {"name": member.name, "label": self._label(member.title, length), **params}
        start = self._start(member, length)
        return own | {"objectives": objectives, **member.settings, **start}

    def _start(self, member: _Member, length: Mode) -> Mapping[str, Any]:
        if not member.start_from:
            return {}
        title, *objective = member.start_from
        labels = [self._label(title, length), *objective]
        return {"start_from": dict(zip(("attack", "objective"), labels, strict=False))}

    def _label(self, title: str, length: Mode) -> str:
        short = "" if length == self.mode else "short "
        return f"standard-{self.version} {self.mode}: {short}{title}"


@dataclass(frozen=True)
class Standard(_Standard):
    """The worst case over APGD in shrinking balls, colour shift and Square, per picture.

    Args:
        mode: "cheap" uses at most 100 gradients per objective and lambda, and 100 queries per
            picture. A search that still rises is run once more with twice the steps. "full" adds
            searches with about eight times as many steps and twenty times as many queries, MADC
            and FTDA to those of the cheap mode, so it is never weaker.
    """

    version: ClassVar[int] = 2
    _members: ClassVar[Sequence[_Member]] = _VERSION_2

    mode: Mode = "cheap"


@dataclass(frozen=True)
class Standard1(_Standard):
    """Version 1: the worst case over APGD, MADC, FTDA, colour shift and Square, per picture.

    Args:
        mode: "cheap" uses at most 100 gradients per objective and 100 queries per picture. "full"
            uses so many APGD steps that further steps gained almost nothing on three models, and
            several times more steps and queries for the others.
    """

    version: ClassVar[int] = 1
    _members: ClassVar[Sequence[_Member]] = _VERSION_1

    mode: Mode = "cheap"

    @property
    def _lengths(self) -> Sequence[Mode]:
        return (self.mode,)
