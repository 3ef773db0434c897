"""A JSON file of a run folder beside its records: timings.json, resources.json."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

from bench.errors import StoreError
from bench.store.records_file import os_errors_as_store_errors
from bench.utils.files import read_file, write_atomically

Table = TypeVar("Table")


@dataclass(frozen=True)
class SideFile(Generic[Table]):
    """A file that `bench run` writes once, and measures again if it was removed.

    Attributes:
        name: its name.
        adapter: its content.
        empty: its content if there is no file.
        measured: what is in it, for messages.
    """

    name: str
    adapter: TypeAdapter[Table]
    empty: Table
    measured: str

    def read(self, folder: Path) -> Table:
        """Return what a run folder has; `empty` if it was not measured.

        Raises:
            StoreError: the file cannot be read.
        """
        path = folder / self.name
        try:
            return self.adapter.validate_json(read_file(path))
        except FileNotFoundError:
            return self.empty
        except (OSError, ValidationError) as error:
            raise StoreError(
                f"cannot read {path}; remove it, and `bench run` measures the {self.measured} again"
            ) from error

    def write(self, folder: Path, table: Table) -> None:
        """Write the file into a run folder.

        Raises:
            StoreError: it cannot be written.
        """
        path = folder / self.name
        with os_errors_as_store_errors(f"write {path}"):
            write_atomically(path, self.adapter.dump_json(table, indent=1) + b"\n")
