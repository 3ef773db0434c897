"""How the board writes numbers and foreign text."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Callable

_MARKUP = re.compile(r"([\\`*_\[\]|~$]|:(?=//)|(?<=www)\.)", re.IGNORECASE)


def _number(digits: int, prefix: str = "") -> Callable[[float], str]:
    def text(value: float) -> str:
        if math.isinf(value):
            return "∞" if value > 0 else "-∞"
        return f"{prefix}{round(value, digits) + 0.0:.{digits}f}"

    return text


rate, decibel, factor, percent = _number(3), _number(2), _number(2, "×"), _number(1)
similarity = _number(4)


def signed(value: float) -> str:
    """Return a difference with its sign."""
    return f"{'+' * (round(value, 2) >= 0)}{decibel(value)}"


def figure(value: float) -> str:
    """Return a number of any size with four significant digits."""
    return f"{value:.4g}".replace("inf", "∞")


def steady(value: float) -> float:
    """Return a number with six significant digits; machines may differ in the others."""
    return float(f"{value:.6g}")


def share(counts: tuple[int, int]) -> str:
    """Return a count and the total it refers to."""
    return f"{counts[0]}/{counts[1]}"


def column_key(header: str) -> str:
    """Return the name of a column in exports: lower case, words joined by underscores."""
    return re.sub(r"\W+", "_", header.lower().replace("%", "percent")).strip("_")


def plain(text: str) -> str:
    """Return text on one line, without characters that control a terminal or a page."""
    visible = (character if character.isprintable() else " " for character in text)
    return " ".join("".join(visible).split())


def escaped(text: str) -> str:
    """Return markdown that shows text as it is, inside a line or a table."""
    return _MARKUP.sub(r"\\\1", html.escape(plain(text), quote=False))


def code(text: str) -> str:
    """Return markdown that shows text on one line as code, backticks included."""
    line = plain(text)
    fence = "`" * (1 + max(map(len, re.findall("`+", line)), default=0))
    pad = " " * (len(fence) > 1)
    return f"{fence}{pad}{line}{pad}{fence}"
