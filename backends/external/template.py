"""Templates of command lines: words with placeholders for the files and the parameters.

    "cwebp -q {quality} {input.png} -o {output.webp}"  --split once-->  words  --fill-->  arguments

A template is split into words as a shell splits them, but no shell runs: a value or a path that is
put in later stays one argument, whatever it contains.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator

from backends.external.picture_file import SUFFIXES
from bench.utils.yaml_config import nearest

Side: TypeAlias = Literal["encode", "decode"]

_PLACEHOLDER = re.compile(r"{([^{}]*)}")
_FILE = re.compile(r"(input|output)\.([A-Za-z0-9]+)")
_SHELL = frozenset({"|", "||", "&", "&&", ";", "<", ">", ">>", "2>", "2>&1"})
_PICTURES = ", ".join(SUFFIXES[:-1]) + f" or {SUFFIXES[-1]}"


@dataclass(frozen=True)
class Template:
    """The words of a command line.

    Attributes:
        words: the program and its arguments, with placeholders.
        input: suffix of the file that the program reads, without the dot.
        output: suffix of the file that the program writes, without the dot.
    """

    words: tuple[str, ...]
    input: str
    output: str

    @property
    def parameters(self) -> frozenset[str]:
        """The names of the placeholders that are no files."""
        return frozenset(name for name in _names(self.words) if not _FILE.fullmatch(name))

    def filled(self, values: Mapping[str, str]) -> Template:
        """Return the template with the named placeholders replaced, each by one text."""
        words = (
            _PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), word)
            for word in self.words
        )
        return replace(self, words=tuple(words))

    def __str__(self) -> str:
        return shlex.join(self.words)


def parse(side: Side, text: str) -> Template:
    """Return the template that a text describes.

    Args:
        side: whether it is the encoder's or the decoder's.
        text: the template as a suite has it.

    Raises:
        ValueError: it is no command line, or lacks its input or its output.
    """
    words = _split(text)
    names = set(_names(words))
    _check_spelling(names)
    template = Template(words, _suffix("input", names), _suffix("output", names))
    picture, suffix = _picture_of(side, template)
    if suffix not in SUFFIXES:
        raise ValueError(
            f"the {picture} of '{side}' is a picture, {_PICTURES}, not {{{picture}.{suffix}}}"
        )
    return template


def check_parameters(templates: Mapping[Side, Template], names: frozenset[str]) -> None:
    """Check that each placeholder has a parameter, and each parameter a placeholder.

    Raises:
        ValueError: one has none.
    """
    used = frozenset[str]().union(*(template.parameters for template in templates.values()))
    for side, template in templates.items():
        for name in sorted(template.parameters - names):
            remedy = nearest(name, names) if names else f"add '{name}: VALUE' to the codec"
            raise ValueError(f"'{side}' has {{{name}}}, which is no parameter; {remedy}")
    for name in sorted(names - used):
        remedy = nearest(name, used) if used else "remove the parameter"
        raise ValueError(f"the parameter '{name}' is in neither command line; {remedy}")


def _checked(side: Side, text: str) -> str:
    parse(side, text)
    return text


def _value(value: object) -> object:
    """Check the value of a parameter: a number, or a text of one line."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(  # noqa: TRY004 - pydantic reports only this type
            f"expected a number or a text, got {value!r}"
        )
    if not str(value).isprintable():
        raise ValueError(f"expected a text of one line, got {value!r}")
    if any(map(_FILE.fullmatch, _names((str(value),)))):
        raise ValueError(f"the text {value!r} names a file; write that in the command line")
    return value


EncodeTemplate = Annotated[str, AfterValidator(partial(_checked, "encode"))]
DecodeTemplate = Annotated[str, AfterValidator(partial(_checked, "decode"))]
Value = Annotated[int | float | str, BeforeValidator(_value)]
"""The value of a parameter of a template."""


def _split(text: str) -> tuple[str, ...]:
    try:
        words = tuple(shlex.split(text))
    except ValueError as error:
        raise ValueError(f"the command line {text!r} cannot be split: {error}") from error
    if not words:
        raise ValueError("the command line is empty; write a program and its arguments")
    if not all(word.isprintable() for word in words):
        raise ValueError(f"the command line {text!r} has a control character; remove it")
    for word in words:
        if word in _SHELL:
            raise ValueError(
                f"the command line has '{word}', but no shell runs it; write a script and name that"
            )
    return words


def _names(words: tuple[str, ...]) -> Iterator[str]:
    return (name for word in words for name in _PLACEHOLDER.findall(word))


def _check_spelling(names: set[str]) -> None:
    """Refuse a placeholder that looks like a file and is none; a parameter has no dot."""
    for name in sorted(names):
        stem, dot, _ = name.partition(".")
        if (dot or stem in {"", "input", "output"}) and not _FILE.fullmatch(name):
            known = nearest(name, ("input.png", "output.png", "input.bin", "output.bin"))
            raise ValueError(f"unknown placeholder {{{name}}}; {known}")


def _suffix(kind: Literal["input", "output"], names: set[str]) -> str:
    """Return the suffix of the only placeholder of a kind."""
    found = sorted(name for name in names if name.startswith(f"{kind}."))
    if not found:
        raise ValueError(
            f"the command line has no {kind}; write {{{kind}.png}} for a picture or {{{kind}.bin}}"
            f" for a bitstream where the program takes the path of its {kind}"
        )
    if len(found) > 1:
        listed = " and ".join(f"{{{name}}}" for name in found)
        raise ValueError(f"the command line has {listed}; a program has one {kind}, keep one")
    return found[0].partition(".")[2]


def _picture_of(side: Side, template: Template) -> tuple[str, str]:
    if side == "encode":
        return "input", template.input
    return "output", template.output
