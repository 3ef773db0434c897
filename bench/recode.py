"""Saved adversarial pictures, looked at and coded again, against what their records say.

PNG --checksums, hash, budget--> picture --encode, decode, score--> record, compared
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from bench.again import Again
from bench.codec import Codec, Image
from bench.coded import Coded, Lost, code
from bench.compare import differences
from bench.errors import BenchError, ImageError, told
from bench.images import pixel_hash
from bench.jobs import CraftJob, Draw, Group, MeasureJob
from bench.machine import machine
from bench.measure import measure
from bench.png import pixels
from bench.record import CraftRecord, MeasureRecord
from bench.registry import Choice
from bench.run import make_codec, versions
from bench.store import Run
from bench.tensors import to_tensor
from bench.workshop import scored

RECORDS = "records.jsonl"


@dataclass(frozen=True)
class Finding:
    """Something that is not as it was recorded: where it stands, and what is wrong with it."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


@dataclass(frozen=True)
class Checked:
    """One cell that was coded again and gave what its record says.

    Attributes:
        cell: which.
        exactly: to the last digit, and not only within the tolerances of `bench.compare`.
    """

    cell: MeasureJob
    exactly: bool


@dataclass(frozen=True)
class Passed:
    """What could not be checked on this machine, and why."""

    what: str
    why: str

    def __str__(self) -> str:
        return f"{self.what}: {self.why}"


Event: TypeAlias = Finding | Checked | Passed


@dataclass(frozen=True)
class Evidence:
    """The saved adversarial pictures.

    Attributes:
        place: where they are, as findings call it.
        read: from the key of a search to the bytes of its PNG; None if it is not there.
        is_whole: whether every picture must be there.
    """

    place: str
    read: Callable[[str], bytes | None]
    is_whole: bool = True


def recode(run: Run, again: Again, evidence: Evidence) -> Iterator[Event]:
    """Look at every saved picture, and code and score again whatever has a record.

    Args:
        run: the records.
        again: what it must have done.
        evidence: the pictures.
    """
    victims = sorted({record.victim for record in run.measures} & again.points.keys())
    made = {label: _made(again.points[label]) for label in victims}
    yield from (one for one in made.values() if isinstance(one, Passed))
    codecs = {label: one for label, one in made.items() if isinstance(one, Codec)}
    scale = _Scale(run, again, codecs)
    for group in again.plan.groups:
        yield from _group(group, scale, evidence)


def _made(choice: Choice) -> Codec | Passed:
    try:
        return make_codec(choice)
    except BenchError as error:
        why = f"cannot be made here, its cells are not checked: {told(error)}"
        return Passed(str(choice), why)


def _group(group: Group, scale: _Scale, evidence: Evidence) -> Iterator[Event]:
    if group.craft is None:
        yield from scale.weigh(group, None)
        return
    craft = scale.run.crafts.get(group.craft.key)
    if craft is not None:
        yield from _search(group.craft, craft)
        attacked = yield from _picture(group.craft, craft, evidence)
        if attacked is not None:
            yield from scale.weigh(group, attacked)


def _search(job: CraftJob, craft: CraftRecord) -> Iterator[Finding]:
    """Yield what the record of a search says differently of what was searched."""
    wanted = {
        "sources": tuple(point.label for point in job.sources),
        "picture": job.picture.name,
        "picture_sha256": job.picture.sha256,
        "attack": str(job.search.choice),
        "objective": None if job.objective is None else str(job.objective),
        "budget": str(job.budget),
        "seed": job.seed,
        "queries_allowed": job.search.queries,
    }
    for name, value in wanted.items():
        if getattr(craft, name) != value:
            yield Finding(
                f"{RECORDS}: search {job.key}",
                f"{name} is {getattr(craft, name)!r}, the suite's job with this key has {value!r}",
            )


def _picture(
    job: CraftJob, craft: CraftRecord, evidence: Evidence
) -> Generator[Finding, None, Image | CraftRecord | None]:
    """Return the picture of a search, or its record if it has none; None if it cannot be used."""
    if craft.status != "ok":
        return craft
    content = evidence.read(job.key)
    name = f"{evidence.place}{job.key}.png"
    if content is None:
        if evidence.is_whole:
            yield Finding(name, "is missing")
        return None
    try:
        image = pixels(content)
    except ImageError as error:
        yield Finding(name, told(error))
        return None
    problem = _unlike(image, job, craft)
    if problem:
        yield Finding(name, problem)
        return None
    return image


def _unlike(image: Image, job: CraftJob, craft: CraftRecord) -> str:
    """Return why a picture is not the one of a search, or nothing."""
    if pixel_hash(image) != craft.sha256:
        return (
            f"its pixels have the hash {pixel_hash(image)}, the record of its search says"
            f" {craft.sha256}"
        )
    if image.shape != job.picture.pixels.shape:
        return f"its shape is {image.shape}, that of its source {job.picture.pixels.shape}"
    adversarial, source = ((to_tensor(one) * 255).round() for one in (image, job.picture.pixels))
    if not job.budget.holds(adversarial, source)[0]:
        size = float(job.budget.size(adversarial / 255, source / 255)[0])
        return f"it is {size:.6g} {job.budget.unit} from its source, outside {job.budget}"
    return ""


class _Scale:
    """Codes and scores cells again; the clean results of one source picture are kept at a time."""

    def __init__(self, run: Run, again: Again, codecs: dict[str, Codec]) -> None:
        self.run = run
        self._again = again
        self._codecs = codecs
        self._kept = {record.key: record for record in run.measures}
        self._matching = _matching(run, again, codecs)
        self._cleaned: dict[tuple[str, str, Draw | None], Coded | Lost] = {}

    def weigh(self, group: Group, attacked: Image | CraftRecord | None) -> Iterator[Event]:
        """Yield what the cells of a group give, one event a cell or one a difference."""
        for cell in group.cells:
            if cell.key in self._kept and cell.victim.label in self._codecs:
                yield from self._cell(cell, self._kept[cell.key], attacked)

    def _cell(
        self, cell: MeasureJob, kept: MeasureRecord, attacked: Image | CraftRecord | None
    ) -> Iterator[Event]:
        codec = scored(self._codecs[cell.victim.label], cell.draw)
        measured = measure(cell, codec, self._clean(cell, codec), attacked, self._again.terms)
        exact = list(differences(kept, measured, exactly=True))
        strict = cell.victim.label in self._matching
        near = exact if strict else list(differences(kept, measured, exactly=False))
        for difference in near:
            yield Finding(f"{RECORDS}: cell {cell.key} ({_told(cell)})", difference)
        if not near:
            yield Checked(cell, not exact)

    def _clean(self, cell: MeasureJob, codec: Codec) -> Coded | Lost:
        key = (cell.picture.name, cell.victim.label, cell.draw)
        if key not in self._cleaned:
            if all(name != cell.picture.name for name, _, _ in self._cleaned):
                self._cleaned.clear()
            self._cleaned[key] = code(codec, cell.picture.pixels)
        return self._cleaned[key]


def _matching(run: Run, again: Again, codecs: dict[str, Codec]) -> set[str]:
    """Return the codecs that must give the same figures here to the last digit."""
    manifest = run.manifest
    if (manifest.versions, manifest.machine) != (versions(again.suite), machine()):
        return set()
    return {
        label
        for label, codec in codecs.items()
        if codec.fingerprint() == manifest.codecs.get(label)
    }


def _told(cell: MeasureJob) -> str:
    """Return a cell in words."""
    words: Iterable[object] = (cell.victim.label, cell.picture.name)
    if cell.craft is not None:
        words = (*words, cell.craft.search.choice, cell.craft.objective or "", cell.craft.budget)
    return ", ".join(filter(None, map(str, words)))
