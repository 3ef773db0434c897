"""The best known attack on each codec: the track's own, or pictures that somebody handed in.

attacks of the track, challenges --per picture--> the worst of both, and who found it

Ranks are by the track's attacks alone; this stands beside them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from leaderboard.aggregate.cases import ScoredAttack, cases
from leaderboard.aggregate.families import Family, FamilyMember
from leaderboard.aggregate.suite_info import setting
from leaderboard.aggregate.threats import EXTERNAL
from leaderboard.aggregate.worst_case import by_picture, damage, search_in_words
from leaderboard.columns.list_fields import Field
from leaderboard.formatting import decibel, factor
from leaderboard.publish.entry import run_of
from leaderboard.publish.published_board import Challenged, Published
from leaderboard.ranking.board import Board
from leaderboard.ranking.comparison import Comparison

_Place = tuple[str, str, str]
"""Track, operating point and budget."""


KNOWN_MEANING = (
    "What hurt each codec most of all that is known, at the quality where it did: the attacks of"
    " the track, which alone decide the ranks, or pictures that"
    " somebody made by other means and handed in. Where 'by the track' is less, the ranks take the"
    " codec for more robust than it is known to be."
)
"""What the list of them is."""


@dataclass(frozen=True)
class Loss:
    """What the best known attack does, of one kind of loss.

    Attributes:
        at: the operating point that lost most.
        value: mean over the pictures.
        own: by the track's attacks alone.
        finder: what found most of the worst pictures, and who ran it.
    """

    at: str
    value: float
    own: float
    finder: str


@dataclass(frozen=True)
class Known:
    """The best known attacks on one codec with all its qualities, at one budget.

    Attributes:
        codec: its name.
        psnr: loss of PSNR, in dB; None if there is none.
        rate: growth of the bitstream, a factor.
    """

    codec: str
    psnr: Loss | None
    rate: Loss | None


def known(
    board: Board, entries: Sequence[Published], challenges: Sequence[Challenged]
) -> list[tuple[Comparison, list[Known]]]:
    """Return the best known attacks, for every track and budget.

    Args:
        board: made of the entries.
        entries: of which codecs and by whom.
        challenges: pictures that were handed in; on another version of a codec they do not count.
    """
    by = {(one.entry.track, one.entry.codec): one.entry.by for one in entries}
    given = _given(entries, challenges)
    return [
        (one, [_known(family, given, by) for family in one.families]) for one in board.comparisons
    ]


def _given(
    entries: Iterable[Published], challenges: Iterable[Challenged]
) -> dict[_Place, list[ScoredAttack]]:
    """Return the pictures that were handed in, as they were scored, by what they were scored on."""
    marks = {
        (one.entry.track, label, mark)
        for one in entries
        for label, mark in one.entry.codecs.items()
    }
    found: dict[_Place, list[ScoredAttack]] = defaultdict(list)
    for one in challenges:
        run = run_of(one.challenge, one.folder)
        for (label, budget), case in cases(run, setting(run)).items():
            if (one.challenge.track, label, one.challenge.codecs[label]) in marks:
                found[one.challenge.track, label, budget] += case.of(EXTERNAL)
    return found


def _known(
    family: Family, given: Mapping[_Place, list[ScoredAttack]], by: Mapping[tuple[str, str], str]
) -> Known:
    losses: dict[str, list[Loss]] = {"psnr": [], "rate": []}
    for member in family.members:
        place = member.row.place
        who = by.get((place.run, family.name), "")
        here = given.get((place.run, place.codec, place.budget), [])
        for kind, loss in _losses(member, here, who):
            losses[kind].append(loss)
    most = {
        kind: max(found, key=lambda one: one.value, default=None) for kind, found in losses.items()
    }
    return Known(family.name, **most)


def _losses(
    member: FamilyMember, given: Sequence[ScoredAttack], who: str
) -> Iterator[tuple[Literal["psnr", "rate"], Loss]]:
    """Yield what the worst of both did to an operating point, over the pictures of its row."""
    own = member.row.attack
    if own is None:
        return
    label, scored = member.row.place.codec, [*member.case.of(*member.row.place.kinds), *given]
    groups = [group for name, group in by_picture(scored).items() if name in own.worst]
    both = damage(scored, list(own.worst))
    if both is None:
        return
    if own.drop_db is not None and both.drop_db is not None:
        lowest = [min(group, key=lambda one: one.scores.psnr_source) for group in groups]
        yield "psnr", Loss(label, both.drop_db.mean, own.drop_db.mean, _finder(lowest, who))
    if own.bpp_factor is not None and both.bpp_factor is not None:
        longest = [max(group, key=lambda one: one.scores.bpp_factor) for group in groups]
        yield "rate", Loss(label, both.bpp_factor.mean, own.bpp_factor.mean, _finder(longest, who))


def _finder(worst: Sequence[ScoredAttack], who: str) -> str:
    """Return what found most of some pictures, and who ran or made it; all of them in a tie."""
    ran = f", run by {who}" if who else ""
    named = Counter(
        one.craft.attack if one.threat == EXTERNAL else f"{search_in_words(one)}{ran}"
        for one in worst
    )
    count = max(named.values())
    names = " and ".join(sorted(name for name, of in named.items() if of == count))
    return names if count == len(worst) else f"{names} ({count}/{len(worst)})"


def _of(kind: str, told: Callable[[Loss], str]) -> Callable[[Known], str]:
    """Look into one kind of loss."""

    def text(line: Known) -> str:
        loss: Loss | None = getattr(line, kind)
        return "–" if loss is None else told(loss)

    return text


KNOWN: tuple[Field[Known], ...] = (
    Field("codec", lambda line: line.codec, "with all its qualities", is_figure=False),
    Field(
        "PSNR lost dB ↓",
        _of("psnr", lambda loss: decibel(loss.value)),
        "by the best known attack: the worst picture of each source picture, of the track's attacks"
        " and of all that was handed in, then the mean",
    ),
    Field(
        "PSNR at", _of("psnr", lambda loss: loss.at), "the quality that lost most", is_figure=False
    ),
    Field(
        "PSNR found by",
        _of("psnr", lambda loss: loss.finder),
        "what found most of these pictures, and who ran or made it",
        is_figure=False,
    ),
    Field(
        "PSNR by the track dB ↓",
        _of("psnr", lambda loss: decibel(loss.own)),
        "by the attacks of the track alone, which ranks are by",
    ),
    Field("rate ↓", _of("rate", lambda loss: factor(loss.value)), "likewise, the bitstream"),
    Field("rate at", _of("rate", lambda loss: loss.at), "likewise", is_figure=False),
    Field("rate found by", _of("rate", lambda loss: loss.finder), "likewise", is_figure=False),
    Field("rate by the track ↓", _of("rate", lambda loss: factor(loss.own)), "likewise"),
)
"""A line of the best known attacks."""
