"""One run of a program that a suite names, in a folder of its own that is removed afterwards.

    bytes --> FOLDER/input.SUFFIX --program--> FOLDER/output.SUFFIX --> bytes

The folder is also the working directory, so what a program leaves in it is seen by no other run.
Other programs of `backends.external` get files without names; here the suffix may tell the program
the format.
"""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory

from backends.external.program import Place, Program
from backends.external.template import Template
from bench.errors import CodecError, ConfigError


@dataclass(frozen=True)
class CommandLine:
    """A program with its arguments.

    Attributes:
        template: the program and its arguments; only the files are left to be filled in.
        program: the program that was found.
    """

    template: Template
    program: Program

    def run(self, data: bytes, seconds: float, most_bytes: int) -> bytes:
        """Return what the program writes for an input.

        Args:
            data: content of the input file.
            seconds: the time limit.
            most_bytes: size of the largest file that the program can write.

        Raises:
            CodecError: the program failed, exceeded a limit, or wrote nothing.
        """
        with TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as name:
            folder = Path(name)
            source = folder / f"input.{self.template.input}"
            target = folder / f"output.{self.template.output}"
            source.write_bytes(data)
            try:
                place = Place(folder, most_bytes)
                self.program.run(self._arguments(source, target), seconds, place=place)
            except CodecError as error:  # the folder has another name in each run
                raise CodecError(str(error).replace(f"{folder}/", "")) from error
            return self._written(target, most_bytes)

    @property
    def identity(self) -> str:
        """The hash of the program and of each file among its arguments, each with its name."""
        words = (self.program.path, *self.template.words[1:])
        paths = filter(None, map(_existing, words))
        return ", ".join(f"{path.name} {_digest(path)}" for path in paths if path.is_file())

    def _arguments(self, source: Path, target: Path) -> tuple[str, ...]:
        files = {source.name: str(source), target.name: str(target)}
        return self.template.filled(files).words[1:]

    def _written(self, target: Path, most_bytes: int) -> bytes:
        """Return the content of the output."""
        name = self.program.name
        if not target.is_file():
            raise CodecError(f"{name} wrote no file at the path of {{{target.name}}}")
        size = target.stat().st_size
        if not size:
            raise CodecError(f"{name} wrote an empty file at the path of {{{target.name}}}")
        if size > most_bytes:
            raise CodecError(f"{name} wrote {size} bytes, more than {most_bytes}")
        return target.read_bytes()


def command_line(template: Template) -> CommandLine:
    """Return a template with its program found and its relative paths made absolute.

    A word with a slash or a dot that is the path of an existing file or folder, from the working
    directory, becomes an absolute path, because the program runs in another folder.

    Raises:
        ConfigError: the program is not on PATH.
    """
    name, *arguments = template.words
    words = (str(_existing(word) or word) for word in arguments)
    path = shutil.which(_existing(name) or name if "/" in name else name)
    if path is None:
        raise ConfigError(
            f"there is no program '{name}' on PATH; install it, write its path, or drop this codec"
            " from the suite"
        )
    program = Program(str(Path(path).absolute()))
    return CommandLine(replace(template, words=(name, *words)), program)


def _existing(word: str) -> Path | None:
    """Return the absolute path of the file or folder that a word names, if it is there."""
    try:
        path = Path(word).expanduser().absolute()
        return path if ("/" in word or "." in word) and path.exists() else None
    except (OSError, RuntimeError):  # too long for a path, or the home folder of nobody
        return None


@cache
def _digest(path: Path) -> str:
    found = hashlib.sha256()
    with path.open("rb") as file:
        for block in iter(partial(file.read, 2**20), b""):
            found.update(block)
    return found.hexdigest()[:12]
