"""The embedded libraries: two pages are equal if they hold the same libraries."""

from __future__ import annotations

import gzip
from base64 import b64decode, b64encode

import pytest

from leaderboard.web.assets import libraries, same_page

BEFORE, AFTER = b'<p><script type="application/octet-stream" id="plotly">', b"</script></p>"


def _page(packed):
    return BEFORE + b64encode(packed) + AFTER


CODE = b"var Plotly = {};" * 100
PAGE = _page(gzip.compress(CODE, mtime=0))


def test_the_libraries_are_those_of_their_packages():
    code = gzip.decompress(b64decode(libraries()["plotly"]))
    assert b"plotly.js v" in code[:200]


@pytest.mark.parametrize("level", [1, 9])
def test_a_library_can_be_compressed_otherwise(level):
    assert same_page(PAGE, _page(gzip.compress(CODE, level, mtime=1)))


@pytest.mark.parametrize(
    "other",
    [
        _page(gzip.compress(CODE + b"alert()", mtime=0)),
        _page(gzip.compress(CODE, mtime=0) + b"more"),
        _page(gzip.compress(CODE, mtime=0)[:-4]),
        _page(b"not gzip"),
        BEFORE + b"!" + PAGE[len(BEFORE) :],
        PAGE + b" ",
        PAGE.replace(b"plotly", b"evil"),
    ],
    ids=["altered", "appended", "cut", "not gzip", "not base64", "other page", "other name"],
)
def test_another_page_or_library_differs(other):
    assert not same_page(PAGE, other)
