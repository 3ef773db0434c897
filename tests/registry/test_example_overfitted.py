"""The example of an overfitted codec: conformance, determinism, and a suite that attacks it."""

from __future__ import annotations

import runpy
import subprocess
import sys

import numpy as np
import pytest

from bench.cli.main import main
from bench.errors import CodecError
from bench.store.run_folder import read_run
from paths import ROOT
from pictures import smooth

EXAMPLE = ROOT / "examples/overfitted_codec.py"
SUITE = """\
name: overfitted
plugins: [{example}]
images: {{set: sample, names: [coffee], crop: {{height: 32, width: 32}}}}
codecs:
  - {{name: overfitted, steps: 1}}
  - {{name: bmshj2018-hyperprior, checkpoint: bmshj2018-hyperprior-small-q4, label: hyperprior}}
attacks:
  - {{name: square, queries: 3, sources: overfitted steps=1, transfer: none}}
  - {{name: pgd, steps: 2}}
objectives: [distortion]
budgets: [{{linf: 8}}]
compute: {{threads: 1}}
"""


@pytest.fixture(scope="module")
def overfitted():
    """Return the class."""
    return runpy.run_path(str(EXAMPLE))["Overfitted"]


def _error(image, other):
    return np.mean((image.astype(float) - other) ** 2)


def test_the_conformance_tests_pass(capsys):
    assert main(["check", "overfitted", "steps=1", "--plugin", str(EXAMPLE)]) == 0
    printed = capsys.readouterr().out
    assert "PASS  a process that has not seen the picture decodes it" in printed
    assert "FAIL" not in printed


def test_more_steps_fit_better_and_a_larger_weight_of_the_rate_costs_fewer_bytes(overfitted):
    image = smooth(32, 32)
    few, many = overfitted(steps=5), overfitted(steps=60)
    coarse = overfitted(steps=60, rate_weight=0.1)
    errors = [_error(image, one.decode(one.encode(image))) for one in (few, many)]
    assert errors[1] < errors[0] / 4
    assert len(coarse.encode(image)) < 0.9 * len(many.encode(image))


def test_another_process_writes_the_same_bytes(overfitted):
    program = (
        "import runpy, sys, torch; torch.set_num_threads(1); from pictures import smooth;"
        f" codec = runpy.run_path({str(EXAMPLE)!r})['Overfitted'](steps=20);"
        " sys.stdout.buffer.write(codec.encode(smooth(24, 40)))"
    )
    paths = f"import sys; sys.path[:0] = {[str(ROOT), str(ROOT / 'tests/helpers')]!r}; "
    done = subprocess.run([sys.executable, "-c", paths + program], check=True, capture_output=True)
    assert done.stdout == overfitted(steps=20).encode(smooth(24, 40))


def test_the_seed_is_part_of_the_codec(overfitted):
    image = smooth(24, 40)
    first, second = (overfitted(steps=20, seed=seed) for seed in (0, 1))
    assert first.encode(image) != second.encode(image)
    assert first.fingerprint() != second.fingerprint()


def test_a_bitstream_without_grids_is_refused(overfitted):
    codec, pack = overfitted(steps=1), runpy.run_path(str(EXAMPLE))["pack"]
    for data in (b"", b"no zlib", codec.encode(smooth(8, 8))[17:-4]):
        with pytest.raises(CodecError, match=r"^[^\n]+$"):
            codec.decode(pack(b"ofit", 64, 64, [data]))


@pytest.mark.slow
def test_queries_and_transfer_attack_it(tmp_path):
    (tmp_path / "suite.yaml").write_text(SUITE.format(example=EXAMPLE))
    assert main(["run", str(tmp_path / "suite.yaml"), "-o", str(tmp_path / "out")]) == 0
    run = read_run(tmp_path / "out")
    found = {(one.victim, one.threat) for one in run.measures if one.status == "ok"}
    assert {("overfitted steps=1", t) for t in ("clean", "black-box", "transfer")} <= found
    assert {
        craft.queries for craft in run.crafts.values() if craft.attack.startswith("square")
    } == {3}
