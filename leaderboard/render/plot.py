"""A plot beside a page."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Plot:
    """A plot beside a page, drawn by `leaderboard.render.plots`.

    Attributes:
        path: path of its file, relative to the page.
        about: "robustness", "curves", "budget", "smallest", "corruptions", or the key of an axis.
        runs: names of the runs that it shows.
        budget: label of the budget; empty where it shows several.
        caption: what it shows, in words.
        svg: the file.
    """

    path: str
    about: str
    runs: tuple[str, ...]
    budget: str
    caption: str
    svg: bytes
