"""Benchmarks are not run by default; their imports must not break unseen."""

from __future__ import annotations

import importlib.util
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
