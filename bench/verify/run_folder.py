"""Verification of a run folder: its records against the suite, the pictures and coding again.

    manifest --bench.verify.replan--> plan --keys--> every search and evaluation that must exist
    saved PNGs --bench.verify.reencode--> scores, compared with the records

A key is a hash of everything that can change a result. So a suite, picture, hash or record that was
altered no longer matches its key. The searches are not run again: the saved picture itself proves
that it can be found.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.engine.runner import plan_digest
from bench.errors import BenchError
from bench.store.manifest import MANIFEST
from bench.store.pictures import PICTURES, picture_file
from bench.store.records_file import RECORDS
from bench.store.run_folder import Run
from bench.utils.files import read_file
from bench.utils.hashing import digest
from bench.verify.consent import refuse_foreign_code
from bench.verify.findings import (
    Checked,
    Event,
    Finding,
    NotChecked,
    NotReencoded,
    SavedPictures,
    Skipped,
    not_replanned,
)
from bench.verify.reencode import reencode
from bench.verify.replan import ReplannedRun, replan
from bench.verify.tolerances import DECIBEL, RATE

_TITLES: Mapping[type[Event], str] = {
    Finding: "WRONG",
    Skipped: "skipped",
    NotChecked: "not checked",
}


@dataclass(frozen=True)
class Tally:
    """Counts of a verification.

    Attributes:
        findings: contradictions.
        exactly: evaluations that were repeated and gave their records to the last digit.
        nearly: evaluations that gave their records within the tolerances.
        uncoded: evaluations that were not repeated.
        unchecked: whether nothing could be planned again and compared.
    """

    findings: int
    exactly: int
    nearly: int
    uncoded: int
    unchecked: bool


def tally(events: Iterable[Event], say: Callable[[str], None]) -> Tally:
    """Report the events of a verification: contradictions as they come, the counts at the end.

    Args:
        events: from `verify`.
        say: is called with each line of the report.
    """
    findings = exactly = nearly = 0
    uncoded: Counter[str] = Counter()
    unchecked = False
    for event in events:
        if isinstance(event, Checked):
            exactly += event.exactly
            nearly += not event.exactly
        elif isinstance(event, NotReencoded):
            uncoded[event.why] += 1
        else:
            findings += isinstance(event, Finding)
            unchecked |= isinstance(event, NotChecked)
            say(f"{_TITLES[type(event)]}  {event}")
    for line in () if unchecked else _summary(exactly, nearly, uncoded):
        say(line)
    return Tally(findings, exactly, nearly, uncoded.total(), unchecked)


def _summary(exactly: int, nearly: int, uncoded: Mapping[str, int]) -> Iterator[str]:
    yield f"{exactly} evaluations repeated and exactly as recorded"
    if nearly:
        yield (
            f"{nearly} evaluations as recorded within {100 * RATE:g} % of the rate and"
            f" {DECIBEL:g} dB, not exactly: this environment is not that of the run"
        )
    for why, count in uncoded.items():
        yield (
            f"{count} evaluations not repeated, their scores only checked for consistency: {why}"
        )


def verify(run: Run, folder: Path, *, plugins: bool = False) -> Iterator[Event]:
    """Yield the contradictions in a run folder, and every evaluation that confirms its record.

    Args:
        run: the run folder as read.
        folder: folder in which relative paths of the suite are resolved first, before the working
            directory.
        plugins: whether the plugins and programs that it names may run.

    Raises:
        ConfigError: it names plugins or programs, and they are not allowed.
    """
    refuse_foreign_code(run.manifest.suite, run.folder, "", allowed=plugins)
    try:
        again = replan(run.manifest, folder)
    except BenchError as error:
        yield from _check_suite_hash(run)
        yield not_replanned(MANIFEST, error)
        return
    yield from contradictions(run, again)
    yield from reencode(run, again, saved_pictures(run))


def contradictions(run: Run, again: ReplannedRun) -> Iterator[Finding]:
    """Yield the contradictions in a run folder that are visible without coding."""
    yield from _check_suite_hash(run)
    yield from _check_plan(run, again)
    yield from inconsistent_records(run, again)
    yield from missing_records(run, again)


def inconsistent_records(run: Run, again: ReplannedRun) -> Iterator[Finding]:
    """Yield the contradictions between records, manifest, pictures and the jobs of the suite."""
    manifest = run.manifest
    pictures = {picture.name: picture.sha256 for picture in again.pictures}
    yield from _differences("pictures", manifest.pictures, pictures, "the picture itself")
    fingerprints = {record.victim: record.fingerprint for record in run.measures}
    yield from _differences("codecs", manifest.codecs, fingerprints, "the records")
    yield from _unknown_budgets(run, again)
    jobs = {job.key for job in again.plan.crafts}
    yield from _records_without_job("searches", run.crafts, jobs)
    cells = {cell.key for cell in again.plan.cells}
    yield from _records_without_job("cells", (record.key for record in run.measures), cells)


def missing_records(run: Run, again: ReplannedRun) -> Iterator[Finding]:
    """Yield how many jobs of the plan have no record."""
    searches = (job.key for job in again.plan.crafts)
    yield from _jobs_without_record("searches", searches, run.crafts)
    cells = (cell.key for cell in again.plan.cells)
    yield from _jobs_without_record("cells", cells, (record.key for record in run.measures))


def _check_suite_hash(run: Run) -> Iterator[Finding]:
    recorded, computed = run.manifest.suite_sha256, digest(run.manifest.suite)
    if recorded != computed:
        yield Finding(MANIFEST, f"suite_sha256 is {recorded}, the suite beside it has {computed}")


def _check_plan(run: Run, again: ReplannedRun) -> Iterator[Finding]:
    manifest, planned = run.manifest, again.plan
    if manifest.cells != len(planned.cells):
        yield Finding(MANIFEST, f"cells is {manifest.cells}, the suite has {len(planned.cells)}")
    computed = plan_digest(planned)
    if manifest.plan_sha256 != computed:
        yield Finding(
            MANIFEST,
            f"plan_sha256 is {manifest.plan_sha256}, the jobs of its suite, pictures and"
            f" fingerprints have {computed}; one of these was altered, or an attack has another"
            " version here",
        )


def _differences(
    table: str, recorded: Mapping[str, str], actual: Mapping[str, str], source: str
) -> Iterator[Finding]:
    """Yield the entries of a table in the manifest that differ from their source."""
    for name, value in recorded.items():
        if actual.get(name, value) != value:
            yield Finding(
                MANIFEST, f"{table}: {name} is {value}, according to {source} {actual[name]}"
            )


def _unknown_budgets(run: Run, again: ReplannedRun) -> Iterator[Finding]:
    """Yield the searches whose budget is not one of the suite's."""
    budgets = {str(spec.budget()) for spec in again.suite.budgets}
    for key, craft in run.crafts.items():
        if craft.budget not in budgets:
            allowed = ", ".join(sorted(budgets))
            yield Finding(
                f"{RECORDS}: search {key}", f"budget is {craft.budget!r}, the suite's {allowed}"
            )


def _records_without_job(
    what: str, recorded: Iterable[str], planned: set[str]
) -> Iterator[Finding]:
    """Yield how many records belong to no job."""
    if keys := sorted(set(recorded) - planned):
        yield Finding(RECORDS, f"{len(keys)} {what} are no job of the suite, such as {keys[0]}")


def _jobs_without_record(
    what: str, planned: Iterable[str], recorded: Iterable[str]
) -> Iterator[Finding]:
    """Yield how many jobs have no record."""
    if keys := sorted(set(planned) - set(recorded)):
        yield Finding(
            RECORDS,
            f"{len(keys)} {what} of the suite have no record, such as {keys[0]}: removed, or"
            " the run is unfinished",
        )


def saved_pictures(run: Run) -> SavedPictures:
    """Return the adversarial pictures of a run folder."""
    folder = run.folder.absolute()  # a codec can change the working directory

    def read(key: str) -> bytes | None:
        path = folder / picture_file(key)
        return read_file(path) if path.is_file() else None

    return SavedPictures(f"{PICTURES}/", read)
