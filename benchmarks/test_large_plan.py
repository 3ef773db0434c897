"""How long `bench plan` takes for a grid of about 100,000 operating points of an attack.

python -m pytest -m slow -s benchmarks/test_large_plan.py
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

SIDE = 316
SUITE = f"""\
name: large
images: {{set: sample, names: [coffee], crop: {{height: 16, width: 16}}}}
codecs: [toy]
attacks: [{{name: pgd, steps: {list(range(1, SIDE + 1))}, restarts: {list(range(1, SIDE + 1))}}}]
objectives: [distortion]
budgets: [{{linf: 8}}]
"""


@pytest.mark.slow
def test_a_plan_of_a_large_grid(say, tmp_path: Path) -> None:
    suite = tmp_path / "large.yaml"
    suite.write_text(SUITE, encoding="utf-8")
    started = time.perf_counter()
    command = [sys.executable, "-m", "bench", "plan", str(suite)]
    planned = subprocess.run(command, capture_output=True, encoding="utf-8", check=True)
    seconds = time.perf_counter() - started
    searches = next(line for line in planned.stdout.splitlines() if "searches" in line)
    say(f"{SIDE * SIDE:,} points of an attack in {seconds:.0f} s: {searches.strip()}")
