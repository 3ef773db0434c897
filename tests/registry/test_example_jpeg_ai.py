"""The example with the networks of JPEG AI, installed as a user installs it: listed, and tested."""

from __future__ import annotations

import json

import pytest

from example_packages import install, run_module
from paths import ROOT

pytest.importorskip("onnx", reason="examples/jpeg-ai needs onnx: pip install onnx")

EXAMPLE = ROOT / "examples/jpeg-ai"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Return the folder in which the example package is installed."""
    return install(EXAMPLE, tmp_path_factory.mktemp("site"))


def test_the_codec_is_listed_as_what_it_is(site, monkeypatch):
    monkeypatch.delenv("BENCH_JPEG_AI", raising=False)
    listed = json.loads(run_module(site, "bench", "list", "codecs", "--json"))
    (item,) = (one for one in listed if one["name"] == "jpeg-ai-vm33-networks")
    assert item["summary"] == "JPEG AI VM 3.3 networks, our entropy coder, one low rate"
    assert item["problem"].startswith("set BENCH_JPEG_AI to the folder with the networks")


def test_its_own_tests_pass(site):
    options = ["-q", "-p", "no:cacheprovider", "--import-mode=importlib"]
    assert "passed" in run_module(site, "pytest", *options, str(EXAMPLE / "tests"))
