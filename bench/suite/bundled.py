"""Finds a suite by its path or by the name of a bundled suite."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from bench.errors import ConfigError
from bench.suite import bundled_suites
from bench.suite.suite import Suite, load_suite
from bench.utils.yaml_config import nearest, parse


def named_suite(reference: str) -> tuple[Suite, Path]:
    """Return a suite and the folder that contains it.

    Args:
        reference: path of a suite file, or name of a bundled suite.

    Raises:
        ConfigError: there is no such suite, or it is not valid.
    """
    path = Path(reference)
    if path.is_file() or path.suffix in {".yaml", ".yml"} or path.name != reference:
        return load_suite(path), path.parent
    known = bundled_suites()
    if reference not in known:
        raise ConfigError(f"there is no suite '{reference}'; {nearest(reference, known)}")
    text = (resources.files("suites") / f"{reference}.yaml").read_text(encoding="utf-8")
    return parse(text, f"{reference}.yaml", Suite), Path()
