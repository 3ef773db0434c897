"""The scripts of docs/, imported with their own folder on the path."""

from __future__ import annotations

import importlib.util
import sys

import pytest

from paths import ROOT

FOLDERS = (ROOT / "docs/scripts", ROOT / "docs/measurements")


@pytest.fixture(scope="session")
def docs_script():
    """Return a function that imports a script by its name."""
    return _imported


def _imported(name):
    (path,) = (file for folder in FOLDERS if (file := folder / f"{name}.py").is_file())
    spec = importlib.util.spec_from_file_location(f"docs_{name}", path)
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(path.parent)
        spec.loader.exec_module(module)
    return module
