"""Operating points that differ in rate alone are one family: a codec with all its qualities.

Two operating points of a run are of one family if they name the same codec behind the same defences
and all their parameters are equal, but for those that choose the rate (`RATE_PARAMETERS`), and for
the mark of the rate in a checkpoint's name: `photos-q2.pth.tar` and `photos-q4.pth.tar` are of the
family `photos`, `photos-lambda0.013-hard` and `photos-lambda0.05-hard` of the family `photos-hard`.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from bench.registry.registry import ComponentSpec
from leaderboard.aggregate.cases import CellGroup
from leaderboard.aggregate.flags import Flag
from leaderboard.aggregate.rows import Row
from leaderboard.aggregate.threats import WITHOUT_GRADIENTS

RATE_PARAMETERS = frozenset(
    {"quality", "qp", "level", "scale", "lmbda", "distance", "rate", "ratio", "crf", "cq", "step"}
)
"""Parameters of a codec that choose its rate."""

BASELINE = frozenset({"h266", "vvc", "vtm"})
"""Codecs, by name, that stand for VVC."""

_CHECKPOINT = "checkpoint"
_MARK = re.compile(r"[-_](?:q|quality|lmbda|lambda)[-_=]?\d+(?:\.\d+)?(?=$|[-_./])")
_RATE_WORDS = {"q", "qp", *RATE_PARAMETERS}


@dataclass(frozen=True)
class FamilyMember:
    """One operating point at one budget, with all that is known of it.

    Attributes:
        choice: what the suite says of it.
        row: its row on the board.
        case: its scores.
        alike: what to know of its attacks without gradients alone.
    """

    choice: ComponentSpec
    row: Row
    case: CellGroup
    alike: tuple[Flag, ...]


@dataclass(frozen=True)
class Family:
    """One codec with all its qualities, at one budget.

    Attributes:
        name: made of its members' labels.
        members: in the order of the suite.
    """

    name: str
    members: tuple[FamilyMember, ...]

    @property
    def codec(self) -> str:
        """The codec's name in a suite."""
        return self.members[0].choice.name

    @property
    def through_gradients(self) -> bool:
        """Whether it was attacked through its own gradients."""
        return any(member.row.place.through_gradients for member in self.members)

    @property
    def given(self) -> frozenset[str]:
        """The kinds of attacked pictures that it was given."""
        return frozenset(one.threat for member in self.members for one in member.case.scored)

    @property
    def subsampled(self) -> bool:
        """Whether it keeps colour at half the size."""
        return self.members[0].row.place.subsampled

    @property
    def is_baseline(self) -> bool:
        """Whether it is VVC."""
        return self.codec in BASELINE and not self.members[0].choice.defence


def families(contenders: Iterable[FamilyMember]) -> list[Family]:
    """Return the families of one budget; the lossless reference is of none."""
    groups: dict[tuple[str, str], list[FamilyMember]] = defaultdict(list)
    for one in contenders:
        if not one.row.reference:
            groups[one.row.place.run, family_key(one.choice)].append(one)
    labels: dict[str, dict[str, list[str]]] = defaultdict(dict)
    for (run, key), group in groups.items():
        labels[run][key] = [one.row.place.codec for one in group]
    named = {(run, key): name for run, told in labels.items() for key, name in names(told).items()}
    count = Counter(named.values())
    return [
        Family(name if count[name] == 1 else f"{name} ({run})", tuple(groups[run, key]))
        for (run, key), name in named.items()
    ]


def alike(found: Iterable[Family]) -> tuple[str, ...]:
    """Return the kinds of attack without gradients that all sorts of codecs were given.

    Of codecs with gradients, and of those without, at least one: what only the others were given
    would be a harder test for them. Codecs that nothing was measured of do not count.
    """
    given: dict[bool, set[str]] = defaultdict(set)
    for family in (one for one in found if one.given):
        given[family.through_gradients] |= family.given
    return tuple(
        kind for kind in WITHOUT_GRADIENTS if all(kind in kinds for kinds in given.values())
    )


def family_key(choice: ComponentSpec) -> str:
    """Return what all members of a family have in common: the codec and its other parameters."""
    told = [choice.name]
    for key, value in sorted(choice.params):
        if key == _CHECKPOINT:
            told.append(f"{key}={_unmarked(str(value))}")
        elif key not in RATE_PARAMETERS:
            told.append(f"{key}={value}")
    return " ".join((*told, *(f"behind {defence.bare}" for defence in choice.defence)))


def names(labels: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return what the families of a run are called, by key: by the key where two had one name.

    Args:
        labels: of the members, by the family's key.
    """
    plain = {key: common_name(own) for key, own in labels.items()}
    count = Counter(plain.values())
    return {key: name if count[name] == 1 else key for key, name in plain.items()}


def common_name(labels: Sequence[str]) -> str:
    """Return what all labels have in common.

    That is their text without the mark of the rate, or else the words they begin with, without a
    last one that announces the rate.
    """
    if len(labels) == 1:
        return labels[0]
    unmarked = {_MARK.sub("", label) for label in labels}
    if len(unmarked) == 1:
        return unmarked.pop()
    words = [re.split(r"[ =]", label) for label in labels]
    shared = []
    for column in zip(*words, strict=False):
        if len(set(column)) > 1:
            break
        shared.append(column[0])
    while shared and shared[-1].lower() in _RATE_WORDS:
        shared.pop()
    return " ".join(shared) or labels[0]


def _unmarked(checkpoint: str) -> str:
    """Return what files of one net at several rates have in common; folders only without a mark."""
    path = PurePath(checkpoint)
    name = re.sub(r"(\.(pth|pt|safetensors))?(\.tar)?$", "", path.name)
    unmarked = _MARK.sub("", name)
    return unmarked if unmarked != name else _MARK.sub("", str(path.with_name(name)))
