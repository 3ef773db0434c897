"""Foreign code leaves the process as it was: every state, however the call ends."""

import locale
import os
import signal
import sys
import warnings

import numpy as np
import PIL.Image
import PIL.ImageFile
import pytest
import torch

from bench.errors import CodecError
from bench.utils.foreign_call import foreign_call, report_limits
from bench.utils.process_state import process_state_kept, states

SPOILERS = {
    "working directory": lambda: os.chdir("/"),
    "environment": lambda: os.environ.update(BENCH_SPOILT="1", PATH=""),
    "warning filters": lambda: warnings.simplefilter("ignore"),
    "signal handlers": lambda: signal.signal(signal.SIGTERM, signal.SIG_IGN),
    "standard streams": lambda: setattr(sys, "stdout", None),
    "recursion limit": lambda: sys.setrecursionlimit(5000),
    "garbage collector": lambda: __import__("gc").disable(),
    "locale": lambda: locale.setlocale(locale.LC_NUMERIC, "C.UTF-8"),
    "floating-point errors": lambda: np.seterr(all="raise"),
    "PIL.Image.MAX_IMAGE_PIXELS": lambda: setattr(PIL.Image, "MAX_IMAGE_PIXELS", 1),
    "PIL.ImageFile.LOAD_TRUNCATED_IMAGES": lambda: setattr(
        PIL.ImageFile, "LOAD_TRUNCATED_IMAGES", True
    ),
    "gradients": lambda: torch.set_grad_enabled(False),
    "default dtype": lambda: torch.set_default_dtype(torch.float64),
    "default device": lambda: torch.set_default_device("meta"),
    "threads": lambda: torch.set_num_threads(torch.get_num_threads() + 1),
    "denormals": lambda: torch.set_flush_denormal(True),
    "anomaly detection": lambda: torch.autograd.set_detect_anomaly(True),
    "matmul precision": lambda: torch.set_float32_matmul_precision("medium"),
    "deterministic algorithms": lambda: torch.use_deterministic_algorithms(True),
    "autocast": lambda: torch.set_autocast_enabled("cpu", True),
    "torch.backends.mkldnn.enabled": lambda: setattr(torch.backends.mkldnn, "enabled", False),
    "torch.backends.cudnn.benchmark": lambda: setattr(torch.backends.cudnn, "benchmark", True),
    "torch.backends.cudnn.deterministic": lambda: setattr(
        torch.backends.cudnn, "deterministic", True
    ),
}


def _values():
    return {state.name: state.read() for state in states()}


def test_every_state_has_a_spoiler():
    assert SPOILERS.keys() == _values().keys()


@pytest.mark.filterwarnings("ignore:Anomaly Detection")
@pytest.mark.parametrize("name", SPOILERS)
def test_a_state_is_as_before(name):
    with process_state_kept():  # so that a failure does not spoil other tests
        torch.set_flush_denormal(False)
        before = _values()
        with process_state_kept():
            SPOILERS[name]()
            assert _values()[name] != before[name]
        assert _values() == before


def test_a_state_is_as_before_after_an_error():
    def spoil():
        os.chdir("/")
        raise ZeroDivisionError

    before = _values()
    with pytest.raises(ZeroDivisionError), process_state_kept():
        spoil()
    assert _values() == before


def test_inference_mode_that_is_never_left_ends_with_the_call():
    context = torch.inference_mode()
    with process_state_kept():
        context.__enter__()
        assert torch.is_inference_mode_enabled()
    assert not torch.is_inference_mode_enabled()
    assert torch.is_grad_enabled()


def test_a_call_without_gradients_stays_without():
    with torch.no_grad(), process_state_kept():
        assert not torch.is_grad_enabled()


class _OwnError(BaseException):
    pass


@pytest.mark.parametrize("error", [_OwnError("gave up"), GeneratorExit("gave up"), SystemExit(3)])
def test_an_exception_that_is_none_becomes_an_error_of_the_codec(error):
    with pytest.raises(CodecError, match=type(error).__name__), foreign_call("encoding"):
        raise error


def test_an_interrupt_of_the_user_stays_one():
    with pytest.raises(KeyboardInterrupt), foreign_call("encoding"):
        raise KeyboardInterrupt


def test_limits_of_nested_calls_are_reported_in_their_order(monkeypatch):
    monkeypatch.setattr("bench.utils.foreign_call._watches", [])
    heard = []
    report_limits(heard.append, 10.0)
    search, gradient = foreign_call("the search", 1_000_000), foreign_call("a gradient", 500_000)
    with search, foreign_call("no limit of its own"), gradient:
        pass
    assert [(limit.what, limit.seconds) for limit in heard] == [
        ("the search", 20.0),
        ("a gradient", 15.0),
        ("the search", 20.0),
        ("", None),
    ]
