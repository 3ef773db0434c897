"""Names of codecs: the short ones in tables, and the codec that somebody means by a name.

bmshj2018-hyperprior-small-q4-hardened-rd --> hyperprior q4 hardened

Exports and hints keep the full labels.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

from bench.errors import ConfigError
from bench.utils.yaml_config import nearest

_ARCHITECTURES = {
    "bmshj2018-factorized": "factorized",
    "bmshj2018-hyperprior": "hyperprior",
    "mbt2018-mean": "mean-scale",
    "mbt2018": "autoregressive",
    "cheng2020-anchor": "Cheng anchor",
    "cheng2020-attn": "Cheng attention",
}
"""Architectures by their name in CompressAI, longer names before their beginnings."""

_NAME = re.compile(rf"\b({'|'.join(_ARCHITECTURES)})(?=$|\s|-small|-q\d|-hardened)")
_SMALL = re.compile(r"-small(?=-|$)")
_MARK = re.compile(r"-(?=q\d|hardened)")
_HARDENED = re.compile(r"hardened-rd(?![-\w])")
"""The end of the names of the bundled models that were trained against attacks on the R-D cost."""


def short_names(labels: Iterable[str]) -> dict[str, str]:
    """Return a short name for each label; labels whose short names are equal keep their own."""
    short = {label: _short(label) for label in labels}
    count = Counter(short.values())
    return {label: name if count[name] == 1 else label for label, name in short.items()}


def codec_named(typed: str, labels: Mapping[str, Sequence[str]], place: str) -> str:
    """Return the name of the codec that somebody means.

    Args:
        typed: its name or the label of one of its operating points, each as in the entries or as in
            the tables of the board, in capital or small letters.
        labels: the labels of the operating points of each codec, by its name.
        place: where the codecs are, for the message.

    Raises:
        ConfigError: no codec or several codecs have this name.
    """
    names: dict[str, set[str]] = defaultdict(set)
    short = short_names([*labels, *chain.from_iterable(labels.values())])
    for codec, own in labels.items():
        for name in (codec, *own):
            names[name.lower()].add(codec)
            names[short[name].lower()].add(codec)
    found = names.get(typed.lower(), set())
    if len(found) == 1:
        return found.pop()
    if typed in found:
        return typed
    if found:
        raise ConfigError(f"'{typed}' is one of {', '.join(sorted(found))}; write one of these")
    shown = {short[codec] for codec in labels} | labels.keys()
    raise ConfigError(f"{place} has no codec '{typed}'; {nearest(typed, shown)}")


def _short(label: str) -> str:
    found = _NAME.search(label)
    if found is None:
        return label
    rest = _MARK.sub(" ", _SMALL.sub("", label[found.end() :]))
    rest = _HARDENED.sub("hardened", rest)
    return f"{label[: found.start()]}{_ARCHITECTURES[found[1]]}{rest}"
