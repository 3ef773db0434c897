"""Prints the processor time of each metric that is available: one pair of 512x768, one thread.

python docs/measurements/metric_times.py
"""

from __future__ import annotations

import os

import numpy as np
import torch
from skimage import data

from bench.codec import Image
from bench.metric import Metric, is_metric
from bench.registry.component_spec import ComponentSpec
from bench.registry.registry import entries, instantiate, unavailable

_LEFT_OUT = {"error-bands", "codes-read", "words-read"}
"""Metrics that need parameters, or pictures with something to read."""


def main() -> None:
    """Print a line for each metric of two pictures."""
    torch.set_num_threads(1)
    picture = np.ascontiguousarray(np.tile(data.coffee(), (2, 2, 1))[:512, :768])  # type: ignore[no-untyped-call]
    signs = np.random.default_rng(0).choice([-8, 8], picture.shape)
    noisy = np.clip(picture + signs, 0, 255).astype(np.uint8)
    for name in sorted(entries("metric").keys() - _LEFT_OUT):
        if problem := unavailable("metric", name):
            print(f"{name:12} {problem}")
            continue
        metric = instantiate("metric", ComponentSpec(name))
        if is_metric(metric) and isinstance(metric, Metric):
            value, seconds = _timed(metric, picture, noisy)
            print(f"{name:12} {value:9.4f} {metric.unit:4} {seconds:6.2f} s", flush=True)


def _timed(metric: Metric, picture: Image, noisy: Image) -> tuple[float, float]:
    """Return the value, and the time of the second call: the first one loads packages."""
    metric(picture, noisy)
    before = _seconds()
    return metric(picture, noisy), _seconds() - before


def _seconds() -> float:
    """Return the processor time of this process and of programs that it ran."""
    return sum(os.times()[:4])


if __name__ == "__main__":
    main()
