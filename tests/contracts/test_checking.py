"""`bench check`: codecs that hang or crash are told of like any other; figures and their limits."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bench.cli.main import main
from bench.errors import ConfigError
from bench.registry import plugins
from bench.registry.registry import ComponentSpec
from bench.testing import check as checking
from bench.testing import check_process as trial

MORTAL = """\
import os
import signal
import time

import numpy as np
from bench.codec import Codec
from bench.container import overhead, pack, unpack
from bench.entry import Entry


class Mortal(Codec):
    '''Hangs on white pictures, and takes its process along on damaged bytes.'''

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


def test_a_codec_that_hangs_and_crashes_breaks_two_promises_and_no_more(mortal):
    found = {
        one.requirement: one.problem for one in checking.check(ComponentSpec("mortal"), limit_s=20)
    }
    assert len(found) == len(trial.PROMISES)
    assert {promise: problem for promise, problem in found.items() if problem} == {
        "cut off bitstreams are refused": "crashed: its process was killed by SIGSEGV",
        "every kind of picture comes back": "still running after 20 s",
    }


def test_nothing_of_it_is_left_behind(mortal, monkeypatch):
    made = []

    class Seen(checking.Child):
        def __init__(self, target):
            super().__init__(target)
            made.append(self._process.pid)

    monkeypatch.setattr(checking, "Child", Seen)
    found = checking.check(ComponentSpec("mortal"))
    next(found)
    found.close()
    assert len(made) == 1
    with pytest.raises(ProcessLookupError):
        os.kill(made[0], 0)


def test_a_codec_that_dies_while_it_is_made_is_named(mortal):
    choice = ComponentSpec("mortal", (("stillborn", True),))
    with pytest.raises(ConfigError, match=r"codec 'mortal .*' cannot be made: crashed: .*SIGABRT"):
        next(checking.check(choice))


def test_a_bundled_checkpoint_keeps_its_promises(capsys):
    name = "bmshj2018-factorized"
    assert main(["check", name, f"checkpoint={name}-small-q1"]) == 0
    printed = capsys.readouterr().out
    assert "BROKEN" not in printed
    assert "dB; at least 40 dB" in printed
    assert "the gradient of rate, in float32, is off its slope by" in printed
    assert "s to encode a megapixel" in printed


def _agreement(architecture, checkpoint: Path, **params):
    choice = ComponentSpec(architecture, (("checkpoint", str(checkpoint)), *params.items()))
    contract = type("Of", (trial.Contract,), {"choice": choice})
    return trial.check(contract, "test_the_surrogate_agrees_with_the_codec")


def test_what_differs_by_design_is_not_called_broken(small_checkpoint):
    found = _agreement("mbt2018", small_checkpoint("mbt2018"))
    assert not found.problem
    assert "at least 28 dB, usually 40 dB" in found.figures[0]


def test_nor_is_it_in_a_model_of_ones_own(small_checkpoint, tmp_path):
    text = "from compressai.models import JointAutoregressiveHierarchicalPriors as Mine"
    (tmp_path / "joint.py").write_text(text)
    plugins.load("joint.py", tmp_path)
    found = _agreement("compressai", small_checkpoint("mbt2018"), model="joint:Mine")
    assert not found.problem
    assert "at least 28 dB, usually 40 dB" in found.figures[0]


def test_others_are_held_to_the_usual_limit(small_checkpoint):
    found = _agreement("mbt2018-mean", small_checkpoint("mbt2018-mean"))
    assert not found.problem
    assert found.figures[0].endswith("at least 40 dB")
