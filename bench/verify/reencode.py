"""Saved adversarial pictures, looked at and coded again, against what their records say.

PNG --checksums, hash, budget--> picture --encode, decode, score--> record, compared
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator

from bench.codec import Codec, Image
from bench.engine.job_runner import scored
from bench.engine.runner import versions
from bench.errors import BenchError, ImageError, one_line
from bench.images.image_set import pixel_hash
from bench.images.png import decode_png
from bench.planning.jobs import CraftJob, Draw, Group, MeasureJob
from bench.planning.resolve import make_codec
from bench.registry.registry import ComponentSpec
from bench.scoring.measure import identity, measure
from bench.scoring.roundtrip import CodingFailure, RoundTrip, encode_decode
from bench.store.records import CraftRecord, MeasureRecord
from bench.store.run_folder import Run
from bench.tensors import to_tensor
from bench.utils.machine import describe_machine
from bench.verify.consistency import clean_scores, inconsistencies
from bench.verify.findings import Checked, Event, Finding, NotReencoded, SavedPictures, Skipped
from bench.verify.replan import ReplannedRun
from bench.verify.tolerances import differences

RECORDS = "records.jsonl"


_ABSENT = "their pictures are not kept"
_DAMAGED = "their pictures are not those that were scored"
_ELSEWHERE = "their codecs cannot be made here"


def reencode(run: Run, again: ReplannedRun, evidence: SavedPictures) -> Iterator[Event]:
    """Look at every saved picture, and code and score again whatever has a record.

    Args:
        run: the records.
        again: what it must have done.
        evidence: the pictures.
    """
    victims = sorted({record.victim for record in run.measures} & again.points.keys())
    made = {label: codec_of(again.points[label]) for label in victims}
    yield from (one for one in made.values() if isinstance(one, Skipped))
    codecs = {label: one for label, one in made.items() if isinstance(one, Codec)}
    scale = _CellChecker(run, again, codecs)
    for group in again.plan.groups:
        yield from _group(group, scale, evidence)


def codec_of(choice: ComponentSpec) -> Codec | Skipped:
    """Return a codec, or why it cannot be made on this machine."""
    try:
        return make_codec(choice)
    except BenchError as error:
        why = f"cannot be made here, its cells are not checked: {one_line(error)}"
        return Skipped(str(choice), why)


def _group(group: Group, scale: _CellChecker, evidence: SavedPictures) -> Iterator[Event]:
    if group.craft is None:
        yield from scale.check_group(group, None)
        return
    craft = scale.run.crafts.get(group.craft.key)
    if craft is not None:
        yield from _search(group.craft, craft)
        attacked = yield from _picture(group.craft, craft, evidence)
        yield from scale.check_group(group, attacked)


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
    job: CraftJob, craft: CraftRecord, evidence: SavedPictures
) -> Generator[Finding, None, Image | CraftRecord | str]:
    """Return the picture of a search, or its record if it has none, or why it cannot be used."""
    if craft.status != "ok":
        return craft
    content = evidence.read(job.key)
    name = f"{evidence.place}{job.key}.png"
    if content is None:
        if evidence.is_whole:
            yield Finding(name, "is missing")
        return _ABSENT
    try:
        image = decode_png(content)
    except ImageError as error:
        yield Finding(name, one_line(error))
        return _DAMAGED
    problem = _unlike(image, job, craft)
    if problem:
        yield Finding(name, problem)
        return _DAMAGED
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


class _CellChecker:
    """Codes and scores cells again; the clean results of one source picture are kept at a time."""

    def __init__(self, run: Run, again: ReplannedRun, codecs: dict[str, Codec]) -> None:
        self.run = run
        self._again = again
        self._codecs = codecs
        self._kept = {record.key: record for record in run.measures}
        self._of_the_clean = clean_scores(run.measures)
        self._matching = _matching(run, again, codecs)
        self._cleaned: dict[tuple[str, str, Draw | None], RoundTrip | CodingFailure] = {}

    def check_group(
        self, group: Group, attacked: Image | CraftRecord | str | None
    ) -> Iterator[Event]:
        """Yield what the cells of a group give, one event a cell or one a difference.

        Args:
            group: with the cells.
            attacked: their picture, or the record of the search that gave none; None for the source
                picture; or why there is nothing to code.
        """
        for cell in (cell for cell in group.cells if cell.key in self._kept):
            kept = self._kept[cell.key]
            if isinstance(attacked, str):
                yield from self._uncoded(cell, kept, attacked)
            elif cell.victim.label not in self._codecs:
                yield from self._uncoded(cell, kept, _ELSEWHERE)
            else:
                yield from self._cell(cell, kept, attacked)

    def _cell(
        self, cell: MeasureJob, kept: MeasureRecord, attacked: Image | CraftRecord | None
    ) -> Iterator[Event]:
        codec = scored(self._codecs[cell.victim.label], cell.draw)
        measured = measure(cell, codec, self._clean(cell, codec), attacked, self._again.terms)
        exact = list(differences(kept, measured, exactly=True))
        strict = cell.victim.label in self._matching
        near = exact if strict else list(differences(kept, measured, exactly=False))
        for difference in near:
            yield Finding(_place(cell), difference)
        if not near:
            yield Checked(cell, not exact)

    def _uncoded(self, cell: MeasureJob, kept: MeasureRecord, why: str) -> Iterator[Event]:
        """Yield what the record of a cell contradicts without being coded again."""
        for name, value in identity(cell).items():
            if getattr(kept, name) != value:
                yield Finding(
                    _place(cell),
                    f"{name} is {getattr(kept, name)!r}, the suite's cell has {value!r}",
                )
        for sentence in inconsistencies(
            cell, kept, self._of_the_clean, self._again.terms.rd_lambda
        ):
            yield Finding(_place(cell), sentence)
        yield NotReencoded(cell, why)

    def _clean(self, cell: MeasureJob, codec: Codec) -> RoundTrip | CodingFailure:
        key = (cell.picture.name, cell.victim.label, cell.draw)
        if key not in self._cleaned:
            if all(name != cell.picture.name for name, _, _ in self._cleaned):
                self._cleaned.clear()
            self._cleaned[key] = encode_decode(codec, cell.picture.pixels)
        return self._cleaned[key]


def _place(cell: MeasureJob) -> str:
    return f"{RECORDS}: cell {cell.key} ({_told(cell)})"


def _matching(run: Run, again: ReplannedRun, codecs: dict[str, Codec]) -> set[str]:
    """Return the codecs that must give the same figures here to the last digit."""
    manifest = run.manifest
    if (manifest.versions, manifest.machine) != (versions(again.suite), describe_machine()):
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
