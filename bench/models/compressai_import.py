"""A quicker `import compressai`: what image codecs never use is loaded only when it is used.

`import compressai` loads all of its sub-packages. Its data sets and point-cloud transforms import
torch_geometric, its registry of transforms lists every class of torchvision and torch_geometric,
and both of these import torch._dynamo. No image model needs any of it. `defer_unused_parts` changes
the first `import compressai` of the process, and nothing after it:

- `compressai.datasets`, `compressai.transforms` and `scipy.stats` are the real modules, executed at
  the first use of one of their names (as with `importlib.util.LazyLoader`, whose modules any call
  of `inspect.getmodule` would execute).
- `compressai.registry.transforms` is executed while `torchvision` and `torch_geometric` stand for
  empty packages, unless they are already imported. Its table `TRANSFORMS` is filled when
  `compressai.datasets` or `compressai.transforms` is executed.

The models, layers and entropy models are CompressAI's own, unchanged. A program that imports
CompressAI before this package gets the plain import.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from threading import RLock
from types import ModuleType
from typing import Any

_DATA_PARTS = ("compressai.datasets", "compressai.transforms")
_DEFERRED = (*_DATA_PARTS, "scipy.stats")
_TRANSFORM_TABLE = "compressai.registry.transforms"
_TRANSFORM_PACKAGES = ("torchvision", "torch_geometric")


def defer_unused_parts() -> None:
    """Make the first `import compressai` of this process skip what image codecs never use."""
    waiting = any(isinstance(finder, _FirstImport) for finder in sys.meta_path)
    if "compressai" not in sys.modules and not waiting:
        sys.meta_path.insert(0, _FirstImport())


class _FirstImport(MetaPathFinder):
    """Waits for `import compressai`, and removes itself when it comes."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != "compressai":
            return None
        sys.meta_path.remove(self)
        return _with_loader(PathFinder.find_spec(name, path, target), _PackageLoader)


class _PartFinder(MetaPathFinder):
    """Finds the parts that are loaded differently while `compressai` itself is executed."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name in _DEFERRED:
            return _with_loader(PathFinder.find_spec(name, path, target), _DeferringLoader)
        if name == _TRANSFORM_TABLE:
            return _with_loader(PathFinder.find_spec(name, path, target), _TransformTableLoader)
        return None


class _WrappedLoader(Loader):
    """A module's own loader, executed under other circumstances."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the module's loader offers
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)


class _PackageLoader(_WrappedLoader):
    """Executes `compressai` with `_PartFinder` in place."""

    def exec_module(self, module: ModuleType) -> None:
        finder = _PartFinder()
        sys.meta_path.insert(0, finder)
        try:
            self._loader.exec_module(module)
        finally:
            sys.meta_path.remove(finder)


class _DeferringLoader(_WrappedLoader):
    """Executes a module at the first use of one of its names; other threads wait for the end."""

    def exec_module(self, module: ModuleType) -> None:
        lock, pending = RLock(), [self._loader]

        def __getattr__(name: str) -> Any:  # noqa: ANN401, N807 - PEP 562
            if name.startswith("__") and name != "__all__":  # asked by inspection, not by a user
                raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")
            with lock:
                if pending:
                    _execute(pending.pop(), module)
            if name not in module.__dict__:
                raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")
            return module.__dict__[name]

        module.__getattr__ = __getattr__  # type: ignore[method-assign]


class _TransformTableLoader(_WrappedLoader):
    """Executes CompressAI's table of transforms with nothing to list."""

    def exec_module(self, module: ModuleType) -> None:
        with _empty_packages():
            self._loader.exec_module(module)


def _with_loader(spec: ModuleSpec | None, kind: type[_WrappedLoader]) -> ModuleSpec | None:
    if spec is not None and spec.loader is not None:
        spec.loader = kind(spec.loader)
    return spec


def _execute(loader: Loader, module: ModuleType) -> None:
    if module.__name__ in _DATA_PARTS:
        _fill_transform_table()
    loader.exec_module(module)


def _fill_transform_table() -> None:
    """List the transforms that `compressai.registry.transforms` would have listed by itself."""
    table = sys.modules[_TRANSFORM_TABLE].__dict__["TRANSFORMS"]
    for package in _TRANSFORM_PACKAGES:
        transforms = importlib.import_module(f"{package}.transforms")
        for name, value in vars(transforms).items():
            if name[0].isupper():
                table[name] = value


@contextmanager
def _empty_packages() -> Iterator[None]:
    """Let torchvision and torch_geometric stand for empty packages where not yet imported."""
    added = []
    for package in _TRANSFORM_PACKAGES:
        if package not in sys.modules:
            empty, transforms = ModuleType(package), ModuleType(f"{package}.transforms")
            empty.__dict__.update(__path__=[], transforms=transforms)
            sys.modules.update({package: empty, transforms.__name__: transforms})
            added += [package, transforms.__name__]
    try:
        yield
    finally:
        for name in added:
            del sys.modules[name]
