"""Operating points of equal rate: the parameter of a codec that gives a rate on some pictures.

codec without its rate parameter, target bpp --bisection on real bytes--> codec with it
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from bench.errors import CodecError, ConfigError
from bench.images.image_set import Picture
from bench.isolation.coder import LocalCoder
from bench.planning.resolve import make_codec
from bench.registry.registry import Component, parameters
from bench.scoring.roundtrip import CodingFailure, encode_decode
from bench.suite.fields import single
from leaderboard.aggregate.families import RATE_PARAMETERS

_STEPS = 12
"""Bisections of a range at most; a range of 64 whole numbers takes six."""


@dataclass(frozen=True)
class RateRange:
    """The values of the parameter that sets the rate of a codec.

    Attributes:
        key: name of the parameter.
        low: smallest value.
        high: largest value.
        is_whole: whether it takes whole numbers only.
    """

    key: str
    low: float
    high: float
    is_whole: bool


@dataclass(frozen=True)
class RatedPoint:
    """An operating point and its mean clean rate in bits per pixel."""

    codec: Component
    rate: float


def rate_range(name: str) -> RateRange | None:
    """Return the values of the rate parameter of a codec; None if it has none with two limits.

    Raises:
        ConfigError: there is no codec of this name.
    """
    properties = parameters("codec", name).model_json_schema().get("properties", {})
    for key, schema in properties.items():
        kinds = [schema, *schema.get("anyOf", ())]
        limited = [kind for kind in kinds if "minimum" in kind and "maximum" in kind]
        if key in RATE_PARAMETERS and limited:
            kind = limited[0]
            return RateRange(key, kind["minimum"], kind["maximum"], kind["type"] == "integer")
    return None


def rated(codec: Component, pictures: Sequence[Picture]) -> RatedPoint:
    """Return an operating point with its mean rate on some pictures, in real bytes.

    Raises:
        CodecError: it cannot code a picture.
    """
    coder = LocalCoder(make_codec(codec))
    rates = []
    for picture in pictures:
        coded = encode_decode(coder, picture.pixels)
        if isinstance(coded, CodingFailure):
            raise CodecError(f"{codec} cannot code the picture '{picture.name}': {coded.reason}")
        rates.append(coded.bpp)
    return RatedPoint(codec, fmean(rates))


def nearest(points: Iterable[RatedPoint], target: float) -> RatedPoint:
    """Return the operating point whose rate has the smallest ratio to a target."""
    return min(points, key=lambda point: abs(math.log(point.rate / target)))


def match(
    item: Mapping[str, Any],
    values: RateRange,
    target: float,
    rated: Callable[[Component], RatedPoint],
) -> RatedPoint:
    """Return the operating point of a codec whose rate is nearest to a target.

    Args:
        item: the codec as in a suite, without its rate parameter.
        values: the values of that parameter; the rate must rise or fall throughout.
        target: in bits per pixel.
        rated: measures the rate of an operating point.

    Raises:
        CodecError: no value was found with which the codec can code all pictures.
    """
    found: list[RatedPoint] = []

    def rate_at(value: float) -> float:
        number = round(value) if values.is_whole else float(f"{value:.4g}")
        try:
            found.append(rated(one_codec({**item, values.key: number})))
        except CodecError:  # fixed-rate codecs cannot reach the lowest rates that they accept
            return 0.0
        return found[-1].rate

    low, high = values.low, values.high
    is_rising = rate_at(low) < rate_at(high)
    for _ in range(_STEPS):
        middle = _middle(low, high, is_whole=values.is_whole)
        if middle in {low, high}:
            break
        is_below = rate_at(middle) < target
        low, high = (middle, high) if is_below == is_rising else (low, middle)
    if not found:
        raise CodecError(f"{item['name']} cannot code the pictures with any {values.key} tried")
    return nearest(found, target)


def one_codec(item: Mapping[str, Any]) -> Component:
    """Return the operating point that an item of a suite names.

    Raises:
        ConfigError: it names none, or several.
    """
    try:
        return single("codec", dict(item))
    except ValueError as error:
        raise ConfigError(str(error)) from error


def _middle(low: float, high: float, *, is_whole: bool) -> float:
    """Return the middle of a range; of real numbers above 0 the geometric one."""
    if is_whole:
        return (low + high) // 2
    return math.sqrt(low * high) if low > 0 else (low + high) / 2
