"""Boards of up to 100,000 records: the time from the command to the pages, and the memory."""

from __future__ import annotations

import itertools
import json
import math
import resource
import subprocess
import sys

import numpy as np
import pytest

from bench.store.manifest import Manifest
from bench.store.records import RECORD, CraftRecord, MeasureRecord, Scores
from bench.store.run_folder import read_run
from leaderboard.publish.entry import (
    ARCHIVE,
    ENTRY,
    RECORDS,
    Entry,
    packed,
    sealed,
    sha256,
)
from leaderboard.publish.entry_folder import write_entry

SIZES = (1, 6, 24)
"""Pictures of a board; one has some 4,200 records."""

BUDGETS = [4, 8]
CODECS = [
    *({"name": "toy", "params": [["gain", 0.1 * index]], "label": ""} for index in range(1, 13)),
    *({"name": "jpeg", "params": [["quality", 5 * q]], "label": ""} for q in range(1, 13)),
    *(
        {"name": "vvc", "params": [["qp", qp], ["preset", preset]], "label": ""}
        for preset in ("faster", "fast", "medium", "slow")
        for qp in (22, 27, 32, 37)
    ),
]
LABELS = [
    f"{one['name']} {' '.join(f'{key}={value}' for key, value in one['params'])}" for one in CODECS
]
SEARCHES = [*itertools.product(range(5), ("distortion", "rate"), LABELS[:5])]


_COMMAND = """
import resource
from bench.cli.main import main
status = main()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
raise SystemExit(status)
"""
"""A command of `bench` that says last how many KiB it took at most."""


@pytest.fixture(scope="module", params=SIZES)
def folder(tmp_path_factory, request):
    """A run folder of measurements and their searches, the largest of 100,000."""
    folder, rng = tmp_path_factory.mktemp("many"), np.random.default_rng(0)
    pictures = [f"picture-{index:02d}" for index in range(request.param)]
    lines = list(_records(rng, pictures))
    measures = sum(line.kind == "measure" for line in lines)
    (folder / "records.jsonl").write_bytes(b"\n".join(map(RECORD.dump_json, lines)) + b"\n")
    (folder / "manifest.json").write_text(_manifest(measures, pictures).model_dump_json())
    return folder


def _records(rng, pictures):
    keys = map(str, itertools.count())
    clean = {
        (label, picture): (rng.uniform(0.2, 3), rng.uniform(1e-4, 3e-3))
        for label in LABELS
        for picture in pictures
    }
    for (label, picture), pair in clean.items():
        yield _measure(next(keys), label, picture, "clean", None, _scores(*pair, *pair))
    for picture, radius in itertools.product(pictures, BUDGETS):
        for search in [*SEARCHES, (5, None, None), (6, None, None)]:
            craft = _craft(next(keys), picture, radius, *search)
            yield craft
            for label in LABELS:
                bpp, mse = clean[label, picture]
                hurt = _scores(bpp, mse, bpp * rng.uniform(1, 2), mse * rng.uniform(1, radius))
                kind = "white-box" if label == search[2] else "transfer"
                threat = kind if search[2] else "noise"
                yield _measure(next(keys), label, picture, threat, craft.key, hurt)


def _craft(key, picture, radius, attack, objective, source):
    return CraftRecord(
        key=key,
        status="ok",
        sources=() if source is None else (source,),
        picture=picture,
        picture_sha256="0",
        attack=f"attack-{attack}",
        objective=objective,
        budget=f"linf {radius}",
        seed=0,
    )


def _measure(key, victim, picture, threat, craft, scores):
    return MeasureRecord(
        key=key,
        status="ok",
        victim=victim,
        fingerprint=victim,
        picture=picture,
        threat=threat,
        craft=craft,
        scores=scores,
        encode_seconds=0.1,
        decode_seconds=0.1,
    )


def _scores(bpp_clean, mse_clean, bpp, mse):
    clean, attacked = (-10 * math.log10(error) for error in (mse_clean, mse))
    cost = [rate + 0.013 * 255**2 * error for rate, error in ((bpp_clean, mse_clean), (bpp, mse))]
    values = {name: None for name in Scores.model_fields if "ssim" in name or "vmaf" in name}
    values |= {name: attacked for name in Scores.model_fields if name.startswith("psnr")}
    values |= {name: mse for name in Scores.model_fields if "mse_" in name}
    return Scores(
        **values
        | {
            "bytes": int(bpp * 8192),
            "header_bytes": 10,
            "bpp": bpp,
            "bpp_estimated": bpp,
            "bpp_clean": bpp_clean,
            "mse_clean": mse_clean,
            "psnr_clean": clean,
            "linf": 8.0,
            "drop_db": clean - attacked,
            "drop_percent": 100 * (clean - attacked) / clean,
            "bpp_factor": bpp / bpp_clean,
            "rd_cost": cost[1],
            "rd_factor": cost[1] / cost[0],
            "vi": 1.0,
            "unexplained": True,
        }
    )


def _manifest(cells, pictures):
    suite = {
        "name": "many",
        "description": "",
        "seed": 0,
        "images": {"set": "sample"},
        "codecs": [[one] for one in CODECS],
        "attacks": [[{"name": "pgd", "params": [], "label": f"attack-{i}"}] for i in range(5)],
        "objectives": [[{"name": name}] for name in ("distortion", "rate")],
        "budgets": [{"linf": radius} for radius in BUDGETS],
        "transfer": "all",
        "rd_lambda": 0.013,
    }
    return Manifest(
        suite=suite,
        suite_sha256="0" * 64,
        plan_sha256="0" * 64,
        cells=cells,
        codecs=dict(zip(LABELS, LABELS, strict=True)),
        gradients=(),
        random=(),
        pictures={name: name for name in pictures},
        notes={},
        versions={},
        machine={},
        started="2026-01-01T00:00:00+00:00",
    )


@pytest.fixture(scope="module")
def published(folder, tmp_path_factory):
    """A published board with the same records, an entry for each name of a codec."""
    board, run = tmp_path_factory.mktemp("board"), read_run(folder)
    for name in {one["name"] for one in CODECS}:
        _publish(run, name, board / f"entries/many/{name}")
    return board


def _publish(run, name, place):
    labels = {label: label for label in LABELS if label.startswith(f"{name} ")}
    measures = [record for record in run.measures if record.victim in labels]
    records = packed([*run.crafts.values(), *measures])
    told = run.manifest.model_dump(exclude={"format"}) | {
        "track": "many",
        "codec": name,
        "codecs": labels,
        "by": "nobody",
    }
    told |= {"track_sha256": "0" * 64, "published": run.manifest.started}
    told |= {part: {} for part in ("sources", "archive")} | {"figures": [], "worst": []}
    entry = Entry(**told, files={RECORDS: sha256(records), ARCHIVE: "0" * 64})
    write_entry(place, {RECORDS: records, ENTRY: sealed(entry)})


def test_a_page(benchmark, folder):
    _timed(benchmark, _cells(folder), ["leaderboard", str(folder), "-o", str(folder / "board.md")])


def test_the_published_pages(benchmark, folder, published):
    _timed(benchmark, _cells(folder), ["publish", "--to", str(published)])


def _cells(folder):
    return json.loads((folder / "manifest.json").read_text())["cells"]


def _timed(benchmark, cells, words):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-c", _COMMAND, *words]
    told = benchmark.pedantic(
        subprocess.run,
        [command],
        {"check": True, "stdout": subprocess.PIPE, "text": True},
        rounds=1,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = sum(getattr(after, name) - getattr(before, name) for name in ("ru_utime", "ru_stime"))
    figures = {"cells": cells, "seconds": spent, "MiB": int(told.stdout.split()[-1]) / 1024}
    benchmark.extra_info.update(figures)
    sys.stdout.write(f"\n{json.dumps(figures)}\n")
