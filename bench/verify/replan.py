"""The plan of a run, computed again from its manifest.

    manifest --> suite, pictures, plan

Fingerprints and capabilities of the codecs are taken from the manifest. So the plan is the one that
the run must have had, even on a machine with other versions of the codecs.
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
from bench.planning.resolve import check_floors, make_attack, planned_attack, scoring_spec
from bench.registry.component_spec import AT_SOURCE
from bench.registry.registry import Component
from bench.store.manifest import Manifest
from bench.suite.suite import Suite
from bench.utils.machine import configure_threads
from bench.utils.yaml_config import most_useful_error, wrong_value

_LISTS = ("codecs", "attacks", "objectives", "metrics")
_SETTINGS = ("transfer", "sources", "rounding", "extensions")


@dataclass(frozen=True)
class ReplannedRun:
    """What a run must have done.

    Attributes:
        suite: the suite in the manifest.
        points: its operating points by label, with the lossless reference.
        pictures: its pictures as they are read here.
        terms: its specification of scoring.
        plan: its jobs, with the fingerprints in the manifest.
    """

    suite: Suite
    points: dict[str, Component]
    pictures: tuple[Picture, ...]
    terms: ScoringSpec
    plan: Plan


def replan(manifest: Manifest, folder: Path) -> ReplannedRun:
    """Return what a run must have done.

    Args:
        manifest: the manifest of the run.
        folder: folder in which relative paths of pictures and plugins are resolved first.

    Raises:
        BenchError: the suite is not valid, or its pictures, attacks, metrics (those of budgets
            included) or plugins are not available here.
    """
    suite = parse_stored_suite(manifest.suite, folder)
    configure_threads(suite.compute.threads)
    choices, searches = with_baselines(suite)
    pictures = tuple(load(suite.images, folder))
    points = {str(choice): choice for choice in choices}
    terms = scoring_spec(suite)
    check_floors(suite)
    planned = plan(
        suite,
        [_point(manifest, choice) for choice in choices],
        [planned_attack(choice, make_attack(choice)) for choice in searches],
        pictures,
        terms,
        manifest.searching,
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


def parse_stored_suite(stored: Mapping[str, Any], folder: Path) -> Suite:
    """Return the suite that is stored in a manifest.

    Args:
        stored: the suite with its defaults filled in and its grids expanded.
        folder: folder in which relative paths of plugins are resolved first.

    Raises:
        StoreError: it is not a valid suite.
    """
    try:
        fields = {"metrics": [], **stored}
        lists = {
            key: [to_suite_item(choice) for group in fields[key] for choice in group]
            for key in _LISTS
        }
        return Suite.model_validate({**fields, **lists}, context={"folder": folder})
    except ValidationError as error:
        details = most_useful_error(error)
        where = ".".join(map(str, details["loc"]))
        raise StoreError(
            f"the stored suite is not valid: {where}: {wrong_value(details)}"
        ) from error
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError("the stored suite is not valid: a list of choices is missing") from error


def to_suite_item(choice: Mapping[str, Any]) -> dict[str, Any]:
    """Return a stored choice as an item of a suite's list.

    Each parameter becomes a list of one value, so that a value that is a list is not read as a
    grid.
    """
    params = {key: [value] for key, value in choice["params"]}
    nested = {
        key: [to_suite_item(inner) for inner in choice[key]]
        for key in ("defence", "objectives")
        if choice.get(key)
    }
    own = {key: choice[key] for key in _SETTINGS if choice.get(key)}
    if choice.get("starts", 1) > 1:
        own["starts"] = choice["starts"]
    if labels := choice.get("start_from"):
        other = dict(zip(("attack", "objective"), labels, strict=False))
        own["start_from"] = "source" if tuple(labels) == AT_SOURCE else other
    return {"name": choice["name"], "label": choice["label"], **params, **nested, **own}
