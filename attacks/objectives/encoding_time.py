"""Encoding time as the aim of an attack, as sponge examples have it for networks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from bench.attack import Half, View, given


@dataclass(frozen=True)
class EncodingTime:
    """Seconds to encode a picture, for attacks by queries on any codec.

    Sponge examples (Shumailov et al. 2021, https://arxiv.org/abs/2006.03463) are inputs that take a
    network as much time or energy as possible. Encoders that search, as those of VVC do, also take
    longer for some pictures than for others.

    A query encodes its picture three times, one after the other and without decoding, and the
    fastest counts. Noise of a busy machine only adds time, so the minimum of few repetitions is
    close to the undisturbed time; more repetitions would cost queries. The value is still noisy:
    two runs find different pictures, and the largest value of a search is too large. What is quoted
    is measured again (`resources: true` in the suite).
    """

    needs: ClassVar[Half] = "time"
    wants_clean: ClassVar[bool] = False

    def __call__(self, view: View) -> Tensor:
        """Return the time of each picture in seconds, (B,)."""
        return given(view.seconds)
