"""A run that somebody doubts: its records against its suite, its pictures, and coding them again.

    manifest --made again--> plan --keys--> what every search and every cell must be
    saved PNGs --bench.verify.reencode--> figures, compared with the records

A key is a hash of everything that can change a result, so what was altered in a suite, a picture,
a hash or a record does not fit its key any more. The searches are not run again: that a picture
can be found is shown by the picture.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.engine.runner import plan_digest
from bench.errors import BenchError, one_line
from bench.store.run_folder import Run
from bench.utils.hashing import digest
from bench.verify.findings import Checked, Event, Finding, NotReencoded, SavedPictures
from bench.verify.reencode import RECORDS, reencode
from bench.verify.replan import ReplannedRun, replan
from bench.verify.tolerances import DECIBEL, RATE

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Tally:
    """How verifying ended.

    Attributes:
        findings: how many things are not as recorded.
        exactly: cells that were coded again and gave their records to the last digit.
        nearly: cells that gave them within the tolerances.
        uncoded: cells that were not coded again.
    """

    findings: int
    exactly: int
    nearly: int
    uncoded: int


def tally(events: Iterable[Event], say: Callable[[str], None]) -> Tally:
    """Go through what verifying finds and tell it, findings as they come and the counts last."""
    findings = exactly = nearly = 0
    uncoded: Counter[str] = Counter()
    for event in events:
        if isinstance(event, Checked):
            exactly += event.exactly
            nearly += not event.exactly
        elif isinstance(event, NotReencoded):
            uncoded[event.why] += 1
        else:
            findings += isinstance(event, Finding)
            say(f"{'WRONG' if isinstance(event, Finding) else 'skipped'}  {event}")
    say(f"{exactly} cells coded again and exactly as recorded")
    if nearly:
        say(
            f"{nearly} cells as recorded within {100 * RATE:g} % of the rate and {DECIBEL:g} dB,"
            " not exactly: this environment is another than that of the run"
        )
    for why, count in uncoded.items():
        say(
            f"{count} cells not coded again, their scores held against each other and else taken"
            f" on trust: {why}"
        )
    return Tally(findings, exactly, nearly, uncoded.total())


def verify(run: Run, folder: Path) -> Iterator[Event]:
    """Yield what is wrong with a run folder, and which cells are as their records say.

    Args:
        run: as it lies on disk.
        folder: where relative paths of its suite are looked up first, then in the working
            directory.
    """
    try:
        again = recovered(run, folder)
    except BenchError as error:
        yield from _hash_of_suite(run)
        yield Finding(MANIFEST, one_line(error))
        return
    yield from contradictions(run, again)
    yield from reencode(run, again, in_folder(run))


def contradictions(run: Run, again: ReplannedRun) -> Iterator[Finding]:
    """Yield where a run folder contradicts itself; nothing is coded."""
    yield from _hash_of_suite(run)
    yield from _manifest(run, again)
    yield from consistent(run, again)
    yield from missing(run, again)


def recovered(run: Run, folder: Path) -> ReplannedRun:
    """Return what a run must have done.

    Args:
        run: of it the manifest counts.
        folder: where relative paths of its suite are looked up first.

    Raises:
        BenchError: its suite is none, or what it needs cannot be had here.
    """
    return replan(run.manifest, folder)


def consistent(run: Run, again: ReplannedRun) -> Iterator[Finding]:
    """Yield where records, manifest, pictures and the suite's jobs contradict each other."""
    manifest = run.manifest
    pictures = {picture.name: picture.sha256 for picture in again.pictures}
    yield from _differing("pictures", manifest.pictures, pictures, "the picture itself")
    marks = {record.victim: record.fingerprint for record in run.measures}
    yield from _differing("codecs", manifest.codecs, marks, "the records")
    budgets = {str(spec.budget()) for spec in again.suite.budgets}
    for key, craft in run.crafts.items():
        if craft.budget not in budgets:
            suites = ", ".join(sorted(budgets))
            yield Finding(
                f"{RECORDS}: search {key}", f"budget is {craft.budget!r}, the suite's {suites}"
            )
    jobs = {job.key for job in again.plan.crafts}
    yield from _strange("searches", run.crafts, jobs)
    cells = {cell.key for cell in again.plan.cells}
    yield from _strange("cells", (one.key for one in run.measures), cells)


def missing(run: Run, again: ReplannedRun) -> Iterator[Finding]:
    """Yield which jobs of a plan have no record."""
    yield from _missing("searches", (job.key for job in again.plan.crafts), run.crafts)
    cells = (cell.key for cell in again.plan.cells)
    yield from _missing("cells", cells, (one.key for one in run.measures))


def _hash_of_suite(run: Run) -> Iterator[Finding]:
    kept, found = run.manifest.suite_sha256, digest(run.manifest.suite)
    if kept != found:
        yield Finding(MANIFEST, f"suite_sha256 is {kept}, the suite beside it has {found}")


def _manifest(run: Run, again: ReplannedRun) -> Iterator[Finding]:
    kept, planned = run.manifest, again.plan
    if kept.cells != len(planned.cells):
        yield Finding(MANIFEST, f"cells is {kept.cells}, the suite has {len(planned.cells)}")
    found = plan_digest(planned)
    if kept.plan_sha256 != found:
        yield Finding(
            MANIFEST,
            f"plan_sha256 is {kept.plan_sha256}, the jobs of its suite, pictures and fingerprints"
            f" have {found}; one of these was altered, or an attack has another version here",
        )


def _differing(
    table: str, kept: Mapping[str, str], found: Mapping[str, str], source: str
) -> Iterator[Finding]:
    """Yield what a table of the manifest says otherwise than its source."""
    for name, value in kept.items():
        if found.get(name, value) != value:
            yield Finding(
                MANIFEST, f"{table}: {name} is {value}, according to {source} {found[name]}"
            )


def _strange(what: str, kept: Iterable[str], planned: set[str]) -> Iterator[Finding]:
    """Yield how many records are of no job."""
    if alone := sorted(set(kept) - planned):
        yield Finding(RECORDS, f"{len(alone)} {what} are no job of the suite, such as {alone[0]}")


def _missing(what: str, planned: Iterable[str], kept: Iterable[str]) -> Iterator[Finding]:
    """Yield how many jobs have no record."""
    if alone := sorted(set(planned) - set(kept)):
        yield Finding(
            RECORDS,
            f"{len(alone)} {what} of the suite have no record, such as {alone[0]}: removed, or"
            " the run is unfinished",
        )


def in_folder(run: Run) -> SavedPictures:
    """Return the adversarial pictures of a run folder."""

    def read(key: str) -> bytes | None:
        path = run.folder / "adversarial" / f"{key}.png"
        return path.read_bytes() if path.is_file() else None

    return SavedPictures("adversarial/", read)
