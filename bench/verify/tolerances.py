"""Comparison of two records of one evaluation; pure functions.

Records are compared exactly, or within the differences that another build of the same codec on
another machine may have: 0.5 % of the rate and 0.05 dB.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from bench.store.records import TIMES, Extra, MeasureRecord, Scores

RATE = 0.005
"""Relative tolerance of a rate."""

DECIBEL = 0.05
"""Absolute tolerance of a PSNR, in dB."""

_ERROR = 10 ** (DECIBEL / 10) - 1
"""Relative tolerance of a mean squared error, equal to `DECIBEL` for its PSNR."""

_SIMILARITY, _VMAF = 0.002, 0.5

_TOLERANCES: dict[str, tuple[float, float]] = {
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
"""Relative and absolute tolerances by score. Scores without any depend only on the pictures."""

_EXTRA_TOLERANCES = {"dB": (0.0, DECIBEL)}
"""The same for metrics that the suite names, by unit; other units are treated as squared errors."""

_VALUES = ("source", "clean", "grey")
_COMPARED = ("unit", "better", *_VALUES)
"""Fields of a named metric that must agree on another machine, too."""

_BORDERLINE = "unexplained"
"""A comparison of three errors, which may change with small changes of the errors."""


def differences(kept: MeasureRecord, measured: MeasureRecord, *, exactly: bool) -> Iterator[str]:
    """Yield a sentence for every field of a record that differs from a new measurement.

    Args:
        kept: the record.
        measured: record of the same evaluation, measured now.
        exactly: whether to ignore the tolerances.
    """
    old, new = (_without_scores(record) for record in (kept, measured))
    for name in old:
        if old[name] != new[name] and (exactly or name != "reason"):
            yield _describe(name, old[name], new[name])
    if kept.scores is not None and measured.scores is not None:
        yield from _score_differences(kept.scores, measured.scores, exactly=exactly)


def _without_scores(record: MeasureRecord) -> dict[str, object]:
    fields = record.model_dump(exclude={*TIMES, "scores"})
    return {**fields, "scores": "none" if record.scores is None else "some"}


def _score_differences(kept: Scores, measured: Scores, *, exactly: bool) -> Iterator[str]:
    for name in (name for name in Scores.model_fields if name != "extra"):
        old, new = getattr(kept, name), getattr(measured, name)
        if exactly or name not in _TOLERANCES:
            same = old == new or (name == _BORDERLINE and not exactly)
        else:
            same = _is_near(old, new, *_TOLERANCES[name])
        if not same:
            yield _describe(name, old, new)
    yield from _extra_differences(kept.extra, measured.extra, exactly=exactly)
    explained = kept.mse_clean + kept.mse_perturbation
    if not exactly and kept.unexplained != (kept.mse_source > explained):
        yield f"{_BORDERLINE} is {kept.unexplained}, its own errors say otherwise"


def _extra_differences(
    kept: Mapping[str, Extra], measured: Mapping[str, Extra], *, exactly: bool
) -> Iterator[str]:
    """Yield the differences in the metrics that the suite names."""
    if kept.keys() != measured.keys():
        yield _describe("extra", sorted(kept), sorted(measured))
    for label in (label for label in kept if label in measured):
        old_extra, new_extra = kept[label], measured[label]
        tolerance = _EXTRA_TOLERANCES.get(old_extra.unit, (_ERROR, 0.0))
        for name in Extra.model_fields if exactly else _COMPARED:
            old, new = getattr(old_extra, name), getattr(new_extra, name)
            is_value = name in _VALUES and not exactly
            if not (_is_near(old, new, *tolerance) if is_value else old == new):
                yield _describe(f"{name} of {label}", old, new)


def _is_near(old: float | None, new: float | None, relative: float, absolute: float) -> bool:
    if old is None or new is None:
        return old is new
    return math.isclose(old, new, rel_tol=relative, abs_tol=absolute)


def _describe(name: str, old: object, new: object) -> str:
    return f"{name} is {old!r} in the record, {new!r} measured"
