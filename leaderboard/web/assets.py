"""The JavaScript libraries of the published page: DataTables and plotly.js from their packages.

    file of a package --gzip, base64--> element of the page --browser--> code

Compressed, they are a third as large. Builds of zlib compress the same bytes differently, so two
pages are compared by what the libraries hold (`same_page`).
"""

from __future__ import annotations

import binascii
import gzip
import re
import zlib
from base64 import b64decode, b64encode
from functools import cache
from importlib import metadata
from pathlib import Path

from markupsafe import Markup

from bench.errors import ConfigError

_PACKED = {
    "plotly": "plotly/package_data/plotly.min.js",
    "datatables": "itables/html/dt_bundle.js",
}
_STYLE = "itables/html/dt_bundle.css"
_GZIP = 31
"""The window size by which zlib reads gzip."""
_LARGEST = 1 << 25
"""Largest size of a library in bytes; a page of others can hold anything."""
_ELEMENT = re.compile(rb'(<script type="application/octet-stream" id="\w+">)([^<]*)(?=</script>)')


@cache
def libraries() -> dict[str, Markup]:
    """Return the files of the libraries as they are embedded in the page.

    Raises:
        ConfigError: a library is not installed.
    """
    try:
        packed = {
            name: b64encode(gzip.compress(_file(path), mtime=0)).decode()
            for name, path in _PACKED.items()
        }
        style = _file(_STYLE).decode()
    except (metadata.PackageNotFoundError, OSError) as error:
        raise ConfigError(
            "the published page needs DataTables and plotly.js; install them with: pip install"
            " 'codec-robustness-bench[page]'"
        ) from error
    return {name: Markup(text) for name, text in {**packed, "style": style}.items()}  # noqa: S704 - pinned files


def same_page(one: bytes, other: bytes) -> bool:
    """Return whether two pages are equal, apart from how their libraries are compressed."""
    return one == other or _ELEMENT.sub(_unpacked, one) == _ELEMENT.sub(_unpacked, other)


def _file(path: str) -> bytes:
    package, _, _ = path.partition("/")
    return Path(str(metadata.distribution(package).locate_file(path))).read_bytes()


def _unpacked(found: re.Match[bytes]) -> bytes:
    """Return an element with its library unpacked; as it is if it holds none."""
    unpacker = zlib.decompressobj(_GZIP)
    try:
        library = unpacker.decompress(b64decode(found[2], validate=True), _LARGEST)
    except (binascii.Error, zlib.error):
        return found[0]
    is_whole = unpacker.eof and not unpacker.unused_data
    return found[1] + library if is_whole else found[0]
