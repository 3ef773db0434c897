"""Parameters that only one machine has: absolute paths."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bench.registry.registry import Component


def absolute_paths(component: Component) -> Iterator[tuple[str, str]]:
    """Yield the parameters of a component and of its parts that are absolute paths, with the path.

    Keys of jobs contain parameters, so nobody without this path could repeat the results, which
    would also publish the names of somebody's folders.
    """
    for key, value in component.params:
        if isinstance(value, str) and Path(value).is_absolute():
            yield key, value
    for part in (*component.defence, *component.objectives, *component.codecs.values()):
        yield from absolute_paths(part)
