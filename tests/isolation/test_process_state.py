"""Foreign code leaves the process as it was: every state, however the call ends."""

import os

import pytest
import torch

from bench.errors import CodecError
from bench.utils.foreign_call import foreign_call, report_limits
from bench.utils.process_state import process_state_kept, states
from spoilers import SPOILERS


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
