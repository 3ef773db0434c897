"""The baselines that are added to the codecs and attacks of every suite.

These are a lossless codec and noise, with which every score is compared, and the bare codec of
every defended codec. The pictures made against a bare codec are defence-unaware attacks.
"""

from __future__ import annotations

from bench.errors import ConfigError
from bench.registry.registry import Component, ComponentSpec, resolve
from bench.suite.suite import Suite

IDENTITY = "identity"
NOISE = "sign-noise"


def with_baselines(suite: Suite) -> tuple[list[Component], list[Component]]:
    """Return the suite's codecs and attacks with the missing baselines added.

    Raises:
        ConfigError: a codec or attack of the suite has the label of a missing baseline.
    """
    points, attacks = suite.operating_points, suite.all_attacks
    identity = resolve("codec", ComponentSpec(IDENTITY))
    for codec in (identity, *suite.operating_points):
        if not any(_is_bare(point, codec) for point in points):
            points = _with_baseline(points, codec.bare)
    if not any(attack.name == NOISE for attack in attacks):
        attacks = _with_baseline(attacks, resolve("attack", ComponentSpec(NOISE)))
    return points, attacks


def _is_bare(codec: Component, defended: Component) -> bool:
    """Return whether a codec is the bare codec of another one; labels do not matter."""
    if codec.defence or codec.name != defended.name:
        return False
    return codec.signature == defended.bare.signature


def _with_baseline(components: list[Component], baseline: Component) -> list[Component]:
    if str(baseline) in map(str, components):
        raise ConfigError(
            f"the label '{baseline}' is reserved for a baseline; choose another label"
        )
    return [*components, baseline]
