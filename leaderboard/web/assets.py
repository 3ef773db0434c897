"""The JavaScript libraries of the published page: DataTables and plotly.js from their packages."""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path

from markupsafe import Markup

from bench.errors import ConfigError

_FILES = {
    "plotly": "plotly/package_data/plotly.min.js",
    "datatables": "itables/html/dt_bundle.js",
    "style": "itables/html/dt_bundle.css",
}


def libraries() -> dict[str, Markup]:
    """Return the files of the libraries as they are embedded in the page.

    Raises:
        ConfigError: a library is not installed.
    """
    try:
        text = {
            name: Path(str(metadata.distribution(path.split("/")[0]).locate_file(path))).read_text(
                encoding="utf-8"
            )
            for name, path in _FILES.items()
        }
    except (metadata.PackageNotFoundError, OSError) as error:
        raise ConfigError(
            "the published page needs DataTables and plotly.js; install them with: pip install"
            " 'codec-robustness-bench[page]'"
        ) from error
    text["datatables"] = json.dumps(text["datatables"]).replace("<", "\\u003c")
    return {name: Markup(content) for name, content in text.items()}  # noqa: S704 - pinned files
