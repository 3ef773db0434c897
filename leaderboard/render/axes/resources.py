"""Time and memory that adversarial pictures take, by those of their source pictures."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import TypeAlias

from bench.store.resources import Measured, Usage
from leaderboard.aggregate.cases import CellGroup
from leaderboard.aggregate.threats import NOISE
from leaderboard.columns.column import Column
from leaderboard.formatting import column_key, factor, rate, share
from leaderboard.ranking.board import Board, BoardRun
from leaderboard.render.axes.axis import Axis, Panel, Series, text_column

_ABOUT = (
    "The adversarial pictures that took longest to encode and to decode in the records, of each"
    " source picture and budget, were coded again when all else was done: in turn with the source"
    " picture, three times, in one process, and nothing else of the run was at work. A factor is"
    " the fastest repetition of the adversarial picture relative to that of the source picture; of"
    " the two adversarial pictures the larger one counts. Memory is peak memory, in addition to"
    " what stays loaded; a small codec needs little of it, and its factors jump. Failures are the"
    " pictures of all attacks that the codec could not code; they have no time."
)

_Factor: TypeAlias = Callable[[Usage, Usage], float | None]
"""(adversarial picture, source picture) -> factor; None if one is not known."""


@dataclass(frozen=True)
class _Line:
    """One operating point at one budget.

    Attributes:
        codec: its label.
        budget: the budget.
        factors: the largest factor of each source picture, by what it is of.
        seconds: the time to encode the source pictures, mean.
        failed: number of adversarial pictures that it could not code, and of all.
        load: mean number of other threads; None if it is not known.
    """

    codec: str
    budget: str
    factors: Mapping[str, Sequence[float]]
    seconds: float
    failed: tuple[int, int]
    load: float | None


_Column: TypeAlias = Column[_Line]


def resources(board: Board) -> Iterator[Axis]:
    """Yield the axis of each run whose resources were measured."""
    for part in board.parts:
        if lines := list(_lines(board, part)):
            columns, panels = list(_columns()), tuple(_panels(lines))
            yield Axis(
                "resources",
                "Time and memory under attack",
                part.name,
                _ABOUT,
                columns,
                lines,
                panels,
            )


def _lines(board: Board, part: BoardRun) -> Iterator[_Line]:
    budgets = {craft.key: craft.budget for craft in part.crafts}
    for member in board.members_of(part):
        place = member.row.place
        measured = part.resources.get(place.codec, ())
        pairs = list(_pairs(measured, {key for key, one in budgets.items() if one == place.budget}))
        if pairs:
            yield _line(place.codec, place.budget, pairs, member.case)


_Pair: TypeAlias = tuple[str, Usage, Usage]
"""Name of a source picture, usage of an adversarial version of it, and its own."""


def _pairs(measured: Iterable[Measured], crafts: set[str]) -> Iterator[_Pair]:
    """Yield the adversarial pictures of some searches that were coded, as their sources were."""
    sources: dict[str, Usage] = {}
    for one in measured:
        if one.usage is None:
            continue
        if one.craft is None:
            sources[one.picture] = one.usage
        elif one.craft in crafts and one.picture in sources:
            yield one.picture, one.usage, sources[one.picture]


def _line(codec: str, budget: str, pairs: Sequence[_Pair], case: CellGroup) -> _Line:
    loads = [usage.load for _, usage, _ in pairs if usage.load is not None]
    sources = {name: source for name, _, source in pairs}
    attacks = [attack for attack in case.scored if attack.threat != NOISE]
    return _Line(
        codec,
        budget,
        {name: _largest(pairs, ratio) for name, ratio in _FACTORS.items()},
        fmean(min(source.encoding) for source in sources.values()),
        (sum(attack.failed for attack in attacks), len(attacks)),
        fmean(loads) if loads else None,
    )


def _largest(pairs: Iterable[_Pair], ratio: _Factor) -> list[float]:
    """Return the largest factor of each source picture that has one."""
    found: dict[str, list[float]] = defaultdict(list)
    for name, usage, source in pairs:
        if (value := ratio(usage, source)) is not None:
            found[name].append(value)
    return [max(values) for values in found.values()]


def _by(attacked: float | None, source: float | None) -> float | None:
    return attacked / source if attacked is not None and source else None


_ENCODING, _DECODING = "encoding time", "decoding time"

_FACTORS: Mapping[str, _Factor] = {
    _ENCODING: lambda usage, source: _by(min(usage.encoding), min(source.encoding)),
    _DECODING: lambda usage, source: _by(min(usage.decoding), min(source.decoding)),
    "encoding memory": lambda usage, source: _by(usage.encode_peak, source.encode_peak),
    "decoding memory": lambda usage, source: _by(usage.decode_peak, source.decode_peak),
}


def _columns() -> Iterator[_Column]:
    yield text_column("codec", "operating point", lambda line: line.codec)
    yield text_column("budget", "budget of the attacks", lambda line: line.budget)
    yield Column(
        *("encoding_s", "encoding s", lambda line: line.seconds, rate),
        *("time to encode a source picture, mean", "lower"),
        is_main=True,
    )
    for name in _FACTORS:
        for statistic, of in (("median", median), ("largest", max)):
            yield _of_factor(name, statistic, of)
    yield Column(
        *("failures", "failures", lambda line: line.failed, share),
        *("adversarial pictures that could not be coded", "lower"),
        is_main=True,
        stored=lambda line: line.failed[0] / line.failed[1] if line.failed[1] else None,
    )
    yield Column(
        *("other_threads", "other threads", lambda line: line.load, _one_digit),
        "other threads that ran on the machine when a repetition began, mean",
        is_main=True,
    )


def _of_factor(name: str, statistic: str, of: Callable[[Sequence[float]], float]) -> _Column:
    header = f"{name} {statistic}"
    return Column(
        column_key(header),
        header,
        lambda line: of(line.factors[name]) if line.factors[name] else None,
        factor,
        f"{name} of adversarial pictures relative to that of their source pictures, {statistic}",
        "lower",
        is_main=statistic == "largest" or name == _ENCODING,
    )


def _one_digit(value: float) -> str:
    return f"{value:.1f}"


def _panels(lines: Sequence[_Line]) -> Iterator[Panel]:
    for name in (_ENCODING, _DECODING):
        series = tuple(
            Series(
                f"{line.codec}, {line.budget}",
                tuple(float(number) for number in range(1, len(line.factors[name]) + 1)),
                tuple(sorted(line.factors[name], reverse=True)),
            )
            for line in lines
        )
        yield Panel("source pictures, the slowest first", f"{name} (source picture = 1)", series)
