"""A small suite, and what running it leaves on disk."""

import json
from pathlib import Path

from bench.engine.runner import describe, execute, prepare
from bench.store.records import TIMES
from bench.store.run_folder import open_run
from bench.suite.suite import Suite
from bench.utils.yaml_config import parse

SUITE = """\
name: small
images: {set: sample, names: [chelsea, coffee], crop: {height: 24, width: 40}}
codecs:
  - {name: toy, label: toy}
  - {name: jpeg, quality: 50, label: JPEG}
attacks: [uniform-noise, fgsm, {name: pgd, steps: 3}]
objectives: [distortion, rate]
budgets: [{linf: 8}]
compute: {threads: 1}
"""


def run_suite(text: str, folder: Path) -> list[object]:
    prepared = prepare(parse(text, "small.yaml", Suite), Path())
    with open_run(folder, describe(prepared)) as store:
        return list(execute(prepared, store))


def records_of(folder: Path) -> list[dict[str, object]]:
    lines = (folder / "records.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if k not in TIMES} for line in lines]
