"""What is compared: from codecs on a command line to two suites.

codecs, pictures, budget --matched rates--> operating points --> suites: attacks, generations
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Annotated, Any

from pydantic import TypeAdapter, ValidationError

from bench.errors import ConfigError
from bench.images.image_set import ImageSpec, load
from bench.registry.component_spec import ComponentSpec
from bench.registry.registry import Component
from bench.suite.fields import BudgetSpec, choices
from bench.utils.yaml_config import most_useful_error, wrong_value
from bench.verify.replan import to_suite_item
from leaderboard.aggregate.families import RATE_PARAMETERS
from leaderboard.compare.matched_rates import (
    RatedPoint,
    RateRange,
    match,
    nearest,
    rate_range,
    rated,
)

_SPEC = TypeAdapter(ComponentSpec)
_CHECKPOINT = "checkpoint"


@dataclass(frozen=True)
class Request:
    """What is compared.

    Attributes:
        codecs: the codecs as in a suite; without a rate parameter their rate is matched, and of a
            list of values the one with the nearest rate is used.
        images: the pictures.
        budget: the budget.
        rate: the rate in bits per pixel that all codecs are matched to; None takes the rate of the
            first codec whose operating point is given.
        plugins: files and modules with codecs.
    """

    codecs: tuple[dict[str, Any], ...]
    images: ImageSpec
    budget: BudgetSpec
    rate: float | None = None
    plugins: tuple[str, ...] = ()


def matched(request: Request, tell: Callable[[RatedPoint], None]) -> list[RatedPoint]:
    """Return an operating point of each codec, with rates as equal as the codecs allow.

    Args:
        request: what is compared.
        tell: is called with each operating point when it is known.

    Raises:
        BenchError: a name or a value is not valid, a picture cannot be read or coded, two codecs
            are the same, or there is no rate to match the codecs to.
    """
    pictures = load(request.images, Path())
    rate = lru_cache(maxsize=None)(partial(rated, pictures=pictures))
    given = [_points(item) for item in request.codecs]
    target = request.rate or _first_rate(given, rate)
    found: dict[str, RatedPoint] = {}
    for item, points in zip(request.codecs, given, strict=True):
        if isinstance(points, RateRange):
            point = match(item, points, target, rate)
        else:
            point = nearest(map(rate, points), target)
        if str(point.codec) in found:
            raise ConfigError(f"{point.codec} is compared with itself; remove one of the two")
        found[str(point.codec)] = point
        tell(point)
    return list(found.values())


def suites(request: Request, codecs: Sequence[Component]) -> dict[str, dict[str, Any]]:
    """Return the suites of a comparison by name, as they are written to YAML files."""
    common = {
        "plugins": list(request.plugins),
        "images": request.images.model_dump(mode="json", exclude_none=True),
        "codecs": [to_suite_item(_SPEC.dump_python(codec)) for codec in codecs],
        "budgets": [request.budget.model_dump(mode="json", exclude_none=True)],
        "compute": {"threads": 1},
    }
    return {
        "attacks": {
            "name": "attacks",
            "attacks": ["sign-noise", "standard"],
            "objectives": ["distortion", "rate"],
        }
        | common,
        "generations": {
            "name": "generations",
            "attacks": ["sign-noise"],
            "metrics": ["generations"],
        }
        | common,
    }


def _points(item: Mapping[str, Any]) -> list[Component] | RateRange:
    """Return the operating points that an item names, or the range of its rate parameter."""
    values = rate_range(str(item["name"]))
    if values is not None and not {*RATE_PARAMETERS, _CHECKPOINT} & set(item):
        return values
    try:
        return TypeAdapter(Annotated[list[Component], choices("codec")]).validate_python(dict(item))
    except ValidationError as error:
        raise ConfigError(wrong_value(most_useful_error(error))) from error


def _first_rate(
    given: Sequence[list[Component] | RateRange], rate: Callable[[Component], RatedPoint]
) -> float:
    for points in given:
        if not isinstance(points, RateRange):
            return rate(points[0]).rate
    raise ConfigError(
        "no codec has a rate that the others can be matched to; give one of them its quality, or"
        " name the rate with --rate BPP"
    )
