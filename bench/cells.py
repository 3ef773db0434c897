"""The cells of one search, or of a clean picture: who is scored on it, and what identifies that."""

from __future__ import annotations

from collections.abc import Sequence

from bench.digest import job_key
from bench.images import Picture
from bench.jobs import CraftJob, Draw, Group, MeasureJob
from bench.point import Point
from bench.record import Threat
from bench.suite import Suite
from bench.terms import Terms

SCORING_VERSION = 2
"""Raised whenever the same bytes and pictures would give other scores, or more of them."""


def group(
    suite: Suite,
    craft: CraftJob | None,
    picture: Picture,
    victims: Sequence[Point],
    terms: Terms,
) -> Group:
    """Return one search, or the clean picture if there is none, and a cell for each victim."""
    return Group(
        craft,
        tuple(
            _cell(suite, craft, picture, victim, terms, draw)
            for victim in victims
            for draw in _draws(suite, picture, victim)
        ),
    )


def _draws(suite: Suite, picture: Picture, victim: Point) -> Sequence[Draw | None]:
    if not victim.random:
        return (None,)
    told = {"victim": victim.identity, "picture": picture.sha256, "seed": suite.seed}
    keys = [job_key(**told, draw=number) for number in range(suite.draws)]
    return [Draw(number, int(key[:12], 16)) for number, key in enumerate(keys)]


def _cell(
    suite: Suite,
    craft: CraftJob | None,
    picture: Picture,
    victim: Point,
    terms: Terms,
    draw: Draw | None,
) -> MeasureJob:
    key = job_key(
        victim=[victim.label, *victim.identity],
        picture=[picture.name, picture.sha256],
        craft=craft and craft.key,
        **terms.identity,
        scoring=SCORING_VERSION,
        threads=suite.compute.threads,
        **({"draw": [draw.number, draw.seed]} if draw else {}),
    )
    return MeasureJob(key, victim, picture, craft, _threat(craft, victim), draw)


def _threat(craft: CraftJob | None, victim: Point) -> Threat:
    if craft is None:
        return "clean"
    if not craft.sources:
        return "noise"
    if victim in craft.sources:
        return "black-box" if craft.search.need == "queries" else "white-box"
    return "unaware" if any(map(victim.guards, craft.sources)) else "transfer"
