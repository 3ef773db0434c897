"""A manifest -> the suite it keeps, its pictures and the plan they gave, made anew.

Of a codec it takes what the manifest says, its fingerprint and what it offers, so that whoever
doubts a run sees what it must have done, on a machine that has other versions too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bench.errors import StoreError
from bench.images.image_set import Picture, load
from bench.planning.baselines import with_baselines
from bench.planning.jobs import Plan
from bench.planning.operating_point import OperatingPoint, ScoringSpec
from bench.planning.planner import plan
from bench.planning.resolve import make_attack, search_of, terms_of
from bench.registry.registry import Component
from bench.store.run_folder import Manifest
from bench.suite.suite import Suite
from bench.utils.machine import configure_threads
from bench.utils.yaml_config import foremost

_LISTS = ("codecs", "attacks", "objectives", "metrics")


@dataclass(frozen=True)
class ReplannedRun:
    """What a run must have done.

    Attributes:
        suite: as it was written.
        points: its operating points by label, the lossless one among them.
        pictures: as they are read here.
        terms: what it says of scoring.
        plan: its jobs, with the fingerprints that the manifest keeps.
    """

    suite: Suite
    points: dict[str, Component]
    pictures: tuple[Picture, ...]
    terms: ScoringSpec
    plan: Plan


def replan(manifest: Manifest, folder: Path) -> ReplannedRun:
    """Return what a run must have done.

    Args:
        manifest: of the run.
        folder: where relative paths of pictures and plugins are looked up first.

    Raises:
        BenchError: the suite is none, or its pictures, attacks, metrics or plugins cannot be had
            here.
    """
    suite = suite_of(manifest.suite, folder)
    configure_threads(suite.compute.threads)
    choices, searches = with_baselines(suite)
    pictures = tuple(load(suite.images, folder))
    points = {str(choice): choice for choice in choices}
    terms = terms_of(suite)
    planned = plan(
        suite,
        [_point(manifest, choice) for choice in choices],
        [search_of(choice, make_attack(choice)) for choice in searches],
        pictures,
        terms,
    )
    return ReplannedRun(suite, points, pictures, terms, planned)


def _point(manifest: Manifest, choice: Component) -> OperatingPoint:
    label = str(choice)
    return OperatingPoint(
        choice,
        manifest.codecs.get(label, ""),
        differentiable=label in manifest.gradients,
        random=label in manifest.random,
    )


def suite_of(kept: Mapping[str, Any], folder: Path) -> Suite:
    """Return the suite that a manifest keeps.

    Args:
        kept: with its defaults filled in and its grids expanded.
        folder: where relative paths of plugins are looked up first.

    Raises:
        StoreError: it is none.
    """
    try:
        told = {"metrics": [], **kept}
        lists = {
            key: [to_suite_item(choice) for group in told[key] for choice in group]
            for key in _LISTS
        }
        return Suite.model_validate({**told, **lists}, context={"folder": folder})
    except ValidationError as error:
        details = foremost(error)
        where = ".".join(map(str, details["loc"]))
        raise StoreError(f"the suite it keeps is none: {where}: {details['msg']}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError("the suite it keeps is none: a list of choices is missing") from error


def to_suite_item(choice: Mapping[str, Any]) -> dict[str, Any]:
    """Return a choice as an item of a suite's list; lists of one are no grid."""
    params = {key: [value] for key, value in choice["params"]}
    nested = {
        key: [to_suite_item(one) for one in choice[key]]
        for key in ("defence", "objectives")
        if choice.get(key)
    }
    own = {key: choice[key] for key in ("transfer", "sources") if choice.get(key)}
    return {"name": choice["name"], "label": choice["label"], **params, **nested, **own}
