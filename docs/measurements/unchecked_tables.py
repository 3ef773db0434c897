"""Print what bitstreams decode to if nothing checks that both ends have the same tables.

    python docs/measurements/unchecked_tables.py runs/shipped

Learned codecs compute the tables of the entropy coder from their weights, and refuse bitstreams
that were written with other tables. This script encodes all pictures of a run, clean and
adversarial, with all learned codecs of the run. A process without vector instructions then decodes
the bitstreams without the refusal: first with the tables that it computes itself, then with those
of the writer.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

from torch import Tensor

from backends.learned.base import Learned
from backends.learned.nets import TABLES
from bench.codec import Image
from bench.errors import CodecError
from bench.images.png import decode_png
from bench.metrics.scores import linf
from bench.planning.resolve import make_codec
from bench.registry.registry import Component
from bench.store.run_folder import read_run
from bench.utils.machine import configure_threads
from bench.verify.replan import replan
from bench.verify.run_folder import saved_pictures

WITHOUT_VECTORS = {"ATEN_CPU_CAPABILITY": "default"}


@dataclass
class Written:
    """The bitstreams of a codec, the tables that wrote them, and the pictures that they give."""

    choice: Component
    identity: str
    tables: dict[str, Tensor]
    bitstreams: list[tuple[str, bytes, Image]]


def tables_of(codec: Learned) -> dict[str, Tensor]:
    return {name: v for name, v in codec._net.state_dict().items() if name.endswith(TABLES)}


def written(folder: Path) -> Iterator[Written]:
    run = read_run(folder)
    again, saved = replan(run.manifest, Path()), saved_pictures(run)
    pictures = [("clean", picture.pixels) for picture in again.pictures]
    keys = [job.key for job in again.plan.crafts if job.sources]
    pictures += [("attacked", decode_png(png)) for png in map(saved.read, keys) if png]
    for choice in again.points.values():
        if isinstance(codec := make_codec(choice), Learned):
            one = Written(choice, codec._model, tables_of(codec), [])
            for kind, picture in pictures:
                bitstream = codec.encode(picture)
                one.bitstreams.append((kind, bitstream, codec.decode(bitstream)))
            yield one


def read(one: Written, *, own_tables: bool) -> str:
    """Decode the bitstreams of a codec, and count the wrong pictures of each kind."""
    codec = cast("Learned", make_codec(one.choice))
    codec._model = one.identity
    if not own_tables:
        for name, table in tables_of(codec).items():
            table.copy_(one.tables[name])
    wrong = {
        kind: [_is_wrong(codec, coded, here) for own, coded, here in one.bitstreams if own == kind]
        for kind in ("clean", "attacked")
    }
    return ", ".join(f"{kind} {sum(all_)} of {len(all_)}" for kind, all_ in wrong.items())


def _is_wrong(codec: Learned, bitstream: bytes, picture: Image) -> bool:
    """Return whether a bitstream fails, or gives more than the rounding of nearly equal numbers."""
    try:
        return linf(picture, codec.decode(bitstream)) > 1
    except CodecError:
        return True


def main() -> None:
    place, *reader = sys.argv[1:]
    configure_threads(1)
    if not reader:
        with TemporaryDirectory() as temporary:
            file = Path(temporary) / "written"
            file.write_bytes(pickle.dumps(list(written(Path(place)))))
            command = [sys.executable, __file__, str(file), "read"]
            subprocess.run(command, check=True, env={**os.environ, **WITHOUT_VECTORS})
        return
    for one in pickle.loads(Path(place).read_bytes()):  # noqa: S301 - written above
        codec = cast("Learned", make_codec(one.choice))
        print(one.choice)
        for name, table in tables_of(codec).items():
            difference = (table - one.tables[name]).abs()
            if count := int((difference > 0).sum()):
                share = float((difference / table.abs())[difference > 0].max())
                print(f"    {count} of {table.numel()} in {name} differ, by {share:.1e} at most")
        print(f"    wrong with own tables: {read(one, own_tables=True)}")
        print(f"    wrong with the writer's: {read(one, own_tables=False)}", flush=True)


if __name__ == "__main__":
    main()
