"""Code of other people that a suite or a recipe names.

    plugins: [my_codec.py, my_package.codecs]   files, or modules that can be imported

A plugin is a module whose tables CODECS, ATTACKS, ENSEMBLES, OBJECTIVES, DEFENCES and METRICS go
from a name to an `Entry`, as in backends/__init__.py; one without tables may hold the class of a
checkpoint. It is imported while the file that names it is read; code that nothing names never runs.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, cast

from pydantic import AfterValidator, ValidationInfo

from bench.entry import Entry
from bench.errors import ConfigError, one_line, raise_if_machine
from bench.registry import trusted as consent
from bench.registry.registry import Kind, register

_TABLES: dict[str, Kind] = {
    "CODECS": "codec",
    "ATTACKS": "attack",
    "ENSEMBLES": "ensemble",
    "OBJECTIVES": "objective",
    "DEFENCES": "defence",
    "METRICS": "metric",
}

_loaded: dict[str, ModuleType] = {}


def load(name: str, folder: Path) -> ModuleType:
    """Import a plugin, once in a process, and make what its tables hold known by name.

    Args:
        name: of a module, or the path of a Python file.
        folder: where a relative path is looked up first; then comes the working directory.

    Raises:
        ConfigError: it cannot be imported, has no proper tables, or claims a name that is taken.
    """
    file = _file(name, folder) if name.endswith(".py") else None
    key = str(file or name)
    if key not in _loaded:
        module = _imported(name, file)
        register(name, _tables(name, module))
        consent.trust(file.stem if file else name, module)
        _loaded[key] = module
    return _loaded[key]


def loaded() -> tuple[str, ...]:
    """Return what `load` finds every plugin of this process by, in another process too."""
    return tuple(_loaded)


def _validated(names: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
    folder = (info.context or {}).get("folder", Path())
    try:
        for name in names:
            load(name, folder)
    except ConfigError as error:
        raise ValueError(str(error)) from error
    return names


Plugins = Annotated[tuple[str, ...], AfterValidator(_validated)]
"""A list of plugins in YAML; to be declared before the fields that may name what they bring."""


def _file(name: str, folder: Path) -> Path:
    candidates = [folder / name, Path(name)]
    found = next((path for path in candidates if path.is_file()), None)
    if found is None:
        raise ConfigError(f"there is no plugin {candidates[0]}; mend the path, or leave it out")
    return found.resolve()


def _imported(name: str, file: Path | None) -> ModuleType:
    try:
        return importlib.import_module(name) if file is None else _executed(file)
    except (Exception, SystemExit) as error:  # a plugin can fail in any way
        raise_if_machine(error)
        raise ConfigError(f"the plugin {name} cannot be imported ({one_line(error)})") from error


def _executed(file: Path) -> ModuleType:
    """Import a file under a name of its own, so that two files of one name do not mix."""
    digest = hashlib.sha256(str(file).encode()).hexdigest()[:8]
    spec = importlib.util.spec_from_file_location(f"{file.stem}_{digest}", file)
    if spec is None or spec.loader is None:
        raise ConfigError("not a Python file")
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _tables(name: str, module: ModuleType) -> dict[Kind, Mapping[str, Entry]]:
    found = {kind: getattr(module, table, {}) for table, kind in _TABLES.items()}
    for kind, table in found.items():
        if not _is_table(table):
            raise ConfigError(f"the plugin {name}: its {kind}s are no dict of names and entries")
    return cast("dict[Kind, Mapping[str, Entry]]", found)


def _is_table(table: Any) -> bool:  # noqa: ANN401 - what a plugin calls its table
    return isinstance(table, dict) and all(
        isinstance(key, str) and isinstance(entry, Entry) for key, entry in table.items()
    )
