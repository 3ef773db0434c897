"""The suites that ship with the package, and a suite by path or by name."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from bench.errors import ConfigError
from bench.suite.suite import Suite, load_suite
from bench.utils.yaml_config import nearest, parse


def bundled_suites() -> list[str]:
    """Return the names of the suites that ship with the package."""
    files = resources.files("suites").iterdir()
    return sorted(file.name[:-5] for file in files if file.name.endswith(".yaml"))


def named_suite(given: str) -> tuple[Suite, Path]:
    """Return a suite by path, or by the name of a bundled one, and the folder it stands in.

    Raises:
        ConfigError: there is none, or it says something that is not allowed.
    """
    path = Path(given)
    if path.is_file() or path.suffix in {".yaml", ".yml"} or path.name != given:
        return load_suite(path), path.parent
    if given not in bundled_suites():
        raise ConfigError(f"there is no suite '{given}'; {nearest(given, bundled_suites())}")
    text = (resources.files("suites") / f"{given}.yaml").read_text(encoding="utf-8")
    return parse(text, f"{given}.yaml", Suite), Path()
