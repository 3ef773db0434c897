"""What stands beside the codecs and attacks of a suite, asked for or not.

A lossless codec and noise, without which no score can be read; and of every codec behind defences
the codec itself, whose pictures are those of an attacker who does not know of them.
"""

from __future__ import annotations

from bench.errors import ConfigError
from bench.registry.registry import Component, ComponentSpec, resolve
from bench.suite.suite import Suite

IDENTITY = "identity"
NOISE = "sign-noise"


def with_baselines(suite: Suite) -> tuple[list[Component], list[Component]]:
    """Return the suite's codecs and attacks, with what has to be among them.

    Raises:
        ConfigError: something else is labelled like the one that is missing.
    """
    points, searches = suite.points, suite.searches
    identity = resolve("codec", ComponentSpec(IDENTITY))
    if not any(_is_bare(point, identity) for point in points):
        points = _joined(points, identity)
    for choice in suite.points:
        if not any(_is_bare(point, choice) for point in points):
            points = _joined(points, choice.bare)
    if not any(choice.name == NOISE for choice in searches):
        searches = _joined(searches, resolve("attack", ComponentSpec(NOISE)))
    return points, searches


def _is_bare(choice: Component, defended: Component) -> bool:
    """Tell whether a codec is another one without its defences, whatever they are called."""
    if choice.defence or choice.name != defended.name:
        return False
    return choice.signature == defended.bare.signature


def _joined(choices: list[Component], missing: Component) -> list[Component]:
    if str(missing) in map(str, choices):
        raise ConfigError(
            f"the label '{missing}' is kept for the one that every board has; choose another"
        )
    return [*choices, missing]
