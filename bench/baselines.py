"""What stands on every board, listed in its suite or not: a lossless codec, and noise."""

from __future__ import annotations

from bench.errors import ConfigError
from bench.registry import Choice
from bench.suite import Suite

IDENTITY = Choice("identity")
NOISE = Choice("sign-noise")


def with_baselines(suite: Suite) -> tuple[list[Choice], list[Choice]]:
    """Return the suite's codecs and attacks; a lossless codec and noise are always among them.

    Raises:
        ConfigError: something else is labelled like the one that is missing.
    """
    points, searches = suite.points, suite.searches
    if not any(choice.name == IDENTITY.name for choice in points):
        points = _joined(points, IDENTITY)
    if not any(choice.name == NOISE.name for choice in searches):
        searches = _joined(searches, NOISE)
    return points, searches


def _joined(choices: list[Choice], missing: Choice) -> list[Choice]:
    if str(missing) in map(str, choices):
        raise ConfigError(
            f"the label '{missing}' is kept for the one that every board has; choose another"
        )
    return [*choices, missing]
