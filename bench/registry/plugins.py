"""Loads the plugins that a suite or a recipe names.

    plugins: [my_codec.py, my_package.codecs]   files, or modules that can be imported

A plugin is a module with the tables CODECS, ATTACKS, ENSEMBLES, OBJECTIVES, DEFENCES and METRICS,
which map names to `Entry` objects as in backends/__init__.py. A plugin without tables can define
the class of a checkpoint. A plugin is imported when the suite or recipe that names it is read; no
other code is imported.
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
from bench.errors import ConfigError, cause, raise_if_machine
from bench.registry import trusted
from bench.registry.registry import Kind, register
from bench.utils.startup_call import startup_call

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
    """Import a plugin, once per process, and add the entries of its tables.

    Args:
        name: name of a module, or path of a Python file.
        folder: folder where a relative path is looked up first, before the working directory.

    Raises:
        ConfigError: the plugin cannot be imported, has an invalid table, or registers a name that
            is already taken.
    """
    file = _file(name, folder) if name.endswith(".py") else None
    key = str(file or name)
    if key not in _loaded:
        module = _import(name, file)
        register(name, _tables(name, module))
        trusted.trust(file.stem if file else name, module)
        _loaded[key] = module
    return _loaded[key]


def loaded() -> tuple[str, ...]:
    """Return the names with which another process can `load` the plugins of this process."""
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
"""A list of plugins in YAML. Declare it before the fields that can use names from plugins."""


def _file(name: str, folder: Path) -> Path:
    candidates = [folder / name, Path(name)]
    file = next((path for path in candidates if path.is_file()), None)
    if file is None:
        raise ConfigError(f"there is no plugin {candidates[0]}; correct the path or remove it")
    return file.resolve()


def _import(name: str, file: Path | None) -> ModuleType:
    try:
        with startup_call(f"the import of {name}"):
            return importlib.import_module(name) if file is None else _execute(file)
    except Exception as error:  # a plugin can fail in any way
        raise_if_machine(error)
        raise ConfigError(
            f"the plugin {name} cannot be imported ({cause(error)}); correct it"
        ) from error


def _execute(file: Path) -> ModuleType:
    """Import a file under a unique module name, so that two files can have the same name."""
    digest = hashlib.sha256(str(file).encode()).hexdigest()[:8]
    spec = importlib.util.spec_from_file_location(f"{file.stem}_{digest}", file)
    if spec is None or spec.loader is None:
        raise ConfigError("not a Python file")
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _tables(name: str, module: ModuleType) -> dict[Kind, Mapping[str, Entry]]:
    tables = {kind: getattr(module, table, {}) for table, kind in _TABLES.items()}
    for table, kind in _TABLES.items():
        if not _is_table(tables[kind]):
            raise ConfigError(
                f"{table} of the plugin {name} must be a dict of bench.entry.Entry objects by name"
            )
    return cast("dict[Kind, Mapping[str, Entry]]", tables)


def _is_table(table: Any) -> bool:  # noqa: ANN401 - any object of a plugin
    return isinstance(table, dict) and all(
        isinstance(key, str) and isinstance(entry, Entry) for key, entry in table.items()
    )
