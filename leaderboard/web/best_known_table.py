"""The best known attack on each codec, as the second row of the page shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from leaderboard.formatting import decibel, factor, plain
from leaderboard.publish.best_known import Known, Loss
from leaderboard.ranking.comparison import Comparison
from leaderboard.web.codec_panels import anchor


@dataclass(frozen=True)
class BestKnown:
    """The best known attacks on a codec, as text: the loss and, on hover, what found it.

    Attributes:
        run: name of the track.
        codec: short name.
        anchor: the id of its section.
        psnr: PSNR drop in dB.
        psnr_by: who found it, briefly.
        psnr_about: the operating point and the attack.
        rate: rate increase.
        rate_by: who found it, briefly.
        rate_about: the operating point and the attack.
    """

    run: str
    codec: str
    anchor: str
    psnr: str
    psnr_by: str
    psnr_about: str
    rate: str
    rate_by: str
    rate_about: str


def best_known(
    best: Iterable[tuple[Comparison, Sequence[Known]]], names: Mapping[str, str]
) -> list[BestKnown]:
    """Return the best known attack on each codec of each track."""
    return [
        BestKnown(
            one.runs[0],
            names.get(line.codec, plain(line.codec)),
            anchor(line.codec),
            *_loss(line.psnr, decibel),
            *_loss(line.rate, factor),
        )
        for one, lines in best
        for line in lines
    ]


def _loss(loss: Loss | None, text: Callable[[float], str]) -> tuple[str, str, str]:
    if loss is None:
        return "–", "", ""
    by = "this track" if loss.value == loss.own else "submitted pictures"
    return text(loss.value), by, plain(f"{loss.at}: {loss.finder}")
