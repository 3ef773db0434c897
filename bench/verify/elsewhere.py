"""Bitstreams of a run, decoded in other environments than the one in which they were written.

    picture --encode, decode, as in scoring--> bitstream, picture here
    bitstream --decode, for each environment--> picture there, compared with the picture here

A decoder whose entropy model differs in one bit from the encoder's reads other symbols from there
on: Balle, Johnston, Minnen, "Integer networks for data compression with latent-variable models",
ICLR 2019, https://openreview.net/forum?id=S1zz2i0cY7, section 3.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

import numpy as np

from bench.codec import Codec, Image
from bench.errors import CodecError, ConfigError, one_line
from bench.isolation.coder_pool import CoderPool, shared_pool
from bench.isolation.coder_process import CoderSpec
from bench.metrics.scores import linf, psnr
from bench.planning.jobs import Group, MeasureJob
from bench.scoring.measure import coder_spec
from bench.scoring.roundtrip import CodingFailure, encode_decode
from bench.store.records import UNATTACKED
from bench.store.run_folder import Run
from bench.verify.consent import refuse_foreign_code
from bench.verify.environments import Environment, environments
from bench.verify.findings import Finding, SavedPictures, Skipped
from bench.verify.reencode import check_picture, make_codec_or_skip
from bench.verify.replan import ReplannedRun, replan
from bench.verify.run_folder import saved_pictures


@dataclass
class Count:
    """What became of some bitstreams of a codec in an environment.

    Attributes:
        bitstreams: how many were decoded.
        failed: how many could not be decoded there.
        broken: how many gave a picture that differs by more than the rounding to 8 bits explains:
            nearly equal numbers round to the same level or to neighbouring ones.
        different: how many gave a picture in which any value differs, the broken ones included.
        levels: the largest difference of a value, in 8-bit levels.
        psnr: the worst PSNR of a picture there against the picture here, in dB; None if all are
            the same.
    """

    bitstreams: int = 0
    failed: int = 0
    broken: int = 0
    different: int = 0
    levels: int = 0
    psnr: float | None = None

    def add(self, here: Image, there: Image | str) -> None:
        """Add a bitstream.

        Args:
            here: the picture that it gave here.
            there: the picture that it gave there, or why it gave none.
        """
        self.bitstreams += 1
        if isinstance(there, str):
            self.failed += 1
        elif not np.array_equal(here, there):
            self.different += 1
            levels = int(linf(here, there))
            self.broken += levels > 1
            self.levels = max(self.levels, levels)
            self.psnr = min(psnr(here, there), np.inf if self.psnr is None else self.psnr)


@dataclass
class Comparison:
    """A codec in an environment.

    Attributes:
        codec: its label.
        environment: the name of the environment.
        clean: the bitstreams of source pictures.
        attacked: the bitstreams of adversarial pictures, without noise and corruptions.
        why: why nothing was decoded there, or why the first failure failed; otherwise empty.
    """

    codec: str
    environment: str
    clean: Count = field(default_factory=Count)
    attacked: Count = field(default_factory=Count)
    why: str = ""

    @property
    def counts(self) -> tuple[Count, Count]:
        """Both counts."""
        return self.clean, self.attacked

    @property
    def is_same(self) -> bool:
        """Whether every bitstream gives the same picture there."""
        return not any(count.failed or count.different for count in self.counts)

    @property
    def breaks(self) -> bool:
        """Whether a bitstream fails, or its picture is broken."""
        return any(count.failed or count.broken for count in self.counts)


@dataclass(frozen=True)
class _Bitstream:
    """A bitstream that was decoded here; `picture` is the file of what it gave."""

    cell: MeasureJob
    content: bytes
    picture: Path


Result: TypeAlias = Finding | Skipped | Comparison


def run_elsewhere(run: Run, folder: Path, *, plugins: bool = False) -> Iterator[Result]:
    """Yield how the codecs of a run folder decode in other environments.

    Args:
        run: the run folder as read.
        folder: where relative paths of its suite start.
        plugins: whether the plugins and programs that it names may run.

    Raises:
        BenchError: it names plugins or programs that are not allowed, or cannot be planned here.
    """
    refuse_foreign_code(run.manifest.suite, run.folder, "", allowed=plugins)
    again = replan(run.manifest, folder)
    yield from decode_elsewhere(
        run, again, saved_pictures(run), environments(again.suite.compute.threads)
    )


def decode_elsewhere(
    run: Run, again: ReplannedRun, evidence: SavedPictures, places: Sequence[Environment]
) -> Iterator[Result]:
    """Yield what is wrong with the pictures, and each codec in each environment.

    Args:
        run: the records.
        again: the plan of the run.
        evidence: the adversarial pictures.
        places: the environments.
    """
    victims = sorted({record.victim for record in run.measures} & again.points.keys())
    made = {label: make_codec_or_skip(again.points[label]) for label in victims}
    yield from (codec for codec in made.values() if isinstance(codec, Skipped))
    codecs = {label: codec for label, codec in made.items() if isinstance(codec, Codec)}
    with TemporaryDirectory() as temporary:
        bitstreams = yield from _decoded_here(run, again, evidence, codecs, Path(temporary))
        for place in places:
            pool = CoderPool(place.threads, variables=place.variables)
            with closing(pool):
                for label, codec in codecs.items():
                    own = [one for one in bitstreams if one.cell.victim.label == label]
                    yield _compared(label, place, place.why_not(codec), own, pool)


def _decoded_here(
    run: Run,
    again: ReplannedRun,
    evidence: SavedPictures,
    codecs: Mapping[str, Codec],
    folder: Path,
) -> Generator[Finding | Skipped, None, list[_Bitstream]]:
    """Write and decode the bitstreams as scoring does; the pictures go into a folder."""
    specs = {label: codec.fingerprint() for label, codec in codecs.items()}
    pool, found = shared_pool(again.suite.compute.threads), list[_Bitstream]()
    keys = {record.key for record in run.measures if record.victim in specs}
    for group in again.plan.groups:
        cells = [cell for cell in group.cells if cell.key in keys and _is_wanted(cell)]
        for cell, image in (yield from _pictures(group, cells, run, evidence)):
            coded = encode_decode(pool.coder(coder_spec(cell, specs[cell.victim.label])), image)
            if isinstance(coded, CodingFailure):
                yield Skipped(f"{cell.victim.label} on {cell.picture.name}", coded.reason)
                continue
            found.append(_Bitstream(cell, coded.bitstream, folder / f"{len(found)}.npy"))
            np.save(found[-1].picture, coded.image)
    return found


def _pictures(
    group: Group, cells: list[MeasureJob], run: Run, evidence: SavedPictures
) -> Generator[Finding, None, list[tuple[MeasureJob, Image]]]:
    """Return the evaluations of a group with their picture; none if it is not kept."""
    if group.craft is None:
        return [(cell, cell.picture.pixels) for cell in cells]
    craft = run.crafts.get(group.craft.key)
    if craft is None or not cells:
        return []
    image = yield from check_picture(group.craft, craft, evidence)
    return [(cell, image) for cell in cells] if isinstance(image, np.ndarray) else []


def _is_wanted(cell: MeasureJob) -> bool:
    """Return whether a picture is clean or attacked; noise and corruptions are neither."""
    return cell.craft is None or cell.threat not in UNATTACKED


def _compared(
    label: str, place: Environment, why_not: str, bitstreams: Iterable[_Bitstream], pool: CoderPool
) -> Comparison:
    result = Comparison(label, place.name, why=why_not)
    for one in () if why_not else bitstreams:
        here = np.load(one.picture)
        there = _decoded(one, place, pool)
        (result.clean if one.cell.craft is None else result.attacked).add(here, there)
        if isinstance(there, str):
            result.why = result.why or there
    return result


def _decoded(one: _Bitstream, place: Environment, pool: CoderPool) -> Image | str:
    """Return the picture that a bitstream gives in an environment, or why it gives none."""
    spec: CoderSpec = replace(coder_spec(one.cell, ""), fingerprint=None, decoding=place.decoding)
    height, width, _ = one.cell.picture.pixels.shape
    try:
        return pool.coder(spec).decode(one.content, (height, width)).value
    except (CodecError, ConfigError) as error:
        return one_line(error)
