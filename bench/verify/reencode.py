"""Verification by coding again: every saved adversarial picture against the records.

PNG --checksums, hash, budget--> picture --encode, decode, score--> record, compared
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Set

from bench.codec import Codec, Image
from bench.crafting.result import search_identity
from bench.engine.runner import versions
from bench.errors import BenchError, ImageError, one_line
from bench.images.image_set import pixel_hash
from bench.images.png import decode_png
from bench.isolation.coder import Coder
from bench.isolation.coder_pool import CoderPool, shared_pool
from bench.metric import StreamMetric
from bench.planning.jobs import CraftJob, Draw, Group, MeasureJob
from bench.planning.resolve import make_codec
from bench.registry.component_spec import ComponentSpec
from bench.scoring.measure import coder_spec, evaluation_identity, measure
from bench.scoring.roundtrip import CodingFailure, RoundTrip, encode_decode
from bench.store.records import CraftRecord, MeasureRecord
from bench.store.records_file import RECORDS
from bench.store.run_folder import Run
from bench.utils.machine import describe_machine
from bench.verify.consistency import clean_scores, inconsistencies
from bench.verify.findings import Checked, Event, Finding, NotReencoded, SavedPictures, Skipped
from bench.verify.replan import ReplannedRun
from bench.verify.tolerances import differences

_ABSENT = "their pictures are not kept"
_DAMAGED = "their pictures are not those that were scored"
_ELSEWHERE = "their codecs cannot be made here"


def reencode(run: Run, again: ReplannedRun, evidence: SavedPictures) -> Iterator[Event]:
    """Check every saved picture, and code and score it again for every record.

    Args:
        run: the records.
        again: the plan of the run.
        evidence: the pictures.
    """
    victims = sorted({record.victim for record in run.measures} & again.points.keys())
    made = {label: make_codec_or_skip(again.points[label]) for label in victims}
    yield from (codec for codec in made.values() if isinstance(codec, Skipped))
    codecs = {label: codec for label, codec in made.items() if isinstance(codec, Codec)}
    checker = _CellChecker(run, again, codecs, shared_pool(again.suite.compute.threads))
    for group in again.plan.groups:
        yield from _check_search_and_cells(group, checker, evidence)


def make_codec_or_skip(choice: ComponentSpec) -> Codec | Skipped:
    """Return a codec, or the reason why it cannot be made on this machine."""
    try:
        return make_codec(choice)
    except BenchError as error:
        why = f"cannot be made here, its evaluations are not repeated: {one_line(error)}"
        return Skipped(str(choice), why)


def _check_search_and_cells(
    group: Group, checker: _CellChecker, evidence: SavedPictures
) -> Iterator[Event]:
    if group.craft is None:
        yield from checker.check_group(group, None)
        return
    craft = checker.run.crafts.get(group.craft.key)
    if craft is not None:
        place = f"{RECORDS}: search {group.craft.key}"
        yield from _differing_fields(
            craft, search_identity(group.craft), place, "the suite's job with this key"
        )
        attacked = yield from check_picture(group.craft, craft, evidence)
        yield from checker.check_group(group, attacked)


def _differing_fields(
    record: CraftRecord | MeasureRecord, expected: Mapping[str, object], place: str, source: str
) -> Iterator[Finding]:
    """Yield the fields of a record that differ from the job it is the record of."""
    for name, value in expected.items():
        recorded = getattr(record, name)
        if recorded != value:
            yield Finding(place, f"{name} is {recorded!r}, {source} has {value!r}")


def check_picture(
    job: CraftJob, craft: CraftRecord, evidence: SavedPictures
) -> Generator[Finding, None, Image | CraftRecord | str]:
    """Return the picture of a search; its record if it found none; or why it cannot be used."""
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
    problem = _picture_problem(image, job, craft)
    if problem:
        yield Finding(name, problem)
        return _DAMAGED
    return image


def _picture_problem(image: Image, job: CraftJob, craft: CraftRecord) -> str:
    """Return why a picture is not the result of a search; empty if it is."""
    if pixel_hash(image) != craft.sha256:
        return (
            f"its pixels have the hash {pixel_hash(image)}, the record of its search says"
            f" {craft.sha256}"
        )
    if image.shape != job.picture.pixels.shape:
        return f"its shape is {image.shape}, that of its source {job.picture.pixels.shape}"
    from bench.tensors import to_tensor  # noqa: PLC0415 - imports torch

    pair = (image, job.picture.pixels)
    adversarial, source = ((to_tensor(picture) * 255).round() for picture in pair)
    if not job.budget.holds(adversarial, source)[0]:
        size = float(job.budget.size(adversarial / 255, source / 255)[0])
        return f"it is {size:.6g} {job.budget.unit} from its source, outside {job.budget}"
    return ""


class _CellChecker:
    """Repeats evaluations; keeps the clean results of one source picture at a time.

    All codecs encode in one other process and decode in a second one, which sees no picture.
    """

    def __init__(
        self, run: Run, again: ReplannedRun, codecs: dict[str, Codec], pool: CoderPool
    ) -> None:
        self.run = run
        self._again = again
        self._fingerprints = {label: codec.fingerprint() for label, codec in codecs.items()}
        self._pool = pool
        self._records = {record.key: record for record in run.measures}
        self._clean_scores = clean_scores(run.measures)
        self._matching = _matching(run, again, codecs)
        self._clean_results: dict[tuple[str, str, Draw | None], RoundTrip | CodingFailure] = {}

    def check_group(
        self, group: Group, attacked: Image | CraftRecord | str | None
    ) -> Iterator[Event]:
        """Yield the events of a group: one for each evaluation, or one for each difference.

        Args:
            group: the evaluations.
            attacked: their adversarial picture; the record of the search if it found none; None for
                the source picture; or the reason why there is no picture to code.
        """
        for cell in (cell for cell in group.cells if cell.key in self._records):
            record = self._records[cell.key]
            if isinstance(attacked, str):
                yield from self._check_without_coding(cell, record, attacked)
            elif cell.victim.label not in self._fingerprints:
                yield from self._check_without_coding(cell, record, _ELSEWHERE)
            else:
                yield from self._repeat(cell, record, attacked)

    def _repeat(
        self, cell: MeasureJob, record: MeasureRecord, attacked: Image | CraftRecord | None
    ) -> Iterator[Event]:
        coder = self._coder(cell)
        clean = self._clean(cell, coder)
        measured = measure(cell, coder, clean, attacked, self._again.terms, coder)
        exact = list(differences(record, measured, exactly=True))
        strict = cell.victim.label in self._matching
        findings = exact if strict else list(self._larger_differences(record, measured))
        for difference in findings:
            yield Finding(_location(cell), difference)
        if not findings:
            yield Checked(cell, not exact)

    def _larger_differences(self, record: MeasureRecord, measured: MeasureRecord) -> Iterator[str]:
        """Yield the differences that another machine does not explain.

        Metrics of damaged bitstreams are left out: if one byte of a bitstream is another one there,
        the same wrong bits give another picture.
        """
        labels = {
            named.label
            for named in self._again.terms.named_metrics
            if isinstance(named.metric, StreamMetric)
        }
        pair = (_without(one, labels) for one in (record, measured))
        yield from differences(*pair, exactly=False)

    def _check_without_coding(
        self, cell: MeasureJob, record: MeasureRecord, why: str
    ) -> Iterator[Event]:
        place = _location(cell)
        yield from _differing_fields(record, evaluation_identity(cell), place, "the suite's cell")
        rd_lambda = self._again.terms.rd_lambda
        for sentence in inconsistencies(cell, record, self._clean_scores, rd_lambda):
            yield Finding(place, sentence)
        yield NotReencoded(cell, why)

    def _coder(self, cell: MeasureJob) -> Coder:
        return self._pool.coder(coder_spec(cell, self._fingerprints[cell.victim.label]))

    def _clean(self, cell: MeasureJob, coder: Coder) -> RoundTrip | CodingFailure:
        key = (cell.picture.name, cell.victim.label, cell.draw)
        if key not in self._clean_results:
            if all(name != cell.picture.name for name, _, _ in self._clean_results):
                self._clean_results.clear()
            self._clean_results[key] = encode_decode(coder, cell.picture.pixels)
        return self._clean_results[key]


def _without(record: MeasureRecord, labels: Set[str]) -> MeasureRecord:
    """Return a record without some of the metrics that the suite names."""
    if record.scores is None or not labels:
        return record
    extra = {label: one for label, one in record.scores.extra.items() if label not in labels}
    scores = record.scores.model_copy(update={"extra": extra})
    return record.model_copy(update={"scores": scores})


def _location(cell: MeasureJob) -> str:
    return f"{RECORDS}: cell {cell.key} ({_describe_cell(cell)})"


def _matching(run: Run, again: ReplannedRun, codecs: dict[str, Codec]) -> set[str]:
    """Return the codecs that must give the same scores here to the last digit."""
    manifest = run.manifest
    if (manifest.versions, manifest.machine) != (versions(again.suite), describe_machine()):
        return set()
    return {
        label
        for label, codec in codecs.items()
        if codec.fingerprint() == manifest.codecs.get(label)
    }


def _describe_cell(cell: MeasureJob) -> str:
    """Return victim and picture of an evaluation, and attack, objective and budget if any."""
    parts: Iterable[object] = (cell.victim.label, cell.picture.name)
    if cell.craft is not None:
        parts = (*parts, cell.craft.search.choice, cell.craft.objective or "", cell.craft.budget)
    return ", ".join(filter(None, map(str, parts)))
