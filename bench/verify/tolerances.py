"""Two measurements of one cell -> where they differ. Pure.

Exactly, or within what another build of the same codec on another machine may differ by: 0.5 % of
the rate and 0.05 dB.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from bench.store.records import TIMES, Extra, MeasureRecord, Scores

RATE = 0.005
"""Relative tolerance of a rate."""

DECIBEL = 0.05
"""Absolute tolerance of a PSNR."""

_ERROR = 10 ** (DECIBEL / 10) - 1
"""Relative tolerance of a mean squared error: that of its PSNR."""

_SIMILARITY, _VMAF = 0.002, 0.5

_NEAR: dict[str, tuple[float, float]] = {
    **dict.fromkeys(("bytes", "bpp", "bpp_clean", "bpp_estimated"), (RATE, 0.0)),
    "bpp_factor": (2 * RATE, 0.0),
    **dict.fromkeys(("mse_clean", "mse_source", "mse_input", "mse_shift"), (_ERROR, 0.0)),
    **dict.fromkeys(("luma_mse_clean", "luma_mse_source", "rd_cost"), (_ERROR, 0.0)),
    "rd_factor": (2 * _ERROR, 0.0),
    **dict.fromkeys(("psnr_clean", "psnr_source", "psnr_input", "psnr_shift"), (0.0, DECIBEL)),
    "vi": (0.0, DECIBEL),
    "drop_db": (0.0, 2 * DECIBEL),
    "drop_percent": (0.0, 1.0),
    **dict.fromkeys(("ssim_source", "ssim_clean"), (0.0, _SIMILARITY)),
    **dict.fromkeys(("ms_ssim_source", "ms_ssim_clean"), (0.0, _SIMILARITY)),
    **dict.fromkeys(("vmaf_source", "vmaf_clean"), (0.0, _VMAF)),
}
"""Relative and absolute tolerances; figures that are not here depend on the pictures alone."""

_EXTRA = {"dB": (0.0, DECIBEL)}
"""The same of the suite's own metrics, by their unit; those of other units as squared errors."""

_VALUES = ("source", "clean", "grey")
_COMPARED = ("unit", "better", *_VALUES)
"""What a metric must say elsewhere, too."""

_BORDERLINE = "unexplained"
"""Follows from three errors, and may tip over with them."""


def differences(kept: MeasureRecord, measured: MeasureRecord, *, exactly: bool) -> Iterator[str]:
    """Yield every figure of a record that is not what was measured, in words.

    Args:
        kept: the record.
        measured: of the same cell, now.
        exactly: whether the smallest difference counts.
    """
    ours, theirs = (_plain(one) for one in (kept, measured))
    for name in ours:
        if ours[name] != theirs[name] and (exactly or name != "reason"):
            yield _told(name, ours[name], theirs[name])
    if kept.scores is not None and measured.scores is not None:
        yield from _of_scores(kept.scores, measured.scores, exactly=exactly)


def _plain(record: MeasureRecord) -> dict[str, object]:
    kept = record.model_dump(exclude={*TIMES, "scores"})
    return {**kept, "scores": "none" if record.scores is None else "some"}


def _of_scores(kept: Scores, measured: Scores, *, exactly: bool) -> Iterator[str]:
    for name in (name for name in Scores.model_fields if name != "extra"):
        ours, theirs = getattr(kept, name), getattr(measured, name)
        if exactly or name not in _NEAR:
            same = ours == theirs or (name == _BORDERLINE and not exactly)
        else:
            same = _is_near(ours, theirs, *_NEAR[name])
        if not same:
            yield _told(name, ours, theirs)
    yield from _of_extra(kept.extra, measured.extra, exactly=exactly)
    explained = kept.mse_clean + kept.mse_perturbation
    if not exactly and kept.unexplained != (kept.mse_source > explained):
        yield f"{_BORDERLINE} is {kept.unexplained}, its own errors say otherwise"


def _of_extra(
    kept: Mapping[str, Extra], measured: Mapping[str, Extra], *, exactly: bool
) -> Iterator[str]:
    """Yield where the suite's own metrics say something else."""
    if kept.keys() != measured.keys():
        yield _told("extra", sorted(kept), sorted(measured))
    for label in (label for label in kept if label in measured):
        one, other = kept[label], measured[label]
        near = _EXTRA.get(one.unit, (_ERROR, 0.0))
        for name in Extra.model_fields if exactly else _COMPARED:
            ours, theirs = getattr(one, name), getattr(other, name)
            is_value = name in _VALUES and not exactly
            if not (_is_near(ours, theirs, *near) if is_value else ours == theirs):
                yield _told(f"{name} of {label}", ours, theirs)


def _is_near(ours: float | None, theirs: float | None, relative: float, absolute: float) -> bool:
    if ours is None or theirs is None:
        return ours is theirs
    return math.isclose(ours, theirs, rel_tol=relative, abs_tol=absolute)


def _told(name: str, kept: object, measured: object) -> str:
    return f"{name} is {kept!r} in the record, {measured!r} measured"
