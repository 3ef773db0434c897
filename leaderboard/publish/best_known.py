"""The best known attack on each codec: an attack of the track, or submitted adversarial pictures.

attacks of the track, challenges --per picture--> the worst of both, and who found it

Ranks depend on the attacks of the track only. The best known attacks are listed separately.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from bench.verify.same_codec import is_same_codec
from leaderboard.aggregate.cases import ScoredAttack, cases
from leaderboard.aggregate.families import Family, FamilyMember
from leaderboard.aggregate.suite_info import setting
from leaderboard.aggregate.threats import EXTERNAL
from leaderboard.aggregate.worst_case import by_picture, search_in_words, worst_case
from leaderboard.columns.column import Column
from leaderboard.formatting import decibel, factor
from leaderboard.publish.entry import run_of
from leaderboard.publish.published_board import Challenged, Published
from leaderboard.ranking.board import Board
from leaderboard.ranking.comparison import Comparison

_Place = tuple[str, str, str]
"""Track, operating point and budget."""


KNOWN_MEANING = (
    "The strongest known attack on each codec, at the operating point with the largest effect. It"
    " is one of the track's attacks, which alone decide the ranks, or a set of adversarial pictures"
    " that somebody made by other means and submitted. Where the figure of the track is lower, the"
    " ranking overestimates the robustness of the codec."
)
"""What the list of the best known attacks is."""


@dataclass(frozen=True)
class Loss:
    """The effect of the best known attack, for one kind of loss.

    Attributes:
        at: the operating point with the largest loss.
        value: mean over the pictures.
        own: the same under the track's attacks only.
        finder: what found most of the worst pictures, and who ran it.
    """

    at: str
    value: float
    own: float
    finder: str


@dataclass(frozen=True)
class Known:
    """The best known attacks on one codec at every quality setting, at one budget.

    Attributes:
        codec: name of the codec.
        psnr: PSNR drop in dB; None if there is none.
        rate: rate increase, a factor.
    """

    codec: str
    psnr: Loss | None
    rate: Loss | None


def known(
    board: Board, entries: Sequence[Published], challenges: Sequence[Challenged]
) -> list[tuple[Comparison, list[Known]]]:
    """Return the best known attacks for every track and budget with attacks.

    Args:
        board: the board of the entries.
        entries: the entries, with their codecs and publishers.
        challenges: the challenges; those on other weights or parameters of a codec do not
            count.
    """
    publishers = {(one.entry.track, one.entry.codec): one.entry.by for one in entries}
    submitted = _submitted(entries, challenges)
    found = [
        (one, [_known(family, submitted, publishers) for family in one.families])
        for one in board.comparisons
    ]
    return [(one, lines) for one, lines in found if any(line.psnr or line.rate for line in lines)]


def _submitted(
    entries: Iterable[Published], challenges: Iterable[Challenged]
) -> dict[_Place, list[ScoredAttack]]:
    """Return the submitted adversarial pictures with their scores, by what they were scored on."""
    fingerprints = {
        (one.entry.track, label): fingerprint
        for one in entries
        for label, fingerprint in one.entry.codecs.items()
    }
    attacks: dict[_Place, list[ScoredAttack]] = defaultdict(list)
    for one in challenges:
        run, track = run_of(one.challenge, one.folder), one.challenge.track
        for (label, budget), case in cases(run, setting(run)).items():
            published = fingerprints.get((track, label))
            if published and is_same_codec(published, one.challenge.codecs[label]):
                attacks[track, label, budget] += case.of(EXTERNAL)
    return attacks


def _known(
    family: Family,
    submitted: Mapping[_Place, list[ScoredAttack]],
    publishers: Mapping[tuple[str, str], str],
) -> Known:
    losses: dict[str, list[Loss]] = {"psnr": [], "rate": []}
    for member in family.members:
        place = member.row.place
        publisher = publishers.get((place.run, family.name), "")
        external = submitted.get((place.run, place.codec, place.budget), [])
        for kind, loss in _losses(member, external, publisher):
            losses[kind].append(loss)
    most = {
        kind: max(members, key=lambda loss: loss.value, default=None)
        for kind, members in losses.items()
    }
    return Known(family.name, **most)


def _losses(
    member: FamilyMember, external: Sequence[ScoredAttack], publisher: str
) -> Iterator[tuple[Literal["psnr", "rate"], Loss]]:
    """Yield the losses of an operating point under the worst of both kinds of attack."""
    own = member.row.attack
    if own is None:
        return
    label, scored = member.row.place.codec, [*member.case.of(*member.row.place.kinds), *external]
    groups = [group for name, group in by_picture(scored).items() if name in own.worst]
    both = worst_case(scored, list(own.worst))
    if both is None:
        return
    if own.drop_db is not None and both.drop_db is not None:
        lowest = [min(group, key=lambda one: one.scores.psnr_source) for group in groups]
        finder = _finder(lowest, publisher)
        yield "psnr", Loss(label, both.drop_db.mean, own.drop_db.mean, finder)
    if own.bpp_factor is not None and both.bpp_factor is not None:
        longest = [max(group, key=lambda one: one.scores.bpp_factor) for group in groups]
        finder = _finder(longest, publisher)
        yield "rate", Loss(label, both.bpp_factor.mean, own.bpp_factor.mean, finder)


def _finder(worst: Sequence[ScoredAttack], publisher: str) -> str:
    """Return what found most of the worst pictures, and who ran or made it; all in a tie."""
    ran = f", run by {publisher}" if publisher else ""
    finders = Counter(
        one.craft.attack if one.threat == EXTERNAL else f"{search_in_words(one)}{ran}"
        for one in worst
    )
    count = max(finders.values())
    names = " and ".join(sorted(name for name, of in finders.items() if of == count))
    return names if count == len(worst) else f"{names} ({count}/{len(worst)})"


def _of(kind: str, value: Callable[[Loss], Any]) -> Callable[[Known], Any]:
    """Take a value from one kind of loss."""

    def of_line(line: Known) -> Any:  # noqa: ANN401 - whatever `value` returns
        loss: Loss | None = getattr(line, kind)
        return None if loss is None else value(loss)

    return of_line


def _words(key: str, header: str, value: Callable[[Known], Any], meaning: str) -> Column[Known]:
    return Column(key, header, value, str, meaning, is_main=True, is_text=True)


KNOWN: tuple[Column[Known], ...] = (
    _words("codec", "codec", lambda line: line.codec, "the codec at every quality setting"),
    Column(
        "psnr_lost_db",
        "PSNR drop dB",
        _of("psnr", lambda loss: loss.value),
        decibel,
        "PSNR drop under the best known attack: the worst of the track's attacks and of all"
        " submitted pictures for each picture, then the mean",
        "lower",
        is_main=True,
    ),
    _words(
        "psnr_at",
        "PSNR drop at",
        _of("psnr", lambda loss: loss.at),
        "the operating point with the largest PSNR drop",
    ),
    _words(
        "psnr_found_by",
        "worst PSNR attack",
        _of("psnr", lambda loss: loss.finder),
        "what found most of these pictures, and who ran or made it",
    ),
    Column(
        "psnr_by_the_track_db",
        "track PSNR drop dB",
        _of("psnr", lambda loss: loss.own),
        decibel,
        "PSNR drop under the attacks of the track only, which decide the ranks",
        "lower",
        is_main=True,
    ),
    Column(
        "rate",
        "rate increase",
        _of("rate", lambda loss: loss.value),
        factor,
        "rate increase under the best known attack, in the same way",
        "lower",
        is_main=True,
    ),
    _words(
        "rate_at",
        "rate increase at",
        _of("rate", lambda loss: loss.at),
        "the operating point with the largest rate increase",
    ),
    _words(
        "rate_found_by",
        "worst rate attack",
        _of("rate", lambda loss: loss.finder),
        "what found most of these pictures, and who ran or made it",
    ),
    Column(
        "rate_by_the_track",
        "track rate increase",
        _of("rate", lambda loss: loss.own),
        factor,
        "rate increase under the attacks of the track only",
        "lower",
        is_main=True,
    ),
)
"""The columns of the best known attacks."""
