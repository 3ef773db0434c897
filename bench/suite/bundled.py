"""A suite by its path, or by the name of a bundled one."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from bench.errors import ConfigError
from bench.suite import bundled_suites
from bench.suite.suite import Suite, load_suite
from bench.utils.yaml_config import nearest, parse


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
