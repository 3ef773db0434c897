"""The records of a run, grouped by operating point and budget.

    Run, SuiteInfo --> {(victim, budget): CellGroup}     clean scores, attacked scores, failures

An adversarial picture that the codec cannot encode or decode has no scores of its own. It counts as
mid-grey at 24 bpp, or as the clean picture where that is worse, so a failure never makes a codec
look better. The records do not hold the picture. The mean squared error of mid-grey is therefore
the largest possible one, against black.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import chain

from bench.errors import StoreError
from bench.metrics.failure import MID_GREY, RAW_BPP
from bench.metrics.scores import psnr_of, rd_cost
from bench.registry.component_spec import ComponentSpec
from bench.store.records import CraftRecord, MeasureRecord, Scores, Threat
from bench.store.run_folder import Run
from bench.store.timings import Timing
from leaderboard.aggregate.extra_metrics import failed
from leaderboard.aggregate.goals import Goal, Goals
from leaderboard.aggregate.suite_info import Corruption, SuiteInfo
from leaderboard.aggregate.threats import CORRUPTION

_SUBSAMPLED = frozenset({"h266", "vvc", "webp"})
"""Names of codecs that always use 4:2:0 chroma subsampling."""

_COLLISION = "collision"
"""Name of the objective of collisions, and flag of an evaluation with the bytes of the source."""

FAILED_BPP = RAW_BPP
"""Smallest rate of a failure in bits per pixel: the uncompressed picture."""

FAILED_MSE = (MID_GREY / 255) ** 2
"""Smallest mean squared error of a failure: mid-grey (level 128) against black."""


def is_subsampled(choice: ComponentSpec) -> bool:
    """Return whether a codec uses 4:2:0 chroma subsampling, always or by its parameters."""
    return choice.name in _SUBSAMPLED or dict(choice.params).get("colour") == "yuv420"


@dataclass(frozen=True)
class ScoredAttack:
    """One adversarial picture and its scores on one victim.

    Attributes:
        key: key of the evaluation.
        threat: relation of the search to the victim: white-box, transfer, ...
        picture: name of the source picture.
        craft: the search that found the adversarial picture.
        scores: the measured scores; for a failure the scores that stand in for it.
        seconds: encoding and decoding time; zeros for a failure.
        failed: whether the victim could not encode or decode the picture.
        collides: whether it is another picture than the source picture with the same bytes.
    """

    key: str
    threat: Threat
    picture: str
    craft: CraftRecord
    scores: Scores
    seconds: tuple[float, float]
    failed: bool = False
    collides: bool = False


@dataclass(frozen=True)
class CellGroup:
    """All records of one victim at one budget.

    Attributes:
        clean: scores of the source pictures by name; the first draw of a nondeterministic codec.
        seconds: encoding and decoding time of each source picture by name.
        peaks: peak memory of encoding and decoding each source picture in bytes by name; None
            where it is not known.
        scored: the scored adversarial pictures, without those of `towards_goals`.
        crafts: the searches by threat, including those that gave no picture.
        cells: number of records of adversarial pictures whose source picture has clean scores.
        lost: records without scores of their own, source pictures first.
        flags: the flags of the source pictures' records, in their order.
        towards_goals: the scored pictures of searches for the smallest perturbation that reaches a
            goal. They are not the strongest ones of their budget, so no worst case has them.
        collision_searches: the scored pictures of searches for bitstream collisions; no worst case
            has them either, because they are decoded like their source pictures.
        corrupted: the scored corrupted pictures, which nobody made against a codec. They are in no
            other attribute.
        corrupted_lost: records of corrupted pictures without scores of their own.
        timing: how long the victim takes on a megapixel; None where it was not measured.
        times_in_records: whether `seconds` counts instead, as in published entries without timings.
    """

    clean: dict[str, Scores]
    seconds: dict[str, tuple[float, float]]
    peaks: dict[str, tuple[int | None, int | None]]
    scored: tuple[ScoredAttack, ...]
    crafts: dict[str, list[CraftRecord]]
    cells: int
    lost: tuple[MeasureRecord, ...]
    flags: tuple[str, ...] = ()
    towards_goals: tuple[tuple[Goal, ScoredAttack], ...] = ()
    collision_searches: tuple[ScoredAttack, ...] = ()
    corrupted: tuple[tuple[Corruption, ScoredAttack], ...] = ()
    corrupted_lost: tuple[MeasureRecord, ...] = ()
    timing: Timing | None = None
    times_in_records: bool = False

    def of(self, *threats: str) -> list[ScoredAttack]:
        """Return the scored adversarial pictures of some threats."""
        return [attack for attack in self.scored if attack.threat in threats]

    def speeds(self, pictures: Iterable[str]) -> list[tuple[float, float]]:
        """Return encoding and decoding seconds per megapixel; one pair if they were measured.

        Args:
            pictures: the source pictures whose records count where they were not.
        """
        if self.timing is not None:
            return [(self.timing.encoding_s_mp, self.timing.decoding_s_mp)]
        counted = pictures if self.times_in_records else ()
        return [self._speed(picture) for picture in counted]

    def _speed(self, picture: str) -> tuple[float, float]:
        scores, (encoding, decoding) = self.clean[picture], self.seconds[picture]
        megapixels = 8 * scores.bytes / scores.bpp / 1e6
        return encoding / megapixels, decoding / megapixels


def measurements(run: Run) -> list[MeasureRecord]:
    """Return the measure records of a run, the last one of each cell."""
    return list({record.key: record for record in run.measures}.values())


def cases(run: Run, suite: SuiteInfo) -> dict[tuple[str, str], CellGroup]:
    """Return the records of every operating point at every budget, measured or not."""
    searches = _SpecialSearches(
        Goals(suite.all_attacks),
        frozenset(str(one) for one in suite.all_objectives if one.name == _COLLISION),
        suite.corruptions,
    )
    clean: dict[str, list[MeasureRecord]] = defaultdict(list)
    attacked: dict[tuple[str, str], list[tuple[MeasureRecord, CraftRecord]]] = defaultdict(list)
    for record in measurements(run):
        if record.craft is None:
            clean[record.victim].append(record)
        else:
            craft = _craft(run, record.craft)
            attacked[record.victim, craft.budget].append((record, craft))
    groups = {
        (victim, str(budget)): _case(
            clean[victim], attacked[victim, str(budget)], searches, lmbda=suite.rd_lambda
        )
        for budget in suite.balls
        for victim in filter(suite.is_scored, run.manifest.codecs)
    }
    return {key: _timed(group, run, key[0]) for key, group in groups.items()}


@dataclass(frozen=True)
class _SpecialSearches:
    """The searches of a suite whose pictures count in no worst case.

    Attributes:
        goals: the goals of searches for the smallest perturbation.
        collisions: labels of the objectives of searches for bitstream collisions.
        corruptions: what each attack is if it is a corruption, by label.
    """

    goals: Goals
    collisions: frozenset[str]
    corruptions: Mapping[str, Corruption]


def _craft(run: Run, key: str) -> CraftRecord:
    try:
        return run.crafts[key]
    except KeyError as error:
        raise StoreError(
            f"{run.folder} has scores of the search {key} but no record of that search; run the"
            " suite into another folder"
        ) from error


def _case(
    clean: list[MeasureRecord],
    measured: list[tuple[MeasureRecord, CraftRecord]],
    searches: _SpecialSearches,
    lmbda: float,
) -> CellGroup:
    first = [record for record in clean if not record.draw]
    before = {record.picture: record.scores for record in first if record.scores is not None}
    corruptions = [pair for pair in measured if pair[0].threat == CORRUPTION]
    attacked = [pair for pair in measured if pair[0].threat != CORRUPTION]
    attacks = _all_scored(attacked, before, lmbda)
    colliding = [one for one in attacks if one.craft.objective in searches.collisions]
    others = [one for one in attacks if one.craft.objective not in searches.collisions]
    known = [(searches.goals.of(attack.craft), attack) for attack in others]
    due = [record for record, _ in attacked if record.stage != "clean"]
    return CellGroup(
        clean=before,
        seconds={
            record.picture: (record.encode_seconds, record.decode_seconds) for record in first
        },
        peaks={record.picture: (record.encode_peak, record.decode_peak) for record in first},
        scored=tuple(attack for goal, attack in known if goal is None),
        crafts=_crafts(attacked),
        cells=len(due),
        lost=tuple(record for record in [*clean, *due] if record.status != "ok"),
        flags=tuple(chain.from_iterable(record.flags for record in first)),
        towards_goals=tuple((goal, attack) for goal, attack in known if goal is not None),
        collision_searches=tuple(colliding),
        corrupted=_corrupted(_all_scored(corruptions, before, lmbda), searches.corruptions),
        corrupted_lost=tuple(record for record, _ in corruptions if record.status != "ok"),
    )


def _all_scored(
    measured: Iterable[tuple[MeasureRecord, CraftRecord]],
    clean: Mapping[str, Scores],
    lmbda: float,
) -> list[ScoredAttack]:
    """Return the pictures that have scores, or scores that stand in for a failure."""
    scored = (
        _scored(record, craft, clean.get(record.picture), lmbda) for record, craft in measured
    )
    return [attack for attack in scored if attack is not None]


def _corrupted(
    pictures: Iterable[ScoredAttack], corruptions: Mapping[str, Corruption]
) -> tuple[tuple[Corruption, ScoredAttack], ...]:
    """Return the corrupted pictures in the order of the suite; workers finish in any order."""
    places = {label: place for place, label in enumerate(corruptions)}
    ordered = sorted(pictures, key=lambda one: places[one.craft.attack])
    return tuple((corruptions[one.craft.attack], one) for one in ordered)


def _timed(group: CellGroup, run: Run, victim: str) -> CellGroup:
    timings = run.timings
    if timings is None:
        return replace(group, times_in_records=True)
    return replace(group, timing=timings.get(victim))


def _crafts(
    attacked: list[tuple[MeasureRecord, CraftRecord]],
) -> dict[str, list[CraftRecord]]:
    """Return the searches by threat, each once however many draws were scored."""
    crafts: dict[str, list[CraftRecord]] = defaultdict(list)
    for record, craft in attacked:
        if not record.draw:
            crafts[record.threat].append(craft)
    return dict(crafts)


def _scored(
    record: MeasureRecord, craft: CraftRecord, clean: Scores | None, lmbda: float
) -> ScoredAttack | None:
    is_failure = record.status == "failed" and record.stage == "attacked"
    scores = _stand_in(clean, lmbda) if is_failure and clean is not None else record.scores
    if scores is None:
        return None
    return ScoredAttack(
        record.key,
        record.threat,
        record.picture,
        craft,
        scores,
        (record.encode_seconds, record.decode_seconds),
        failed=is_failure,
        collides=_COLLISION in record.flags,
    )


def _stand_in(clean: Scores, lmbda: float) -> Scores:
    """Return the scores that a failure counts as, from the clean scores of the same picture."""
    bpp, mse = max(FAILED_BPP, clean.bpp_clean), max(FAILED_MSE, clean.mse_clean)
    psnr, cost = psnr_of(mse), rd_cost(bpp, mse, lmbda)
    drop = clean.psnr_clean - psnr
    return clean.model_copy(
        update={
            "bpp": bpp,
            "bpp_factor": bpp / clean.bpp_clean,
            **dict.fromkeys(("mse_source", "mse_input", "mse_shift"), mse),
            "luma_mse_source": mse,
            **dict.fromkeys(("psnr_source", "psnr_input", "psnr_shift"), psnr),
            **{f"{name}_source": _lowest(clean, name) for name in ("ssim", "ms_ssim", "vmaf")},
            "drop_db": None if clean.drop_db is None else drop,
            "drop_percent": None if clean.drop_percent is None else 100 * drop / clean.psnr_clean,
            "rd_cost": cost,
            "rd_factor": cost / clean.rd_cost,
            "unexplained": True,
            "extra": {label: failed(score) for label, score in clean.extra.items()},
        }
    )


def _lowest(clean: Scores, name: str) -> float | None:
    """Return the lowest similarity, or None where the clean picture has no such score."""
    return None if getattr(clean, f"{name}_clean") is None else 0.0
