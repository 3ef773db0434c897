"""How long codecs take on a megapixel, and how that was measured."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from statistics import fmean

from bench.store.manifest import Manifest
from bench.store.timings import Timing
from leaderboard.aggregate.suite_info import SuiteInfo
from leaderboard.formatting import escaped, rate
from leaderboard.ranking.board import Board
from leaderboard.render.markdown import table

_HEADERS = ("codec", "encoding s/MP ↓", "decoding s/MP ↓", "repetitions", "other threads")

_UNKNOWN = "No coding times are known yet; `bench run` measures them when it has finished."


def coding_times(board: Board) -> Iterator[str]:
    """Yield the section on coding times, without its heading, in markdown; nothing without runs."""
    for part in board.parts:
        if part.timings is not None:
            yield escaped(in_words(part.manifest, part.suite, part.timings))
        if part.timings:
            yield table(_HEADERS, [False, True, True, True, True], _lines(part.timings))


def in_words(manifest: Manifest, suite: SuiteInfo, timings: Mapping[str, Timing | None]) -> str:
    """Return how the coding times of a run were measured, in sentences of plain text."""
    all_timings = [one for one in timings.values() if one is not None]
    threads = suite.compute.threads
    if not all_timings:
        return _UNKNOWN
    megapixels = max(one.pixels for one in all_timings) / 1e6
    load = _load(all_timings, threads, manifest.machine.get("cores"))
    return (
        f"Coding times are those of the fastest repetition, warm, with {threads}"
        f" thread{'s' * (threads > 1)}, the start of programs included. All codecs took turns on a"
        f" picture of {megapixels:.2f} megapixels, a source picture repeated, after the run's own"
        f" searches.{_smaller(all_timings)}{load}"
    )


def _smaller(timings: Collection[Timing]) -> str:
    """Return a sentence on the codecs that were timed on a smaller picture, after a space."""
    sizes = {one.pixels for one in timings}
    if len(sizes) == 1:
        return ""
    return f" Codecs that would have needed minutes for it were timed on {min(sizes):,} pixels."


def _load(timings: Collection[Timing], threads: int, cores: str | None) -> str:
    """Return how busy the machine was, after a space."""
    loads = [one.load for one in timings if one.load is not None]
    if not loads or cores is None:
        return " How busy the machine was is not known."
    load = fmean(loads)
    sentence = f" Meanwhile {load:.1f} other threads were running on {cores} cores (mean)"
    if load + threads <= int(cores):
        return f"{sentence}."
    return f"{sentence}: the machine was busy, and an idle one is faster."


def _lines(timings: Mapping[str, Timing | None]) -> Iterator[tuple[str, ...]]:
    for label, one in timings.items():
        if one is None:
            yield label, *["–"] * 4
        else:
            load = "–" if one.load is None else f"{one.load:.1f}"
            times = (rate(one.encoding_s_mp), rate(one.decoding_s_mp))
            yield label, *times, str(len(one.encoding)), load
