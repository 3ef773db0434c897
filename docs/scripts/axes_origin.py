"""Where the harm of the attacks of a run arises: in which layer, in which latents."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median

from pages import table

from bench.codec import Traceable
from bench.images.png import decode_png
from bench.inspection.origin import Origin, origin
from bench.planning.resolve import make_codec
from bench.store.run_folder import Run
from bench.verify.replan import ReplannedRun, replan
from bench.verify.run_folder import saved_pictures

_HEADERS = (
    "codec",
    "objective",
    "layer with the largest gain",
    "the same in the decoder",
    "gain",
    "gain in the decoder",
    "increase in y %",
    "bits, attacked by source",
    "with z of the source picture",
)


@dataclass(frozen=True)
class _Case:
    """The attacks on one codec for one objective, one for each picture."""

    codec: str
    objective: str
    origins: Sequence[Origin]


def origins(run: Run) -> str:
    """Return the table of a run's learned codecs."""
    lines = list(map(_cells, _cases(run)))
    return table(_HEADERS, lines, text_columns=4)


def _cases(run: Run) -> Iterator[_Case]:
    again, saved = replan(run.manifest, Path()), saved_pictures(run)
    pictures = {picture.name: picture.pixels for picture in again.pictures}
    for label, choice in again.points.items():
        codec = make_codec(choice)
        if not isinstance(codec, Traceable):
            continue
        for objective, found in _searches(again, label).items():
            traced = [
                origin(codec, pictures[name], decode_png(png))
                for name, key in found
                if (png := saved.read(key))
            ]
            yield _Case(label, objective, traced)


def _searches(again: ReplannedRun, label: str) -> dict[str, list[tuple[str, str]]]:
    """Return (source picture, key) of the searches through a codec's gradients, by objective."""
    found: dict[str, list[tuple[str, str]]] = {}
    for cell in again.plan.cells:
        craft = cell.craft
        if cell.victim.label == label and cell.threat == "white-box" and craft is not None:
            objective = str(craft.objective)
            found.setdefault(objective, []).append((cell.picture.name, craft.key))
    return found


def _cells(case: _Case) -> list[str]:
    gains: dict[str, list[float]] = {}
    for one in case.origins:
        for layer in one.layers:
            gains.setdefault(layer.name, []).append(layer.gain)
    medians = {name: median(values) for name, values in gains.items()}
    largest = max(medians, key=medians.__getitem__)
    decoder = max((name for name in medians if name.startswith("g_s")), key=medians.__getitem__)
    more = [_increase(one) for one in case.origins]
    return [
        case.codec,
        case.objective,
        largest,
        decoder,
        f"{medians[largest]:.2f}",
        f"{medians[decoder]:.2f}",
        *_of_bits(case, more),
    ]


def _increase(one: Origin) -> dict[str, float]:
    return {stream.name: stream.attacked_bits - stream.bits for stream in one.streams}


def _of_bits(case: _Case, more: Sequence[dict[str, float]]) -> Iterator[str]:
    """Yield where additional bits are; nothing to say where there are fewer bits than before."""
    added = sum(sum(one.values()) for one in more)
    in_y = sum(one.get("y", 0.0) for one in more)
    yield f"{100 * in_y / added:.0f}" if added > 0 else "–"
    yield f"×{fmean(_factor(one) for one in case.origins):.2f}"
    restored = [_restored(one) for one in case.origins]
    known = [one for one in restored if one is not None]
    yield f"×{fmean(known):.2f}" if known else "–"


def _factor(one: Origin) -> float:
    return sum(stream.attacked_bits for stream in one.streams) / _source_bits(one)


def _restored(one: Origin) -> float | None:
    """Return the bits with z of the source picture by those of the source picture."""
    bits = next((stream.restored_bits for stream in one.streams if stream.name == "z"), None)
    return None if bits is None else bits / _source_bits(one)


def _source_bits(one: Origin) -> float:
    return sum(stream.bits for stream in one.streams)
