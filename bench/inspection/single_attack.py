"""One picture, one codec, one attack: everything it made, written out to be looked at.

Question --suite--> run folder (records, adversarial picture)
         --> source, adversarial, both bitstreams, both reconstructions, what changed, a sheet
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml
from PIL import Image as Pillow
from pydantic import TypeAdapter

from bench.codec import Codec, Differentiable, Image
from bench.engine.runner import Prepared
from bench.errors import BenchError
from bench.inspection.bit_allocation import Map, allocation
from bench.inspection.contact_sheet import amplified, bit_maps, draw
from bench.planning.baselines import NOISE
from bench.registry.registry import ComponentSpec
from bench.scoring.roundtrip import CodingFailure, RoundTrip, encode_decode
from bench.store.records import CraftRecord, MeasureRecord, Scores
from bench.store.run_folder import Run
from bench.suite.suite import Suite
from bench.utils.yaml_config import parse
from bench.verify.replan import to_suite_item

_SPEC = TypeAdapter(ComponentSpec)


@dataclass(frozen=True)
class AttackRequest:
    """What is asked of one picture.

    Attributes:
        picture: its file.
        codec: the victim, checked.
        attack: the search.
        objective: what it wants.
        budget: how far it may go, as in a suite: {"linf": 8}.
        source: the codec that is searched on, checked, where it is not the victim.
        crop: height and width of the part of the picture that is used, around its centre.
    """

    picture: Path
    codec: ComponentSpec
    attack: ComponentSpec
    objective: ComponentSpec
    budget: dict[str, object]
    source: ComponentSpec | None = None
    crop: tuple[int, int] | None = None

    def suite(self) -> Suite:
        """Return the suite that answers it.

        Raises:
            ConfigError: a name or a parameter of it is none.
        """
        codecs = [self.codec] if self.source is None else [self.source, self.codec]
        images: dict[str, object] = {"files": [str(self.picture)]}
        if self.crop is not None:
            images["crop"] = {"height": self.crop[0], "width": self.crop[1]}
        asked = {
            "name": "attack",
            "images": images,
            "codecs": [to_suite_item(_SPEC.dump_python(choice)) for choice in codecs],
            "attacks": [to_suite_item(_SPEC.dump_python(self.attack))],
            "objectives": [to_suite_item(_SPEC.dump_python(self.objective))],
            "budgets": [self.budget],
            "sources": [] if self.source is None else [str(self.source)],
            "transfer": "none" if self.source is None else "all",
        }
        return parse(yaml.safe_dump(asked), "the command line", Suite)


@dataclass(frozen=True)
class AttackReport:
    """What became of the picture.

    Attributes:
        craft: the search.
        scores: of the attacked picture on the victim.
        noise: of noise of the same budget.
        seconds: what encoding and decoding the attacked picture took.
    """

    craft: CraftRecord
    scores: Scores
    noise: Scores | None
    seconds: float


def answer(question: AttackRequest, run: Run) -> AttackReport:
    """Find in a finished run what the question asks for.

    Raises:
        BenchError: the picture could not be attacked, or not coded.
    """
    measured = _measured(run, question.codec)
    is_noise = question.attack.name == NOISE
    attacked = [one for one in measured if is_noise or one[1].attack != NOISE]
    own = [one for one in attacked if one[1].sources == (str(question.source or question.codec),)]
    record, craft = next(iter(own or attacked), (None, None))
    if record is None or craft is None:
        raise BenchError(
            f"'{question.attack}' needs gradients, which '{question.codec}' does not offer; name a"
            " codec that does with --source"
        )
    if record.scores is None:
        raise BenchError(f"no scores: {record.reason}")
    noise = [r.scores for r, c in measured if c.attack == NOISE]
    seconds = record.encode_seconds + record.decode_seconds
    return AttackReport(craft, record.scores, next(iter(noise), None), seconds)


def _measured(run: Run, codec: ComponentSpec) -> list[tuple[MeasureRecord, CraftRecord]]:
    found = (r for r in run.measures if r.victim == str(codec) and r.craft is not None)
    return [(record, run.crafts[str(record.craft)]) for record in found]


def write(
    question: AttackRequest, found: AttackReport, prepared: Prepared, folder: Path
) -> list[Path]:
    """Write every picture and bitstream beside the run's records; return their paths.

    Raises:
        BenchError: a picture that was coded before cannot be coded now.
    """
    codec = prepared.codecs[str(question.codec)]
    (picture,) = prepared.pictures
    with Pillow.open(folder / "adversarial" / f"{found.craft.key}.png") as file:
        attacked = np.asarray(file)
    before, after = (_coded(codec, image) for image in (picture.pixels, attacked))
    images = {
        "source.png": picture.pixels,
        "adversarial.png": attacked,
        "decoded-source.png": before.image,
        "decoded-adversarial.png": after.image,
        "change.png": amplified(picture.pixels, attacked),
        "decoded-change.png": amplified(before.image, after.image),
    }
    maps = _maps(codec, picture.pixels, attacked)
    shown = images if maps is None else images | bit_maps(maps, picture.pixels)
    for name, image in shown.items():
        Pillow.fromarray(image).save(folder / name)
    streams = {"source.bin": before.bitstream, "adversarial.bin": after.bitstream}
    for name, stream in streams.items():
        (folder / name).write_bytes(stream)
    draw(folder / "sheet.png", _caption(question, found), images, maps, found.scores)
    return [folder / name for name in (*shown, *streams, "sheet.png")]


def _coded(codec: Codec, image: Image) -> RoundTrip:
    coded = encode_decode(codec, image)
    if isinstance(coded, CodingFailure):
        raise BenchError(f"a picture that was coded before cannot be coded now: {coded.reason}")
    return coded


def _maps(codec: Codec, source: Image, attacked: Image) -> tuple[Map, Map] | None:
    """Return where the bits went, before and after; None for codecs that cannot tell."""
    if not isinstance(codec, Differentiable):
        return None
    before, after = (allocation(codec, image) for image in (source, attacked))
    return before, after


def _caption(question: AttackRequest, found: AttackReport) -> str:
    through = f" through {question.source}" if question.source else ""
    return (
        f"{question.codec} on {found.craft.picture}: {found.craft.attack},"
        f" {found.craft.objective or 'no objective'}, {found.craft.budget}{through}"
    )
