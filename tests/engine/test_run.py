"""Runs: what a suite leaves on disk, resuming, and that the same suite gives the same records."""

import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as Pillow

from bench.cli.main import main
from bench.engine.runner import describe, execute, prepare
from bench.errors import ConfigError, StoreError
from bench.metrics.scores import linf, psnr
from bench.registry.registry import instantiate
from bench.store.records import CraftRecord, MeasureRecord
from bench.store.run_folder import open_run, read_run
from bench.suite.suite import Suite
from bench.utils.yaml_config import parse
from small_run import SUITE, records_of, run_suite


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished")
    run_suite(SUITE, folder)
    return folder


def test_every_cell_of_the_plan_has_a_record(finished: Path):
    run = read_run(finished)
    assert len(run.measures) == run.manifest.cells == len({r.key for r in run.measures})
    assert {record.status for record in run.measures} == {"ok"}
    assert {record.victim for record in run.measures} == {"toy", "JPEG", "identity"}


def test_the_manifest_says_what_computed_it(finished: Path):
    machine = read_run(finished).manifest.machine
    assert machine.keys() == {"system", "processor", "vectors", "cores", "memory"}
    assert all(machine.values())
    assert machine["vectors"] == torch.backends.cpu.get_cpu_capability()


def test_noise_and_the_identity_codec_are_always_there(tmp_path: Path):
    run_suite(SUITE.replace("uniform-noise, ", ""), tmp_path)
    run = read_run(tmp_path)
    assert {record.victim for record in run.measures} == {"toy", "JPEG", "identity"}
    assert "sign-noise" in {record.attack for record in run.crafts.values()}


def test_no_other_codec_can_pass_for_the_lossless_one(tmp_path: Path):
    with pytest.raises(ConfigError, match="label 'identity' is reserved"):
        run_suite(SUITE.replace("label: JPEG", "label: identity"), tmp_path)


def test_budgets_that_print_alike_are_different_searches(tmp_path: Path):
    run_suite(SUITE.replace("[{linf: 8}]", "[{l2: 300.0001}, {l2: 300.0002}]"), tmp_path)
    crafts = read_run(tmp_path).crafts
    assert len(crafts) == 2 * 2 * (2 + 2 + 2)


def test_threats_are_distinguished(finished: Path):
    seen = {(record.victim, record.threat) for record in read_run(finished).measures}
    assert seen == {
        *(
            (victim, threat)
            for victim in ("toy", "JPEG", "identity")
            for threat in ("clean", "noise")
        ),
        ("toy", "white-box"),
        ("JPEG", "transfer"),
        ("identity", "transfer"),
    }


def test_the_scored_picture_is_the_saved_png_inside_its_budget(finished: Path):
    run = read_run(finished)
    sources = {picture.name: picture.pixels for picture in _pictures()}
    attacked = [record for record in run.measures if record.craft is not None]
    codec = instantiate("codec", parse(SUITE, "small.yaml", Suite).operating_points[1])
    for record in attacked:
        saved = np.asarray(Pillow.open(finished / "adversarial" / f"{record.craft}.png"))
        source = sources[record.picture]
        assert linf(source, saved) <= 8
        assert record.scores is not None
        assert record.scores.psnr_perturbation == psnr(source, saved)
        if record.victim == "JPEG":
            assert record.scores.bytes == len(codec.encode(saved))
            assert record.scores.psnr_source == psnr(source, codec.decode(codec.encode(saved)))


def _pictures():
    return prepare(parse(SUITE, "small.yaml", Suite), Path()).pictures


def test_the_same_suite_gives_the_same_records_in_another_folder(finished: Path, tmp_path: Path):
    run_suite(SUITE, tmp_path)
    assert records_of(tmp_path) == records_of(finished)


def test_a_finished_run_has_nothing_left_to_do(finished: Path):
    before = (finished / "records.jsonl").read_bytes()
    assert run_suite(SUITE, finished) == []
    assert (finished / "records.jsonl").read_bytes() == before


def test_an_interrupted_run_goes_on_where_it_stopped(finished: Path, tmp_path: Path):
    prepared = prepare(parse(SUITE, "small.yaml", Suite), Path())
    with open_run(tmp_path, describe(prepared)) as store:
        events = execute(prepared, store)
        while len(store.measured) < 9:
            next(events)
        events.close()
    new = [event for event in run_suite(SUITE, tmp_path) if isinstance(event, MeasureRecord)]
    assert len(new) == len(prepared.plan.cells) - 9
    assert records_of(tmp_path) == records_of(finished)


def test_a_torn_last_line_is_measured_again(finished: Path, tmp_path: Path):
    run_suite(SUITE, tmp_path)
    path = tmp_path / "records.jsonl"
    path.write_bytes(path.read_bytes()[:-25])
    assert len(read_run(tmp_path).measures) == read_run(tmp_path).manifest.cells - 1
    run_suite(SUITE, tmp_path)
    assert records_of(tmp_path) == records_of(finished)


def test_a_damaged_line_in_the_middle_is_reported(tmp_path: Path):
    run_suite(SUITE, tmp_path)
    path = tmp_path / "records.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:3], b'{"kind": "measure"}\n', *lines[3:]]))
    with pytest.raises(StoreError, match=r"records\.jsonl:4 is damaged"):
        read_run(tmp_path)


def test_a_lost_picture_is_found_again_by_the_same_search(tmp_path: Path):
    run_suite(SUITE, tmp_path)
    craft = next(r for r in read_run(tmp_path).crafts.values() if r.attack == "pgd steps=3")
    path = tmp_path / "adversarial" / f"{craft.key}.png"
    original = path.read_bytes()
    path.write_bytes(original[: len(original) // 2])
    records = (tmp_path / "records.jsonl").read_text().splitlines(keepends=True)
    kept = [line for line in records if f'"craft":"{craft.key}"' not in line]
    (tmp_path / "records.jsonl").write_text("".join(kept))
    events = run_suite(SUITE, tmp_path)
    assert path.read_bytes() == original
    assert not any(isinstance(event, CraftRecord) for event in events)


def test_a_folder_of_another_suite_is_left_alone(finished: Path):
    before = (finished / "records.jsonl").read_bytes()
    with pytest.raises(StoreError, match=r"belongs to another run .* choose another folder"):
        run_suite(SUITE.replace("linf: 8", "linf: 4"), finished)
    assert (finished / "records.jsonl").read_bytes() == before


def test_two_processes_cannot_write_to_one_folder(finished: Path):
    prepared = prepare(parse(SUITE, "small.yaml", Suite), Path())
    manifest = describe(prepared)
    with (
        open_run(finished, manifest),
        pytest.raises(StoreError, match="another process is writing"),
        open_run(finished, manifest),
    ):
        pass


def test_a_full_disk_loses_nothing_and_the_run_goes_on(finished: Path, tmp_path: Path, monkeypatch):
    full = {"after": 12}
    sync = os.fsync

    def fsync(descriptor: int) -> None:
        full["after"] -= 1
        if full["after"] < 0:
            raise OSError(28, "No space left on device")
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(StoreError, match="No space left on device; what was measured before is"):
        run_suite(SUITE, tmp_path)
    monkeypatch.undo()
    assert 0 < len(read_run(tmp_path).measures) < read_run(finished).manifest.cells
    run_suite(SUITE, tmp_path)
    assert records_of(tmp_path) == records_of(finished)


@pytest.mark.parametrize("after", [0.05, pytest.param(0.3, marks=pytest.mark.slow), 0.7])
def test_kill_9_and_the_same_command_give_the_same_records(finished: Path, tmp_path: Path, after):
    suite = tmp_path / "small.yaml"
    suite.write_text(SUITE)
    folder = tmp_path / "run"
    command = [sys.executable, "-m", "bench", "run", str(suite), "--out", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
    wanted = max(1, int(after * len(records_of(finished))))
    while process.poll() is None and _count(folder) < wanted:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert _count(folder) >= 1
    assert main(command[3:]) == 0
    assert records_of(folder) == records_of(finished)


def test_vmaf_is_scored_where_a_suite_asks_for_it(finished: Path, tmp_path: Path):
    text = SUITE.replace("uniform-noise, fgsm, {name: pgd, steps: 3}", "fgsm")
    run_suite(text.replace("[chelsea, coffee]", "[chelsea]") + "vmaf: true\n", tmp_path)
    run = read_run(tmp_path)
    scores = [record.scores for record in run.measures if record.scores is not None]
    assert all(one.vmaf_source is not None and one.vmaf_clean is not None for one in scores)
    assert run.manifest.versions["vmaf"].startswith("vmaf_v0.6.1")
    assert all(
        r.scores is None or r.scores.vmaf_source is None for r in read_run(finished).measures
    )


def test_a_folder_whose_records_lack_scores_is_refused_in_one_sentence(
    finished: Path, tmp_path: Path
):
    manifest = json.loads((finished / "manifest.json").read_text()) | {"format": 1}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(StoreError, match="whose records hold other scores; run the suite again"):
        read_run(tmp_path)
    with pytest.raises(StoreError, match="whose records hold other scores"):
        run_suite(SUITE, tmp_path)


def _count(folder: Path) -> int:
    path = folder / "records.jsonl"
    return path.read_bytes().count(b"\n") if path.exists() else 0


def test_records_of_other_versions_never_mix_with_those_of_a_run(finished: Path, tmp_path: Path):
    copy = shutil.copytree(finished, tmp_path / "copy")
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["versions"]["scikit-image"] = "0.1"
    (copy / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(StoreError, match=r"versions: scikit-image was 0\.1, now"):
        run_suite(SUITE, copy)


def test_a_folder_of_compressed_records_is_not_run_over(finished: Path, tmp_path: Path):
    copy = shutil.copytree(finished, tmp_path / "copy")
    lines = copy / "records.jsonl"
    (copy / "records.jsonl.gz").write_bytes(gzip.compress(lines.read_bytes()))
    lines.unlink()
    assert len(read_run(copy).measures) == len(read_run(finished).measures)
    with pytest.raises(StoreError, match=r"unpack records\.jsonl\.gz to go on"):
        run_suite(SUITE, copy)


@pytest.mark.parametrize("damage", [lambda data: data[:-9], lambda data: data[:50] + data[80:]])
def test_damaged_compressed_records_are_reported(finished: Path, tmp_path: Path, damage):
    copy = shutil.copytree(finished, tmp_path / "copy")
    packed = gzip.compress((copy / "records.jsonl").read_bytes())
    (copy / "records.jsonl").unlink()
    (copy / "records.jsonl.gz").write_bytes(damage(packed))
    with pytest.raises(StoreError, match=r"records\.jsonl\.gz"):
        read_run(copy)
