"""How the surrogates of a search compute: in which number format, and whether compiled.

    with computing(Arithmetic("bfloat16")):      around a search
        codec.reconstruct(images)                a net looks what is `current`

Only searches enter such a context. Pictures are coded and scored in float32, and nothing of that
is compiled, whatever a suite says.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal, TypeAlias, TypeVar

import torch
from torch import Tensor
from torch.backends import cudnn

from bench.errors import ConfigError

Answer = TypeVar("Answer")
Precision: TypeAlias = Literal["float32", "bfloat16"]

BFLOAT16_VERSION = 2
"""Raised whenever surrogates in bfloat16, and only these, would give other gradients."""

_MANY = 100_000
"""More nets, sizes of pictures and halves than any suite has; beyond its limit torch.compile stops
compiling without a word, and which ones it would leave out hangs on who did what before."""


@dataclass(frozen=True)
class Arithmetic:
    """What a suite says of how surrogates compute.

    Attributes:
        precision: of the layers of nets ("bfloat16" is torch's autocast); pictures go in as they
            are, and latents are rounded, bits counted and objectives taken in float32 always.
        compiled: whether nets are compiled with torch.compile.
    """

    precision: Precision = "float32"
    compiled: bool = False


PLAIN = Arithmetic()
"""float32, nothing compiled."""

_CURRENT: ContextVar[Arithmetic] = ContextVar("arithmetic", default=PLAIN)


def current() -> Arithmetic:
    """Return what holds where this is asked."""
    return _CURRENT.get()


@contextmanager
def computing(arithmetic: Arithmetic) -> Iterator[None]:
    """Let surrogates compute so inside, in this thread.

    On a GPU cuDNN then picks algorithms that give the same numbers every time, and float32 is not
    cut down to TF32, as torch's own default is for convolutions.
    """
    before = _CURRENT.set(arithmetic)
    try:
        with cudnn.flags(enabled=True, deterministic=True, allow_tf32=False):
            yield
    finally:
        _CURRENT.reset(before)


def compiled(work: Callable[[Tensor], Answer]) -> Callable[[Tensor], Answer]:
    """Return the same, compiled for each shape by itself when it is first called with it.

    What is compiled for one shape is never made to serve others as well: then the numbers of a
    search would follow from what was searched before it.
    """
    from torch._dynamo import config  # noqa: PLC0415 - takes a second, and few suites want it

    config.cache_size_limit = config.accumulated_cache_size_limit = _MANY
    made: Callable[[Tensor], Answer] = torch.compile(work, dynamic=False)

    def run(images: Tensor) -> Answer:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's, of what it looks at while it compiles
            return made(images)

    return run


def check(arithmetic: Arithmetic) -> None:
    """See that this machine can do it.

    Raises:
        ConfigError: it has no compiler that torch.compile could use.
    """
    if not arithmetic.compiled:
        return
    try:
        compiled(_tried)(torch.ones(8))
    except Exception as error:  # torch raises all kinds
        reason, *_ = str(error).splitlines()
        raise ConfigError(
            "'compile: true' needs a C++ compiler that torch.compile can use, and none works here"
            f" ({reason}); install g++, name another one in the variable CXX, or leave 'compile'"
            " out"
        ) from error


def _tried(values: Tensor) -> Tensor:
    return values * 2 + 1
