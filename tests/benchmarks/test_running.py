"""Benchmarks are not run by default; they must not break unseen."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest

from paths import ROOT

FILES = sorted((ROOT / "benchmarks").rglob("test_*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_can_be_imported(path):
    spec = importlib.util.spec_from_file_location(f"benchmarks_{path.stem}", path)
    module = sys.modules[spec.name] = importlib.util.module_from_spec(
        spec
    )  # dataclasses look it up
    spec.loader.exec_module(module)


def test_there_are_some():
    assert FILES


@pytest.mark.slow
def test_each_runs_once():
    """Without timing, and without the largest sizes."""
    command = [sys.executable, "-m", "pytest", "-q", "benchmarks", "--benchmark-disable"]
    chosen = ["-k", "not 100000 and not 10000 and not (test_board and 24)"]
    ended = subprocess.run([*command, *chosen], cwd=ROOT, check=False, capture_output=True)
    assert ended.returncode == 0, ended.stdout.decode()[-4000:]
