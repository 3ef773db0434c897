"""Programs that the suite of a stored run names run only for those who allow it."""

from __future__ import annotations

import json

import pytest

from bench.cli.main import main
from bench.errors import ConfigError
from bench.verify.consent import refuse_foreign_code
from small_run import run_suite

SUITE = """\
name: named
images: {{set: sample, names: [coffee], crop: {{height: 16, width: 16}}}}
codecs:
  - name: command
    encode: sh -c 'touch {trace}; cp "$0" "$1"' {{input.png}} {{output.x}}
    decode: cp {{input.x}} {{output.png}}
    label: copy
attacks: [sign-noise]
objectives: [distortion]
budgets: [linf: 8]
compute: {{threads: 1}}
"""


@pytest.fixture
def run(tmp_path):
    run_suite(SUITE.format(trace=tmp_path / "trace"), tmp_path / "run")
    (tmp_path / "trace").unlink()
    return tmp_path / "run"


def test_programs_of_a_run_folder_run_only_for_those_who_say_so(run, capsys):
    trace = run.parent / "trace"
    assert main(["verify", str(run)]) == 2
    printed = " ".join(capsys.readouterr().err.split())
    assert f"{run} names programs that would run here: " in printed
    assert "touch" in printed
    assert "--plugins" in printed
    assert not trace.exists()
    assert main(["verify", str(run), "--plugins"]) == 0
    assert trace.exists()


def test_a_program_inside_another_codec_is_refused_too(run):
    suite = json.loads((run / "manifest.json").read_text())["suite"]
    (inner,) = suite["codecs"].pop(0)
    lines = dict(inner["params"])
    around = {"name": "bpda", "params": [["codec", {"name": "command", **lines}]]}
    with pytest.raises(ConfigError, match=r"^run names programs of 'me' .*touch"):
        refuse_foreign_code(
            {**suite, "codecs": [[around]]}, run.relative_to(run.parent), "me", allowed=False
        )
    refuse_foreign_code(suite, run, "me", allowed=False)
