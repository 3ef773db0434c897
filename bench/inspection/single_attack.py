"""One picture, one codec, one attack, with all pictures and bitstreams written to files.

AttackRequest --suite--> run folder (records, adversarial picture)
              --> source, adversarial, both bitstreams, both reconstructions, differences, a sheet
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import yaml
from pydantic import TypeAdapter

from bench.codec import Codec, Differentiable, Image
from bench.engine.runner import Prepared
from bench.errors import BenchError, StoreError
from bench.images.png import encode_png
from bench.images.reader import require_text
from bench.inspection.bit_allocation import Map, by_pixel
from bench.inspection.contact_sheet import (
    AMPLIFICATION,
    BITS,
    Panel,
    Row,
    amplified,
    draw,
    drawable,
    grey_maps,
    map_panels,
)
from bench.inspection.origin import Origin, origin
from bench.inspection.origin_figure import draw as draw_origin
from bench.isolation.coder import LocalCoder
from bench.planning.baselines import NOISE
from bench.registry.component_spec import ComponentSpec
from bench.scoring.roundtrip import CodingFailure, RoundTrip, encode_decode
from bench.store.pictures import picture_file, read_picture
from bench.store.records import CraftRecord, MeasureRecord, Scores
from bench.store.records_file import os_errors_as_store_errors
from bench.store.run_folder import Run
from bench.suite.suite import Suite
from bench.utils.files import write_atomically
from bench.utils.yaml_config import parse
from bench.verify.replan import to_suite_item

_SPEC = TypeAdapter(ComponentSpec)


@dataclass(frozen=True)
class AttackRequest:
    """A request to attack one picture.

    Attributes:
        picture: path of the picture.
        codec: the victim.
        attack: the attack.
        objective: its objective.
        budget: its budget, as in a suite: {"linf": 8}.
        source: the codec whose gradients or answers are used, if it is not the victim.
        crop: height and width, in pixels, of the centre crop that is used; None for all of it.
    """

    picture: Path
    codec: ComponentSpec
    attack: ComponentSpec
    objective: ComponentSpec
    budget: dict[str, object]
    source: ComponentSpec | None = None
    crop: tuple[int, int] | None = None

    def suite(self) -> Suite:
        """Return the suite of this one attack.

        Raises:
            ConfigError: a name or a parameter is not valid.
            ImageError: the name of the picture is no text.
        """
        require_text(self.picture)
        codecs = [self.codec] if self.source is None else [self.source, self.codec]
        images: dict[str, object] = {"files": [str(self.picture)]}
        if self.crop is not None:
            images["crop"] = {"height": self.crop[0], "width": self.crop[1]}
        suite = {
            "name": "attack",
            "images": images,
            "codecs": [to_suite_item(_SPEC.dump_python(choice)) for choice in codecs],
            "attacks": [to_suite_item(_SPEC.dump_python(self.attack))],
            "objectives": [to_suite_item(_SPEC.dump_python(self.objective))],
            "budgets": [self.budget],
            "sources": [] if self.source is None else [str(self.source)],
            "transfer": "none" if self.source is None else "all",
        }
        return parse(yaml.safe_dump(suite), "the command line", Suite)


@dataclass(frozen=True)
class AttackReport:
    """The result of a request.

    Attributes:
        craft: record of the search.
        scores: scores of the adversarial picture on the victim.
        noise: scores of noise with the same budget; None if there are none.
        seconds: time to encode and decode the adversarial picture.
    """

    craft: CraftRecord
    scores: Scores
    noise: Scores | None
    seconds: float


def answer(request: AttackRequest, run: Run) -> AttackReport:
    """Return the worst result of a request from its finished run.

    An ensemble or an attack with several starts makes several pictures. The worst one for the
    objective is reported.

    Args:
        request: the request.
        run: a run of `request.suite()`.

    Raises:
        BenchError: the picture could not be attacked, or could not be coded.
    """
    pairs = _records_of(run, request.codec)
    is_noise = request.attack.name == NOISE
    attacked = [pair for pair in pairs if is_noise or pair[1].attack != NOISE]
    sources = (str(request.source or request.codec),)
    own = [pair for pair in attacked if pair[1].sources == sources] or attacked
    if not own:
        raise BenchError(
            f"'{request.attack}' needs gradients, which '{request.codec}' does not offer; name a"
            " codec that does with --source"
        )
    record, craft = max(own, key=partial(_harm, request.objective))
    if record.scores is None:
        raise BenchError(f"no scores: {record.reason}")
    noise = [measure.scores for measure, search in pairs if search.attack == NOISE]
    seconds = record.encode_seconds + record.decode_seconds
    return AttackReport(craft, record.scores, next(iter(noise), None), seconds)


def _harm(objective: ComponentSpec, pair: tuple[MeasureRecord, CraftRecord]) -> float:
    """Return how bad a result is for the victim in what an objective is about.

    A picture that the victim fails to code is the worst of all, and one without scores for another
    reason counts least. Where no score stands for the objective, the value of the search counts.
    """
    record, craft = pair
    if record.scores is None:
        return math.inf if (record.status, record.stage) == ("failed", "attacked") else -math.inf
    match objective.name:
        case "distortion" | "distortion-at-rate":
            return record.scores.mse_source
        case "rate" | "hyper-rate" | "rate-at-quality":
            return record.scores.bpp
        case "rd":
            return record.scores.rd_cost
        case "time":
            return record.encode_seconds
    return craft.values[-1] if craft.values else -math.inf


def _records_of(run: Run, codec: ComponentSpec) -> list[tuple[MeasureRecord, CraftRecord]]:
    """Return the records of a victim's adversarial pictures, each with that of its search.

    Of a victim that draws random numbers, the first draw counts.
    """
    return [
        (record, run.crafts[record.craft])
        for record in run.measures
        if record.victim == str(codec) and record.craft is not None and not record.draw
    ]


def write(
    request: AttackRequest, report: AttackReport, prepared: Prepared, folder: Path
) -> tuple[list[Path], Origin]:
    """Write all pictures and bitstreams into the run folder.

    Args:
        request: the request.
        report: its result.
        prepared: the suite of the request, prepared.
        folder: the run folder.

    Returns:
        The files, and where the harm arises; its figure is a file if the codec can be traced.

    Raises:
        BenchError: the adversarial picture was lost or altered, a picture that was coded before
            cannot be coded now, or a file cannot be written.
    """
    codec = prepared.codecs[str(request.codec)]
    (picture,) = prepared.pictures
    attacked = read_picture(folder, report.craft)
    if attacked is None:
        raise StoreError(
            f"{folder / picture_file(report.craft.key)} was lost or altered; choose another folder"
            " with --out"
        )
    before, after = (_code(codec, image) for image in (picture.pixels, attacked))
    images = _images(before, after)
    maps = _bit_allocations(codec, picture.pixels, attacked)
    written = images | _grey_maps(maps)
    streams = {"source.bin": before.bitstream, "adversarial.bin": after.bitstream}
    files = {name: encode_png(image) for name, image in written.items()} | streams
    caption = _caption(request, report)
    files["sheet.png"] = _sheet(caption, images, maps, report.scores)
    found = origin(codec, picture.pixels, attacked)
    if found.layers:
        files["origin.png"] = draw_origin(found, caption)
    with os_errors_as_store_errors(f"write to {folder}"):
        for name, content in files.items():
            write_atomically(folder / name, content)
    return [folder / name for name in files], found


def _images(before: RoundTrip, after: RoundTrip) -> dict[str, Image]:
    """Return the pictures, the reconstructions and their differences, by file name."""
    return {
        "source.png": before.picture,
        "adversarial.png": after.picture,
        "decoded-source.png": before.image,
        "decoded-adversarial.png": after.image,
        "change.png": amplified(before.picture, after.picture),
        "decoded-change.png": amplified(before.image, after.image),
    }


def _code(codec: Codec, image: Image) -> RoundTrip:
    coded = encode_decode(LocalCoder(codec), image)
    if isinstance(coded, CodingFailure):
        raise BenchError(f"a picture that was coded before cannot be coded now: {coded.reason}")
    return coded


def _grey_maps(maps: tuple[Map, Map] | None) -> dict[str, Image]:
    """Return bit allocations as grey pictures, uint8 (H, W), by file name."""
    names = ("bits-source.png", "bits-adversarial.png")
    return {} if maps is None else dict(zip(names, grey_maps(maps), strict=True))


def _bit_allocations(codec: Codec, source: Image, attacked: Image) -> tuple[Map, Map] | None:
    """Return the bit allocations of both pictures; None for codecs without gradients."""
    if not isinstance(codec, Differentiable):
        return None
    return by_pixel(codec, source, attacked)


def _caption(request: AttackRequest, report: AttackReport) -> str:
    craft = report.craft
    through = f" through {request.source}" if request.source else ""
    search = f"{craft.attack}, {craft.objective or 'no objective'}, {craft.budget}{through}"
    return drawable(f"{request.codec} on {craft.picture}: {search}")


def _sheet(
    caption: str,
    images: Mapping[str, Image],
    maps: tuple[Map, Map] | None,
    scores: Scores,
) -> bytes:
    """Return the sheet: the source picture in the first row, the adversarial one in the second."""
    source, attacked, decoded, attacked_decoded, change, damage = images.values()
    before = [
        Panel("source", source),
        Panel(f"source decoded\n{scores.psnr_clean:.2f} dB, {scores.bpp_clean:.3f} bpp", decoded),
        Panel(f"difference of the pictures, x{AMPLIFICATION}", change),
    ]
    after = [
        Panel(f"adversarial\n{scores.psnr_perturbation:.2f} dB from the source", attacked),
        Panel(
            f"adversarial decoded\n{scores.psnr_source:.2f} dB, {scores.bpp:.3f} bpp",
            attacked_decoded,
        ),
        Panel(f"difference of the reconstructions, x{AMPLIFICATION}", damage),
    ]
    if maps is not None:
        first, second = map_panels(maps, ("bits, source", "bits, adversarial"))
        before, after = [*before, first], [*after, second]
    return draw([Row(before), Row(after)], caption, [BITS] if maps is not None else [])
