"""The arithmetic of surrogates during a search: number format, and whether nets are compiled.

    with use_arithmetic(Arithmetic("bfloat16")):     around a search
        codec.reconstruct(images)                    the net asks `current_arithmetic()`

Only searches enter this context. Pictures are always coded and scored in float32 by nets that are
not compiled, whatever the suite says.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, TypeVar

from bench.errors import ConfigError

if TYPE_CHECKING:
    from torch import Tensor

Output = TypeVar("Output")
Precision: TypeAlias = Literal["float32", "bfloat16"]

BFLOAT16_VERSION = 2
"""Raised whenever surrogates in bfloat16, and only those, would give other gradients."""

_CACHE_LIMIT = 100_000
"""More nets and picture sizes than any suite has. Beyond its cache limit torch.compile silently
stops compiling, and which nets it skips would depend on the order of the searches."""


@dataclass(frozen=True)
class Arithmetic:
    """The arithmetic that a suite asks for in its searches.

    Attributes:
        precision: format in which the layers of nets compute; "bfloat16" is torch's autocast.
            Pictures are not converted, and latents are rounded, bits counted and objectives
            computed in float32 in either case.
        compiled: whether nets are compiled with torch.compile.
    """

    precision: Precision = "float32"
    compiled: bool = False


PLAIN = Arithmetic()
"""float32, nothing compiled."""

_CURRENT: ContextVar[Arithmetic] = ContextVar("arithmetic", default=PLAIN)


def current_arithmetic() -> Arithmetic:
    """Return the arithmetic of the surrounding `use_arithmetic`; `PLAIN` outside of any."""
    return _CURRENT.get()


@contextmanager
def use_arithmetic(arithmetic: Arithmetic) -> Iterator[None]:
    """Make surrogates compute in this arithmetic inside the context, in this thread.

    On a GPU cuDNN uses deterministic algorithms, and float32 convolutions do not use TF32, which
    is torch's default.
    """
    from torch.backends import cudnn  # noqa: PLC0415 - takes seconds to import

    before = _CURRENT.set(arithmetic)
    try:
        with cudnn.flags(enabled=True, deterministic=True, allow_tf32=False):
            yield
    finally:
        _CURRENT.reset(before)


def compile_per_shape(function: Callable[[Tensor], Output]) -> Callable[[Tensor], Output]:
    """Return the function, compiled separately for each input shape on its first call.

    Code for one shape is never generalised to others (`dynamic=False`). Otherwise the result of a
    search would depend on the searches before it.
    """
    import torch  # noqa: PLC0415 - takes seconds to import
    from torch._dynamo import config  # noqa: PLC0415 - takes a second, and few suites need it

    config.cache_size_limit = config.accumulated_cache_size_limit = _CACHE_LIMIT
    compiled: Callable[[Tensor], Output] = torch.compile(function, dynamic=False)

    def run(images: Tensor) -> Output:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns about code that it meets in compiling
            return compiled(images)

    return run


def require_compiler(arithmetic: Arithmetic) -> None:
    """Check that this machine can compile nets if the arithmetic asks for it.

    Raises:
        ConfigError: there is no compiler that torch.compile can use.
    """
    if not arithmetic.compiled:
        return
    import torch  # noqa: PLC0415 - takes seconds to import

    try:
        compile_per_shape(_double_plus_one)(torch.ones(8))
    except Exception as error:  # torch raises all kinds
        reason, *_ = str(error).splitlines()
        raise ConfigError(
            "'compile: true' needs a C++ compiler that torch.compile can use, and none works here"
            f" ({reason}); install g++, set CXX to another one, or leave 'compile' out"
        ) from error


def _double_plus_one(values: Tensor) -> Tensor:
    return values * 2 + 1
