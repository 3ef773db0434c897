"""Operating points that differ only in rate form one family: a codec at every quality setting.

Two operating points of a run belong to one family if they have the same codec, the same defences
and the same parameters, except for parameters that choose the rate (`RATE_PARAMETERS`) and the rate
mark in a checkpoint's name. `photos-q2.pth.tar` and `photos-q4.pth.tar` belong to the family
`photos`; `photos-lambda0.013-hard` and `photos-lambda0.05-hard` to the family `photos-hard`.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from bench.registry.component_spec import ComponentSpec
from bench.registry.registry import is_built_in
from leaderboard.aggregate.cases import CellGroup
from leaderboard.aggregate.flags import Flag
from leaderboard.aggregate.rows import Row
from leaderboard.aggregate.threats import WITHOUT_GRADIENTS

RATE_PARAMETERS = frozenset(
    {"quality", "qp", "level", "scale", "lmbda", "distance", "rate", "ratio", "crf", "cq", "step"}
)
"""Codec parameters that choose the rate."""

EXTERNAL = "external"
"""The mark of codecs whose code is no part of this package."""

BASELINE = frozenset({"h266", "vvc", "vtm"})
"""Names of codecs that implement VVC."""

_CHECKPOINT = "checkpoint"
_MARK = re.compile(r"[-_](?:q|quality|lmbda|lambda)[-_=]?\d+(?:\.\d+)?(?=$|[-_./])")
_RATE_WORDS = {"q", "qp", *RATE_PARAMETERS}


@dataclass(frozen=True)
class FamilyMember:
    """One operating point at one budget.

    Attributes:
        choice: its specification in the suite.
        row: its row on the board.
        case: its scores.
        flags_without_gradients: the flags of its attacks that use no gradients.
        smaller: its scores at the smaller budgets of the same kind.
    """

    choice: ComponentSpec
    row: Row
    case: CellGroup
    flags_without_gradients: tuple[Flag, ...]
    smaller: tuple[CellGroup, ...] = ()


@dataclass(frozen=True)
class Family:
    """One codec at every quality setting, at one budget.

    Attributes:
        name: derived from the labels of its members.
        members: its operating points in the order of the suite.
    """

    name: str
    members: tuple[FamilyMember, ...]

    @property
    def codec(self) -> str:
        """The codec's registered name."""
        return self.members[0].choice.name

    @property
    def through_gradients(self) -> bool:
        """Whether it was attacked through its own gradients."""
        return any(member.row.place.through_gradients for member in self.members)

    @property
    def threats(self) -> frozenset[str]:
        """The threats of the adversarial pictures that were scored on it."""
        return frozenset(attack.threat for member in self.members for attack in member.case.scored)

    @property
    def subsampled(self) -> bool:
        """Whether it uses 4:2:0 chroma subsampling."""
        return self.members[0].row.place.subsampled

    @property
    def is_external(self) -> bool:
        """Whether its code, or that of a defence of it, is no part of this package."""
        choices = [member.choice for member in self.members]
        return not all(
            is_built_in("codec", choice.name)
            and all(is_built_in("defence", layer.name) for layer in choice.defence)
            for choice in choices
        )

    @property
    def mark(self) -> str:
        """What follows its name: that its code is no part of this package."""
        return f" ({EXTERNAL})" * self.is_external

    @property
    def is_baseline(self) -> bool:
        """Whether it is VVC without a defence."""
        return self.codec in BASELINE and not self.members[0].choice.defence


def families(members: Iterable[FamilyMember]) -> list[Family]:
    """Return the families of one budget; the lossless reference belongs to none."""
    groups: dict[tuple[str, str], list[FamilyMember]] = defaultdict(list)
    for member in members:
        if not member.row.reference:
            groups[member.row.place.run, family_key(member.choice)].append(member)
    labels: dict[str, dict[str, list[str]]] = defaultdict(dict)
    for (run, key), group in groups.items():
        labels[run][key] = [member.row.place.codec for member in group]
    family_names = {
        (run, key): name for run, by_key in labels.items() for key, name in names(by_key).items()
    }
    count = Counter(family_names.values())
    return [
        Family(name if count[name] == 1 else f"{name} ({run})", tuple(groups[run, key]))
        for (run, key), name in family_names.items()
    ]


def common_threats(families: Iterable[Family]) -> tuple[str, ...]:
    """Return the threats without gradients that codecs of both kinds were scored on.

    Both kinds are codecs attacked through their own gradients and codecs attacked without. A threat
    counts if at least one codec of each kind has it: a threat that only one kind has would be a
    harder test for that kind. Codecs without scores do not count.
    """
    known: dict[bool, set[str]] = defaultdict(set)
    for family in (family for family in families if family.threats):
        known[family.through_gradients] |= family.threats
    return tuple(
        threat for threat in WITHOUT_GRADIENTS if all(threat in kind for kind in known.values())
    )


def family_key(choice: ComponentSpec) -> str:
    """Return what all members of a family share: the codec and its other parameters."""
    parts = [choice.name]
    for key, value in sorted(choice.params):
        if key == _CHECKPOINT:
            parts.append(f"{key}={_unmarked(str(value))}")
        elif key not in RATE_PARAMETERS:
            parts.append(f"{key}={value}")
    return " ".join((*parts, *(f"behind {defence.bare}" for defence in choice.defence)))


def names(labels: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return the name of each family of a run by key; families of equal name get their keys.

    Args:
        labels: labels of the members by family key.
    """
    plain = {key: common_name(members) for key, members in labels.items()}
    count = Counter(plain.values())
    return {key: name if count[name] == 1 else key for key, name in plain.items()}


def common_name(labels: Sequence[str]) -> str:
    """Return the common part of all labels.

    This is the label without the rate mark. If the labels still differ, it is the words that all
    labels begin with, without a trailing word that names the rate.
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
    """Return a checkpoint's path without the rate mark.

    The mark is taken from the file name; only if that has none, from the whole path.
    """
    path = PurePath(checkpoint)
    name = re.sub(r"(\.(pth|pt|safetensors))?(\.tar)?$", "", path.name)
    unmarked = _MARK.sub("", name)
    return unmarked if unmarked != name else _MARK.sub("", str(path.with_name(name)))
