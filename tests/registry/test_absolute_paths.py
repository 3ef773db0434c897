"""Absolute paths among the parameters of a codec, its defences and the codecs inside it."""

from __future__ import annotations

import pytest
import yaml

from bench.registry.absolute_paths import absolute_paths
from bench.suite.suite import load_suite

CHECKPOINT = {"name": "bmshj2018-factorized", "checkpoint": "/mine/a.pth.tar"}


def _found(codec, tmp_path):
    suite = {"name": "one", "images": {"set": "sample"}, "codecs": [codec], "attacks": ["fgsm"]}
    suite["budgets"] = [{"linf": 8}]
    (tmp_path / "suite.yaml").write_text(yaml.safe_dump(suite))
    (point, *_) = load_suite(tmp_path / "suite.yaml").operating_points
    return list(absolute_paths(point))


@pytest.mark.parametrize(
    ("codec", "expected"),
    [
        (CHECKPOINT, [("checkpoint", "/mine/a.pth.tar")]),
        ({**CHECKPOINT, "checkpoint": "mine/a.pth.tar"}, []),
        ({**CHECKPOINT, "checkpoint": ["/mine/a.pth.tar"]}, [("checkpoint", "/mine/a.pth.tar")]),
        (
            {
                "name": "jpeg",
                "quality": 50,
                "defence": [{"name": "denoise", "checkpoint": "/mine/b.safetensors"}],
            },
            [("checkpoint", "/mine/b.safetensors")],
        ),
        (
            {"name": "bpda", "codec": {"name": "jpeg", "quality": 50}, "surrogate": CHECKPOINT},
            [("checkpoint", "/mine/a.pth.tar")],
        ),
    ],
    ids=["parameter", "relative", "grid", "defence", "codec inside"],
)
def test_they_are_found(codec, expected, tmp_path):
    assert _found(codec, tmp_path) == expected
