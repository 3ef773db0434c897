"""`import compressai` leaves out what image codecs never use, until it is used."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = ("torch_geometric", "torchvision", "torch._dynamo", "scipy.stats._stats_py")

BUILD = """
import json, sys
from bench.models.architectures import fresh
fresh("bmshj2018-factorized", (8, 8))
print(json.dumps([sorted(sys.modules), [type(finder).__module__ for finder in sys.meta_path]]))
"""

USE = """
import json, scipy.stats
import compressai.registry
before = len(compressai.registry.TRANSFORMS)
from compressai.datasets import ImageFolder
from compressai.transforms import RandomSample
import torchvision
names = sorted(compressai.registry.TRANSFORMS), ImageFolder.__module__, RandomSample.__module__
print(json.dumps([before, *names, torchvision.__file__, scipy.stats.norm.ppf(0.3)]))
"""


def _run(code):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def built():
    return _run(BUILD)


@pytest.mark.parametrize("name", HEAVY)
def test_a_model_is_built_without_it(name, built):
    assert name not in built[0]


def test_no_finder_is_left_behind(built):
    assert "bench.models.compressai_import" not in built[1]


def test_what_was_left_out_is_the_real_thing_when_it_is_used():
    plain, deferred = _run(USE), _run(f"import bench.models.architectures{USE}")
    assert plain[0] > 50 > deferred[0]
    assert deferred[1:] == plain[1:]
