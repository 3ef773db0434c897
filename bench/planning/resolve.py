"""What a suite names -> codecs, attacks, objectives and metrics, made and checked."""

from __future__ import annotations

from bench.attack import Attack, Objective
from bench.codec import Codec, Randomised
from bench.errors import ConfigError
from bench.metric import Metric, is_metric
from bench.planning.operating_point import Point, Search, Terms, Yardstick
from bench.registry import registry
from bench.registry.registry import Choice
from bench.suite.suite import Suite
from bench.wrapping import offers_gradients


def make_codec(choice: Choice) -> Codec:
    """Make the codec that a suite names.

    Raises:
        ConfigError: it cannot be had on this machine, or is no codec that can be scored.
    """
    codec = registry.build("codec", choice)
    if not isinstance(codec, Codec):
        raise ConfigError(f"the codec '{choice}' is no bench.codec.Codec; derive it from that")
    return codec


def make_attack(choice: Choice) -> Attack:
    """Make the attack that a suite names.

    Raises:
        ConfigError: it cannot be had on this machine, or is no attack.
    """
    attack = registry.build("attack", choice)
    if not isinstance(attack, Attack):
        raise ConfigError(f"the attack '{choice}' lacks what bench.attack.Attack asks for")
    return attack


def terms_of(suite: Suite) -> Terms:
    """Return what a suite says of scoring, its metrics made.

    Raises:
        ConfigError: one cannot be had on this machine, or is no metric.
    """
    yardsticks = tuple(Yardstick(choice, _metric(choice)) for choice in suite.yardsticks)
    return Terms(suite.rd_lambda, suite.vmaf, yardsticks)


def _metric(choice: Choice) -> Metric:
    metric = registry.build("metric", choice)
    if not is_metric(metric):
        raise ConfigError(f"the metric '{choice}' lacks what bench.metric.Metric asks for")
    return metric


def make_objective(choice: Choice) -> Objective:
    """Make the objective that a suite names."""
    objective: Objective = registry.build("objective", choice)
    return objective


def operating_point(choice: Choice, codec: Codec) -> Point:
    """Return a codec as planning sees it."""
    random = isinstance(codec, Randomised)
    return Point(choice, codec.fingerprint(), offers_gradients(codec), random)


def search_of(choice: Choice, attack: Attack) -> Search:
    """Return an attack as planning sees it."""
    return Search(choice, attack.needs, attack.budgets, attack.version, attack.evaluations)
