"""What must stay as it is: keys of jobs, hashes of plans, records of one small run.

    python tests/helpers/frozen.py      writes tests/helpers/golden/ anew

Write them anew only where keys, plans or records change on purpose, and say so in CHANGELOG.md.
Fingerprints of codecs name versions and weights, so plans are made with stand-ins for them; so are
the pictures that are no part of the repository. The packages of metrics need not be installed.
"""

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from bench.engine.runner import plan_digest
from bench.images.image_set import Picture, load, pixel_hash
from bench.planning.baselines import with_baselines
from bench.planning.operating_point import NamedMetric, OperatingPoint, ScoringSpec
from bench.planning.planner import plan
from bench.planning.resolve import make_attack, planned_attack
from bench.registry.registry import implementation
from bench.suite import bundled_suites
from bench.suite.bundled import named_suite
from bench.utils.hashing import digest
from small_run import records_of, run_suite

SUITE = """\
name: frozen
images: {set: sample, names: [coffee], crop: {height: 24, width: 40}}
codecs: [toy, {name: toy, gain: 0.75, label: dim}, {name: toy, defence: flip, label: mirrored}]
attacks: [uniform-noise, fgsm, {name: pgd, steps: 3}, {name: square, queries: 20}]
objectives: [distortion, rate, rd]
budgets: [{linf: 8}]
compute: {threads: 1}
"""

GOLDEN = Path(__file__).parent / "golden"
WITHOUT_GRADIENTS = {
    *("identity", "jpeg", "mozjpeg", "jpeg2000", "webp", "avif"),
    *("vvc", "vtm", "h266", "hevc", "av1", "svt-av1", "jpegxl"),
}


def pictures_of(spec):
    """Return the bundled pictures of a set, or two stand-ins for pictures of another one."""
    if spec.set in {"sample", "reading"} and not spec.folder:
        return load(spec, Path())
    rng = np.random.default_rng(24)
    found = [rng.integers(0, 256, (256, 384, 3), dtype=np.uint8) for _ in range(2)]
    return [Picture(f"picture {n}", one, pixel_hash(one)) for n, one in enumerate(found)]


def stand_in(choice):
    """Return an operating point whose fingerprint is its label."""
    differentiable = choice.name not in WITHOUT_GRADIENTS
    random = any(one.name == "random-ensemble" for one in choice.defence)
    return OperatingPoint(choice, f"fingerprint of {choice}", differentiable, random)


def scoring_of(suite):
    """Return the settings of scoring; metrics are made without the packages that compute them."""
    metrics = [
        NamedMetric(choice, implementation("metric", choice.name)(**dict(choice.params)))
        for choice in suite.named_metrics
    ]
    return ScoringSpec(suite.rd_lambda, suite.vmaf, tuple(metrics))


def plan_of(name):
    """Return the hashes of a bundled suite's plan, and the keys of its first and last jobs."""
    suite, _ = named_suite(name)
    points, attacks = with_baselines(suite)
    planned = plan(
        suite,
        [stand_in(choice) for choice in points],
        [planned_attack(choice, make_attack(choice)) for choice in attacks],
        pictures_of(suite.images),
        scoring_of(suite),
    )
    return {
        "suite_sha256": digest(suite.model_dump(mode="json")),
        "plan_sha256": plan_digest(planned),
        "crafts": [planned.crafts[0].key, planned.crafts[-1].key],
        "cells": [planned.cells[0].key, planned.cells[-1].key],
    }


def plans():
    return {name: plan_of(name) for name in bundled_suites()}


def records():
    """Return the records of one small run, times left out."""
    with TemporaryDirectory() as folder:
        run_suite(SUITE, Path(folder))
        return records_of(Path(folder))


if __name__ == "__main__":
    (GOLDEN / "plans.json").write_text(json.dumps(plans(), indent=1) + "\n")
    (GOLDEN / "records.jsonl").write_text("".join(json.dumps(one) + "\n" for one in records()))
