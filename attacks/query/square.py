"""Square attack (Andriushchenko et al. 2020, arXiv 1912.00049): random search with squares.

    linf   starts with stripes of the full radius; a step sets a square to plus or minus the radius
    l2     starts with a grid of bumps; a step moves the energy of one square to a bump in another

A step that does not increase the value is undone. Squares shrink as the query budget is used. In a
picture that is not square, a window that is too long for the short side keeps its area and is
extended along the long side.
"""

from __future__ import annotations

import itertools
import math
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, NamedTuple, TypeAlias

import torch
from pydantic import Field
from torch import Tensor

from attacks.query.base import Queries, QueryAttack
from attacks.query.search import QuerySearch
from bench.budget import EUCLIDEAN, Budget

_HALVINGS = (0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8)
"""The shares of the query budget after which the area of the windows is halved."""

_TILES = 5
"""Number of bumps along each side of the picture at the start of a search in l2."""


@dataclass(frozen=True)
class Square(QueryAttack):
    """Random search with square windows that shrink over time.

    The moves in l2 concentrate the perturbation in few places: they reach about three quarters of a
    linear objective's optimum over 60 values, the moves in linf more than four fifths.

    Args:
        queries: the query budget per source picture; the paper uses 10 000.
        share: share of the picture that the first windows cover.
    """

    version: ClassVar[int] = 1

    queries: Queries = 1000
    share: Annotated[float, Field(gt=0, le=1)] = 0.8

    def _run(self, search: QuerySearch, rngs: Sequence[torch.Generator]) -> None:
        for _ in self.moves(search, rngs):
            pass

    def moves(self, search: QuerySearch, rngs: Sequence[torch.Generator]) -> Iterator[None]:
        """Query one picture after another, and yield after each.

        Args:
            search: keeps the best pictures, from which moves after the first one begin.
            rngs: one generator per picture.
        """
        is_euclidean = search.budget.kind in EUCLIDEAN
        start, move = (_bumps, _move_bump) if is_euclidean else (_stripes, _set_square)
        space = _Space.of(search.budget, search.source)
        _query(search, start, space, self.share, rngs)
        yield
        for done in range(1, self.queries):
            share = self.share / 2 ** bisect_right(_HALVINGS, done / self.queries)
            _query(search, move, space, share, rngs)
            yield


def _query(
    search: QuerySearch,
    move: _Move,
    space: _Space,
    share: float,
    rngs: Sequence[torch.Generator],
) -> None:
    """Query one move from the best pictures so far; each picture has its own random move."""
    perturbations = search.images - search.source
    moved = [move(*pair, space, share) for pair in zip(perturbations, rngs, strict=True)]
    search.evaluate((search.source + torch.stack(moved))[None])


class _Window(NamedTuple):
    """A rectangle of a picture, in pixels."""

    top: int
    left: int
    height: int
    width: int

    @property
    def area(self) -> tuple[slice, slice, slice]:
        """Its index into (3, H, W)."""
        rows = slice(self.top, self.top + self.height)
        return slice(None), rows, slice(self.left, self.left + self.width)


class _Space(NamedTuple):
    """The part of a picture that may change, and the radius for pictures in [0, 1]."""

    window: _Window
    radius: float

    @classmethod
    def of(cls, budget: Budget, images: Tensor) -> _Space:
        """Return the space of a budget; its radius limits one value in linf, the norm in l2."""
        largest = budget.steepest(torch.ones_like(images[:1]))
        order = 2.0 if budget.kind in EUCLIDEAN else math.inf
        region = budget.region or _Window(0, 0, *images.shape[-2:])
        window = _Window(region.top, region.left, region.height, region.width)
        return cls(window, float(largest.double().flatten().norm(p=order)))

    def draw(self, share: float, rng: torch.Generator) -> _Window:
        """Return a window at a random position that covers a share of the space."""
        top, left, height, width = self.window
        rows, columns = _sides(share, height, width)
        return _Window(
            top + _random_index(height - rows + 1, rng),
            left + _random_index(width - columns + 1, rng),
            rows,
            columns,
        )


_Move: TypeAlias = Callable[[Tensor, torch.Generator, _Space, float], Tensor]
"""(perturbation (3, H, W), generator, space, window's share) -> another perturbation."""


def _sides(share: float, height: int, width: int) -> tuple[int, int]:
    """Return height and width of a window of a share of the area, square where it fits."""
    side = math.sqrt(share * height * width)
    rows, columns = min(side, height), min(side, width)
    if rows < side:
        columns = min(width, side**2 / rows)
    if columns < side:
        rows = min(height, side**2 / columns)
    return max(round(rows), 1), max(round(columns), 1)


def _stripes(delta: Tensor, rng: torch.Generator, space: _Space, share: float) -> Tensor:
    """Return vertical stripes of one pixel, each channel at plus or minus the radius."""
    del share
    return space.radius * _signs((3, 1, delta.shape[2]), rng).to(delta).expand_as(delta)


def _set_square(delta: Tensor, rng: torch.Generator, space: _Space, share: float) -> Tensor:
    """Set a window to plus or minus the radius, with one sign per channel."""
    changed = delta.clone()
    changed[space.draw(share, rng).area] = space.radius * _signs((3, 1, 1), rng).to(delta)
    return changed


def _bumps(delta: Tensor, rng: torch.Generator, space: _Space, share: float) -> Tensor:
    """Return a grid of bumps with one random sign per bump and channel, of the full radius."""
    del share
    top, left, height, width = space.window
    changed = torch.zeros_like(delta)
    for rows in _parts(height):
        for columns in _parts(width):
            part = _Window(top + rows.start, left + columns.start, len(rows), len(columns))
            changed[part.area] = _bump(part, rng).to(delta) * _signs((3, 1, 1), rng).to(delta)
    return changed * (space.radius / float(changed.norm()))


def _parts(side: int) -> list[range]:
    """Divide a side into tiles of nearly equal length."""
    edges = [round(side * i / _TILES) for i in range(_TILES + 1)]
    return [range(*pair) for pair in itertools.pairwise(edges) if pair[0] < pair[1]]


def _move_bump(delta: Tensor, rng: torch.Generator, space: _Space, share: float) -> Tensor:
    """Clear one window, and spend its energy and the unused energy on a bump in another one."""
    cleared, target = space.draw(share, rng), space.draw(share, rng)
    both = torch.zeros_like(delta, dtype=torch.bool)
    both[cleared.area] = both[target.area] = True
    unused = max(space.radius**2 - float(delta.square().sum()), 0.0)
    available = ((delta * both).square().sum((1, 2), keepdim=True) + unused / 3).sqrt()
    bump = _bump(target, rng).to(delta) * _signs((3, 1, 1), rng).to(delta)
    raised = bump + _unit(delta[target.area])
    changed = delta.clone()
    changed[cleared.area] = 0
    changed[target.area] = _unit(raised) * available
    return changed


def _bump(window: _Window, rng: torch.Generator) -> Tensor:
    """Return two adjoining pyramids of opposite sign that fill a window, (H, W) of norm 1."""
    is_turned = bool(torch.rand((), generator=rng, device=rng.device) < 0.5)
    height, width = (window.width, window.height) if is_turned else (window.height, window.width)
    upper = height - height // 2
    bump = torch.cat([_pyramid(upper, width), -_pyramid(height // 2, width)])
    return _unit((bump.T if is_turned else bump)[None])[0]


def _pyramid(height: int, width: int) -> Tensor:
    """Return the sums of 1 / k^2, which grow from the border inwards, (height, width)."""
    rows, columns = torch.arange(height), torch.arange(width)
    far = torch.minimum(rows, height - 1 - rows)[:, None]
    ring = torch.minimum(far, torch.minimum(columns, width - 1 - columns)[None, :])
    rings = (min(height, width) + 1) // 2
    steps = torch.tensor([1 / (rings - k) ** 2 for k in range(rings)])
    return steps.cumsum(0)[ring]


def _unit(channels: Tensor) -> Tensor:
    """Return each channel of (C, H, W) scaled to norm 1; channels of zeros stay zeros."""
    norms: Tensor = channels.norm(dim=(1, 2), keepdim=True)
    return channels / norms.clamp_min(1e-12)


def _signs(shape: tuple[int, ...], rng: torch.Generator) -> Tensor:
    return torch.randint(0, 2, shape, generator=rng, device=rng.device) * 2.0 - 1


def _random_index(end: int, rng: torch.Generator) -> int:
    return int(torch.randint(end, (), generator=rng, device=rng.device))
