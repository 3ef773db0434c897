"""`bench check`: codecs that hang or crash, and the figures with their limits."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import hostile
from bench.cli.main import main
from bench.errors import ConfigError
from bench.registry import plugins
from bench.registry.component_spec import ComponentSpec
from bench.testing import check as checking
from bench.testing import check_process

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
    assert {result.requirement: result.problem for result in results if result.problem} == {
        "cut off bitstreams are refused": "crashed: its process was killed by SIGSEGV",
        "every kind of picture comes back": "still running after 10 s",
    }


@pytest.mark.parametrize("name", ["keeps-in-module", "keeps-in-file", "keeps-in-object"])
def test_a_decoder_that_needs_more_than_the_bytes_fails(name, monkeypatch):
    monkeypatch.setattr(check_process, "REQUIREMENTS", (NEW_PROCESS,))
    monkeypatch.setattr(checking, "REQUIREMENTS", (NEW_PROCESS,))
    plugins.load(hostile.__file__, Path())
    (result,) = checking.check(ComponentSpec(name))
    assert result.problem


def test_an_encoder_that_returns_no_bytes_fails():
    contract = type("Chosen", (check_process.Contract,), {"choice": ComponentSpec("returns-dict")})
    plugins.load(hostile.__file__, Path())
    result = check_process.check(contract, "test_every_kind_of_picture_comes_back")
    assert "dict" in result.problem


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
    assert not result.problem
    assert "at least 28 dB, usually 40 dB" in result.figures[0]


def test_a_difference_by_design_passes_in_a_model_of_a_plugin(small_checkpoint, tmp_path):
    text = "from compressai.models import JointAutoregressiveHierarchicalPriors as Mine"
    (tmp_path / "joint.py").write_text(text)
    plugins.load("joint.py", tmp_path)
    result = _agreement("compressai", small_checkpoint("mbt2018"), model="joint:Mine")
    assert not result.problem
    assert "at least 28 dB, usually 40 dB" in result.figures[0]


def test_other_codecs_have_the_usual_limit(small_checkpoint):
    result = _agreement("mbt2018-mean", small_checkpoint("mbt2018-mean"))
    assert not result.problem
    assert result.figures[0].endswith("at least 40 dB")
