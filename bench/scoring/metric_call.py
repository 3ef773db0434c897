"""Calls of the metrics that a suite names: an error inside a metric is its result.

NamedMetric, pictures, bitstream, VictimCalls --call_metric--> MetricResult
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from bench.codec import Image
from bench.errors import Unsupported, one_line, raise_if_machine
from bench.metric import (
    AnyMetric,
    Decode,
    InputMetric,
    Recode,
    RecodingMetric,
    Stream,
    StreamMetric,
)
from bench.planning.operating_point import NamedMetric
from bench.utils.foreign_call import foreign_call, lent


@dataclass(frozen=True)
class MetricResult:
    """The result of a metric for two pictures.

    Attributes:
        value: the value, or None if there is none.
        reason: why there is no value, in one sentence; otherwise empty.
    """

    value: float | None
    reason: str = ""


@dataclass(frozen=True)
class VictimCalls:
    """How metrics use the victim.

    Attributes:
        recode: codes a picture.
        decode: decodes a bitstream, damaged or not.
    """

    recode: Recode
    decode: Decode


def call_metric(
    named: NamedMetric, reference: Image, picture: Image, victim: VictimCalls, bitstream: bytes
) -> MetricResult:
    """Return the value of a metric for two pictures, see `result_of`.

    Args:
        named: the metric.
        reference: uint8 (H, W, 3).
        picture: same shape.
        victim: how the metric uses the victim.
        bitstream: that of the picture; empty where the victim failed.
    """
    stream = Stream(bitstream, victim.decode)
    with foreign_call(f"the metric '{named.label}'", picture[..., 0].size):
        return result_of(named.metric, reference, picture, victim.recode, stream)


def result_of(
    metric: AnyMetric, reference: Image, picture: Image, recode: Recode, stream: Stream
) -> MetricResult:
    """Call a metric. An error inside the metric becomes the reason of the result.

    Args:
        metric: the metric.
        reference: uint8 (H, W, 3); the picture that was coded for metrics that compare with it.
        picture: uint8 (H, W, 3).
        recode: codes a picture with the victim; used by metrics that code again.
        stream: the bitstream of the picture; used by metrics that damage it.

    Raises:
        MachineError: the machine ran out of memory or another resource.
    """
    try:
        value = float(_called(metric, lent(reference), lent(picture), recode, stream))
    except Unsupported as error:
        return MetricResult(None, one_line(error))
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - what breaks inside a metric is its failure
        raise_if_machine(error)
        return MetricResult(None, one_line(error))
    return MetricResult(None, "it returned NaN") if math.isnan(value) else MetricResult(value)


def _called(
    metric: AnyMetric, reference: Image, picture: Image, recode: Recode, stream: Stream
) -> float:
    if isinstance(metric, StreamMetric):
        return metric.after_damage(reference, stream)
    if isinstance(metric, RecodingMetric):
        return metric.after_recoding(reference, picture, recode)
    if isinstance(metric, InputMetric):
        return metric.against_input(reference, picture)
    return metric(reference, picture)
