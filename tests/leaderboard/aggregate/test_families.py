from __future__ import annotations

import pytest

from bench.registry.component_spec import ComponentSpec
from leaderboard.aggregate.families import common_name, family_key


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ({"quality": 1}, {"quality": 5}, True),
        ({"qp": 22, "preset": "fast"}, {"qp": 37, "preset": "fast"}, True),
        ({"qp": 22, "preset": "fast"}, {"qp": 22, "preset": "medium"}, False),
        ({"checkpoint": "a/mine-q2.pth.tar"}, {"checkpoint": "b/mine-q4.pth.tar"}, True),
        ({"checkpoint": "mine-lambda0.013-hard"}, {"checkpoint": "mine-lambda0.05-hard"}, True),
        ({"checkpoint": "mine-q2"}, {"checkpoint": "mine-q2-hard"}, False),
        ({"checkpoint": "mine-q1-hardened"}, {"checkpoint": "mine-q5-hardened"}, True),
        ({"checkpoint": "mine-q2"}, {"checkpoint": "yours-q2"}, False),
        ({"checkpoint": "mine-48"}, {"checkpoint": "mine-64"}, False),
        ({"checkpoint": "a/best.pth.tar"}, {"checkpoint": "b/best.pth.tar"}, False),
        ({"checkpoint": "mine_q1/best.pth.tar"}, {"checkpoint": "mine_q4/best.pth.tar"}, True),
    ],
)
def test_what_differs_in_rate_alone_is_one_family(first, second, same):
    keys = [family_key(ComponentSpec("codec", tuple(params.items()))) for params in (first, second)]
    assert (keys[0] == keys[1]) == same


def test_another_codec_is_another_family():
    assert family_key(ComponentSpec("jpeg", (("quality", 5),))) != family_key(
        ComponentSpec("webp", (("quality", 5),))
    )


@pytest.mark.parametrize(
    ("labels", "name"),
    [
        (["VVC fast qp 22", "VVC fast qp 37"], "VVC fast"),
        (["factorized-48 q2", "factorized-48 q4"], "factorized-48"),
        (["jpeg quality=5", "jpeg quality=50"], "jpeg"),
        (["JPEG q 30"], "JPEG q 30"),
        (["low", "high"], "low"),
        (["mine-small-q1", "mine-small-q5"], "mine-small"),
        (["mine-q1-hardened", "mine-q5-hardened"], "mine-hardened"),
    ],
)
def test_a_family_is_called_what_its_labels_have_in_common(labels, name):
    assert common_name(labels) == name
