"""What stands beside the codecs and attacks of a suite, asked for or not.

A lossless codec and noise, without which no score can be read; and of every codec behind defences
the codec itself, whose pictures are those of an attacker who does not know of them.
"""

from __future__ import annotations

from bench.errors import ConfigError
from bench.registry.registry import ComponentSpec, resolved_params
from bench.suite.suite import Suite

IDENTITY = ComponentSpec("identity")
NOISE = ComponentSpec("sign-noise")


def with_baselines(suite: Suite) -> tuple[list[ComponentSpec], list[ComponentSpec]]:
    """Return the suite's codecs and attacks, with what has to be among them.

    Raises:
        ConfigError: something else is labelled like the one that is missing.
    """
    points, searches = suite.points, suite.searches
    if not any(_is_bare(point, IDENTITY) for point in points):
        points = _joined(points, IDENTITY)
    for choice in suite.points:
        if not any(_is_bare(point, choice) for point in points):
            points = _joined(points, choice.bare)
    if not any(choice.name == NOISE.name for choice in searches):
        searches = _joined(searches, NOISE)
    return points, searches


def _is_bare(choice: ComponentSpec, defended: ComponentSpec) -> bool:
    """Tell whether a codec is another one without its defences, whatever they are called."""
    if choice.defence or choice.name != defended.name:
        return False
    return resolved_params("codec", choice) == resolved_params("codec", defended.bare)


def _joined(choices: list[ComponentSpec], missing: ComponentSpec) -> list[ComponentSpec]:
    if str(missing) in map(str, choices):
        raise ConfigError(
            f"the label '{missing}' is kept for the one that every board has; choose another"
        )
    return [*choices, missing]
