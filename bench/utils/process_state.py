"""The state of this process that foreign code can change, and that everything after it would see.

    with process_state_kept():
        plugin.encode(image)        may call torch.set_grad_enabled(False), os.chdir, ...

Every state is read before the call and written after it if it has changed. Random generators are
left alone: a codec that draws from them must not look deterministic. The state of torch is kept
once torch is imported.
"""

from __future__ import annotations

import gc
import locale
import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import current_thread, main_thread
from typing import Any

import numpy as np


@dataclass(frozen=True)
class State:
    """One state of the process.

    Attributes:
        name: its name.
        read: returns its value, which can be compared.
        write: sets it to a value that `read` returned.
    """

    name: str
    read: Callable[[], Any]
    write: Callable[[Any], object]


def states() -> tuple[State, ...]:
    """Return every state that is kept; those of Pillow and torch once these are imported."""
    pillow = _pillow_states() if "PIL.ImageFile" in sys.modules else ()
    torch = _torch_states() if "torch" in sys.modules else ()
    return (*_PYTHON_STATES, *pillow, *torch)


@contextmanager
def process_state_kept() -> Iterator[None]:
    """Write every state back when the context ends, however it ends."""
    before = [(state, state.read()) for state in states()]
    with ExitStack() as stack:
        stack.callback(_write_back, before)
        if "torch" in sys.modules:
            stack.enter_context(_inference_mode_kept())
        yield


def _write_back(before: list[tuple[State, Any]]) -> None:
    for state, value in before:
        if state.read() != value:
            state.write(value)


@contextmanager
def _inference_mode_kept() -> Iterator[None]:
    """Keep torch's inference mode, which only a context can set; entering it turns gradients on."""
    import torch  # noqa: PLC0415 - imported already

    has_gradients = torch.is_grad_enabled()
    with torch.inference_mode(torch.is_inference_mode_enabled()):
        torch.set_grad_enabled(has_gradients)
        yield


def _folder() -> str | None:
    with suppress(FileNotFoundError):
        return str(Path.cwd())
    return None


def _enter(folder: str | None) -> None:
    if folder is not None:
        os.chdir(folder)


def _set_environment(values: dict[str, str]) -> None:
    for name in os.environ.keys() - values.keys():
        del os.environ[name]
    os.environ.update(values)


def _set_filters(filters: list[Any]) -> None:
    warnings.simplefilter("default")  # lets Python forget what it derived from the filters
    warnings.filters[:] = filters  # type: ignore[index]


_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGALRM, signal.SIGPIPE)


def _set_handlers(handlers: list[Any]) -> None:
    if current_thread() is main_thread():
        for number, handler in zip(_SIGNALS, handlers, strict=True):
            if handler is not None:  # None stands for a handler that is not of Python
                signal.signal(number, handler)


def _set_streams(streams: tuple[Any, ...]) -> None:
    sys.stdin, sys.stdout, sys.stderr = streams


_PYTHON_STATES = (
    State("working directory", _folder, _enter),
    State("environment", lambda: dict(os.environ), _set_environment),
    State("warning filters", lambda: list(warnings.filters), _set_filters),
    State("signal handlers", lambda: [signal.getsignal(one) for one in _SIGNALS], _set_handlers),
    State("standard streams", lambda: (sys.stdin, sys.stdout, sys.stderr), _set_streams),
    State("recursion limit", sys.getrecursionlimit, sys.setrecursionlimit),
    State("garbage collector", gc.isenabled, lambda on: gc.enable() if on else gc.disable()),
    State(
        "locale",
        lambda: locale.setlocale(locale.LC_ALL),
        lambda name: locale.setlocale(locale.LC_ALL, name),
    ),
    State("floating-point errors", np.geterr, lambda actions: np.seterr(**actions)),
)


def _pillow_states() -> tuple[State, ...]:
    image, file = sys.modules["PIL.Image"], sys.modules["PIL.ImageFile"]
    return (_attribute(image, "MAX_IMAGE_PIXELS"), _attribute(file, "LOAD_TRUNCATED_IMAGES"))


def _torch_states() -> tuple[State, ...]:
    import torch  # noqa: PLC0415 - imported already

    backends = torch.backends
    return (
        State("gradients", torch.is_grad_enabled, torch.set_grad_enabled),
        State("default dtype", torch.get_default_dtype, torch.set_default_dtype),
        State("default device", torch.get_default_device, torch.set_default_device),
        State("threads", torch.get_num_threads, torch.set_num_threads),
        State("denormals", _flushes_denormals, torch.set_flush_denormal),
        State("anomaly detection", torch.is_anomaly_enabled, torch.autograd.set_detect_anomaly),
        State(
            "matmul precision",
            torch.get_float32_matmul_precision,
            torch.set_float32_matmul_precision,
        ),
        State(
            "deterministic algorithms",
            torch.get_deterministic_debug_mode,
            torch.set_deterministic_debug_mode,
        ),
        State(
            "autocast",
            lambda: torch.is_autocast_enabled("cpu"),
            lambda on: torch.set_autocast_enabled("cpu", on),
        ),
        _attribute(backends.mkldnn, "enabled"),
        _attribute(backends.cudnn, "benchmark"),
        _attribute(backends.cudnn, "deterministic"),
    )


def _attribute(owner: Any, name: str) -> State:  # noqa: ANN401 - a module
    return State(
        f"{owner.__name__}.{name}",
        lambda: getattr(owner, name),
        lambda value: setattr(owner, name, value),
    )


def _flushes_denormals() -> bool:
    return sys.float_info.min * _HALF == 0


_HALF = 0.5
"""A variable, so that Python does not compute the product beforehand."""
