"""YAML text as data, for files and for values on the command line.

    text --compose--> nodes --size, duplicate keys, numbers--> data, and the line of every path

Only safe YAML is read. YAML 1.1 reads 030 as 24, 1:30 as 90, 0x1e as 30 and 1_0 as 10. Numbers
written in such a way are refused, because each would be another operating point than its author
meant.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import yaml

from bench.errors import ConfigError, one_line

Where: TypeAlias = tuple[str | int, ...]

LARGEST_TEXT = 2**20
"""Largest YAML text that is read, in bytes, and in characters."""

MOST_VALUES = 100_000
"""Largest number of keys and values in a YAML text; an alias counts as all that it stands for."""

_MISLEADING = re.compile(
    r"""[-+]?(
        0[0-9_]+                                # 030 is 24
      | 0[box][0-9a-f_]+                        # 0b11 is 3, 0x1e is 30
      | [0-9]+(_[0-9]*)+(\.[0-9_]*(e[-+]?[0-9]+)?)?  # 1_000 is 1000
      | [0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)? # 1:30 is 90
    )""",
    re.VERBOSE | re.IGNORECASE,
)


@dataclass(frozen=True)
class Document:
    """Parsed YAML and the line number of every path in it."""

    name: str
    data: Any
    lines: dict[Where, int]

    def line(self, where: Where) -> int:
        """Return the line of a path, or of its longest prefix that has one."""
        while where and where not in self.lines:
            where = where[:-1]
        return self.lines.get(where, 1)


class _Refused(Exception):
    """A problem and its line, from 1; 0 if it concerns the whole text."""

    def __init__(self, problem: str, line: int = 0) -> None:
        super().__init__(problem)
        self.problem, self.line = problem, line


def read_document(text: str, name: str) -> Document:
    """Return the content of a YAML file.

    Args:
        text: content of the file.
        name: path of the file, for error messages.

    Raises:
        ConfigError: the text is not usable as YAML; the message names the line.
    """
    try:
        root, data = _read(text)
    except _Refused as error:
        place = f"{name}:{error.line}" if error.line else name
        raise ConfigError(f"{place}: {error.problem}") from error
    return Document(name, data, {} if root is None else dict(_lines(root, ())))


def read_value(text: str, name: str) -> Any:  # noqa: ANN401 - any YAML value
    """Return the value of a YAML text of one line.

    Args:
        text: the text.
        name: what has the value, for error messages.

    Raises:
        ConfigError: the text is not usable as YAML.
    """
    try:
        return _read(text)[1]
    except _Refused as error:
        raise ConfigError(f"{name}: {error.problem}") from error


def _read(text: str) -> tuple[yaml.Node | None, Any]:
    """Return the root node, None if the text is empty, and the data."""
    if len(text) > LARGEST_TEXT:
        raise _Refused(f"it has more than {LARGEST_TEXT} characters; split it")
    try:
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
        if root is None:
            return None, None
        _check_size(root)
        _check_nodes(root)
        data = loader.construct_document(root)
        json.dumps(data, ensure_ascii=False, skipkeys=True, default=str).encode()
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise _Refused(f"not YAML: {error.problem}", line) from error
    except (yaml.YAMLError, ValueError, KeyError, AttributeError, RecursionError) as error:
        raise _Refused(f"not usable as YAML: {one_line(error)}") from error
    return root, data


def _check_size(root: yaml.Node) -> None:
    """Refuse aliases that stand for too many values; each node is counted once."""
    sizes: dict[int, int] = {}
    if _size(root, sizes) > MOST_VALUES:
        raise _Refused(f"it has more than {MOST_VALUES} values, with aliases expanded; split it")


def _size(node: yaml.Node, sizes: dict[int, int]) -> int:
    if id(node) not in sizes:
        sizes[id(node)] = MOST_VALUES + 1  # what a node has that contains itself
        sizes[id(node)] = 1 + sum(_size(child, sizes) for child in _children(node))
    return sizes[id(node)]


def _children(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.SequenceNode):
        yield from node.value
    elif isinstance(node, yaml.MappingNode):
        for pair in node.value:
            yield from pair


def _check_nodes(node: yaml.Node) -> None:
    """Refuse misleading numbers and repeated keys."""
    if isinstance(node, yaml.ScalarNode):
        _check_number(node)
    elif isinstance(node, yaml.MappingNode):
        _check_keys(node)
    for child in _children(node):
        _check_nodes(child)


def _check_number(node: yaml.ScalarNode) -> None:
    is_text = node.style is not None and node.tag == "tag:yaml.org,2002:str"
    if not is_text and _MISLEADING.fullmatch(node.value):
        raise _Refused(
            f"YAML can read {node.value} as another number than it looks like; write it as a"
            " decimal number, without leading zeros, ':' or '_', or in quotes if it is a text",
            node.start_mark.line + 1,
        )


def _check_keys(node: yaml.MappingNode) -> None:
    seen: set[str] = set()
    for key, _ in node.value:
        if isinstance(key, yaml.ScalarNode) and key.value in seen:
            raise _Refused(f"the key '{key.value}' is given twice", key.start_mark.line + 1)
        seen.add(str(key.value))


def _lines(node: yaml.Node, where: Where) -> Iterator[tuple[Where, int]]:
    yield where, node.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _lines(item, (*where, index))
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _lines(value, (*where, key.value))
            yield (*where, key.value), key.start_mark.line + 1
