"""What each term of the hardening recipe buys and costs: one small model, one change at a time.

    python benchmarks/hardening/ablation.py FOLDER --photos PHOTOS
    bench run FOLDER/suite.yaml -o FOLDER/run

trains every variant below into FOLDER and writes a suite that attacks them all, and the plain
model, on the bundled sample pictures. A finished variant is not trained again. The page is then
written by `docs/scripts/ablation.py`.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from bench.training.train import train

PLAIN = "bmshj2018-hyperprior-small-q4"
ZOO = Path(__file__).parents[2] / "backends/zoo"

RECIPE: dict[str, Any] = {
    "architecture": "bmshj2018-hyperprior",
    "widths": [40, 128],
    "lmbda": 0.013,
    "crop": 128,
    "batch": 4,
    "steps": 1500,
    "lr": 2.0e-4,
    "warmup": 100,
    "bfloat16": True,
    "validate_every": 1500,
    "parent": str((ZOO / f"{PLAIN}.safetensors").resolve()),
}
"""Settings of all variants."""

ATTACK: dict[str, Any] = {
    "method": {"name": "pgd", "steps": 3, "step_size": 0.5},
    "objective": "rd",
    "budget": {"linf": 8},
    "rounding": "none",
    "share": 0.5,
    "warmup": 300,
    "reference": "source",
}
"""The attack of the base variant."""


def _with(**changes: object) -> dict[str, Any]:
    return {"attack": {**ATTACK, **changes}}


def _bundled(weight: float) -> dict[str, Any]:
    mse = {"method": {"name": "pgd", "steps": 5, "step_size": 0.4}, "budget": {"mse": 3.0e-4}}
    shared = {"share": 0.25, "weight": weight}
    return {"attack": [{**ATTACK, **shared}, {**ATTACK, **mse, **shared}], "idempotence": 0.3}


VARIANTS: dict[str, dict[str, Any]] = {
    "no attack": {},
    "base": _with(),
    "straight-through rounding": _with(rounding="straight-through"),
    "reference input": _with(reference="input"),
    "reference reconstruction": _with(reference="reconstruction"),
    "linf 16": _with(budget={"linf": 16}),
    "linf 8 and mse 3e-4": {
        "attack": [
            {**ATTACK, "share": 0.25},
            {**ATTACK, "share": 0.25, "budget": {"mse": 3.0e-4}},
        ]
    },
    "idempotence 0.3": {**_with(), "idempotence": 0.3},
    "weight 3": _with(weight=3),
    "weight 10": _with(weight=10),
    "share 0.75": _with(share=0.75),
    "7 steps": _with(method={"name": "pgd", "steps": 7, "step_size": 0.3}),
    "objective distortion": _with(objective="distortion"),
    "recipe of the bundled models": _bundled(weight=2),
    "the same with weight 8": _bundled(weight=8),
}
"""What each variant changes, by its label."""


def file_name(label: str) -> str:
    """Return the name of a variant's checkpoint."""
    return label.replace(" ", "-").replace(".", "")


def main() -> None:
    """Train the variants and write the suite."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--photos", type=Path, required=True)
    given = parser.parse_args()
    folder = given.folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    for label, changes in VARIANTS.items():
        _train(label, changes, folder, given.photos.absolute())
        _write_suite(folder)


def _train(label: str, changes: Mapping[str, Any], folder: Path, photos: Path) -> None:
    name = file_name(label)
    recipe = folder / f"{name}.yaml"
    settings = {"name": name, "photos": str(photos), **RECIPE, **changes}
    recipe.write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")
    train(recipe, folder)


def _write_suite(folder: Path) -> None:
    """Write a suite that attacks the plain model and all trained variants."""
    trained = [label for label in VARIANTS if _is_trained(folder, label)]
    checkpoints = {
        "plain": PLAIN,
        **{label: str(folder / f"{file_name(label)}.safetensors") for label in trained},
    }
    suite = {
        "name": "hardening-ablation",
        "description": "A plain model and variants of its hardening, each attacked itself.",
        "images": {"set": "sample", "crop": {"height": 192, "width": 192}},
        "codecs": [
            {"name": "bmshj2018-hyperprior", "checkpoint": checkpoint, "label": label}
            for label, checkpoint in checkpoints.items()
        ],
        "attacks": [
            {"name": "apgd", "steps": 30, "rounding": "none", "label": "APGD unrounded"},
            {"name": "apgd", "steps": 15, "label": "APGD rounded"},
        ],
        "objectives": ["distortion", {"name": "rd", "lmbda": RECIPE["lmbda"]}, "rate"],
        "budgets": [{"linf": 4}, {"linf": 8}, {"linf": 16}, {"mse": 3.0e-4}],
        "transfer": "none",
        "rd_lambda": RECIPE["lmbda"],
        "metrics": ["generations"],
        "compute": {"threads": 1},
    }
    text = yaml.safe_dump(suite, sort_keys=False)
    (folder / "suite.yaml").write_text(text, encoding="utf-8")


def _is_trained(folder: Path, label: str) -> bool:
    return (folder / f"{file_name(label)}.safetensors").exists()


if __name__ == "__main__":
    main()
