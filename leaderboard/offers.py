"""What an entry's codecs offer and it keeps silent about, so that fewer attacks seem to be due."""

from __future__ import annotations

from collections.abc import Iterator

from bench.again import Again
from bench.codec import Codec, Randomised
from bench.findings import Finding
from bench.recode import codec_of
from bench.wrapping import offers_gradients
from leaderboard.entry import ENTRY, Entry


def withheld(entry: Entry, again: Again) -> Iterator[Finding]:
    """Yield which codecs offer gradients, or draw random numbers, and are not listed so.

    A codec that cannot be made here is passed over.
    """
    for label, choice in again.points.items():
        if label in entry.gradients and label not in entry.codecs:
            continue
        codec = codec_of(choice)
        if not isinstance(codec, Codec):
            continue
        if label not in entry.gradients and offers_gradients(codec):
            yield Finding(ENTRY, f"gradients: {label} offers them, and is not listed")
        if label not in entry.random and isinstance(codec, Randomised):
            yield Finding(ENTRY, f"random: {label} draws random numbers, and is not listed")
