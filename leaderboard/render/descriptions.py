"""Budgets, tables and lists in words. Plain text, for markdown to be escaped."""

from __future__ import annotations

from dataclasses import replace

from bench.budget import Budget, Linf, Mse, Region, Unlimited
from bench.floors.floor import Floor
from bench.metrics.scores import psnr_of
from leaderboard.columns.terms import threat_text
from leaderboard.formatting import decibel, plain
from leaderboard.ranking.board import Board, Table
from leaderboard.ranking.comparison import Comparison
from leaderboard.ranking.ranking import ALL, Order, Ranking

_FLOORS = {"ssim": ("SSIM", ""), "haarpsi": ("HaarPSI", ""), "cvvdp": ("ColorVideoVDP", " JOD")}
"""The name of the metric of a floor, and its unit."""


def budgets(board: Board) -> str:
    """Return what each budget allows, one sentence per budget."""
    return " ".join(f"{heading(one)}: {allowed(one)}." for one in board.budgets)


def where(board: Board, one: Table | Comparison) -> str:
    """Return the budget of a table, and its runs if the board has several suites."""
    runs = f"{', '.join(one.runs)}, " if board.has_suites else ""
    return f"{runs}budget {heading(one.budget)}"


def place(one: Table | Comparison) -> str:
    """Return the runs of a table and its budget."""
    return f"{', '.join(map(plain, one.runs))}, {heading(one.budget)}"


def unit(ranking: Ranking) -> str:
    """Return the lambda of a ranking and the unit of its R-D costs; plain text."""
    if ranking.baseline is None:
        return f"At λ = {ranking.lmbda:g}. ×1.00 is one bit per pixel, as there is no VVC."
    return f"At λ = {ranking.lmbda:g}. ×1.00 is the clean R-D cost of {plain(ranking.baseline)}."


def leader(ranking: Ranking, order: Order) -> str:
    """Return the codecs of the first rank, the lowest figure first; empty if none is ranked."""
    names = [
        f"{line.family.name}{' (≥)' * bool(order.position(line).doubts)}"
        for line in ranking.first(order)
    ]
    return f"{names[0]}, tied with {', '.join(names[1:])}" if len(names) > 1 else "".join(names)


def counted(ranking: Ranking) -> str:
    """Return which attacks count in a list of all codecs, as a sentence after a space."""
    if ranking.scope is not ALL:
        return ""
    threats = " and ".join(map(threat_text, ranking.kinds))
    return f" Attacks that count: {threats}, which were scored on codecs of both kinds."


def heading(budget: Budget) -> str:
    """Return a short and unique name of a budget."""
    size = str(replace(budget, region=None))
    return size if budget.region is None else f"{size} in {_pixels(budget.region)}"


def allowed(budget: Budget) -> str:
    """Return which adversarial pictures a budget allows."""
    region = "" if budget.region is None else _region(budget.region)
    return f"{_limit(budget)}{_least_psnr(budget)}{region}"


def _limit(budget: Budget) -> str:
    """Return the largest perturbation that a budget allows."""
    if isinstance(budget, Floor):
        cap = "" if budget.cap is None else f", and {_limit(Linf(budget.cap))}"
        name, unit = _FLOORS[budget.kind]
        return f"the {name} to the source picture is at least {budget.floor:.12g}{unit}{cap}"
    radius = f"{budget.radius:g}"
    return {
        Unlimited: "every picture is allowed",
        Linf: f"no colour value of a pixel changes by more than {radius} of 255 levels",
        Mse: f"the mean squared perturbation is at most {radius} (of pictures in [0, 1])",
    }.get(type(budget), f"the L2 norm of the perturbation is at most {radius} levels")


def quick(board: Board) -> str:
    """Return the caveat of the cheap mode of `standard`, after a space; empty without it."""
    attacks = (str(one) for part in board.parts for one in part.suite.all_attacks)
    if not any(label.startswith("standard-") and " cheap: " in label for label in attacks):
        return ""
    return (
        " The cheap mode of `standard` makes few searches, with the gradients and queries listed"
        " under Attacks. The full mode uses several times as many and finds stronger attacks."
    )


def _pixels(region: Region) -> str:
    size = f"{region.height}x{region.width} pixels"
    return f"{size} at row {region.top}, column {region.left}"


def _region(region: Region) -> str:
    return f"; only the {_pixels(region)} may change (height x width, the first row is 0)"


def _least_psnr(budget: Budget) -> str:
    """Return the lowest PSNR of the perturbation, where it does not depend on the size."""
    error = {Linf: (budget.radius / 255) ** 2, Mse: budget.radius}.get(type(budget))
    if error is None:
        return ""
    return f" (PSNR of the perturbation at least {decibel(psnr_of(error))} dB)"
