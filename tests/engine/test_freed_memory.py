"""What becomes of memory that a search frees, and who looks for garbage."""

from __future__ import annotations

import gc
import platform
import subprocess
import sys

import pytest

from bench.utils.memory import collection_paused

FAULTS = """\
import resource
import torch
from bench.utils.memory import keep_freed_memory

def work():
    held = [torch.ones(10_000_000) for _ in range(4)]

with keep_freed_memory():
    for _ in range(4):
        work()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(4):
        work()
    print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc gives back what is freed")
def test_freed_memory_is_taken_again_without_asking_the_system():
    command = [sys.executable, "-c", FAULTS]
    faults = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600).stdout
    assert int(faults) < 10_000  # of 156,000 if each of the 16 tensors came from the system


def _collections():
    return sum(generation["collections"] for generation in gc.get_stats())


def test_nobody_looks_for_garbage_while_what_stays_is_made():
    with collection_paused():
        before = _collections()
        made = [[n] for n in range(100_000)]
        assert _collections() == before
    assert len(made) == 100_000
    assert gc.isenabled()


@pytest.mark.parametrize("is_on", [True, False])
def test_an_error_leaves_it_as_it_was(is_on):
    try:
        (gc.enable if is_on else gc.disable)()
        with pytest.raises(ValueError, match="torn"), collection_paused():
            raise ValueError("torn")
        assert gc.isenabled() == is_on
    finally:
        gc.enable()
