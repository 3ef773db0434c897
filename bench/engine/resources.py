"""Time and memory under attack: the slowest adversarial pictures, coded again beside their sources.

    records --slowest to encode and to decode, of each picture and budget--> keys of searches
    source picture, adversarial pictures --in turn, three rounds--> Resources

The times in the records are taken while other jobs run, and of many noisy times the largest says
little. They only choose the pictures here. When all jobs are done, this process codes each chosen
picture and its source picture in turn, and nothing else of the run is at work. What is quoted is
the fastest repetition of each.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import partial

from bench.codec import Image
from bench.engine.job_runner import victim
from bench.engine.runner import Prepared
from bench.engine.trials import Trial, in_turn, mean_load, trial, warm_trial
from bench.errors import PLUGIN_ERRORS, MachineError, StoreError
from bench.isolation.coder import Coder
from bench.isolation.coder_pool import CoderPool
from bench.planning.jobs import MeasureJob
from bench.store.pictures import picture_file
from bench.store.records import UNATTACKED, MeasureRecord
from bench.store.resources import Measured, Resources, Usage
from bench.store.run_folder import Store

_ENOUGH_S = 120.0
"""No further round begins after this time for one source picture, in seconds."""

Chosen = dict[str, dict[str, tuple[str, ...]]]
"""The keys of searches, by operating point and source picture."""


def is_measured(prepared: Prepared, store: Store) -> bool:
    """Return whether the pictures that the records choose were coded again."""
    wanted = {
        label: [(name, craft) for name, crafts in pictures.items() for craft in (None, *crafts)]
        for label, pictures in chosen(prepared, store).items()
    }
    found = {
        label: [(one.picture, one.craft) for one in measured]
        for label, measured in store.resources.items()
    }
    return wanted == found


def measure_resources(prepared: Prepared, store: Store, pool: CoderPool) -> None:
    """Code the slowest adversarial pictures again, beside their source pictures, and store it.

    Pictures over which the machine runs out of a resource are left out, so that the next run
    measures all of them again.

    Args:
        prepared: the suite and its plan.
        store: the run folder, in which the records are.
        pool: the processes in which foreign codecs encode and decode.

    Raises:
        StoreError: the result cannot be stored, or an adversarial picture was lost or altered.
        BenchError: the disk is full.
    """
    cells = {
        cell.victim.label: cell
        for cell in reversed(prepared.plan.cells)
        if cell.craft is None  # of a random codec the first draw
    }
    sources = {picture.name: picture.pixels for picture in prepared.pictures}
    resources: Resources = {}
    for label, pictures in chosen(prepared, store).items():
        coder = victim(prepared, cells[label], pool)
        resources[label] = tuple(
            measured
            for name, crafts in pictures.items()
            for measured in _measured(coder, name, _images(store, sources[name], crafts))
        )
    store.save_resources(resources)


def chosen(prepared: Prepared, store: Store) -> Chosen:
    """Return the searches whose pictures took longest to encode and to decode at each budget."""
    found: dict[tuple[str, str, str], list[tuple[MeasureJob, MeasureRecord]]] = {}
    for cell in prepared.plan.cells:
        record = store.measured.get(cell.key)
        if record is None or record.status != "ok" or record.threat in UNATTACKED or record.draw:
            continue
        if cell.craft is not None:
            place = record.victim, record.picture, str(cell.craft.budget)
            found.setdefault(place, []).append((cell, record))
    keys: Chosen = {}
    for (label, picture, _), pairs in found.items():
        slowest = keys.setdefault(label, {}).get(picture, ())
        keys[label][picture] = tuple(dict.fromkeys((*slowest, *_slowest(pairs))))
    return keys


def _slowest(pairs: Iterable[tuple[MeasureJob, MeasureRecord]]) -> Iterator[str]:
    for name in ("encode_seconds", "decode_seconds"):
        cell, _ = max(pairs, key=lambda pair: float(getattr(pair[1], name)))
        if cell.craft is not None:
            yield cell.craft.key


def _images(store: Store, source: Image, crafts: Iterable[str]) -> dict[str | None, Image]:
    """Return a source picture, under None, and its adversarial pictures by key."""
    images: dict[str | None, Image] = {None: source}
    for key in crafts:
        image = store.load_picture(key)
        if image is None:
            raise StoreError(
                f"{picture_file(key)} was lost or altered; run the suite into another folder"
            )
        images[key] = image
    return images


def _measured(coder: Coder, name: str, images: Mapping[str | None, Image]) -> Iterator[Measured]:
    with suppress(MachineError):
        warm_trial(coder, images[None])
    kinds = {key: partial(trial, coder, image) for key, image in images.items()}
    trials = in_turn(kinds, _ENOUGH_S)
    for key, some in trials.items():
        usage = _usage(coder, images[key], some) if some else None
        yield Measured(picture=name, craft=key, usage=usage)


def _usage(coder: Coder, image: Image, trials: list[Trial]) -> Usage:
    encode_peak, decode_peak = _peaks(coder, image)
    return Usage(
        encoding=tuple(one.encoding for one in trials),
        decoding=tuple(one.decoding for one in trials),
        encode_peak=encode_peak,
        decode_peak=decode_peak,
        load=mean_load(trials),
    )


def _peaks(coder: Coder, image: Image) -> tuple[int | None, int | None]:
    """Return the peak memory of encoding and decoding, in a run that is not timed."""
    height, width, _ = image.shape
    try:
        encoded = coder.encode(image, track=True)
        decoded = coder.decode(encoded.value, (height, width), track=True)
    except PLUGIN_ERRORS:  # it did not fail when it was timed; its memory is not known
        return None, None
    return encoded.peak, decoded.peak
