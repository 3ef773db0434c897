"""`bench check`: codecs that hang or crash, and the figures with their limits."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

import hostile
from bench.cli.main import main
from bench.errors import ConfigError
from bench.registry import plugins
from bench.registry.component_spec import ComponentSpec
from bench.testing import check as checking
from bench.testing import check_process
from bench.testing.advice import ADVICE

NEW_PROCESS = "test_a_process_that_has_not_seen_the_picture_decodes_it"

MORTAL = """\
import os
import signal
import time

import numpy as np
from bench.codec import Codec
from bench.container import overhead, pack, unpack
from bench.entry import Entry


class Mortal(Codec):
    '''Hangs on white pictures and crashes its process on empty bitstreams.'''

    def __init__(self, stillborn: bool = False) -> None:
        if stillborn:
            os.kill(os.getpid(), signal.SIGABRT)

    def encode(self, image):
        while image.min() == 255:
            time.sleep(0.1)
        return pack(b"mort", *image.shape[:2], [])

    def decode(self, bitstream):
        if not bitstream:
            os.kill(os.getpid(), signal.SIGSEGV)
        box = unpack(b"mort", bitstream)
        return np.zeros((box.height, box.width, 3), np.uint8)

    def fingerprint(self):
        return "mortal"

    def header_bytes(self, bitstream):
        return overhead(0) - 1


CODECS = {"mortal": Entry(Mortal, "hangs and crashes")}
"""


@pytest.fixture
def mortal(tmp_path):
    (tmp_path / "mortal.py").write_text(MORTAL)
    plugins.load("mortal.py", tmp_path)


def test_a_codec_that_hangs_and_crashes_fails_two_tests_only(mortal):
    results = list(checking.check(ComponentSpec("mortal"), limit_s=10))
    assert len(results) == len(check_process.REQUIREMENTS)
    failed = [result for result in results if result.verdict == "FAIL"]
    assert {result.requirement: result.reason for result in failed} == {
        "cut off bitstreams are refused": "crashed: its process was killed by SIGSEGV",
        "every kind of picture comes back": "still running after 10 s",
    }
    assert ["--limit" in result.advice for result in failed] == [False, True]


@pytest.mark.parametrize("name", ["keeps-in-module", "keeps-in-file", "keeps-in-object"])
def test_a_decoder_that_needs_more_than_the_bytes_fails(name, monkeypatch):
    monkeypatch.setattr(check_process, "REQUIREMENTS", (NEW_PROCESS,))
    monkeypatch.setattr(checking, "REQUIREMENTS", (NEW_PROCESS,))
    plugins.load(hostile.__file__, Path())
    (result,) = checking.check(ComponentSpec(name))
    assert result.verdict == "FAIL"


def test_an_encoder_that_returns_no_bytes_fails():
    contract = type("Chosen", (check_process.Contract,), {"choice": ComponentSpec("returns-dict")})
    plugins.load(hostile.__file__, Path())
    result = check_process.check(contract, "test_every_kind_of_picture_comes_back")
    assert result.reason == "encode() returned dict, not bytes"


def test_closing_the_check_ends_its_process(mortal, monkeypatch):
    processes = []

    class Recorded(checking.Child):
        def __init__(self, target):
            super().__init__(target)
            processes.append(self._process.pid)

    monkeypatch.setattr(checking, "Child", Recorded)
    results = checking.check(ComponentSpec("mortal"))
    next(results)
    results.close()
    assert len(processes) == 1
    with pytest.raises(ProcessLookupError):
        os.kill(processes[0], 0)


def test_a_codec_that_crashes_in_its_constructor_is_named(mortal):
    choice = ComponentSpec("mortal", (("stillborn", True),))
    with pytest.raises(ConfigError, match=r"codec 'mortal .*' cannot be built: crashed: .*SIGABRT"):
        next(checking.check(choice))


ESTIMATES = """\
import traceback

from backends.toy import Toy
from bench.entry import Entry


class Estimates(Toy):
    def __init__(self, factor: float = 1.0) -> None:
        super().__init__()
        self._factor = factor

    def estimated_bits(self, image):
        return self._factor * super().estimated_bits(image)


class Talks(Toy):
    def reconstruct(self, images):
        raise RuntimeError("long " * 1000)

    def relaxed(self, images):
        raise RuntimeError("unused")

    def header_bytes(self, bitstream):
        try:
            return {}[len(bitstream) // 10**9]
        except KeyError:
            raise RuntimeError(f"its program failed: {traceback.format_exc()}")


CODECS = {"estimates": Entry(Estimates, "estimates"), "talks": Entry(Talks, "long messages")}
"""


@pytest.fixture
def estimates(tmp_path):
    (tmp_path / "estimates.py").write_text(ESTIMATES)
    plugins.load("estimates.py", tmp_path)


def _result(name, check, **params):
    choice = ComponentSpec(name, tuple(params.items()))
    contract = type("ChosenContract", (check_process.Contract,), {"choice": choice})
    return check_process.check(contract, f"test_{check}")


def test_a_value_near_its_limit_is_a_warning(estimates):
    good, near, wrong = (
        _result("estimates", "the_estimate_agrees_with_the_bytes", factor=factor)
        for factor in (1.05, 1.09, 1.2)
    )
    assert [good.verdict, near.verdict, wrong.verdict] == ["PASS", "WARN", "FAIL"]
    (figure,) = near.figures
    assert re.search(r"they differ by 9[.\d]* %; at most 10 % \(near the limit\)$", figure)
    assert re.search(r"they differ by 20 %; at most 10 %$", wrong.reason)
    assert "Tolerances(estimate=" in wrong.advice
    assert not near.advice


@pytest.mark.parametrize(("factor", "code", "verdict"), [(1.09, 0, "WARN"), (1.2, 1, "FAIL")])
def test_only_a_failure_fails_the_command(factor, code, verdict, estimates, tmp_path, capsys):
    plugin = ["--plugin", str(tmp_path / "estimates.py")]
    assert main(["check", "estimates", f"factor={factor}", *plugin]) == code
    lines = capsys.readouterr().out.splitlines()
    at = lines.index(f"{verdict}  the estimate agrees with the bytes")
    assert "at most 10 %" in lines[at + 1]
    assert lines[at + 2].startswith("      To do: ") == (code == 1)


def test_what_does_not_apply_is_not_passed(capsys):
    assert main(["check", "jpeg", "quality=50"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "n/a   gradients agree with finite differences (the codec has no gradients)" in lines
    assert (
        "n/a   the estimate agrees with the bytes (the codec does not estimate its bits)" in lines
    )
    assert not [line for line in lines if line.startswith(("FAIL", "WARN"))]


def test_every_test_has_advice():
    assert set(ADVICE) == set(check_process.REQUIREMENTS)


def test_foreign_text_is_shortened_to_its_cause(estimates):
    long = _result("talks", "gradients_flow_through_both_halves")
    assert long.reason.startswith("RuntimeError: long long")
    assert len(long.reason) < 310
    traced = _result("talks", "the_header_is_part_of_the_bitstream")
    assert traced.reason == "RuntimeError: its program failed: KeyError: 0"


def test_a_bundled_checkpoint_passes(capsys):
    name = "bmshj2018-factorized"
    assert main(["check", name, f"checkpoint={name}-small-q1"]) == 0
    printed = capsys.readouterr().out
    assert "FAIL" not in printed
    assert "dB; at least 40 dB" in printed
    assert "the gradient of rate, in float32, differs from the slope by" in printed
    assert "s to encode a megapixel" in printed


def _agreement(architecture, checkpoint: Path, **params):
    choice = ComponentSpec(architecture, (("checkpoint", str(checkpoint)), *params.items()))
    contract = type("ChosenContract", (check_process.Contract,), {"choice": choice})
    return check_process.check(contract, "test_the_surrogate_agrees_with_the_codec")


def test_a_difference_by_design_passes(small_checkpoint):
    result = _agreement("mbt2018", small_checkpoint("mbt2018"))
    assert result.verdict in {"PASS", "WARN"}
    assert "at least 28 dB, usually 40 dB" in result.figures[0]


def test_a_difference_by_design_passes_in_a_model_of_a_plugin(small_checkpoint, tmp_path):
    text = "from compressai.models import JointAutoregressiveHierarchicalPriors as Mine"
    (tmp_path / "joint.py").write_text(text)
    plugins.load("joint.py", tmp_path)
    result = _agreement("compressai", small_checkpoint("mbt2018"), model="joint:Mine")
    assert result.verdict in {"PASS", "WARN"}
    assert "at least 28 dB, usually 40 dB" in result.figures[0]


def test_other_codecs_have_the_usual_limit(small_checkpoint):
    result = _agreement("mbt2018-mean", small_checkpoint("mbt2018-mean"))
    assert result.verdict in {"PASS", "WARN"}
    assert "at least 40 dB" in result.figures[0]
