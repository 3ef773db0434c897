"""Square attack (Andriushchenko et al. 2020, arXiv 1912.00049): random search with squares.

    linf   begins with stripes of the full radius; a step sets a square to plus or minus it
    l2     begins with a grid of bumps; a step moves the change of one square onto a bump in another

A step that does not raise the value is taken back. Squares shrink as queries are used up. In
pictures that are not square a window too long for the short side keeps its area on the long one.
"""

from __future__ import annotations

import itertools
import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, NamedTuple, TypeAlias

import torch
from pydantic import Field
from torch import Tensor

from attacks.query.search import Queries, QuerySearch
from bench.attack import AttackResult, Need, Target
from bench.budget import BALLS, EUCLIDEAN, Budget

_HALVINGS = (0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8)
"""The shares of all queries after which the windows' area is turned."""

_TILES = 5
"""Bumps along each side of the picture that a search in l2 begins with."""


@dataclass(frozen=True)
class Square:
    """Random search with windows of one change, ever smaller.

    Its moves in l2 heap the change up in few places: of a linear objective's optimum over 60 values
    they find about three quarters, those in linf more than four fifths.

    Args:
        queries: how many pictures may be really coded; the paper has 10 000.
        share: of the picture that the first windows cover.
    """

    needs: ClassVar[Need] = "queries"
    budgets: ClassVar[tuple[str, ...]] = BALLS
    version: ClassVar[int] = 1

    queries: Queries = 1000
    share: Annotated[float, Field(gt=0, le=1)] = 0.8

    @property
    def evaluations(self) -> int:
        """Every query."""
        return self.queries

    def __call__(
        self, target: Target, images: Tensor, budget: Budget, rngs: Sequence[torch.Generator]
    ) -> AttackResult:
        """Search from stripes or bumps."""
        probe = QuerySearch(target, images, budget)
        start, move = (_bumps, _move_bump) if budget.kind in EUCLIDEAN else (_stripes, _set_square)
        room = _Room.of(budget, images)
        self._try(probe, start, room, self.share, rngs)
        for asked in range(1, self.queries):
            share = self.share / 2 ** bisect_right(_HALVINGS, asked / self.queries)
            self._try(probe, move, room, share, rngs)
        return probe.result()

    def _try(
        self,
        probe: QuerySearch,
        change: _Change,
        room: _Room,
        share: float,
        rngs: Sequence[torch.Generator],
    ) -> None:
        """Query one change of the best picture so far, each picture of a batch with its own."""
        deltas = probe.images - probe.source
        changed = [change(*one, room, share) for one in zip(deltas, rngs, strict=True)]
        probe.evaluate((probe.source + torch.stack(changed))[None])


class _Window(NamedTuple):
    """Where a square lies."""

    top: int
    left: int
    height: int
    width: int

    @property
    def area(self) -> tuple[slice, slice, slice]:
        """What it covers of (3, H, W)."""
        rows = slice(self.top, self.top + self.height)
        return slice(None), rows, slice(self.left, self.left + self.width)


class _Room(NamedTuple):
    """The part of a picture that may change, and how far: the radius on [0, 1]."""

    window: _Window
    radius: float

    @classmethod
    def of(cls, budget: Budget, images: Tensor) -> _Room:
        """Return what a budget allows: one value's change in linf, the norm of all in l2."""
        allowed = budget.steepest(torch.ones_like(images[:1]))
        order = 2.0 if budget.kind in EUCLIDEAN else math.inf
        where = budget.region or _Window(0, 0, *images.shape[-2:])
        window = _Window(where.top, where.left, where.height, where.width)
        return cls(window, float(allowed.double().flatten().norm(p=order)))

    def draw(self, share: float, rng: torch.Generator) -> _Window:
        """Return a window that covers a share of the room, somewhere in it."""
        top, left, height, width = self.window
        rows, columns = _sides(share, height, width)
        return _Window(
            top + _below(height - rows + 1, rng),
            left + _below(width - columns + 1, rng),
            rows,
            columns,
        )


_Change: TypeAlias = Callable[[Tensor, torch.Generator, _Room, float], Tensor]
"""(change so far (3, H, W), generator, room, share of a window) -> another change."""


def _sides(share: float, height: int, width: int) -> tuple[int, int]:
    """Return the sides of a square of a share of the area, longer where the other is too short."""
    side = math.sqrt(share * height * width)
    rows, columns = min(side, height), min(side, width)
    if rows < side:
        columns = min(width, side**2 / rows)
    if columns < side:
        rows = min(height, side**2 / columns)
    return max(round(rows), 1), max(round(columns), 1)


def _stripes(delta: Tensor, rng: torch.Generator, room: _Room, share: float) -> Tensor:
    """Return vertical stripes of one pixel, each channel of the full radius up or down."""
    del share
    return room.radius * _signs((3, 1, delta.shape[2]), rng).to(delta).expand_as(delta)


def _set_square(delta: Tensor, rng: torch.Generator, room: _Room, share: float) -> Tensor:
    """Set a window of each channel to the full radius up or down."""
    changed = delta.clone()
    changed[room.draw(share, rng).area] = room.radius * _signs((3, 1, 1), rng).to(delta)
    return changed


def _bumps(delta: Tensor, rng: torch.Generator, room: _Room, share: float) -> Tensor:
    """Return a grid of bumps, each channel of each one up or down, that uses the full radius."""
    del share
    top, left, height, width = room.window
    changed = torch.zeros_like(delta)
    for rows in _parts(height):
        for columns in _parts(width):
            part = _Window(top + rows.start, left + columns.start, len(rows), len(columns))
            changed[part.area] = _bump(part, rng).to(delta) * _signs((3, 1, 1), rng).to(delta)
    return changed * (room.radius / float(changed.norm()))


def _parts(side: int) -> list[range]:
    """Divide a side into tiles of nearly one length."""
    edges = [round(side * i / _TILES) for i in range(_TILES + 1)]
    return [range(*pair) for pair in itertools.pairwise(edges) if pair[0] < pair[1]]


def _move_bump(delta: Tensor, rng: torch.Generator, room: _Room, share: float) -> Tensor:
    """Empty one window and spend what that frees, and what is unused, on a bump in another."""
    there, here = room.draw(share, rng), room.draw(share, rng)
    both = torch.zeros_like(delta, dtype=torch.bool)
    both[there.area] = both[here.area] = True
    unused = max(room.radius**2 - float(delta.square().sum()), 0.0)
    available = ((delta * both).square().sum((1, 2), keepdim=True) + unused / 3).sqrt()
    bump = _bump(here, rng).to(delta) * _signs((3, 1, 1), rng).to(delta)
    raised = bump + _unit(delta[here.area])
    changed = delta.clone()
    changed[there.area] = 0
    changed[here.area] = _unit(raised) * available
    return changed


def _bump(window: _Window, rng: torch.Generator) -> Tensor:
    """Return two adjoining pyramids of opposite sign that fill a window, (H, W) of length 1."""
    turned = bool(torch.rand((), generator=rng, device=rng.device) < 0.5)
    height, width = (window.width, window.height) if turned else (window.height, window.width)
    upper = height - height // 2
    bump = torch.cat([_pyramid(upper, width), -_pyramid(height // 2, width)])
    return _unit((bump.T if turned else bump)[None])[0]


def _pyramid(height: int, width: int) -> Tensor:
    """Return sums of 1 / k^2 that grow from the border inwards."""
    rows, columns = torch.arange(height), torch.arange(width)
    far = torch.minimum(rows, height - 1 - rows)[:, None]
    ring = torch.minimum(far, torch.minimum(columns, width - 1 - columns)[None, :])
    rings = (min(height, width) + 1) // 2
    steps = torch.tensor([1 / (rings - k) ** 2 for k in range(rings)])
    return steps.cumsum(0)[ring]


def _unit(channels: Tensor) -> Tensor:
    """Return each channel (C, H, W) at length 1, zeros as they are."""
    lengths: Tensor = channels.norm(dim=(1, 2), keepdim=True)
    return channels / lengths.clamp_min(1e-12)


def _signs(shape: tuple[int, ...], rng: torch.Generator) -> Tensor:
    return torch.randint(0, 2, shape, generator=rng, device=rng.device) * 2.0 - 1


def _below(end: int, rng: torch.Generator) -> int:
    return int(torch.randint(end, (), generator=rng, device=rng.device))
