"""What a suite names -> codecs, attacks, objectives and metrics, made and checked."""

from __future__ import annotations

from bench.attack import Attack, Objective
from bench.codec import Codec, Randomised
from bench.errors import ConfigError
from bench.metric import Metric, is_metric
from bench.planning.operating_point import NamedMetric, OperatingPoint, PlannedAttack, ScoringSpec
from bench.registry import registry
from bench.registry.registry import Component, ComponentSpec
from bench.suite.suite import Suite
from bench.wrapping import offers_gradients


def make_codec(choice: ComponentSpec) -> Codec:
    """Make the codec that a suite names.

    Raises:
        ConfigError: it cannot be had on this machine, or is no codec that can be scored.
    """
    codec = registry.instantiate("codec", choice)
    if not isinstance(codec, Codec):
        raise ConfigError(f"the codec '{choice}' is no bench.codec.Codec; derive it from that")
    return codec


def make_attack(choice: ComponentSpec) -> Attack:
    """Make the attack that a suite names.

    Raises:
        ConfigError: it cannot be had on this machine, or is no attack.
    """
    attack = registry.instantiate("attack", choice)
    if not isinstance(attack, Attack):
        raise ConfigError(f"the attack '{choice}' lacks what bench.attack.Attack asks for")
    return attack


def terms_of(suite: Suite) -> ScoringSpec:
    """Return what a suite says of scoring, its metrics made.

    Raises:
        ConfigError: one cannot be had on this machine, or is no metric.
    """
    yardsticks = tuple(NamedMetric(choice, _metric(choice)) for choice in suite.yardsticks)
    return ScoringSpec(suite.rd_lambda, suite.vmaf, yardsticks)


def _metric(choice: ComponentSpec) -> Metric:
    metric = registry.instantiate("metric", choice)
    if not is_metric(metric):
        raise ConfigError(f"the metric '{choice}' lacks what bench.metric.Metric asks for")
    return metric


def make_objective(choice: ComponentSpec) -> Objective:
    """Make the objective that a suite names."""
    objective: Objective = registry.instantiate("objective", choice)
    return objective


def operating_point(choice: Component, codec: Codec) -> OperatingPoint:
    """Return a codec as planning sees it."""
    random = isinstance(codec, Randomised)
    return OperatingPoint(choice, codec.fingerprint(), offers_gradients(codec), random)


def search_of(choice: Component, attack: Attack) -> PlannedAttack:
    """Return an attack as planning sees it."""
    return PlannedAttack(choice, attack.needs, attack.budgets, attack.version, attack.evaluations)
