"""The baselines that are added to the codecs and attacks of every suite.

These are a lossless codec and noise, with which every score is compared, and the bare codec of
every defended codec. The pictures made against a bare codec are defence-unaware attacks. Budgets
without a limit have no noise.
"""

from __future__ import annotations

from bench.errors import ConfigError
from bench.registry.component_spec import ComponentSpec
from bench.registry.registry import Component, resolve
from bench.suite.suite import Suite

IDENTITY = "identity"
NOISE = "sign-noise"


def with_baselines(suite: Suite) -> tuple[list[Component], list[Component]]:
    """Return the suite's codecs and attacks with the missing baselines added.

    Raises:
        ConfigError: a codec or attack of the suite has the label of a missing baseline.
    """
    points, attacks = suite.operating_points, suite.all_attacks
    bare = {point.bare_identity for point in points if not point.defence}
    labels = set(map(str, points))
    for codec in (resolve("codec", ComponentSpec(IDENTITY)), *suite.operating_points):
        if codec.bare_identity not in bare:
            bare.add(codec.bare_identity)
            points.append(_distinct(codec.bare, labels))
    has_limit = any(spec.unlimited is None for spec in suite.budgets)
    if has_limit and not any(attack.name == NOISE for attack in attacks):
        noise = resolve("attack", ComponentSpec(NOISE))
        attacks.append(_distinct(noise, set(map(str, attacks))))
    return points, attacks


def _distinct(baseline: Component, labels: set[str]) -> Component:
    """Return a baseline and add its label, which no other component may have."""
    if str(baseline) in labels:
        raise ConfigError(
            f"the label '{baseline}' is reserved for a baseline; choose another label"
        )
    labels.add(str(baseline))
    return baseline
