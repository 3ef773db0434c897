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
    assert any(name.startswith("test_") for name in vars(module))


def test_there_are_some():
    assert FILES


@pytest.mark.slow
def test_the_smallest_sizes_run():
    """Boards, plans and commands are timed in processes that no type checker sees."""
    command = [sys.executable, "-m", "pytest", "-q", "benchmarks", "-k", "[1] or [100] or version"]
    ended = subprocess.run(command, cwd=ROOT, check=False, capture_output=True)
    assert ended.returncode == 0, ended.stdout.decode()[-4000:]
